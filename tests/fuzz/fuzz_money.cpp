// money: sums against 128-bit arithmetic, text against a reader of its own, amounts in JSON against a grammar of its own.
#include <algorithm>
#include <charconv>

#include "actors/domain/money.hpp"
#include "gateway/fields.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using namespace novapay::domain;
using fuzz::must;
__extension__ using wide = __int128;

void check_sum(const std::optional<money>& got, wide wanted, currency code) {
  const bool fits = wanted >= INT64_MIN && wanted <= INT64_MAX;
  must(got.has_value() == fits, "a sum is refused just when it does not fit");
  if (got) must(got->minor == static_cast<std::int64_t>(wanted) && got->code == code, "a sum is exact");
}

// "-0.005 bhd" → -5 of bhd.
money read(std::string_view text) {
  const auto blank = text.find(' ');
  const auto code = parse_currency(text.substr(blank + 1));
  must(code.has_value(), "the text ends in a currency");
  const auto exponent = info_of(*code).exponent;
  auto digits = std::string{text.substr(0, blank)};
  const auto point = digits.find('.');
  must(exponent == 0 ? point == std::string::npos : point != std::string::npos && digits.size() - point - 1 == exponent,
       "the text has the currency's number of decimals");
  if (point != std::string::npos) digits.erase(point, 1);
  must(digits.find_first_not_of("-0123456789") == std::string::npos, "the text is digits");
  std::int64_t minor = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), minor);
  must(error == std::errc{} && end == digits.data() + digits.size(), "the text is a number");
  return {minor, *code};
}

// Is this a JSON amount: 1 to 999999999999, digits alone, no leading zero?
bool is_amount(std::string_view text) {
  return !text.empty() && text.size() <= 12 && text.front() != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_json(std::string_view number) {
  const bool plain = std::all_of(number.begin(), number.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  });
  if (!plain) return;
  const auto body = gateway::parse_json("{\"amount\":" + std::string{number} + "}");
  std::int64_t amount = 0;  // none
  if (const auto* value = std::get_if<gateway::json_value>(&body)) {
    gateway::fields read_fields{*value, "", {"amount"}};
    amount = read_fields.amount("amount", gateway::need::required).value_or(0);
    must((amount == 0) == read_fields.wrong.has_value(), "an amount is read, or there is an error");
  }
  must((amount != 0) == is_amount(number), "an amount is taken just when it is one");
  must(amount == 0 || std::to_string(amount) == number, "an amount is what was written");
}

}  // namespace

FUZZ_TARGET(money) {
  fuzz::choices choose{input};
  const auto all = currencies();
  const auto code = all[choose.byte() % all.size()].code;
  const auto a = static_cast<std::int64_t>(choose.number(8));
  const auto b = static_cast<std::int64_t>(choose.number(8));
  check_sum(add({a, code}, {b, code}), wide{a} + b, code);
  check_sum(subtract({a, code}, {b, code}), wide{a} - b, code);
  for (const auto minor : {a, b, a >> 32, b >> 48})
    must(read(to_text({minor, code})) == money{minor, code}, "text is exact");
  if (const auto known = parse_currency(choose.rest().substr(0, 3)))
    must(info_of(*known).name == choose.rest().substr(0, 3), "a currency's name leads to it");
  check_json(choose.rest());
}
