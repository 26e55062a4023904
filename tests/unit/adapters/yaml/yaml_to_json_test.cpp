#include "adapters/yaml/yaml_to_json.hpp"

#include <doctest/doctest.h>

#include <tuple>

using namespace novapay::adapters;

namespace {

// The JSON, or "line:column: message".
std::string converted(const std::string& yaml) {
  const auto result = yaml_to_json_text(yaml);
  if (const auto* text = std::get_if<std::string>(&result)) return *text;
  const auto& error = std::get<yaml_error>(result);
  return std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message;
}

}  // namespace

TEST_CASE("yaml/scalars: plain ones are typed as the core schema says") {
  for (const auto& [yaml, json] :
       std::initializer_list<std::pair<const char*, const char*>>{{"~", "null"},
                                                                  {"null", "null"},
                                                                  {"Null", "null"},
                                                                  {"", "null"},
                                                                  {"true", "true"},
                                                                  {"False", "false"},
                                                                  {"yes", "\"yes\""},
                                                                  {"no", "\"no\""},
                                                                  {"on", "\"on\""},
                                                                  {"tRUE", "\"tRUE\""},
                                                                  {"0", "0"},
                                                                  {"-12", "-12"},
                                                                  {"+3", "3"},
                                                                  {"007", "7"},
                                                                  {"0o17", "15"},
                                                                  {"0xfF", "255"},
                                                                  {"0b1", "\"0b1\""},
                                                                  {"9223372036854775807", "9223372036854775807"},
                                                                  {"-9223372036854775808", "-9223372036854775808"},
                                                                  {"18446744073709551615", "18446744073709551615"},
                                                                  {"1_000", "\"1_000\""},
                                                                  {"1.5", "1.5"},
                                                                  {"-.5", "-0.5"},
                                                                  {"+1.", "1.0"},
                                                                  {"1e3", "1000.0"},
                                                                  {"1.5E-1", "0.15"},
                                                                  {".", "\".\""},
                                                                  {"1e", "\"1e\""},
                                                                  {"-", "[null]"},
                                                                  {"+", "\"+\""},
                                                                  {"1.2.3", "\"1.2.3\""},
                                                                  {"2024-05-12", "\"2024-05-12\""},
                                                                  {"12:30", "\"12:30\""},
                                                                  {"a b", "\"a b\""},
                                                                  {"0x", "\"0x\""},
                                                                  {"e3", "\"e3\""}}) {
    CAPTURE(std::string{yaml});
    CHECK(converted(yaml) == json);
  }
}

TEST_CASE("yaml/scalars: quoted, block and !!str ones are strings") {
  CHECK(converted("'5'") == "\"5\"");
  CHECK(converted("\"true\"") == "\"true\"");
  CHECK(converted("\"a\\n\\u00e9\"") == "\"a\\n\xc3\xa9\"");
  CHECK(converted("''") == "\"\"");
  CHECK(converted("|\n  5\n  6\n") == "\"5\\n6\\n\"");
  CHECK(converted(">-\n  a\n  b\n") == "\"a b\"");
  CHECK(converted("!!str 5") == "\"5\"");
  CHECK(converted("!!int 5") == "5");
  CHECK(converted("!!float 5") == "5.0");
}

TEST_CASE("yaml/collections: members keep their order, keys are texts") {
  CHECK(converted("b: 1\na: [x, {c: ~}]\n200: {}\n\"q\": []\n") == R"({"b":1,"a":["x",{"c":null}],"200":{},"q":[]})");
  CHECK(converted("a:\nb:\n  - 1\n  -\n") == R"({"a":null,"b":[1,null]})");
  CHECK(converted("# only a comment\n") == "null");
  CHECK(converted("---\na: 1\n...\n") == R"({"a":1})");
}

TEST_CASE("yaml/errors: what hides a mistake or has no JSON is refused, with its place") {
  CHECK(converted("a: 1\nb: 2\na: 3\n") == "3:1: the key \"a\" is given twice");
  CHECK(converted("x:\n  - {a: 1, \"a\": 2}\n") == "2:12: the key \"a\" is given twice");
  CHECK(converted("a: &x 1\n").ends_with("anchors are not supported"));
  CHECK(converted("a: &x {}\nb: *x\n").ends_with("anchors are not supported"));
  CHECK(converted("? [a]\n: 1\n").ends_with("a key must be a scalar"));
  CHECK(converted("a: .inf").ends_with("JSON has no value for infinity"));
  CHECK(converted("a: 18446744073709551616").ends_with("JSON has no value for an integer beyond 64 bits"));
  CHECK(converted("a: 1e999").ends_with("for a double"));
  CHECK(converted("!!int x").ends_with("the value is not what its tag tag:yaml.org,2002:int says"));
  CHECK(converted("!mine x").ends_with("the tag !mine is not supported"));
  CHECK(converted("a\n---\nb\n") == "0:0: there is more than one document");
  CHECK(converted("a: \"\xff\"").find("null") == std::string::npos);
  CHECK(converted("a: [1, 2\n").starts_with("2:1: "));
  CHECK(converted("a: b: c\n").starts_with("1:5: "));
  CHECK(converted("\ta: 1\n").starts_with("1:"));
}

TEST_CASE("yaml/errors: depth has a bound, whatever the style") {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(converted(nested(yaml_depth_max)) == nested(yaml_depth_max));
  CHECK(converted(nested(yaml_depth_max + 1)).ends_with("nested more than 64 deep"));
  CHECK(converted(std::string(100'000, '[')).find(':') != std::string::npos);
}
