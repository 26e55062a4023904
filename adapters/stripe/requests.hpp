// requests: what is asked of Stripe, as values. The same call gives the same bytes, whenever and wherever it is made: that is what its
// idempotency key stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/processor.hpp"
#include "adapters/stripe/names.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/http_client.hpp"

namespace novapay::stripe {

using domain::timestamp;

struct request {
  bool post = false;
  std::string path;             // "/v1/refunds"
  std::string form;             // the body of a post, the query of a get
  std::string idempotency_key;  // of a post
};

// The call's own request. `amount` is in Stripe's minor units. Not for confirm, which reads: the customer's browser has confirmed.
request authorize_request(const processor_call& call, std::int64_t amount, bool multicapture);
request capture_request(const processor_call& call, std::int64_t amount, bool final);
request refund_request(const processor_call& call, std::int64_t amount);
request cancel_request(const processor_call& call);

// Reads. Pages are of rows_max rows, newest first; `after` is the last id of the page before, empty for the first.
inline constexpr int rows_max = 100;
request read_intent_request(std::string_view id);
request read_refund_request(std::string_view id);
request intent_refunds_request(std::string_view intent, std::string_view after);
// Created in [from, to), whole seconds.
request intents_request(timestamp from, timestamp to, bool with_charges, std::string_view after);
request refunds_request(timestamp from, timestamp to, std::string_view after);
request payout_rows_request(std::string_view payout, std::string_view after);

// What is sent for it. The secret key is in its fields: never log them.
runtime::outgoing_call to_call(const request& asked, const settings& how, milliseconds timeout);

// At most 22 characters, with a letter: what is left of what the merchant wants on the statement. Empty: nothing is.
std::string descriptor_suffix(std::string_view wanted);

}  // namespace novapay::stripe
