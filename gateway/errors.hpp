// errors: what the API can refuse, one table. A code exists where a client reacts differently; its message says what
// is wrong in this very request. Messages never quote a value the client sent: it may be a secret.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "actors/payments.hpp"
#include "runtime/http.hpp"

namespace novapay::gateway {

enum class error_code : std::uint8_t {
  http_malformed,
  json_invalid,
  json_duplicate_key,
  json_too_deep,
  json_too_complex,
  utf8_invalid,
  parameter_missing,
  parameter_invalid,
  parameter_unknown,
  invalid_amount,
  card_number_not_allowed,
  api_key_not_allowed,
  idempotency_key_missing,
  idempotency_key_invalid,
  authentication_failed,
  webhook_not_authentic,
  route_unknown,
  resource_missing,
  method_not_allowed,
  not_acceptable,
  request_timeout,
  payment_unexpected_state,
  too_many_operations,
  unknown_operation,
  body_too_large,
  unsupported_media_type,
  expectation_failed,
  amount_exceeds_capturable,
  amount_exceeds_refundable,
  idempotency_key_reused,
  no_processor,
  head_too_large,
  internal_error,
  not_implemented,
  overloaded,
  unavailable,
  deadline_exceeded,
  payment_quarantined,
  outcome_unknown,
  http_version_unsupported,
};

struct error_info {
  error_code code{};
  std::string_view name;     // "parameter_invalid"
  int status = 500;          // HTTP
  std::string_view type;     // who has to act: see error_types in the .cpp
  std::string_view message;  // when nothing more exact is known
};
std::span<const error_info> error_catalogue() noexcept;  // in the order of the enum
const error_info& info_of(error_code code) noexcept;

struct api_error {
  error_code code{};
  std::string message;  // one or two sentences; empty: the catalogue's
  std::string param;    // "metadata.color", "amount[gte]", "Idempotency-Key"; may be empty
};

// A value, or why there is none.
template <class T>
using result = std::variant<T, api_error>;

api_error to_error(const domain::refusal& why);
api_error to_error(const trouble_report& why);  // the detail is for the log and stays there
api_error to_error(runtime::http_refusal why);

// {"error":{type, code, message, param, doc_url, request_id}}; doc_url is `docs_url` + "#" + code.
std::string render_error(const api_error& error, std::string_view docs_url, std::string_view request_id);

}  // namespace novapay::gateway
