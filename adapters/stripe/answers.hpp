// answers: what Stripe's answers mean for our operations. Two reviewed tables decide: one over error answers (status, type, code), one over
// the status of a PaymentIntent for each operation. Both are data, so that they can be read, and walked by tests, row by row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "actors/processor.hpp"
#include "adapters/stripe/declines.hpp"
#include "adapters/stripe/objects.hpp"
#include "runtime/http_client.hpp"

namespace novapay::stripe {

// ---- errors -----------------------------------------------------------------------------------------------------------

enum class error_means : std::uint8_t {
  not_executed = 1,  // turned away before it was looked at; the key is still good
  unknown,           // ask again, with the same key
  declined,          // a definite no
  look,              // the answer does not tell: read the object
};

struct error_rule {
  int status_first;
  int status_last;
  std::string_view type;  // empty: any
  std::string_view code;  // empty: any
  error_means means;
  std::string_view reason;  // of the outcome; for operators, and for the breaker
  bool alarming = false;    // a bug or a misconfiguration of ours
};
std::span<const error_rule> error_rules();  // the first that fits counts; the last one fits everything

// `error` is nullptr if the body could not be read.
const error_rule& rule_for(int status, const error_object* error);

// ---- objects ----------------------------------------------------------------------------------------------------------

enum class intent_means : std::uint8_t {
  done = 1,    // the operation has been executed
  failed,      // it was, and failed
  action,      // the customer must act
  pending,     // it is being executed
  not_yet,     // no trace of it: executing it is still possible
  untried,     // authorize: the intent is there and no payment was attempted with it
  too_late,    // no trace of it, and the intent takes no more
  unreadable,  // a status that nobody here knows
};

struct intent_rule {
  std::string_view status;
  intent_means authorize;  // and confirm
  intent_means capture;    // unless the intent names this capture as executed
  intent_means cancel;
};
std::span<const intent_rule> intent_rules();

// `executed`: Stripe has said before that it carried the call out; how it ended is read from the object.
intent_means meaning_of(const intent_object& intent, const processor_call& call, std::int64_t stripe_amount,
                        bool executed, remarks& odd);

// The outcome of `done`, `failed`, `action`, `pending` and `too_late`; the others are for who asked to decide.
domain::outcome outcome_of(intent_means means, const intent_object& intent, domain::operation_kind operation,
                           remarks& odd);
domain::outcome outcome_of(const refund_object& refund, remarks& odd);

// ---- headers and fates --------------------------------------------------------------------------------------------------

std::string_view field(const runtime::http_response& answer, std::string_view lower_case_name);
std::optional<timestamp> date_of(const runtime::http_response& answer);  // by the other side's clock, whole seconds
bool replayed(const runtime::http_response& answer);                     // a stored answer, not a new execution

// Why a call got no answer, in the port's words: "processor_timeout", "processor_busy".
std::string reason_of(const runtime::call_result& lost);

}  // namespace novapay::stripe
