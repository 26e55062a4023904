#include "adapters/adyen/requests.hpp"

#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;

namespace {

const spec::openapi& checkout() {
  static const spec::openapi loaded("adyen/checkout-v71-trimmed.json");
  return loaded;
}

request asked_for_call(const processor_call& call, const settings& how = test_settings()) {
  auto made = request_for(call, how);
  if (auto* outcome = std::get_if<domain::outcome>(&made)) FAIL(text_of(*outcome));
  return std::get<request>(std::move(made));
}

json body_of(const processor_call& call) { return json::parse(asked_for_call(call).body); }

std::string at_once(const processor_call& call, const settings& how = test_settings()) {
  auto made = request_for(call, how);
  REQUIRE(std::holds_alternative<domain::outcome>(made));
  return text_of(std::get<domain::outcome>(made));
}

std::vector<processor_call> every_call() {
  using enum operation_kind;
  auto rich = call_of(authorize);
  rich.statement_descriptor = "HOTEL <SEEBLICK> & more than fits";
  rich.description = "Two nights";
  auto stored = call_of(authorize, 5, 2);
  stored.token = "M5N7TQ4TG5PFWR50";
  stored.customer = "cus_17";
  stored.amount.code = currency("jpy");
  auto holder = call_of(authorize);
  holder.token = "test_mastercard:NOT_ENOUGH_BALANCE";
  auto unreturnable = call_of(authorize);
  unreturnable.return_url.clear();
  auto classic = call_of(confirm);
  classic.action_details = {{"MD", "md"}, {"PaRes", "res"}, {"utm_source", "mail"}};
  auto not_text = rich;
  not_text.return_url = "https://pay.example/\xff";
  auto nameless = call_of(cancel);
  nameless.processor_reference = std::string(payment) + ":authorize:2";
  auto unknown = call_of(cancel);
  unknown.processor_reference.clear();
  return {call_of(authorize),
          rich,
          stored,
          holder,
          unreturnable,
          not_text,
          call_of(confirm),
          classic,
          call_of(capture),
          call_of(refund, 99, 7),
          call_of(cancel),
          nameless,
          unknown};
}

}  // namespace

TEST_CASE("adyen/requests: each one we can make fits Adyen's description") {
  for (const auto& call : every_call()) {
    const auto out = to_call(asked_for_call(call), test_settings());
    CAPTURE(out.url);
    CAPTURE(out.body);
    REQUIRE(out.url.starts_with(base));
    const auto judged =
        checkout().request(out.method, out.url.substr(std::string_view{base}.size()), "application/json", out.body);
    CHECK_MESSAGE(judged.wrong.empty(), (judged.wrong.empty() ? "" : judged.wrong.front()));
    CHECK(judged.new_values.empty());
  }
}

TEST_CASE("adyen/requests: the same call is the same bytes, whichever attempt") {
  for (const auto& call : every_call()) {
    const auto first = asked_for_call(call);
    const auto again = asked_for_call(doubted(call, 24h));
    CHECK(first.path == again.path);
    CHECK(first.body == again.body);
    CHECK(first.idempotency_key == again.idempotency_key);
  }
}

TEST_CASE("adyen/requests: an authorization is held for us to capture, and named") {
  const auto sent = body_of(call_of(operation_kind::authorize, 1099, 2));
  CHECK(sent["reference"] == std::string(payment) + ":authorize:2");
  CHECK(sent["merchantAccount"] == "NovaPayECOM");
  CHECK(sent["amount"] == json{{"value", 1099}, {"currency", "EUR"}});
  CHECK(sent["additionalData"]["manualCapture"] == "true");
  CHECK(sent["metadata"]["novapay_payment"] == payment);
  CHECK(sent["paymentMethod"]["encryptedCardNumber"] == "test_4111111111111111");
  CHECK(sent["returnUrl"] == "https://pay.example/v1/payments/x/return");
  CHECK_FALSE(sent.contains("authenticationData"));
}

TEST_CASE("adyen/requests: a stored method goes with its shopper") {
  auto call = call_of(operation_kind::authorize);
  call.token = "M5N7TQ4TG5PFWR50";
  call.customer = "cus_17";
  const auto sent = body_of(call);
  CHECK(sent["paymentMethod"] == json{{"type", "scheme"}, {"storedPaymentMethodId", "M5N7TQ4TG5PFWR50"}});
  CHECK(sent["shopperReference"] == "cus_17");
  CHECK(sent["shopperInteraction"] == "ContAuth");
  CHECK(sent["recurringProcessingModel"] == "CardOnFile");
}

TEST_CASE("adyen/requests: without a place to return to nobody is authenticated") {
  auto call = call_of(operation_kind::authorize);
  call.return_url.clear();
  CHECK(body_of(call)["authenticationData"]["attemptAuthentication"] == "never");
}

TEST_CASE("adyen/requests: modifications name the authorization and themselves") {
  const auto capture = asked_for_call(call_of(operation_kind::capture, 500, 3));
  CHECK(capture.path == "/payments/NC6HT9CRT65ZGN82/captures");
  CHECK(json::parse(capture.body)["reference"] == std::string(payment) + ":capture:3");
  CHECK(json::parse(capture.body)["amount"]["value"] == 500);
  CHECK(asked_for_call(call_of(operation_kind::refund)).path == "/payments/NC6HT9CRT65ZGN82/refunds");
  const auto cancel = asked_for_call(call_of(operation_kind::cancel));
  CHECK(cancel.path == "/payments/NC6HT9CRT65ZGN82/cancels");
  CHECK_FALSE(json::parse(cancel.body).contains("amount"));
}

TEST_CASE("adyen/requests: what Adyen has not named yet is canceled by our reference") {
  auto call = call_of(operation_kind::cancel);
  call.processor_reference = std::string(payment) + ":authorize:2";
  const auto named = asked_for_call(call);
  CHECK(named.path == "/cancels");
  CHECK(json::parse(named.body)["paymentReference"] == std::string(payment) + ":authorize:2");
  CHECK(json::parse(named.body)["reference"] == std::string(payment) + ":cancel:1");
  call.processor_reference.clear();
  CHECK(body_of(call)["paymentReference"] == std::string(payment) + ":authorize:1");
  call.operation = operation_kind::capture;
  CHECK(at_once(call) == "declined invalid_request");
}

TEST_CASE("adyen/requests: of what the customer brings back only what is Adyen's is passed on") {
  auto call = call_of(operation_kind::confirm);
  call.action_details = {{"redirectResult", "abc"}, {"utm_source", "mail"}, {"payload", ""}};
  CHECK(body_of(call) == json{{"details", {{"redirectResult", "abc"}}}});
  call.action_details = {{"utm_source", "mail"}};
  CHECK(at_once(call) == "not_executed invalid_details");
  call.action_details = {{"redirectResult", std::string(20'001, 'x')}};
  CHECK(at_once(call) == "not_executed invalid_details");
}

TEST_CASE("adyen/requests: what cannot be asked is refused before anything is sent") {
  auto call = call_of(operation_kind::authorize);
  call.token = "M5N7TQ4TG5PFWR50";  // of no shopper
  CHECK(at_once(call) == "declined payment_method_not_found");
  call = call_of(operation_kind::authorize);
  auto how = test_settings();
  how.live = true;
  CHECK(at_once(call, how) == "declined payment_method_not_found");
  call.amount = {1050, currency("idr")};
  CHECK(at_once(call) == "declined currency_not_supported");
  call = call_of(operation_kind::refund);
  call.idempotency_key = std::string(65, 'k');
  CHECK(at_once(call) == "declined invalid_request");
}

TEST_CASE("adyen/requests: keys are where they belong and nowhere else") {
  for (const auto& call : every_call()) {
    const auto out = to_call(asked_for_call(call), test_settings());
    std::string fields;
    for (const auto& [name, value] : out.fields) fields += name + ": " + value + "\n";
    CHECK(fields.find(std::string("x-api-key: ") + api_key + "\n") != std::string::npos);
    CHECK(fields.find("idempotency-key: " + call.idempotency_key + "\n") != std::string::npos);
    CHECK(call.idempotency_key.size() <= 64);
    CHECK((out.url + out.body).find(api_key) == std::string::npos);
    CHECK(out.method == "POST");
    CHECK(out.pool == "adyen");
    CHECK(out.total_timeout == 30s);
  }
  const auto download = download_call("https://ca-test.adyen.com/reports/download/x.csv", test_settings());
  REQUIRE(download.fields.size() == 1);
  CHECK(download.fields[0].first == "authorization");
  CHECK(download.fields[0].second == "Basic cmVwb3J0QENvbXBhbnkuTm92YVBheTpjYW5hcnlfcmVwb3J0X3Bhc3N3b3Jk");
  CHECK(download.answer_bytes_max == 64u * 1024 * 1024);
}

TEST_CASE("adyen/requests: a reference cannot lead elsewhere, a statement has what Adyen allows") {
  auto call = call_of(operation_kind::cancel);
  call.processor_reference = "../x?y";
  CHECK(asked_for_call(call).path == "/payments/..%2Fx%3Fy/cancels");
  CHECK(shopper_statement("HOTEL <SEEBLICK> & more than fits") == "HOTEL SEEBLICK  more t");
  CHECK(shopper_statement("ü\x01") == "");
}
