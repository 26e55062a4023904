#include "adapters/adyen/requests.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "adapters/adyen/amounts.hpp"
#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/names.hpp"
#include "adapters/adyen/tokens.hpp"

namespace novapay::adyen {
namespace {

using domain::operation_kind;
using nlohmann::json;
namespace reported = domain::reported;
using asked = std::variant<request, domain::outcome>;

asked refused(std::string code, std::string message, domain::advice advice, std::string raw) {
  return domain::outcome{reported::declined{{std::move(code), {}, std::move(message), advice, std::move(raw)}, {}}};
}

asked impossible(std::string raw) {
  return refused("invalid_request", "The processor cannot be asked for this.", domain::advice::none, std::move(raw));
}

request made(std::string path, const json& body, const processor_call& call) {
  // Text of merchants may be no UTF-8: what is none is replaced, the same way each time.
  return {std::move(path), body.dump(-1, ' ', false, json::error_handler_t::replace), call.idempotency_key};
}

json amount_json(const wire_amount& amount) { return {{"value", amount.value}, {"currency", amount.currency}}; }

std::string own_reference(const processor_call& call) {
  return reference_of(call.payment, {call.operation, call.number});
}

void add_method(json& body, const stored_method& stored) {
  body["paymentMethod"] = {{"type", "scheme"}, {"storedPaymentMethodId", stored.id}};
  body["shopperReference"] = stored.shopper;
  body["shopperInteraction"] = "ContAuth";
  body["recurringProcessingModel"] = "CardOnFile";
}

void add_method(json& body, const test_card& card) {
  body["paymentMethod"] = {{"type", "scheme"},
                           {"encryptedCardNumber", "test_" + card.number},
                           {"encryptedExpiryMonth", "test_03"},
                           {"encryptedExpiryYear", "test_2030"},
                           {"encryptedSecurityCode", "test_" + card.security_code}};
  if (!card.holder.empty()) body["paymentMethod"]["holderName"] = card.holder;
  body["shopperInteraction"] = "Ecommerce";
}

// Without a place to return to nobody is authenticated: what would need the customer fails instead of waiting for nobody.
asked authorize_request(const processor_call& call, const settings& how, const wire_amount& amount) {
  const auto charged = read_token(call.token, call.customer, how.live);
  if (!charged)
    return refused("payment_method_not_found", "The processor does not know this payment method.",
                   domain::advice::other_method, "unusable_token");
  json body{{"merchantAccount", how.merchant_account},
            {"reference", own_reference(call)},
            {"amount", amount_json(amount)},
            {"channel", "Web"},
            {"additionalData", {{"manualCapture", "true"}}},
            {"metadata", {{"novapay_payment", call.payment}}}};
  std::visit([&](const auto& each) { add_method(body, each); }, *charged);
  if (call.return_url.empty()) {
    body["returnUrl"] = "https://no-return.invalid/";
    body["authenticationData"] = {{"attemptAuthentication", "never"}};
  } else {
    body["returnUrl"] = call.return_url;
  }
  if (auto statement = shopper_statement(call.statement_descriptor); !statement.empty())
    body["shopperStatement"] = std::move(statement);
  return made("/payments", body, call);
}

// What the customer's browser may bring back, and how long it may be; anything else in its URL is not for Adyen.
struct detail_row {
  std::string_view name;
  std::size_t length_max;
};
constexpr auto details = std::to_array<detail_row>(
    {{"redirectResult", 20'000}, {"payload", 20'000}, {"MD", 20'000}, {"PaRes", 20'000}, {"threeDSResult", 50'000}});

asked confirm_request(const processor_call& call) {
  json given = json::object();
  for (const auto& [name, length_max] : details) {
    const auto found = call.action_details.find(std::string(name));
    if (found != call.action_details.end() && !found->second.empty() && found->second.size() <= length_max)
      given[std::string(name)] = found->second;
  }
  // Nothing is known against the payment: the customer may still come back with a result.
  if (given.empty()) return domain::outcome{reported::not_executed{"invalid_details"}};
  return made("/payments/details", json{{"details", std::move(given)}}, call);
}

asked modification(const processor_call& call, const settings& how, std::string_view what, const wire_amount* amount) {
  if (payment_in(call.processor_reference).empty() && !call.processor_reference.empty()) {
    json body{{"merchantAccount", how.merchant_account}, {"reference", own_reference(call)}};
    if (amount != nullptr) body["amount"] = amount_json(*amount);
    return made("/payments/" + percent_encoded(call.processor_reference) + std::string(what), body, call);
  }
  if (call.operation != operation_kind::cancel) return impossible("no_authorization_reference");
  // Adyen has not told its reference yet (the customer is away): what is to be canceled is named by ours.
  const auto authorization = call.processor_reference.empty()
                                 ? reference_of(call.payment, {operation_kind::authorize, 1})
                                 : call.processor_reference;
  return made("/cancels",
              json{{"merchantAccount", how.merchant_account},
                   {"paymentReference", authorization},
                   {"reference", own_reference(call)}},
              call);
}

}  // namespace

std::variant<request, domain::outcome> request_for(const processor_call& call, const settings& how) {
  if (call.idempotency_key.empty() || call.idempotency_key.size() > idempotency_key_length_max)
    return impossible("idempotency_key_length");
  if (own_reference(call).size() > reference_length_max) return impossible("reference_length");
  const auto amount = to_adyen(call.amount);
  const bool has_amount = call.operation != operation_kind::confirm && call.operation != operation_kind::cancel;
  if (has_amount && !amount)
    return refused("currency_not_supported", "The processor cannot express this amount in this currency.",
                   domain::advice::other_method, "amount_not_expressible");
  switch (call.operation) {
    case operation_kind::authorize: return authorize_request(call, how, *amount);
    case operation_kind::confirm: return confirm_request(call);
    case operation_kind::capture: return modification(call, how, "/captures", &*amount);
    case operation_kind::refund: return modification(call, how, "/refunds", &*amount);
    case operation_kind::cancel: return modification(call, how, "/cancels", nullptr);
  }
  return impossible("unknown_operation");
}

runtime::outgoing_call to_call(const request& asked, const settings& how) {
  runtime::outgoing_call out;
  out.method = "POST";
  out.url = how.base_url + asked.path;
  out.fields = {{"x-api-key", how.api_key},
                {"content-type", "application/json"},
                {"accept", "application/json"},
                {"idempotency-key", asked.idempotency_key}};
  out.body = asked.body;
  out.pool = how.name;
  out.connect_timeout = std::min(how.connect_timeout, how.request_timeout);
  out.total_timeout = how.request_timeout;
  return out;
}

runtime::outgoing_call download_call(const std::string& url, const settings& how) {
  runtime::outgoing_call out;
  out.method = "GET";
  out.url = url;
  out.fields = {{"authorization", "Basic " + base64(how.report_user + ":" + how.report_password)}};
  out.pool = how.name + "-reports";  // a slow download takes no place from payments
  out.connect_timeout = std::min(how.connect_timeout, how.report_timeout);
  out.total_timeout = how.report_timeout;
  out.answer_bytes_max = how.report_bytes_max;
  return out;
}

std::string shopper_statement(std::string_view wanted) {
  constexpr std::size_t length_max = 22;
  constexpr std::string_view marks = " .,'_-?+*/";
  std::string kept;
  for (const char c : wanted) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && marks.find(c) == std::string_view::npos) continue;
    if (kept.size() == length_max) break;
    kept.push_back(c);
  }
  while (kept.ends_with(' ')) kept.pop_back();
  return kept;
}

}  // namespace novapay::adyen
