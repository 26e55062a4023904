#include "adapters/stripe/requests.hpp"

#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

const spec::openapi& stripe_spec() {
  static const spec::openapi loaded("stripe/stripe-openapi-trimmed.json");
  return loaded;
}

constexpr const char* form_type = "application/x-www-form-urlencoded";

void check_fits(const request& what) {
  const auto out = to_call(what, test_settings(), 5s);
  CAPTURE(out.url);
  CAPTURE(out.body);
  const auto judged = stripe_spec().request(
      out.method, out.url.substr(std::string_view{"https://api.stripe.com"}.size()), form_type, out.body);
  CHECK_MESSAGE(judged.wrong.empty(), (judged.wrong.empty() ? "" : judged.wrong.front()));
  CHECK(judged.new_values.empty());
}

std::vector<request> every_request() {
  auto plain = call_of(operation_kind::authorize);
  auto rich = plain;
  rich.return_url = "https://shop.example/return?order=1&x=ü";
  rich.description = "Two nights, breakfast & view \"Seeblick\"";
  rich.statement_descriptor = "HOTEL SEEBLICK";
  const auto at = noon;
  return {authorize_request(plain, 1099, false),
          authorize_request(rich, 1099, true),
          capture_request(call_of(operation_kind::capture), 1099, true),
          capture_request(call_of(operation_kind::capture, 500, 41), 500, false),
          refund_request(call_of(operation_kind::refund), 1099),
          cancel_request(call_of(operation_kind::cancel)),
          read_intent_request("pi_1"),
          read_refund_request("re_1"),
          intent_refunds_request("pi_1", ""),
          intent_refunds_request("pi_1", "re_9"),
          intents_request(at - 60s, at, false, ""),
          intents_request(at - 60s, at, true, "pi_9"),
          refunds_request(at - 24h, at, "re_9"),
          payout_rows_request("po_1", ""),
          payout_rows_request("po_1", "txn_9")};
}

}  // namespace

TEST_CASE("stripe/requests: each one we can make fits Stripe's description") {
  for (const auto& each : every_request()) check_fits(each);
}

TEST_CASE("stripe/requests: the same call is the same bytes") {
  const auto first = every_request();
  const auto again = every_request();
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].path == again[i].path);
    CHECK(first[i].form == again[i].form);
  }
}

TEST_CASE("stripe/requests: an authorization is held for us to capture, and named") {
  auto call = call_of(operation_kind::authorize);
  call.number = 2;
  const auto sent = spec::form_as_json(authorize_request(call, 1099, false).form);
  CHECK(sent["amount"] == "1099");
  CHECK(sent["currency"] == "usd");
  CHECK(sent["payment_method"] == "pm_card_visa");
  CHECK(sent["confirm"] == "true");
  CHECK(sent["capture_method"] == "manual");
  CHECK(sent["metadata"]["novapay_payment"] == payment);
  CHECK(sent["metadata"]["novapay_operation"] == "authorize:2");
  CHECK(sent["expand"]["0"] == "latest_charge");
}

TEST_CASE("stripe/requests: without a place to return to nobody is asked to leave") {
  auto call = call_of(operation_kind::authorize);
  auto sent = spec::form_as_json(authorize_request(call, 1099, false).form);
  CHECK(sent["automatic_payment_methods"]["allow_redirects"] == "never");
  CHECK(sent["error_on_requires_action"] == "true");
  CHECK_FALSE(sent.contains("return_url"));

  call.return_url = "https://shop.example/";
  sent = spec::form_as_json(authorize_request(call, 1099, false).form);
  CHECK(sent["automatic_payment_methods"]["allow_redirects"] == "always");
  CHECK(sent["return_url"] == "https://shop.example/");
  CHECK_FALSE(sent.contains("error_on_requires_action"));
}

TEST_CASE("stripe/requests: each capture leaves its own mark, as far as there is room") {
  auto call = call_of(operation_kind::capture, 500, recorded_captures_max);
  auto sent = spec::form_as_json(capture_request(call, 500, false).form);
  CHECK(sent["metadata"]["novapay_capture_40"] == "500");
  CHECK(sent["final_capture"] == "false");
  call.number = recorded_captures_max + 1;
  sent = spec::form_as_json(capture_request(call, 500, true).form);
  CHECK_FALSE(sent["metadata"].contains("novapay_capture_41"));
  CHECK(sent["metadata"]["novapay_operation"] == "capture:41");
  CHECK(sent["final_capture"] == "true");
}

TEST_CASE("stripe/requests: version, key and secret are where they belong and nowhere else") {
  for (const auto& each : every_request()) {
    const auto out = to_call(each, test_settings(), 1s);
    std::string fields;
    for (const auto& [name, value] : out.fields) fields += name + ": " + value + "\n";
    CHECK(fields.find("stripe-version: 2026-10-28.endive\n") != std::string::npos);
    CHECK(fields.find(std::string("authorization: Bearer ") + secret + "\n") != std::string::npos);
    CHECK((fields.find("idempotency-key: " + std::string(payment) + ":") != std::string::npos) == each.post);
    CHECK(out.url.find(secret) == std::string::npos);
    CHECK(out.body.find(secret) == std::string::npos);
    CHECK(out.pool == "stripe");
    CHECK(out.total_timeout == 1s);
    CHECK(out.connect_timeout == 1s);
    CHECK((out.method == "POST") == each.post);
    CHECK((out.url.find("?") == std::string::npos || !each.post));
  }
}

TEST_CASE("stripe/requests: an id cannot lead elsewhere") {
  CHECK(read_intent_request("../refunds?x=1#").path == "/v1/payment_intents/..%2Frefunds%3Fx%3D1%23");
}
