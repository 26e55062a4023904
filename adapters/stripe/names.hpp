// names: how NovaPay's payments and operations are named in Stripe's records.
//
//   metadata novapay_payment    "pay_…"                       on PaymentIntents (their charges copy it) and refunds
//   metadata novapay_operation  "authorize:1", "refund:2"     of a PaymentIntent: what was last asked of it with metadata
//   metadata novapay_capture_2  "1099"                        one for each capture executed, in Stripe's minor units
//   Idempotency-Key             "pay_…:capture:2"             repeated by the events that the request caused
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/payment_state.hpp"

namespace novapay::stripe {

using metadata = std::map<std::string, std::string>;

inline constexpr const char* payment_field = "novapay_payment";
inline constexpr const char* operation_field = "novapay_operation";
// Stripe keeps 50 metadata fields an object, and allows 50 captures: the first ones are recorded one by one.
inline constexpr std::uint32_t recorded_captures_max = 40;
std::string capture_field(std::uint32_t number);  // "novapay_capture_2"

struct operation_name {
  std::string payment;  // "pay_…"
  domain::operation_id operation;
  friend bool operator==(const operation_name&, const operation_name&) = default;
};

std::string operation_text(domain::operation_id which);  // "capture:2"
std::optional<domain::operation_id> parse_operation(std::string_view text);
std::optional<operation_name> parse_key(std::string_view idempotency_key);  // "pay_…:authorize", "pay_…:capture:1"

std::string payment_in(const metadata& fields);  // empty: it names none of ours
std::optional<domain::operation_id> operation_in(const metadata& fields);

}  // namespace novapay::stripe
