#include "adapters/sandbox/tokens.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace novapay::sandbox;

TEST_CASE("sandbox/tokens: each is found by its name and no other is") {
  for (const auto& each : test_tokens) CHECK(find_token(each.token) == &each);
  CHECK(find_token("tok_nobody") == nullptr);
  CHECK(find_token("") == nullptr);
  CHECK(find_token("TOK_VISA") == nullptr);
}

TEST_CASE("sandbox/tokens: JSON and markdown have a row for each") {
  const auto list = nlohmann::json::parse(tokens_json());
  REQUIRE(list.size() == test_tokens.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    CHECK(list[i]["token"] == std::string(test_tokens[i].token));
    CHECK(list[i]["does"] == std::string(test_tokens[i].does));
  }
  const auto funds = std::find_if(list.begin(), list.end(),
                                  [](const auto& each) { return each["token"] == "tok_declined_insufficient_funds"; });
  REQUIRE(funds != list.end());
  CHECK((*funds)["code"] == "card_declined");
  CHECK((*funds)["decline_code"] == "insufficient_funds");

  const auto table = tokens_markdown();
  CHECK(std::count(table.begin(), table.end(), '\n') == static_cast<std::ptrdiff_t>(test_tokens.size() + 2));
  for (const auto& each : test_tokens) CHECK(table.find("| `" + std::string(each.token) + "` |") != std::string::npos);
}
