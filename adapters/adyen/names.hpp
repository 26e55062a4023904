// names: how NovaPay's payments and operations are named in Adyen's records.
//
//   reference        "pay_…:capture:2"   of a payment and of each modification; comes back as merchantReference
//   Idempotency-Key  "pay_…:capture:2"   never comes back
//
// Also: what Adyen sends and nobody here knows.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/payment_state.hpp"

namespace novapay::adyen {

inline constexpr std::size_t reference_length_max = 80;
inline constexpr std::size_t idempotency_key_length_max = 64;

struct operation_name {
  std::string payment;  // "pay_…"
  domain::operation_id operation;
  friend bool operator==(const operation_name&, const operation_name&) = default;
};

std::string reference_of(std::string_view payment, domain::operation_id which);  // "pay_…:capture:2"
std::optional<operation_name> parse_reference(std::string_view reference);
// The payment a reference names, with an operation or without: "pay_…"; empty: none of ours.
std::string payment_in(std::string_view reference);

// Values that nobody here knows: "resultCode=BrandNew". For the log and a counter; never fatal.
using remarks = std::vector<std::string>;
void remark(remarks& to, std::string_view what, std::string_view value);  // bounded in length and number

}  // namespace novapay::adyen
