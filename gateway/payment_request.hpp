// payment_request: a request's body as what the payment is asked for. Checks form alone (types, lengths, bounds); what
// depends on the payment's state is decided by the payment.
//
// A body is read whole before anything is used: unknown members, null, and values of another type are errors.
#pragma once

#include <string>
#include <string_view>

#include "actors/domain/payment.hpp"
#include "actors/domain/routing.hpp"
#include "gateway/errors.hpp"
#include "gateway/fields.hpp"
#include "gateway/json_reader.hpp"
#include "gateway/query.hpp"

namespace novapay::gateway {

inline constexpr std::size_t metadata_entries_max = 50;
inline constexpr std::size_t metadata_key_max = 40;
inline constexpr std::size_t metadata_value_max = 500;
inline constexpr std::size_t reference_max = 255;
inline constexpr std::size_t description_max = 1000;
inline constexpr std::size_t statement_descriptor_max = 22;  // what card schemes print
inline constexpr std::size_t token_max = 255;
inline constexpr std::size_t tokens_max = domain::targets_max;  // one for each processor of a route
inline constexpr std::size_t processor_name_max = 64;
inline constexpr std::size_t brand_max = 32;
inline constexpr std::size_t customer_max = 255;
inline constexpr std::size_t return_url_max = 2048;
inline constexpr std::size_t cancel_reason_max = 255;
inline constexpr std::size_t confirm_details_max = 20;
inline constexpr std::size_t confirm_detail_key_max = 64;
inline constexpr std::size_t confirm_detail_max = 20'000;  // Adyen's redirectResult is up to some ten thousand
inline constexpr std::size_t idempotency_key_max = 255;

// terms without id, merchant, mode and idempotency key.
result<domain::terms> read_create(const json_value& body);

// `key` is the idempotency key, normalized.
result<domain::command_type> read_confirm(const json_value& body, std::string key);
result<domain::command_type> read_capture(const json_value& body, std::string key);
result<domain::command_type> read_cancel(const json_value& body, std::string key);
result<domain::command_type> read_refund(const json_value& body, std::string key);

// The Idempotency-Key header's value: `abc` and `"abc"` (a structured field string) are the same key. Errors:
// idempotency_key_invalid, and what secret_guard refuses.
result<std::string> read_idempotency_key(std::string_view field);

// What the bank's page sent the customer's browser back with, within the bounds of a confirm's details.
result<std::map<std::string, std::string>> read_return(const std::vector<query_parameter>& parameters);

text_rule metadata_key_rule();
text_rule metadata_value_rule();
text_rule reference_rule();

}  // namespace novapay::gateway
