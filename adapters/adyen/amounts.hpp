// amounts: NovaPay's minor units (ISO 4217), Adyen's, which differ for a few currencies, and the decimals of its reports. One table
// (amounts.cpp), both ways, exact or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/money.hpp"

namespace novapay::adyen {

// As Adyen writes it: {1099, "EUR"}.
struct wire_amount {
  std::int64_t value = 0;
  std::string currency;
  friend bool operator==(const wire_amount&, const wire_amount&) = default;
};

// nullopt: it is not known how Adyen counts this currency, or Adyen cannot express the amount (IDR 10.50: it has no cents there).
std::optional<wire_amount> to_adyen(domain::money amount);
// nullopt: a currency we do not know, or a fraction of our unit.
std::optional<domain::money> from_adyen(std::int64_t value, std::string_view currency);

// "98.70", "EUR": major units, as reports have them. Empty text is 0. nullopt also for what is no decimal number.
std::optional<domain::money> from_major(std::string_view text, std::string_view currency);

}  // namespace novapay::adyen
