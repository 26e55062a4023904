// card_number: finds what passes as a card number (PAN) in a text, so that it is refused at the door and never logged.
//
// A card number here: 13–19 digits, with at most one space or dash between two digits, that starts like a range of a
// real network, has a length this network issues, and passes Luhn (ISO/IEC 7812-1). Digits, spaces and dashes beyond ASCII
// count too ("４２４２…", no-break spaces): the text is read as UTF-8. Ids, digests and timestamps must not be taken for one, or
// an honest request is refused. So these do not count:
//   a longer run of digits; digits in a word that has digits elsewhere too (a digest, an id: "a1b4111111111111111");
//   a UUID; a phone number ("+62 812 3456 7890": a plus sign and at most 15 digits).
// Source of the ranges: ISO/IEC 7812 as the networks publish them (Visa, Mastercard, American Express, Discover, JCB,
// Diners Club, UnionPay, Maestro).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace novapay::domain {

struct text_span {
  std::size_t at = 0;
  std::size_t length = 0;
};

// The first one that begins at `from` or later; the longest, if several begin there. Never throws.
std::optional<text_span> find_card_number(std::string_view text, std::size_t from = 0) noexcept;

bool contains_card_number(std::string_view text) noexcept;

// Each one replaced by "[redacted]".
std::string redact_card_numbers(std::string text);

}  // namespace novapay::domain
