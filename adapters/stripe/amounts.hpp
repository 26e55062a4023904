// amounts: NovaPay's minor units (ISO 4217) and Stripe's, which differ for a few currencies. One table (amounts.cpp), both ways, exact or
// not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/domain/money.hpp"

namespace novapay::stripe {

// nullopt: Stripe has no such currency, or cannot express the amount (KWD 1.234: the last digit must be 0).
std::optional<std::int64_t> to_stripe(domain::money amount);

// `currency` as Stripe writes it, in any case. nullopt: a currency we do not know, or a fraction of our unit.
std::optional<domain::money> from_stripe(std::int64_t amount, std::string_view currency);

}  // namespace novapay::stripe
