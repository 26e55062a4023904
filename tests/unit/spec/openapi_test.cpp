// The judge of what adapters send finds what is wrong.
#include "tests/spec/openapi.hpp"

#include <doctest/doctest.h>

using namespace novapay;
using nlohmann::json;

namespace {

constexpr const char* form = "application/x-www-form-urlencoded";

const spec::openapi& stripe() {
  static const spec::openapi loaded("stripe/stripe-openapi-trimmed.json");
  return loaded;
}

std::string first_wrong(const char* method, const char* path, const char* body) {
  const auto judged = stripe().request(method, path, form, body);
  return judged.wrong.empty() ? "" : judged.wrong.front();
}

}  // namespace

TEST_CASE("spec/openapi: a form is judged at any depth") {
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd") == "");
  CHECK(first_wrong("POST", "/v1/payment_intents", "currency=usd") == "body: lacks amount");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=x&currency=usd") == "body.amount: not an integer");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1.5&currency=usd") == "body.amount: not an integer");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&confirm=yes") ==
        "body.confirm: not a truth value");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&cnofirm=true") ==
        "body: has no member cnofirm");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&automatic_payment_methods[enabled]=maybe") ==
        "body.automatic_payment_methods.enabled: not a truth value");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&automatic_payment_methods[on]=true") ==
        "body.automatic_payment_methods: lacks enabled");
  CHECK(first_wrong("POST", "/v1/payment_intents",
                    "amount=1&currency=usd&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1") ==
        "body.automatic_payment_methods: has no member x");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&expand[1]=x") ==
        "body.expand: indices are not 0, 1, 2 …");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&metadata[a][b]=1") ==
        "body.metadata.a: not a string");
  CHECK(first_wrong("POST", "/v1/payment_intent", "").starts_with("no such operation"));
  CHECK(first_wrong("GET", "/v1/refunds?limit=ten", "") == "query.limit: not an integer");
  CHECK(first_wrong("GET", "/v1/refunds?status=failed", "") == "query: has no member status");
  CHECK(first_wrong("GET", "/v1/refunds?limit=1", "a=b") == "body: there is none");
  CHECK(first_wrong("GET", "/v1/payment_intents?created[gte]=1&created[lt]=2", "") == "");
  CHECK(first_wrong("GET", "/v1/payment_intents?created[since]=1", "")
            .starts_with("query.created: fits none of its shapes"));
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=9223372036854775808&currency=usd") ==
        "body.amount: not an integer");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&capture_method=brand_new") ==
        "body.capture_method: not one of its values: \"brand_new\"");
  CHECK_THROWS(stripe().request("GET", "/v1/refunds?limit", form, ""));
  CHECK_THROWS(spec::form_as_json("a=1&a=2"));
  CHECK_THROWS(spec::form_as_json("a=1&a[b]=2"));
}

TEST_CASE("spec/openapi: only what holds an id can be expanded") {
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&expand[0]=latest_charge") == "");
  CHECK(first_wrong("GET", "/v1/payment_intents?expand[0]=data.latest_charge.balance_transaction", "") == "");
  CHECK(first_wrong("GET", "/v1/payment_intents/pi_1?expand[0]=latest", "") ==
        "expand: latest is nothing that can be expanded");
  CHECK(first_wrong("GET", "/v1/payment_intents/pi_1?expand[0]=amount", "") ==
        "expand: amount is nothing that can be expanded");
  CHECK(first_wrong("GET", "/v1/payment_intents?expand[0]=latest_charge", "") ==
        "expand: latest_charge is nothing that can be expanded");
  CHECK(first_wrong("POST", "/v1/payment_intents", "amount=1&currency=usd&expand[0]=latest_charge&expand[1]=x.y") ==
        "expand: x.y is nothing that can be expanded");
}

TEST_CASE("spec/openapi: open values are reported, closed ones refused, null where allowed") {
  auto refund = spec::file("stripe/stripe-fixtures.json")["resources"]["refund"];
  for (const auto* name : {"customer", "customer_account", "payment_method"})
    if (!refund.contains(name)) refund[name] = nullptr;
  CHECK(stripe().instance("refund", refund).wrong.empty());
  refund["reason"] = "brand_new";
  CHECK(stripe().instance("refund", refund).new_values == std::vector<std::string>{"refund.reason: brand_new"});
  refund["object"] = "charge";
  CHECK(stripe().instance("refund", refund).wrong.size() == 1);
  refund["object"] = "refund";
  refund["amount"] = "100";  // JSON is not a form
  CHECK(stripe().instance("refund", refund).wrong == std::vector<std::string>{"refund.amount: not an integer"});
  refund["amount"] = nullptr;
  CHECK(stripe().instance("refund", refund).wrong == std::vector<std::string>{"refund.amount: null"});
}

TEST_CASE("spec/openapi: Stripe's own fixtures fit its description") {
  const auto fixtures = spec::file("stripe/stripe-fixtures.json")["resources"];
  const auto schemas = spec::file("stripe/stripe-openapi-trimmed.json")["components"]["schemas"];
  int judged = 0;
  for (const auto& [name, fixture] : fixtures.items()) {
    if (!schemas.contains(name)) continue;
    const auto verdict = stripe().instance(name, fixture);
    CHECK_MESSAGE(verdict.wrong.empty(), name << ": " << (verdict.wrong.empty() ? "" : verdict.wrong.front()));
    ++judged;
  }
  CHECK(judged == 11);
}
