#include "actors/domain/card_number.hpp"

#include <array>
#include <cstdint>

namespace novapay::domain {
namespace {

constexpr std::size_t digits_min = 13;
constexpr std::size_t digits_max = 19;
constexpr std::size_t phone_digits_max = 15;  // E.164

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_word(char c) noexcept { return is_digit(c) || is_letter(c); }

// One row per range: the first `prefix_digits` digits lie in [low, high].
struct network_range {
  std::uint32_t low, high;
  std::size_t prefix_digits, length_min, length_max;
};
constexpr std::array ranges{
    network_range{4, 4, 1, 13, 13},        // Visa, old
    network_range{4, 4, 1, 16, 16},        // Visa
    network_range{4, 4, 1, 19, 19},        // Visa, long
    network_range{51, 55, 2, 16, 16},      // Mastercard
    network_range{2221, 2720, 4, 16, 16},  // Mastercard, 2-series
    network_range{34, 34, 2, 15, 15},      // American Express
    network_range{37, 37, 2, 15, 15},      // American Express
    network_range{6011, 6011, 4, 16, 19},  // Discover
    network_range{644, 649, 3, 16, 19},    // Discover
    network_range{65, 65, 2, 16, 19},      // Discover
    network_range{3528, 3589, 4, 16, 19},  // JCB
    network_range{300, 305, 3, 14, 19},    // Diners Club
    network_range{36, 36, 2, 14, 19},      // Diners Club
    network_range{38, 38, 2, 14, 19},      // Diners Club
    network_range{62, 62, 2, 16, 19},      // UnionPay
    network_range{50, 50, 2, 13, 19},      // Maestro
    network_range{56, 69, 2, 13, 19},      // Maestro
};

using digit_buffer = std::array<std::uint8_t, digits_max>;

bool network_issues(const digit_buffer& digits, std::size_t count) noexcept {
  for (const auto& range : ranges) {
    if (count < range.length_min || count > range.length_max) continue;
    std::uint32_t prefix = 0;
    for (std::size_t i = 0; i < range.prefix_digits; ++i) prefix = prefix * 10 + digits[i];
    if (prefix >= range.low && prefix <= range.high) return true;
  }
  return false;
}

bool passes_luhn(const digit_buffer& digits, std::size_t count) noexcept {
  unsigned sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    unsigned digit = digits[count - 1 - i];
    if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

// 8-4-4-4-12 hexadecimal digits, standing alone.
bool is_uuid_at(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t length = 36;
  if (text.size() - at < length || (at > 0 && is_word(text[at - 1]))) return false;
  for (std::size_t i = 0; i < length; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[at + i] != '-' : !is_hex(text[at + i])) return false;
  }
  return at + length == text.size() || !is_word(text[at + length]);
}

// Are there digits elsewhere in the word that letters join to this place?
bool digits_before(std::string_view text, std::size_t at) noexcept {
  while (at > 0 && is_letter(text[at - 1])) --at;
  return at > 0 && is_digit(text[at - 1]);
}
bool digits_after(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_letter(text[at])) ++at;
  return at < text.size() && is_digit(text[at]);
}

// `at` is the first digit of a run. The longest card number that begins just there.
std::optional<text_span> card_at(std::string_view text, std::size_t at) noexcept {
  if (digits_before(text, at)) return std::nullopt;
  const bool plus = at > 0 && text[at - 1] == '+';
  digit_buffer digits{};
  std::size_t count = 0;
  std::optional<text_span> found;
  for (std::size_t i = at; i < text.size() && is_digit(text[i]);) {
    if (count == digits_max) break;
    digits[count++] = static_cast<std::uint8_t>(text[i++] - '0');
    if (i < text.size() && is_digit(text[i])) continue;
    const bool phone = plus && count <= phone_digits_max;
    if (count >= digits_min && !phone && !digits_after(text, i) && network_issues(digits, count) &&
        passes_luhn(digits, count))
      found = text_span{at, i - at};
    if (i + 1 < text.size() && (text[i] == ' ' || text[i] == '-')) ++i;
  }
  return found;
}

}  // namespace

std::optional<text_span> find_card_number(std::string_view text, std::size_t from) noexcept {
  for (std::size_t at = from; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
    } else if (is_uuid_at(text, at)) {
      at += 36;
    } else {
      // One word: letters and digits. A card number begins at the start of a run of digits.
      if (is_digit(text[at]))
        if (auto found = card_at(text, at)) return found;
      const bool digit = is_digit(text[at]);
      while (at < text.size() && is_word(text[at]) && is_digit(text[at]) == digit) ++at;
    }
  }
  return std::nullopt;
}

bool contains_card_number(std::string_view text) noexcept { return find_card_number(text).has_value(); }

std::string redact_card_numbers(std::string text) {
  constexpr std::string_view mark = "[redacted]";
  for (std::size_t from = 0;;) {
    const auto found = find_card_number(text, from);
    if (!found) return text;
    text.replace(found->at, found->length, mark);
    from = found->at + mark.size();
  }
}

}  // namespace novapay::domain
