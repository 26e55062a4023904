#include "adapters/adyen/encoding.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>

namespace novapay::adyen {
namespace {

using domain::timestamp;
using std::chrono::minutes;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `count` digits at the front of `text`, which are taken off.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// "2021-01-01T01:00:00" as if it were UTC.
std::optional<timestamp> take_date_and_time(std::string_view& text, char between) {
  const auto year = take_digits(text, 4);
  const auto month = year && take(text, '-') ? take_digits(text, 2) : std::nullopt;
  const auto day = month && take(text, '-') ? take_digits(text, 2) : std::nullopt;
  const auto hour = day && take(text, between) ? take_digits(text, 2) : std::nullopt;
  const auto minute = hour && take(text, ':') ? take_digits(text, 2) : std::nullopt;
  const auto second = minute && take(text, ':') ? take_digits(text, 2) : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return timestamp{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + minutes{*minute} +
         std::chrono::seconds{*second};
}

struct zone_row {
  std::string_view name;
  minutes east;
};
// The zones that Adyen's customer area offers by these names.
constexpr auto zones = std::to_array<zone_row>({
    {"UTC", minutes{0}},    {"GMT", minutes{0}},    {"WET", minutes{0}},    {"BST", minutes{60}},
    {"WEST", minutes{60}},  {"CET", minutes{60}},   {"MET", minutes{60}},   {"CEST", minutes{120}},
    {"MEST", minutes{120}}, {"EET", minutes{120}},  {"EEST", minutes{180}}, {"MSK", minutes{180}},
    {"GST", minutes{240}},  {"IST", minutes{330}},  {"SGT", minutes{480}},  {"HKT", minutes{480}},
    {"AWST", minutes{480}}, {"JST", minutes{540}},  {"AEST", minutes{600}}, {"AEDT", minutes{660}},
    {"NZST", minutes{720}}, {"NZDT", minutes{780}}, {"BRT", minutes{-180}}, {"ART", minutes{-180}},
    {"EDT", minutes{-240}}, {"EST", minutes{-300}}, {"CDT", minutes{-300}}, {"CST", minutes{-360}},
    {"MDT", minutes{-360}}, {"MST", minutes{-420}}, {"PDT", minutes{-420}}, {"PST", minutes{-480}},
});

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

std::optional<timestamp> parse_date(std::string_view text) {
  const auto local = take_date_and_time(text, 'T');
  if (!local) return std::nullopt;
  if (take(text, '.'))
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
  if (text == "Z") return local;
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  (void)take(text, ':');
  const auto rest = hours ? take_digits(text, 2) : std::nullopt;
  if (!rest || !text.empty() || *hours > 14 || *rest > 59) return std::nullopt;
  const auto offset = std::chrono::hours{*hours} + minutes{*rest};
  return west ? *local + offset : *local - offset;
}

std::optional<timestamp> parse_report_date(std::string_view text, std::string_view zone) {
  const auto local = take_date_and_time(text, ' ');
  if (!local || !text.empty()) return std::nullopt;
  for (const auto& row : zones)
    if (row.name == zone) return *local - row.east;
  return std::nullopt;
}

}  // namespace novapay::adyen
