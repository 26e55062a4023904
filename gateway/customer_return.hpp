// customer_return: the customer's browser, sent back by a bank's page after an action. It has no API key, and shows nothing but
// the payment's id, whose 64 random bits nobody guesses: the answer is a redirect to the merchant with the payment's status, or,
// where the merchant gave no address, a page that says nothing.
#pragma once

#include <cstddef>

#include "gateway/exchange.hpp"

namespace novapay::gateway {

// Returns that wait for a processor at one time; more are refused as `overloaded`.
inline constexpr std::size_t returns_in_flight_max = 512;

void serve_return(const exchange_ptr& x);

}  // namespace novapay::gateway
