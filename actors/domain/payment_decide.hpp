// payment_decide: what the parts of decide share. Internal to the domain. The merchant's commands and the timer are in
// payment_decide.cpp, what a processor answers in payment_report.cpp, what it tells by itself in payment_notify.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "actors/domain/payment.hpp"

namespace novapay::domain {

decision refuse(refusal_code code, std::string message, std::string param = {});
inline decision nothing() { return {}; }

template <class... Events>
decision follow(Events... happened) {
  decision yes;
  (yes.events.emplace_back(std::move(happened)), ...);
  return yes;
}

std::uint32_t next_number(const payment& now, operation_kind kind);
bool full(const payment& now);  // operations_max
// Of the payment's own authorization.
event::cancel_requested own_cancel_of(const payment& now, std::string reason);

// What an operation's outcome leads to. A refusal says that the processor contradicts what it said before.
decision decide_outcome(const payment& now, const operation& what, const outcome& answer, timestamp at);
decision decide_report(const payment& now, const command::report& heard, timestamp at);
decision decide_notify(const payment& now, const command::notify& heard, timestamp at);

// An approval that the payment has recorded, whichever of its operations brought it. An empty reference stands for any.
bool known_authorization(const payment& now, const std::string& processor, const std::string& reference) noexcept;

}  // namespace novapay::domain
