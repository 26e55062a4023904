#include "adapters/yaml/core_schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

namespace novapay::adapters {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) noexcept {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::size_t digits_at(std::string_view text, std::size_t at) noexcept {
  std::size_t n = 0;
  while (at + n < text.size() && text[at + n] >= '0' && text[at + n] <= '9') ++n;
  return n;
}

bool all_in(std::string_view text, std::string_view set) noexcept {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) noexcept {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto whole = digits_at(text, at);
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const auto fraction = digits_at(text, ++at);
    if (whole == 0 && fraction == 0) return false;
    at += fraction;
  } else if (whole == 0) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const auto exponent = digits_at(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

plain_value integer(std::string_view digits, int base, bool negative) noexcept {
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  constexpr std::uint64_t lowest = std::uint64_t{1} << 63;
  if (error != std::errc{} || (negative && magnitude > lowest)) return no_json{"an integer beyond 64 bits"};
  if (negative) return static_cast<std::int64_t>(0 - magnitude);
  if (magnitude < lowest) return static_cast<std::int64_t>(magnitude);
  return magnitude;
}

}  // namespace

plain_value resolve_plain(std::string_view text) noexcept {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (one_of(text, {"true", "True", "TRUE"})) return true;
  if (one_of(text, {"false", "False", "FALSE"})) return false;
  if (text.starts_with("0o") && all_in(text.substr(2), "01234567")) return integer(text.substr(2), 8, false);
  if (text.starts_with("0x") && all_in(text.substr(2), "0123456789abcdefABCDEF"))
    return integer(text.substr(2), 16, false);
  const bool sign = text.front() == '-' || text.front() == '+';
  const auto unsigned_text = text.substr(sign ? 1 : 0);
  if (all_in(unsigned_text, "0123456789")) return integer(unsigned_text, 10, text.front() == '-');
  if (one_of(unsigned_text, {".inf", ".Inf", ".INF"})) return no_json{"infinity"};
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return no_json{"not a number"};
  if (!is_float(text)) return text;
  double value = 0;
  const auto from = text.substr(text.front() == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return no_json{"a number too large or too small for a double"};
  return value;
}

}  // namespace novapay::adapters
