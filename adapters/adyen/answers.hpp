// answers: what Adyen's answers mean for our operations. Two reviewed tables decide: one over error answers (status, errorCode, the header
// Transient-Error), one over resultCode. Both are data, so that they can be read, and walked by tests, row by row.
//
// A modification that is answered 201 "received" is only accepted: its outcome comes as a notification.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "actors/processor.hpp"
#include "adapters/adyen/names.hpp"
#include "adapters/adyen/objects.hpp"
#include "runtime/http_client.hpp"

namespace novapay::adyen {

// ---- errors -----------------------------------------------------------------------------------------------------------

enum class error_means : std::uint8_t {
  not_executed = 1,  // turned away before it was looked at; the key is still good
  unknown,           // ask again with the same key; a stored error says the same again, then a notification must tell
  declined,          // a definite no
};
enum class transience : std::uint8_t { any = 1, yes };  // yes: only if Adyen says that nothing is stored under the key
enum class asked_for : std::uint8_t { anything = 1, authorization, confirmation };

struct error_rule {
  int status_first;
  int status_last;
  std::string_view code;  // empty: any
  transience transient;
  asked_for operation;
  error_means means;
  std::string_view reason;  // of the outcome; for operators, and for the breaker
  bool alarming = false;    // a bug or a misconfiguration of ours
};
std::span<const error_rule> error_rules();  // the first that fits counts; the last one fits everything

// `code`: errorCode; empty if the body could not be read.
const error_rule& rule_for(int status, std::string_view code, bool transient, domain::operation_kind operation);

// ---- results ----------------------------------------------------------------------------------------------------------

enum class result_means : std::uint8_t {
  approved = 1,  // for the whole amount, or it counts as `partial`
  partial,       // approved for another amount: declined, and to be canceled
  declined,
  pending,     // a notification will tell
  action,      // the customer must act
  unexpected,  // not of what we ask for
};
struct result_rule {
  std::string_view code;
  result_means means;
};
std::span<const result_rule> result_rules();

// ---- one call ---------------------------------------------------------------------------------------------------------

struct verdict {
  domain::outcome outcome;
  remarks odd;
  std::string alarm;  // a bug or misconfiguration of ours; mostly empty
};
verdict verdict_of(const processor_call& call, const runtime::call_result& reply);

std::string_view field(const runtime::http_response& answer, std::string_view lower_case_name);

// Why a call got no answer, in the port's words: "processor_timeout", "processor_busy".
std::string reason_of(const runtime::call_result& lost);

}  // namespace novapay::adyen
