#include "actors/domain/money.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>

using namespace novapay::domain;

namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();
constexpr auto least = std::numeric_limits<std::int64_t>::min();

money of(std::int64_t minor, std::string_view name = "usd") { return {minor, *parse_currency(name)}; }

}  // namespace

TEST_CASE("money/text: every exponent keeps its digits") {
  CHECK(to_text(of(1099)) == "10.99 usd");
  CHECK(to_text(of(5, "jpy")) == "5 jpy");
  CHECK(to_text(of(-5, "bhd")) == "-0.005 bhd");
  CHECK(to_text(of(12345, "clf")) == "1.2345 clf");

  for (const auto& info : currencies()) {
    CAPTURE(info.name);
    const std::string tail = " " + std::string(info.name);
    const std::string zeros(info.exponent, '0');
    const std::string point = info.exponent > 0 ? "." : "";
    CHECK(to_text({0, info.code}) == "0" + point + zeros + tail);
    const std::string one = info.exponent > 0 ? "0." + std::string(info.exponent - 1, '0') + "1" : "1";
    CHECK(to_text({1, info.code}) == one + tail);
    CHECK(to_text({-1, info.code}) == "-" + one + tail);
  }
}

TEST_CASE("money/text: both ends of int64 are exact") {
  CHECK(to_text(of(most)) == "92233720368547758.07 usd");
  CHECK(to_text(of(least)) == "-92233720368547758.08 usd");
  CHECK(to_text(of(least, "jpy")) == "-9223372036854775808 jpy");
  CHECK(to_text(of(least, "kwd")) == "-9223372036854775.808 kwd");
  CHECK(to_text(of(least, "uyw")) == "-922337203685477.5808 uyw");
}

TEST_CASE("money/add: the edges hold and an overflow is refused") {
  CHECK(add(of(0), of(0)) == of(0));
  CHECK(add(of(1), of(99)) == of(100));
  CHECK(add(of(most), of(0)) == of(most));
  CHECK(add(of(most - 1), of(1)) == of(most));
  CHECK(add(of(most), of(least)) == of(-1));
  CHECK_FALSE(add(of(most), of(1)).has_value());
  CHECK_FALSE(add(of(most), of(most)).has_value());
  CHECK_FALSE(add(of(least), of(-1)).has_value());
}

TEST_CASE("money/subtract: the edges hold and an overflow is refused") {
  CHECK(subtract(of(100), of(1)) == of(99));
  CHECK(subtract(of(0), of(most)) == of(-most));
  CHECK(subtract(of(-1), of(most)) == of(least));
  CHECK(subtract(of(least), of(least)) == of(0));
  CHECK_FALSE(subtract(of(0), of(least)).has_value());
  CHECK_FALSE(subtract(of(least), of(1)).has_value());
  CHECK_FALSE(subtract(of(most), of(-1)).has_value());
}

TEST_CASE("money/equality: the same number in two currencies is not the same money") {
  CHECK(of(1) == of(1));
  CHECK(of(1) != of(2));
  CHECK(of(1, "usd") != of(1, "eur"));
}

TEST_CASE("currency/list: every entry is found by its name and by its number") {
  std::set<unsigned> codes;
  for (const auto& info : currencies()) {
    CAPTURE(info.name);
    CHECK(parse_currency(info.name) == info.code);
    CHECK(info_of(info.code).name == info.name);
    codes.insert(static_cast<unsigned>(info.code));
  }
  CHECK(codes.size() == currencies().size());
  CHECK(currencies().size() == 165);
}

TEST_CASE("currency/list: exponents other than two are exactly those of ISO 4217") {
  const auto with = [](unsigned exponent) {
    std::string names;
    for (const auto& info : currencies())
      if (info.exponent == exponent) names += std::string(info.name) + " ";
    return names;
  };
  CHECK(with(0) == "bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf ");
  CHECK(with(1).empty());
  CHECK(with(3) == "bhd iqd jod kwd lyd omr tnd ");
  CHECK(with(4) == "clf uyw ");
}

TEST_CASE("currency/list: well-known numbers, fund codes in, what is no money out") {
  const auto number = [](std::string_view name) { return static_cast<unsigned>(parse_currency(name).value()); };
  CHECK(number("usd") == 840);
  CHECK(number("eur") == 978);
  CHECK(number("jpy") == 392);
  CHECK(number("gbp") == 826);
  CHECK(number("chf") == 756);
  CHECK(number("all") == 8);
  CHECK(number("zwg") == 924);
  CHECK(number("xcg") == 532);
  for (const char* fund : {"bov", "che", "chw", "clf", "cou", "mxv", "usn", "uyi", "uyw", "xad"})
    CHECK(parse_currency(fund).has_value());
  for (const char* none : {"xau", "xts", "xxx", "xdr", "xsu", "bgn", "ang", "zwl", "hrk", "dem"})
    CHECK_FALSE(parse_currency(none).has_value());
}

TEST_CASE("currency/parse: only three lower-case letters are a name") {
  for (const char* bad : {"", "us", "usdd", "USD", "Usd", " usd", "usd ", "840", "zzz", "aaa"})
    CHECK_FALSE(parse_currency(bad).has_value());
  CHECK_FALSE(parse_currency(std::string_view("usd\0", 4)).has_value());
}
