#include "tests/unit/gateway/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "actors/api_key.hpp"

namespace novapay::gateway::testing {

std::string good_key() {
  counting_random random;
  return make_api_key(domain::mode::test, random);
}
std::string other_good_key() {
  counting_random random;
  random.next();
  return make_api_key(domain::mode::test, random);
}

bench::bench()
    : gateway{api_ports{payments, credentials, clock, random, log, metrics},
              api_settings{.openapi_json = R"({"openapi":"3.1.0"})"}} {}

runtime::http_request bench::request(std::string method, std::string target, std::string body,
                                     runtime::http_fields more) {
  runtime::http_fields fields{{"authorization", "Bearer " + good_key()}};
  if (method == "POST")
    fields.insert(fields.end(), {{"idempotency-key", "key-1"}, {"content-type", "application/json"}});
  std::erase_if(fields, [&](const auto& field) {
    return std::any_of(more.begin(), more.end(), [&](const auto& other) { return other.first == field.first; });
  });
  for (auto& each : more)
    if (!each.second.empty()) fields.push_back(std::move(each));  // an empty one only takes a default away
  return {std::move(method), std::move(target), std::move(fields),
          std::move(body),   "127.0.0.1:5",     std::chrono::steady_clock::now()};
}

runtime::http_response bench::send(runtime::http_request asked) {
  const auto before = answers.size();
  gateway.handle(std::move(asked), [this](runtime::http_response response) { answers.push_back(std::move(response)); });
  REQUIRE(answers.size() == before + 1);
  return answers.back();
}

std::string field(const runtime::http_response& response, std::string_view name) {
  const auto is_it = [&](const auto& each) { return each.first == name; };
  REQUIRE(std::count_if(response.fields.begin(), response.fields.end(), is_it) <= 1);
  const auto found = std::find_if(response.fields.begin(), response.fields.end(), is_it);
  return found == response.fields.end() ? "" : found->second;
}

std::string error_of(const runtime::http_response& response, std::string_view member) {
  const auto body = nlohmann::json::parse(response.body);
  REQUIRE(body.size() == 1);
  const auto& error = body.at("error");
  REQUIRE(error.size() == 6);
  const auto& value = error.at(std::string{member});
  return value.is_null() ? "null" : value.get<std::string>();
}

std::string summary(const runtime::http_response& response) {
  return std::to_string(response.status) + " " + error_of(response, "code") + " " + error_of(response, "param");
}

domain::payment given(const std::vector<domain::event_type>& events) {
  domain::payment now;
  auto at = noon;
  for (const auto& happened : events) {
    now = domain::evolve(std::move(now), happened, at);
    at += std::chrono::milliseconds{1};
  }
  return now;
}

domain::terms some_terms() {
  domain::terms terms;
  terms.id = payment_id;
  terms.merchant = "mrc_1";
  terms.idempotency_key = "key-1";
  terms.amount = {1099, *domain::parse_currency("usd")};
  terms.method_type = "card";
  terms.token = "tok_visa";
  return terms;
}

}  // namespace novapay::gateway::testing
