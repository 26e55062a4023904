#include "gateway/json_reader.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/gateway/support.hpp"

using namespace novapay::gateway;
using namespace std::string_literals;

namespace {

std::string error_in(const std::string& body) {
  const auto read = parse_json(body);
  const auto* wrong = std::get_if<api_error>(&read);
  return wrong == nullptr ? "none" : std::string{info_of(wrong->code).name} + "|" + wrong->param + "|" + wrong->message;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

}  // namespace

TEST_CASE("json_reader/tree: every kind of value is told apart") {
  const auto read = parse_json(
      R"({"n":null,"t":true,"i":-7,"e":1e2,"f":1.0,"u":9223372036854775808,"h":123456789012345678901234567890,)"
      R"("l":-9223372036854775809,"s":"a\u00e4","a":[1,{"x":2}],"o":{}})");
  const auto& members = std::get<json_value>(read).members;
  using enum json_kind;
  const json_kind kinds[] = {null,      boolean,   integer, fraction, fraction, too_large,
                             too_large, too_large, string,  array,    object};
  REQUIRE(members.size() == std::size(kinds));
  for (std::size_t at = 0; at < members.size(); ++at) {
    CAPTURE(members[at].first);
    CHECK(members[at].second.kind == kinds[at]);
  }
  CHECK(members[2].second.integer == -7);
  CHECK(members[6].second.integer == INT64_MAX);
  CHECK(members[7].second.integer == INT64_MIN);
  CHECK(members[8].second.text == "a\xC3\xA4");
  CHECK(members[9].second.members.at(1).second.members.at(0).second.integer == 2);
}

TEST_CASE("json_reader/errors: each has its own code and names the place") {
  CHECK(error_in("{\"a\":1}") == "none");
  CHECK(error_in("") == "json_invalid||The body is not valid JSON: the mistake is at byte 1.");
  CHECK(error_in("{\"a\":1,}") == "json_invalid||The body is not valid JSON: the mistake is at byte 8.");
  CHECK(error_in("{\"a\":1} {}").starts_with("json_invalid"));
  CHECK(error_in("{'a':1}").starts_with("json_invalid"));
  CHECK(error_in("{\"a\":01}").starts_with("json_invalid"));
  CHECK(error_in("{\"a\":NaN}").starts_with("json_invalid"));
  CHECK(error_in("{\"a\":\"\\ud800\"}").starts_with("json_invalid"));
  CHECK(error_in("{\"a\":1/**/}").starts_with("json_invalid"));
  CHECK(error_in("{\"a\":\"\xC3\"}") == "utf8_invalid||The body is not valid UTF-8.");
  CHECK(error_in("{\"a\":{\"b\":1,\"b\":1}}") ==
        "json_duplicate_key|a.b|The key 'b' appears twice in one JSON object.");
  CHECK(error_in("{\"a\":1,\"\\u0061\":1}").starts_with("json_duplicate_key|a|"));
  CHECK(error_in("{\"a\":{\"b\":1e999}}") == "parameter_invalid|a.b|The number is too large.");
  CHECK(error_in("{\"" + repeat("k", 900) + "\":1,\"" + repeat("k", 900) + "\":1}").size() < 200);
}

TEST_CASE("json_reader/bounds: depth and number of values") {
  CHECK(error_in(repeat("[", 8) + repeat("]", 8)) == "none");
  CHECK(error_in(repeat("[", 9) + repeat("]", 9)).starts_with("json_too_deep"));
  CHECK(error_in(repeat("{\"a\":", 100'000)).starts_with("json_too_deep"));
  CHECK(error_in("[" + repeat("1,", 498) + "1]") == "none");
  CHECK(error_in("[" + repeat("1,", 499) + "1]").starts_with("json_too_complex"));
  CHECK(error_in("[" + repeat("[],", 600) + "1]").starts_with("json_too_complex"));
}

TEST_CASE("json_reader/cards: a card number is refused wherever it stands") {
  const std::string card{testing::card_number};
  CHECK(error_in("{\"a\":\"" + card + "\"}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":{\"b\":\"my card is 4242 4242 4242 4242.\"}}").starts_with("card_number_not_allowed|a.b|"));
  CHECK(error_in("{\"a\":" + card + "}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":-" + card + "}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":" + card + ".0}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":{\"" + card + "\":1}}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":\"\\u0034242424242424242\"}").starts_with("card_number_not_allowed|a|"));

  // Also in what is not read to its end.
  CHECK(error_in("{\"a\":\"４２４２ ４２４２　４２４２–４２４２\"}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\":\"\\uFF142\\uff14\\u0032424242424242\"}").starts_with("card_number_not_allowed|a|"));
  CHECK(error_in("{\"a\" " + card).starts_with("card_number_not_allowed||"));
  CHECK(error_in("\xFF" + card).starts_with("card_number_not_allowed||"));
  CHECK(error_in("{\"a\":1,\"a\":\"" + card + "\"}").starts_with("card_number_not_allowed||"));
  CHECK(error_in(card).starts_with("card_number_not_allowed||"));

  for (const auto& wrong : {"{\"a\":\"" + card + "\"}", "{\"" + card + "\":1}", "{\"a\":1,\"a\":\"" + card + "\"}"})
    CHECK(error_in(wrong).find(card) == std::string::npos);
}
