#include "tests/perf/callgen/stripe_answers.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>
#include <vector>

namespace callgen {
namespace {

constexpr std::string_view intents = "/v1/payment_intents";

// What the simulators say (tests/processors), with @ for what names the payment.
constexpr std::string_view authorized =
    R"({"id":"pi_@","object":"payment_intent","amount":1099,"amount_capturable":1099,"amount_details":{"tip":{}},"amount_received":0,)"
    R"("application":null,"application_fee_amount":null,"automatic_payment_methods":{"enabled":true,"allow_redirects":"never"},)"
    R"("canceled_at":null,"cancellation_reason":null,"capture_method":"manual","client_secret":"pi_@_secret_simulated",)"
    R"("confirmation_method":"automatic","created":1795388695,"currency":"eur","customer":null,"customer_account":null,)"
    R"("description":null,"excluded_payment_method_types":null,"last_payment_error":null,"latest_charge":{"id":"ch_@",)"
    R"("object":"charge","amount":1099,"amount_captured":0,"amount_refunded":0,"application":null,"application_fee":null,)"
    R"("application_fee_amount":null,"balance_transaction":null,"billing_details":{"address":{"city":null,"country":null,)"
    R"("line1":null,"line2":null,"postal_code":null,"state":null},"email":null,"name":null,"phone":null,"tax_id":null},)"
    R"("calculated_statement_descriptor":"NOVAPAY","captured":false,"created":1795388695,"currency":"eur","customer":null,)"
    R"("description":null,"disputed":false,"failure_balance_transaction":null,"failure_code":null,"failure_message":null,)"
    R"("fraud_details":{},"livemode":false,"metadata":{"novapay_payment":"pay_@","novapay_operation":"authorize:1"},)"
    R"("on_behalf_of":null,"outcome":{"advice_code":null,"network_advice_code":null,"network_decline_code":null,)"
    R"("network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":12,)"
    R"("seller_message":"Payment complete.","type":"authorized"},"paid":true,"payment_intent":"pi_@","payment_method":"pm_@",)"
    R"("payment_method_details":{"card":{"amount_authorized":1099,"authorization_code":"123456","brand":"visa",)"
    R"("checks":{"address_line1_check":null,"address_postal_code_check":null,"cvc_check":"pass"},"country":"US","exp_month":8,)"
    R"("exp_year":2030,"extended_authorization":{"status":"disabled"},"fingerprint":"sim4242","funding":"credit",)"
    R"("incremental_authorization":{"status":"unavailable"},"installments":null,"last4":"4242","mandate":null,)"
    R"("multicapture":{"status":"unavailable"},"network":"visa","network_token":{"used":false},)"
    R"("network_transaction_id":"NTI770000000005","overcapture":{"maximum_amount_capturable":1099,"status":"unavailable"},)"
    R"("regulated_status":"unregulated","three_d_secure":null,"transaction_link_id":null,"wallet":null},"type":"card"},)"
    R"("receipt_email":null,"receipt_number":null,"receipt_url":null,"refunded":false,"review":null,"shipping":null,)"
    R"("source":null,"source_transfer":null,"statement_descriptor":null,"statement_descriptor_suffix":null,)"
    R"("status":"succeeded","transfer_data":null,"transfer_group":null},"livemode":false,"managed_payments":null,)"
    R"("metadata":{"novapay_payment":"pay_@","novapay_operation":"authorize:1"},"next_action":null,"on_behalf_of":null,)"
    R"("payment_method":"pm_@","payment_method_configuration_details":null,"payment_method_options":{"card":{)"
    R"("installments":null,"mandate_options":null,"network":null,"request_three_d_secure":"automatic"}},)"
    R"("payment_method_types":["card"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,)"
    R"("shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,)"
    R"("status":"requires_capture","transfer_data":null,"transfer_group":null})";

constexpr std::string_view captured =
    R"({"id":"pi_@","object":"payment_intent","amount":1099,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":1099,)"
    R"("application":null,"application_fee_amount":null,"automatic_payment_methods":{"enabled":true,"allow_redirects":"never"},)"
    R"("canceled_at":null,"cancellation_reason":null,"capture_method":"manual","client_secret":"pi_@_secret_simulated",)"
    R"("confirmation_method":"automatic","created":1795388695,"currency":"eur","customer":null,"customer_account":null,)"
    R"("description":null,"excluded_payment_method_types":null,"last_payment_error":null,"latest_charge":"ch_@",)"
    R"("livemode":false,"managed_payments":null,"metadata":{"novapay_payment":"pay_@","novapay_operation":"capture:1",)"
    R"("novapay_capture_1":"1099"},"next_action":null,"on_behalf_of":null,"payment_method":"pm_@",)"
    R"("payment_method_configuration_details":null,"payment_method_options":{"card":{"installments":null,)"
    R"("mandate_options":null,"network":null,"request_three_d_secure":"automatic"}},"payment_method_types":["card"],)"
    R"("processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,)"
    R"("statement_descriptor":null,"statement_descriptor_suffix":null,"status":"succeeded","transfer_data":null,)"
    R"("transfer_group":null})";

constexpr std::string_view expired =
    R"({"id":"evt_@","object":"event","api_version":"2026-10-28.endive","created":1795389807,"data":{"object":{"id":"ch_@",)"
    R"("object":"charge","amount":1099,"amount_captured":0,"amount_refunded":0,"application":null,"application_fee":null,)"
    R"("application_fee_amount":null,"balance_transaction":null,"billing_details":{"address":{"city":null,"country":null,)"
    R"("line1":null,"line2":null,"postal_code":null,"state":null},"email":null,"name":null,"phone":null,"tax_id":null},)"
    R"("calculated_statement_descriptor":"NOVAPAY","captured":false,"created":1795388695,"currency":"eur","customer":null,)"
    R"("description":null,"disputed":false,"failure_balance_transaction":null,"failure_code":null,"failure_message":null,)"
    R"("fraud_details":{},"livemode":false,"metadata":{"novapay_payment":"pay_@","novapay_operation":"authorize:1"},)"
    R"("on_behalf_of":null,"outcome":{"advice_code":null,"network_advice_code":null,"network_decline_code":null,)"
    R"("network_status":"approved_by_network","reason":null,"risk_level":"normal","risk_score":12,)"
    R"("seller_message":"Payment complete.","type":"authorized"},"paid":true,"payment_intent":"pi_@","payment_method":"pm_@",)"
    R"("payment_method_details":{"card":{"amount_authorized":1099,"authorization_code":"123456","brand":"visa",)"
    R"("checks":{"address_line1_check":null,"address_postal_code_check":null,"cvc_check":"pass"},"country":"US","exp_month":8,)"
    R"("exp_year":2030,"extended_authorization":{"status":"disabled"},"fingerprint":"sim4242","funding":"credit",)"
    R"("incremental_authorization":{"status":"unavailable"},"installments":null,"last4":"4242","mandate":null,)"
    R"("multicapture":{"status":"unavailable"},"network":"visa","network_token":{"used":false},)"
    R"("network_transaction_id":"NTI770000000005","overcapture":{"maximum_amount_capturable":1099,"status":"unavailable"},)"
    R"("regulated_status":"unregulated","three_d_secure":null,"transaction_link_id":null,"wallet":null},"type":"card"},)"
    R"("receipt_email":null,"receipt_number":null,"receipt_url":null,"refunded":false,"review":null,"shipping":null,)"
    R"("source":null,"source_transfer":null,"statement_descriptor":null,"statement_descriptor_suffix":null,)"
    R"("status":"succeeded","transfer_data":null,"transfer_group":null}},"livemode":false,"pending_webhooks":1,)"
    R"("request":{"id":null,"idempotency_key":null},"type":"charge.expired"})";

std::string filled(std::string_view what, std::string_view name) {
  std::string made;
  made.reserve(what.size() + 10 * name.size());
  for (auto at = what.find('@'); at != what.npos; at = what.find('@')) {
    made.append(what.substr(0, at)).append(name);
    what.remove_prefix(at + 1);
  }
  return made.append(what);
}

// "pay_X" → "X". A payment's id needs no percent escapes.
std::string_view payment_named_in(std::string_view form) {
  constexpr std::string_view before = "=pay_";
  const auto at = form.find(before, form.find("novapay_payment"));
  if (at == form.npos) return "nobody";
  const auto rest = form.substr(at + before.size());
  return rest.substr(0, rest.find('&'));
}

}  // namespace

std::string_view authorized_by(const novapay::runtime::http_request& asked) {
  return asked.method == "POST" && asked.target == intents ? payment_named_in(asked.body) : std::string_view{};
}

std::string expired_event(std::string_view payment) { return filled(expired, payment); }

std::string signature_of(std::string_view body, const std::string& secret) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  const auto time = std::to_string(now.count());
  const auto signed_text = (time + ".").append(body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest, &size);
  auto made = "t=" + time + ",v1=";
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    made.push_back(digits[digest[i] >> 4]);
    made.push_back(digits[digest[i] & 15]);
  }
  return made;
}

novapay::runtime::http_response stripe_answer(const novapay::runtime::http_request& asked) {
  constexpr std::string_view capture = "/capture", id = "/pi_";
  std::string_view path = asked.target;
  std::vector<std::pair<std::string, std::string>> fields{
      {"Content-Type", "application/json"}, {"Request-Id", "req_0123456789"}, {"Stripe-Version", "2026-10-28.endive"}};
  if (asked.method == "POST" && path == intents)
    return {200, std::move(fields), filled(authorized, payment_named_in(asked.body))};
  if (asked.method == "POST" && path.starts_with(intents) && path.ends_with(capture)) {
    path.remove_prefix(intents.size());
    path.remove_suffix(capture.size());
    if (path.starts_with(id)) return {200, std::move(fields), filled(captured, path.substr(id.size()))};
  }
  return {404, std::move(fields),
          R"({"error":{"type":"invalid_request_error","message":"Only payments are known here."}})"};
}

}  // namespace callgen
