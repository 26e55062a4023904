// stripe_answers: a Stripe that takes every card and does every capture. Its answers and webhooks are as long as real ones.
//
// It remembers nothing. An intent is named after the payment in its metadata, so that a repetition gets the same; amounts are always 1099
// eur, as loadgen's are. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace callgen {

// To POST /v1/payment_intents: authorized; to its /capture: captured; 404 to anything else.
novapay::runtime::http_response stripe_answer(const novapay::runtime::http_request& asked);

// Of a request that asks for an authorization: "X" of its payment "pay_X"; else "".
std::string_view authorized_by(const novapay::runtime::http_request& asked);

// What Stripe sends when the authorization of "pay_X" has lapsed: an event's body, and its "Stripe-Signature".
std::string expired_event(std::string_view payment);
std::string signature_of(std::string_view body, const std::string& secret);

}  // namespace callgen
