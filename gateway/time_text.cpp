#include "gateway/time_text.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace novapay::gateway {
namespace {

using namespace std::chrono;

constexpr std::int64_t last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z

// Takes exactly `digits` digits off the front.
bool take_number(std::string_view& text, std::size_t digits, int& value) noexcept {
  if (text.size() < digits) return false;
  value = 0;
  for (std::size_t at = 0; at < digits; ++at) {
    if (text[at] < '0' || text[at] > '9') return false;
    value = value * 10 + (text[at] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, std::string_view any_of) noexcept {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, int& milliseconds_of_second) noexcept {
  milliseconds_of_second = 0;
  if (!take(text, ".")) return true;
  int weight = 100;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1)) {
    milliseconds_of_second += (text.front() - '0') * weight;
    weight /= 10;
  }
  return digits > 0;
}

std::optional<minutes> take_offset(std::string_view text) noexcept {
  if (text == "Z" || text == "z") return minutes{0};
  const bool west = !text.empty() && text.front() == '-';
  int hour = 0, minute = 0;
  if (!take(text, "+- ") || !take_number(text, 2, hour) || !take(text, ":") || !take_number(text, 2, minute)) return {};
  if (!text.empty() || hour > 23 || minute > 59) return {};
  const minutes offset{hour * 60 + minute};
  return west ? -offset : offset;
}

// Writes `value` into `digits` places, with leading zeros.
void put(std::string& text, std::size_t at, std::size_t digits, int value) {
  for (std::size_t place = digits; place-- > 0; value /= 10) text[at + place] = static_cast<char>('0' + value % 10);
}

std::optional<runtime::timestamp> within_range(milliseconds since_1970) noexcept {
  if (since_1970 < milliseconds{0} || since_1970 > seconds{last_second}) return std::nullopt;
  return runtime::timestamp{since_1970};
}

}  // namespace

std::string to_rfc3339(runtime::timestamp at) {
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  std::string text = "0000-00-00T00:00:00.000Z";
  put(text, 0, 4, static_cast<int>(date.year()));
  put(text, 5, 2, static_cast<int>(static_cast<unsigned>(date.month())));
  put(text, 8, 2, static_cast<int>(static_cast<unsigned>(date.day())));
  put(text, 11, 2, static_cast<int>(clock.hours().count()));
  put(text, 14, 2, static_cast<int>(clock.minutes().count()));
  put(text, 17, 2, static_cast<int>(clock.seconds().count()));
  put(text, 20, 3, static_cast<int>(clock.subseconds().count()));
  return text;
}

std::optional<runtime::timestamp> parse_time(std::string_view text) noexcept {
  std::int64_t unix_seconds = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), unix_seconds);
  if (bad == std::errc{} && end == text.data() + text.size())
    return unix_seconds < 0 || unix_seconds > last_second ? std::nullopt : within_range(seconds{unix_seconds});

  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  if (!take_number(text, 4, y) || !take(text, "-") || !take_number(text, 2, mo) || !take(text, "-"))
    return std::nullopt;
  if (!take_number(text, 2, d) || !take(text, "Tt") || !take_number(text, 2, h) || !take(text, ":"))
    return std::nullopt;
  if (!take_number(text, 2, mi) || !take(text, ":") || !take_number(text, 2, s)) return std::nullopt;
  if (!take_fraction(text, ms)) return std::nullopt;
  const auto offset = take_offset(text);
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!offset || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;  // 60: a leap second
  return within_range(sys_days{date}.time_since_epoch() + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} -
                      *offset);
}

}  // namespace novapay::gateway
