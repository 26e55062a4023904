// processor: a payment service provider (Stripe, Adyen, the sandbox) as a port.
//
// Every call carries an idempotency key that never changes for its intent: sending the same call again (`attempt` > 1, `doubted`)
// is how an unknown outcome is inquired into, and the adapter decides how: the same request again where the key still protects it,
// a read or a search where not. What it cannot find out stays `unknown`; it never sends under another key. Amounts are minor units; an adapter converts to its
// processor's own format.
//
// Threads: `send` returns at once and may be called from any thread; `done` is called exactly once, from a
// thread of the adapter. The adapter bounds what is under way (`in_flight_max` in its settings): over the bound it answers
// `not_executed` with code "processor_busy" at once. Every call ends by the adapter's own deadline, with `unknown`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>

#include "actors/domain/payment.hpp"

namespace novapay {

struct processor_call {
  domain::operation_kind operation{};  // authorize, confirm, capture, refund or cancel
  std::string idempotency_key;         // "pay_…:authorize", "pay_…:capture:1": fixed for the intent
  std::string processor;               // whom it is for, by its configured name; empty: the only one there is
  std::uint32_t number = 1;  // of the operation: with its kind and `payment` our reference in the processor's records
  std::string payment;       // "pay_…": our own reference, shown in the processor's reports
  domain::money amount{};    // of this operation; of the payment for authorize, confirm and cancel
  std::string token;         // payment method at this processor; authorize only
  std::string customer;      // the merchant's name for its customer; may be empty
  std::string return_url;    // where the processor sends the customer's browser after an action
  std::string processor_reference;  // the processor's id of the authorization; empty for authorize
  std::string capture_reference;    // unused by refunds of the whole payment; empty if not known
  bool final_capture = false;       // release what stays uncaptured
  bool live = false;
  std::string statement_descriptor;
  std::string description;
  std::map<std::string, std::string> action_details;  // confirm: what the customer's action returned
  std::uint32_t attempt = 1;                          // of this operation; grows, the key stays
  bool doubted = false;                               // an earlier attempt may have been executed: this one inquires
  domain::timestamp first_attempt_at{};               // the key may have been seen since; keys expire
};

using processor_done = std::function<void(domain::outcome)>;

// What a processor tells by itself, later: settlements and late failures. At least once, in any order. The adapter
// repeats it until `acknowledge` is called (the payment has it in its journal, or knows it already).
struct processor_notice {
  std::string payment;  // "pay_…"; empty: the processor did not name one of ours
  domain::notice what;
  std::function<void()> acknowledge;
};
using notice_sink = std::function<void(processor_notice)>;

class processor {
 public:
  virtual ~processor() = default;
  virtual void send(processor_call call, processor_done done) = 0;
  // Starts delivery of notices. Called once, before the first send.
  virtual void listen(notice_sink sink) = 0;
};

}  // namespace novapay
