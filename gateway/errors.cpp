#include "gateway/errors.hpp"

#include <array>
#include <cstddef>

#include "gateway/json_writer.hpp"

namespace novapay::gateway {
namespace {

// The types: who has to act, and how.
constexpr std::string_view request = "invalid_request_error";  // the request has to be mended
constexpr std::string_view auth = "authentication_error";      // the API key has to be mended
constexpr std::string_view idempotency = "idempotency_error";  // the use of Idempotency-Key has to be mended
constexpr std::string_view payment = "payment_error";          // the payment does not allow it: read it again
constexpr std::string_view ours = "api_error";                 // NovaPay's side: repeat with the same key

using enum error_code;
constexpr std::array catalogue{
    error_info{http_malformed, "http_malformed", 400, request, "This is not a well-formed HTTP request."},
    error_info{json_invalid, "json_invalid", 400, request, "The body is not valid JSON."},
    error_info{json_duplicate_key, "json_duplicate_key", 400, request, "A JSON object has the same key twice."},
    error_info{json_too_deep, "json_too_deep", 400, request, "The JSON body is nested too deeply."},
    error_info{json_too_complex, "json_too_complex", 400, request, "The JSON body has too many values."},
    error_info{utf8_invalid, "utf8_invalid", 400, request, "The text is not valid UTF-8."},
    error_info{parameter_missing, "parameter_missing", 400, request, "A required parameter is missing."},
    error_info{parameter_invalid, "parameter_invalid", 400, request, "A parameter is not valid."},
    error_info{parameter_unknown, "parameter_unknown", 400, request, "There is no such parameter here."},
    error_info{invalid_amount, "invalid_amount", 400, request, "The amount must be positive."},
    error_info{
        card_number_not_allowed, "card_number_not_allowed", 400, request,
        "The request contains what looks like a card number. NovaPay never takes card numbers: send the token of a "
        "payment method instead. Nothing of this request was stored or logged."},
    error_info{
        api_key_not_allowed, "api_key_not_allowed", 400, request,
        "The request contains what looks like a NovaPay API key outside of its Authorization header. Nothing of this "
        "request was stored or logged."},
    error_info{idempotency_key_missing, "idempotency_key_missing", 400, idempotency,
               "Send an Idempotency-Key header (a UUID, say): repeating the request with it never moves money twice."},
    error_info{idempotency_key_invalid, "idempotency_key_invalid", 400, idempotency,
               "The Idempotency-Key must be 1 to 255 printable ASCII characters, plain or as one quoted string."},
    error_info{authentication_failed, "authentication_failed", 401, auth, "The API key is missing or wrong."},
    error_info{webhook_not_authentic, "webhook_not_authentic", 401, auth,
               "This webhook is not authentic: its signature is missing, wrong or too old."},
    error_info{route_unknown, "route_unknown", 404, request, "There is no such path in this API: see /docs."},
    error_info{resource_missing, "resource_missing", 404, request,
               "There is no such payment among the ones this API key can see."},
    error_info{method_not_allowed, "method_not_allowed", 405, request,
               "This path does not take this method: see the Allow header."},
    error_info{not_acceptable, "not_acceptable", 406, request,
               "The Accept header leaves out what this path answers with."},
    error_info{request_timeout, "request_timeout", 408, request, "The request did not arrive in time."},
    error_info{payment_unexpected_state, "payment_unexpected_state", 409, payment,
               "The payment's status does not allow this."},
    error_info{too_many_operations, "too_many_operations", 409, payment,
               "The payment has as many captures and refunds as it can have."},
    error_info{unknown_operation, "unknown_operation", 409, payment, "The payment has no such operation."},
    error_info{body_too_large, "body_too_large", 413, request, "The body is too large."},
    error_info{unsupported_media_type, "unsupported_media_type", 415, request,
               "Send the body as Content-Type: application/json, in UTF-8 and without Content-Encoding."},
    error_info{expectation_failed, "expectation_failed", 417, request, "The only Expect understood is 100-continue."},
    error_info{amount_exceeds_capturable, "amount_exceeds_capturable", 422, payment,
               "The amount is more than can still be captured."},
    error_info{amount_exceeds_refundable, "amount_exceeds_refundable", 422, payment,
               "The amount is more than can still be refunded."},
    error_info{idempotency_key_reused, "idempotency_key_reused", 422, idempotency,
               "This Idempotency-Key was used with other parameters: use a new key for a new intent."},
    error_info{no_processor, "no_processor", 422, payment, "No processor takes this payment."},
    error_info{head_too_large, "head_too_large", 431, request, "The request line and headers are too large."},
    error_info{internal_error, "internal_error", 500, ours,
               "Something went wrong on our side. Repeat the request with the same Idempotency-Key; if it goes on, "
               "give us the "
               "request id."},
    error_info{not_implemented, "not_implemented", 501, request, "The only transfer coding understood is chunked."},
    error_info{
        overloaded, "overloaded", 503, ours,
        "NovaPay is busy and did nothing. Repeat the request, with the same Idempotency-Key, after Retry-After."},
    error_info{
        unavailable, "unavailable", 503, ours,
        "NovaPay cannot serve this now and did nothing. Repeat the request, with the same Idempotency-Key, after "
        "Retry-After."},
    error_info{deadline_exceeded, "deadline_exceeded", 503, ours,
               "The request waited too long and nothing was done. Repeat it, with the same Idempotency-Key, after "
               "Retry-After."},
    error_info{
        payment_quarantined, "payment_quarantined", 503, ours,
        "This payment has been put aside for our operators to look at. Nothing was done; repeat the request later, "
        "with the same Idempotency-Key."},
    error_info{
        outcome_unknown, "outcome_unknown", 503, ours,
        "It is not known whether this was done. Repeat the request with the same Idempotency-Key to learn it: that "
        "never does it twice."},
    error_info{http_version_unsupported, "http_version_unsupported", 505, request, "Use HTTP/1.1 or HTTP/1.0."},
};

constexpr bool is_in_order() {
  for (std::size_t at = 0; at < catalogue.size(); ++at)
    if (static_cast<std::size_t>(catalogue[at].code) != at) return false;
  return catalogue.back().code == http_version_unsupported;
}
static_assert(is_in_order(), "info_of() finds a code by its number");

error_code code_of(domain::refusal_code code) noexcept {
  switch (code) {  // no default: -Wswitch guards it
    case domain::refusal_code::payment_unexpected_state: return payment_unexpected_state;
    case domain::refusal_code::amount_exceeds_capturable: return amount_exceeds_capturable;
    case domain::refusal_code::amount_exceeds_refundable: return amount_exceeds_refundable;
    case domain::refusal_code::invalid_amount: return invalid_amount;
    case domain::refusal_code::idempotency_key_reused: return idempotency_key_reused;
    case domain::refusal_code::too_many_operations: return too_many_operations;
    case domain::refusal_code::not_found: return resource_missing;
    case domain::refusal_code::unknown_operation: return unknown_operation;
    case domain::refusal_code::no_processor: return no_processor;
  }
  return internal_error;
}

error_code code_of(trouble what) noexcept {
  switch (what) {
    case trouble::overloaded: return overloaded;
    case trouble::unavailable:
    case trouble::store_unavailable: return unavailable;
    case trouble::deadline_exceeded: return deadline_exceeded;
    case trouble::quarantined: return payment_quarantined;
    case trouble::outcome_unknown:
    case trouble::store_unknown: return outcome_unknown;
    case trouble::internal: return internal_error;
  }
  return internal_error;
}

error_code code_of(runtime::http_refusal why) noexcept {
  switch (why) {
    case runtime::http_refusal::malformed: return http_malformed;
    case runtime::http_refusal::head_too_large: return head_too_large;
    case runtime::http_refusal::body_too_large: return body_too_large;
    case runtime::http_refusal::timeout: return request_timeout;
    case runtime::http_refusal::overloaded: return overloaded;
    case runtime::http_refusal::expectation_failed: return expectation_failed;
    case runtime::http_refusal::version: return http_version_unsupported;
    case runtime::http_refusal::not_implemented: return not_implemented;
    case runtime::http_refusal::internal: return internal_error;
  }
  return internal_error;
}

}  // namespace

std::span<const error_info> error_catalogue() noexcept { return catalogue; }

const error_info& info_of(error_code code) noexcept { return catalogue[static_cast<std::size_t>(code)]; }

api_error to_error(const domain::refusal& why) {
  // The domain's "not found" is a sentence about one id; whose it might be must not show.
  if (why.code == domain::refusal_code::not_found) return {resource_missing, {}, {}};
  return {code_of(why.code), why.message, why.param};
}

api_error to_error(const trouble_report& why) {
  std::string message;
  if (why.what == trouble::store_unavailable)
    message =
        "NovaPay's store cannot be reached, or takes no writes, so nothing was done. Repeat the request, with the same "
        "Idempotency-Key, after Retry-After.";
  if (why.what == trouble::store_unknown)
    message =
        "NovaPay's store cannot be reached, or takes no writes, so it is not known whether this was done. Repeat the "
        "request with "
        "the same Idempotency-Key, after Retry-After, to learn it: that never does it twice.";
  return {code_of(why.what), std::move(message), {}};
}

api_error to_error(runtime::http_refusal why) { return {code_of(why), {}, {}}; }

std::string render_error(const api_error& error, std::string_view docs_url, std::string_view request_id) {
  const auto& info = info_of(error.code);
  std::string doc_url{docs_url};
  doc_url.append("#").append(info.name);

  json_writer out{512};
  out.open_object().key("error").open_object();
  out.member("type", info.type).member("code", info.name);
  out.member("message", error.message.empty() ? info.message : std::string_view{error.message});
  out.member_or_null("param", error.param);
  out.member("doc_url", doc_url).member("request_id", request_id);
  out.close_object().close_object();
  return out.take();
}

}  // namespace novapay::gateway
