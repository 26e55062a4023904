// Names, amounts, tokens, dates: what is written one way here and another way there.
#include "adapters/adyen/amounts.hpp"
#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/names.hpp"
#include "adapters/adyen/tokens.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;

TEST_CASE("adyen/amounts: Adyen's own digits for every currency of ours, both ways, or none") {
  const auto decimals = spec::file("adyen/adyen-codes.json").at("currency_decimals");
  const auto among = [&](const char* list, const std::string& name) {
    const auto& all = decimals.at(list);
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  constexpr std::int64_t powers[] = {1, 10, 100, 1'000, 10'000};
  for (const auto& info : domain::currencies()) {
    CAPTURE(info.name);
    std::string name(info.name);
    for (auto& c : name) c = static_cast<char>(c - 'a' + 'A');
    const bool differs = decimals.at("differs_from_iso_4217").contains(name);
    const bool told = among("zero", name) || among("three", name) || differs;
    const int exponent = among("zero", name) ? 0 : among("three", name) ? 3 : 2;

    const auto whole = to_adyen({7 * powers[info.exponent], info.code});  // seven of the major unit
    if (!told && info.exponent != 2) {
      CHECK_FALSE(whole);  // nobody has said how Adyen counts it
      CHECK_FALSE(from_adyen(700, name));
      continue;
    }
    REQUIRE(whole);
    CHECK(*whole == wire_amount{7 * powers[exponent], name});
    const auto back = from_adyen(whole->value, whole->currency);
    REQUIRE(back);
    CHECK(*back == domain::money{7 * powers[info.exponent], info.code});
  }
}

TEST_CASE("adyen/amounts: what cannot be said exactly is not said") {
  CHECK_FALSE(to_adyen({1050, currency("idr")}));
  CHECK(to_adyen({1000, currency("idr")}) == wire_amount{10, "IDR"});
  CHECK(to_adyen({5, currency("clp")}) == wire_amount{500, "CLP"});
  CHECK_FALSE(from_adyen(550, "CLP"));
  CHECK_FALSE(to_adyen({INT64_MAX, currency("isk")}));
  CHECK_FALSE(from_adyen(100, "eur"));
  CHECK_FALSE(from_adyen(100, "XXX"));
}

TEST_CASE("adyen/amounts: decimals of reports are exact") {
  const auto eur = [](const char* text) { return from_major(text, "EUR"); };
  CHECK(eur("98.70")->minor == 9870);
  CHECK(eur("98.7")->minor == 9870);
  CHECK(eur("98")->minor == 9800);
  CHECK(eur("")->minor == 0);
  CHECK(eur("-0.05")->minor == -5);
  CHECK(eur("0.5000")->minor == 50);
  CHECK(from_major("100.00", "JPY")->minor == 100);
  CHECK(from_major("1.234", "KWD")->minor == 1234);
  for (const auto* bad : {"0.005", "1,00", "1e3", ".5", "5.", "-", "--1", "1.2.3", " 1", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(eur(bad));
  }
}

TEST_CASE("adyen/names: a reference names its operation, or its payment only, or none of ours") {
  for (const auto kind : {operation_kind::authorize, operation_kind::confirm, operation_kind::capture,
                          operation_kind::refund, operation_kind::cancel}) {
    const operation_name name{payment, {kind, 12}};
    CHECK(parse_reference(reference_of(payment, name.operation)) == name);
  }
  CHECK(payment_in("pay_01") == "pay_01");
  CHECK(payment_in("pay_01:refund:2") == "pay_01");
  for (const auto* bad : {"", "pay_", "pay_01:", "pay_01:refund", "pay_01:refund:", "pay_01:refund:0",
                          "pay_01:refund:01", "pay_01:refund:-1", "pay_01:refund:2:", "pay_01:steal:1", "order-17",
                          "PAY_01:refund:1", "pay_0/1:refund:1", "pay_01:refund:99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_reference(bad));
    CHECK(payment_in(bad).empty());
  }
}

TEST_CASE("adyen/tokens: stored methods need their shopper, test cards the test platform") {
  CHECK(read_token("M5N7TQ4TG5PFWR50", "cus_17", true) == method{stored_method{"M5N7TQ4TG5PFWR50", "cus_17"}});
  CHECK(read_token("M5N7TQ4TG5PFWR50@cus_18", "cus_17", false) == method{stored_method{"M5N7TQ4TG5PFWR50", "cus_18"}});
  CHECK(read_token("test_visa", "", false) == method{test_card{"4111111111111111", "737", ""}});
  CHECK(read_token("test_amex:NOT_ENOUGH_BALANCE", "", false) ==
        method{test_card{"370000000000002", "7373", "NOT_ENOUGH_BALANCE"}});
  CHECK(read_token("test_5136333333333335", "", false) == method{test_card{"5136333333333335", "737", ""}});
  CHECK_FALSE(read_token("test_visa", "cus_17", true));
  CHECK_FALSE(read_token("test_unknown", "cus_17", false));
  CHECK_FALSE(read_token("M5N7TQ4TG5PFWR50", "", false));
  CHECK_FALSE(read_token("M5N7TQ4TG5PFWR50", "ab", false));
  CHECK_FALSE(read_token("", "cus_17", false));
  CHECK_FALSE(read_token(std::string(65, 'A'), "cus_17", false));
}

TEST_CASE("adyen/encoding: dates with their offsets") {
  const auto at = [](std::string_view text) { return parse_date(text)->time_since_epoch().count(); };
  CHECK(at("1970-01-01T01:00:00+01:00") == 0);
  CHECK(at("2021-07-31T03:03:07+02:00") == 1'627'693'387'000);
  CHECK(at("2021-07-31T01:03:07Z") == 1'627'693'387'000);
  CHECK(at("2021-07-30T20:03:07.123-0500") == 1'627'693'387'000);
  CHECK(parse_report_date("2026-03-02 10:15:00", "CET") == parse_date("2026-03-02T10:15:00+01:00"));
  CHECK(parse_report_date("2026-03-02 10:15:00", "PST") == parse_date("2026-03-02T10:15:00-08:00"));
  CHECK_FALSE(parse_report_date("2026-03-02 10:15:00", "XYZ"));
  for (const auto* bad : {"", "2021-02-30T00:00:00Z", "2021-07-31", "2021-07-31T03:03:07", "2021-07-31T24:00:00Z",
                          "2021-07-31T03:03:07+02:00x", "2021-7-31T03:03:07Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_date(bad));
  }
}

TEST_CASE("adyen/encoding: hex and base64") {
  CHECK(from_hex("00ffAb") == std::string("\x00\xff\xab", 3));
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK(base64("") == "");
  CHECK(base64("report@x:y") == "cmVwb3J0QHg6eQ==");
}
