// text: small questions about strings that came from outside. Pure, no allocation unless said.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace novapay::gateway {

// Bytes of the well-formed UTF-8 sequence at `at` (1 to 4), or 0: overlong forms and surrogates are not well-formed.
std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept;
bool valid_utf8(std::string_view text) noexcept;

// Code points; `text` is valid UTF-8.
std::size_t count_characters(std::string_view text) noexcept;

// Control characters (C0, DEL, C1). With `lines_allowed`, tab and line ends are none. No store keeps a NUL.
bool has_control_characters(std::string_view text, bool lines_allowed) noexcept;

bool is_printable_ascii(std::string_view text) noexcept;                     // 0x20 to 0x7e; true for ""
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;  // ASCII
std::string_view trim(std::string_view text) noexcept;                       // blanks and tabs

// Could it be somebody's secret, by its prefix: an API key, ours or a processor's, or a payment method's token?
bool resembles_secret(std::string_view text) noexcept;

// A name from outside as an error may repeat it: a very long one is left out, and one that resembles a secret.
std::string shown_name(std::string_view name);

// "%41+b" → "A b". nullopt: a '%' without two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

// Calls `use(part)` for each part between separators, empty ones included; stops when it answers false.
template <class Use>
void split(std::string_view text, char separator, Use use) {
  for (;;) {
    const auto end = text.find(separator);
    if (!use(text.substr(0, end)) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace novapay::gateway
