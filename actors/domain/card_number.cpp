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

// The zeros of the decimal digits people type or paste outside ASCII: Arabic, Persian, Indic scripts, Thai, Lao, Tibetan,
// Burmese, Khmer, Mongolian, fullwidth. Nine more follow each (Unicode, general category Nd).
constexpr std::array<char32_t, 18> zeros{0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66,
                                         0x0CE6, 0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10};
constexpr char32_t mathematical_first = 0x1D7CE, mathematical_last = 0x1D7FF;  // bold, sans-serif, …: five times 0 to 9

constexpr int digit_of(char32_t c) noexcept {
  if (c >= mathematical_first && c <= mathematical_last) return static_cast<int>((c - mathematical_first) % 10);
  for (const auto zero : zeros)
    if (c >= zero && c <= zero + 9) return static_cast<int>(c - zero);
  return -1;
}

// Blanks and dashes, those one does not see among them.
constexpr bool is_separator(char32_t c) noexcept {
  return c == ' ' || c == '-' || c == 0xA0 || c == 0xAD || (c >= 0x2000 && c <= 0x200D) ||
         (c >= 0x2010 && c <= 0x2015) || c == 0x202F || c == 0x205F || c == 0x2060 || c == 0x2212 || c == 0x3000 ||
         c == 0xFEFF || c == 0xFF0D;
}

// One character of a text, as far as it matters here.
struct symbol {
  int digit = -1;
  bool separates = false;
  std::size_t length = 1;  // in bytes
};

symbol beyond_ascii(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto first = byte(0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (length == 1 || text.size() - at < length) return {};
  char32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  return {digit_of(code), is_separator(code), length};
}

symbol symbol_at(std::string_view text, std::size_t at) noexcept {
  const char c = text[at];
  if (static_cast<unsigned char>(c) >= 0x80) return beyond_ascii(text, at);
  return {is_digit(c) ? c - '0' : -1, c == ' ' || c == '-', 1};
}

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
  for (std::size_t i = at; i < text.size() && count < digits_max;) {
    const auto here = symbol_at(text, i);
    if (here.digit < 0) break;
    digits[count++] = static_cast<std::uint8_t>(here.digit);
    i += here.length;
    const auto next = i < text.size() ? symbol_at(text, i) : symbol{};
    if (next.digit >= 0) continue;
    const bool phone = plus && count <= phone_digits_max;
    if (count >= digits_min && !phone && !digits_after(text, i) && network_issues(digits, count) &&
        passes_luhn(digits, count))
      found = text_span{at, i - at};
    if (next.separates) i += next.length;
  }
  return found;
}

}  // namespace

std::optional<text_span> find_card_number(std::string_view text, std::size_t from) noexcept {
  if (text.size() < from + digits_min) return std::nullopt;
  for (std::size_t at = from; at < text.size();) {
    const auto here = symbol_at(text, at);
    if (here.digit < 0 && !is_letter(text[at])) {
      at += here.length;
    } else if (is_uuid_at(text, at)) {
      at += 36;
    } else if (here.digit < 0) {
      while (at < text.size() && is_letter(text[at])) ++at;
    } else {
      // A card number begins at the start of a run of digits.
      if (auto found = card_at(text, at)) return found;
      while (at < text.size()) {
        const auto next = symbol_at(text, at);
        if (next.digit < 0) break;
        at += next.length;
      }
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
