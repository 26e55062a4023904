// Routing decisions: which rule, which order, who is left out and why; splits that hold still.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "actors/domain/routing.hpp"

using namespace novapay::domain;

namespace {

terms payment_of(std::int64_t minor = 1099, currency code = *parse_currency("eur")) {
  terms asked;
  asked.amount = {minor, code};
  asked.mode = mode::live;
  asked.method_type = "card";
  asked.idempotency_key = "order-1";
  asked.tokens = {{"stripe", "pm_1"}, {"adyen", "8415"}};
  return asked;
}

std::vector<processor_standing> both() { return {{"stripe", true, true, {}, false}, {"adyen", true, true, {}, false}}; }

routing_rules rules_of(route_condition when, std::vector<route_target> to) {
  return {{{"first", std::move(when), std::move(to)}}, {"stripe", "adyen"}};
}

std::string route_text(const route_choice& choice) {
  std::string text = choice.rule + ":";
  for (const auto& name : choice.route) text += " " + name;
  return text;
}

std::string told(const route_choice& choice) {
  std::string text;
  for (const auto& line : choice.why) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("routing: each condition holds or sends the payment to the default list") {
  const std::vector<route_target> adyen{{"adyen", 0}};
  const auto route = [&](route_condition when, const terms& asked) {
    return route_text(choose_route(asked, rules_of(std::move(when), adyen), both()));
  };
  const std::string fits = "first: adyen", not_so = "default: stripe adyen";
  auto asked = payment_of();
  asked.country = "DE";
  asked.brand = "visa";
  asked.metadata = {{"channel", "web"}};

  CHECK(route({}, asked) == fits);
  CHECK(route({.currencies = {"usd", "eur"}}, asked) == fits);
  CHECK(route({.currencies = {"usd"}}, asked) == not_so);
  CHECK(route({.countries = {"DE"}}, asked) == fits);
  CHECK(route({.countries = {"FR"}}, asked) == not_so);
  CHECK(route({.countries = {"DE"}}, payment_of()) == not_so);  // not told
  CHECK(route({.methods = {"card"}}, asked) == fits);
  CHECK(route({.methods = {"sepa_debit"}}, asked) == not_so);
  CHECK(route({.brands = {"visa"}}, asked) == fits);
  CHECK(route({.brands = {"amex"}}, asked) == not_so);
  CHECK(route({.amount_min_minor = 1099, .amount_max_minor = 1099}, asked) == fits);
  CHECK(route({.amount_min_minor = 1100}, asked) == not_so);
  CHECK(route({.amount_max_minor = 1098}, asked) == not_so);
  CHECK(route({.metadata = {{"channel", "web"}}}, asked) == fits);
  CHECK(route({.metadata = {{"channel", "shop"}}}, asked) == not_so);
  CHECK(route({.currencies = {"eur"}, .brands = {"amex"}}, asked) == not_so);  // all must hold
}

TEST_CASE("routing: who cannot take the payment is left out, who is unhealthy comes last") {
  const auto rules = rules_of({}, {{"stripe", 0}, {"adyen", 0}, {"stripe", 0}, {"worldpay", 0}});
  auto known = both();
  auto asked = payment_of();
  CHECK(route_text(choose_route(asked, rules, known)) == "first: stripe adyen");

  known[0].healthy = false;
  CHECK(route_text(choose_route(asked, rules, known)) == "first: adyen stripe");
  known[1].healthy = false;
  CHECK(route_text(choose_route(asked, rules, known)) == "first: stripe adyen");
  known = both();
  known[0].currencies = {"usd"};
  CHECK(route_text(choose_route(asked, rules, known)) == "first: adyen");
  asked.tokens.erase("adyen");
  CHECK(route_text(choose_route(asked, rules, known)) == "first:");
  asked.token = "tok_anywhere";
  CHECK(route_text(choose_route(asked, rules, known)) == "first: adyen");
  asked.mode = mode::test;
  CHECK(route_text(choose_route(asked, rules, known)) == "first:");
  known.push_back({"worldpay", true, true, {}, true});
  CHECK(route_text(choose_route(asked, rules, known)) == "first: worldpay");
}

TEST_CASE("routing: a split follows its percents, and a customer stays where it is") {
  const auto rules = rules_of({}, {{"stripe", 30}, {"adyen", 70}});
  auto asked = payment_of();
  int stripe = 0;
  for (int i = 0; i < 10'000; ++i) {
    asked.customer = "cus_" + std::to_string(i);
    asked.idempotency_key = "order-" + std::to_string(i * 7);
    const auto choice = choose_route(asked, rules, both());
    REQUIRE(choice.route.size() == 2);  // the other one is there for failover
    if (choice.route.front() == "stripe") ++stripe;
    auto again = asked;
    again.idempotency_key = "another";
    CHECK(choose_route(again, rules, both()).route == choice.route);
  }
  CHECK(stripe > 2'850);
  CHECK(stripe < 3'150);
}

TEST_CASE("routing: without a customer the payment's key is split, and rules split apart from each other") {
  CHECK(split_bucket("a", "cus_1") == split_bucket("a", "cus_1"));
  int same = 0;
  for (int i = 0; i < 1'000; ++i)
    if ((split_bucket("a", std::to_string(i)) < 50) == (split_bucket("b", std::to_string(i)) < 50)) ++same;
  CHECK(same > 430);
  CHECK(same < 570);
  CHECK(split_bucket("split", "cus_1") == 27);  // for ever
}

TEST_CASE("routing: it can say why") {
  auto rules = rules_of({.currencies = {"usd"}}, {{"stripe", 0}});
  rules.rules.push_back({"euros", {.currencies = {"eur"}}, {{"stripe", 0}, {"adyen", 0}, {"worldpay", 0}}});
  auto known = both();
  known[0].healthy = false;
  CHECK(choose_route(payment_of(), rules, known).why.empty());
  CHECK(told(choose_route(payment_of(), rules, known, explain::yes)) ==
        "rule 'first' does not fit: currency\n"
        "rule 'euros' fits\n"
        "worldpay is left out: it is not configured\n"
        "stripe comes last: its circuit breaker is open\n"
        "first: adyen\n");
}
