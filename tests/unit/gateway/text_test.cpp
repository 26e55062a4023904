#include "gateway/text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gateway/json_writer.hpp"
#include "gateway/media.hpp"
#include "gateway/time_text.hpp"

using namespace novapay::gateway;
using namespace std::string_literals;

TEST_CASE("text/utf8: only well-formed sequences pass") {
  for (const auto& good : {""s, "abc"s, "\xC2\x80"s, "\xDF\xBF"s, "\xE0\xA0\x80"s, "\xED\x9F\xBF"s, "\xEF\xBF\xBD"s,
                           "\xF0\x90\x80\x80"s, "\xF4\x8F\xBF\xBF"s, "\0"s}) {
    CAPTURE(good);
    CHECK(valid_utf8(good));
  }
  for (const auto& bad : {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s,
                          "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xC3"s, "\xE2\x82"s, "\xF0\x9F\x92"s, "a\xFF"s}) {
    CAPTURE(bad);
    CHECK_FALSE(valid_utf8(bad));
  }
  CHECK(count_characters("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\xB3") == 4);
}

TEST_CASE("text/control: tabs and line ends are allowed where lines are") {
  CHECK(has_control_characters("a\nb", false));
  CHECK_FALSE(has_control_characters("a\nb\tc\r", true));
  CHECK(has_control_characters("a\0b"s, true));
  CHECK(has_control_characters("\x7F", true));
  CHECK(has_control_characters("\xC2\x85", true));
  CHECK_FALSE(has_control_characters("\xC2\xA0\xC3\x85", false));
}

TEST_CASE("text/percent: escapes are decoded, broken ones refused") {
  CHECK(percent_decode("a%20b+c%C3%A4", true) == "a b c\xC3\xA4");
  CHECK(percent_decode("a+b", false) == "a+b");
  CHECK_FALSE(percent_decode("%", true));
  CHECK_FALSE(percent_decode("%4", true));
  CHECK_FALSE(percent_decode("%zz", true));
}

TEST_CASE("json_writer/escape: control characters, quotes and what is not UTF-8") {
  json_writer out{16};
  out.open_object().foreign_key("q\"").value("a\\b\n\r\t\x01\x7F").member("u", "\xC3\xA4\xF0\x9F\x92\xB3");
  out.member("bad", "x\xFF\xE2\x82y\xED\xA0\x80").key("n").null().member("t", true).member("f", false);
  out.member("low", INT64_MIN).member("high", UINT64_MAX).key("list").open_array().value(1).value("2").close_array();
  out.key("empty").open_object().close_object().close_object();
  CHECK(out.take() ==
        "{\"q\\\"\":\"a\\\\b\\n\\r\\t\\u0001\x7F\",\"u\":\"\xC3\xA4\xF0\x9F\x92\xB3\","
        "\"bad\":\"x\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\",\"n\":null,"
        "\"t\":true,\"f\":false,\"low\":-9223372036854775808,\"high\":18446744073709551615,"
        "\"list\":[1,\"2\"],\"empty\":{}}");
}

TEST_CASE("time_text/write: milliseconds, UTC") {
  using std::chrono::milliseconds;
  CHECK(to_rfc3339(novapay::runtime::timestamp{milliseconds{0}}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(novapay::runtime::timestamp{milliseconds{951'782'399'007}}) == "2000-02-28T23:59:59.007Z");
  CHECK(to_rfc3339(novapay::runtime::timestamp{milliseconds{253'402'300'799'999}}) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("time_text/read: RFC 3339 with any offset, or seconds") {
  const auto ms = [](std::string_view text) -> std::int64_t {
    const auto at = parse_time(text);
    return at ? at->time_since_epoch().count() : -1;
  };
  CHECK(ms("0") == 0);
  CHECK(ms("1793620800") == 1'793'620'800'000);
  CHECK(ms("2026-11-02T12:00:00Z") == 1'793'620'800'000);
  CHECK(ms("2026-11-02t12:00:00.1239z") == 1'793'620'800'123);
  CHECK(ms("2026-11-02T14:00:00+02:00") == 1'793'620'800'000);
  CHECK(ms("2026-11-02T14:00:00 02:00") == 1'793'620'800'000);  // an unescaped '+'
  CHECK(ms("2026-11-02T06:30:00-05:30") == 1'793'620'800'000);
  for (const auto* bad : {"", "x", "-1", "253402300800", "99999999999999999999", "2026-11-02", "2026-11-02 12:00:00Z",
                          "2026-02-30T12:00:00Z", "2026-11-02T24:00:00Z", "2026-11-02T12:60:00Z", "2026-11-02T12:00:00",
                          "2026-11-02T12:00:00.Z", "2026-11-02T12:00:00+2", "2026-11-02T12:00:00Zx",
                          "1969-12-31T23:59:59Z", "1793620800.5", "-9223372036854775808"}) {
    CAPTURE(bad);
    CHECK(ms(bad) == -1);
  }
}

TEST_CASE("media/accept: the most specific range decides") {
  const auto ok = [](std::string_view type, std::initializer_list<std::string> accept) {
    novapay::runtime::http_request request;
    for (const auto& each : accept) request.fields.emplace_back("accept", each);
    return accepts(request, type);
  };
  const std::string_view json = "application/json";
  CHECK(ok(json, {}));
  CHECK(ok(json, {"*/*"}));
  CHECK(ok(json, {"text/html, application/*;q=0.1"}));
  CHECK(ok(json, {"text/html", "Application/JSON"}));
  CHECK(ok(json, {"application/json;q=0.0001"}));
  CHECK_FALSE(ok(json, {"text/html"}));
  CHECK_FALSE(ok(json, {"application/json;q=0, */*"}));
  CHECK_FALSE(ok(json, {"application/xml, text/*"}));
  CHECK(ok("text/html", {"text/html,application/xhtml+xml,*/*;q=0.8"}));
}

TEST_CASE("media/content type: JSON in UTF-8") {
  for (const auto* good : {"application/json", "Application/Json", "application/json; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json;"}) {
    CAPTURE(good);
    CHECK(is_json(good));
  }
  for (const auto* bad : {"", "text/json", "application/json; charset=latin1", "application/x-www-form-urlencoded",
                          "application/jsonx", "application/problem+json"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_json(bad));
  }
}
