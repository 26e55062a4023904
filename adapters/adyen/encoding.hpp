// encoding: base64, hex, percent signs, and points in time as Adyen writes them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "actors/domain/payment_state.hpp"

namespace novapay::adyen {

std::string base64(std::string_view bytes);  // standard alphabet, padded
// Either case. nullopt: odd, or not hex throughout.
std::optional<std::string> from_hex(std::string_view text);
std::string percent_encoded(std::string_view text);  // all but letters, digits and "-_.~"

// "2021-01-01T01:00:00+01:00", with or without a fraction; "Z" is an offset too.
std::optional<domain::timestamp> parse_date(std::string_view text);
// "2026-03-02 10:15:00" of a report, with its zone's abbreviation ("CET"). nullopt also for a zone we do not know.
std::optional<domain::timestamp> parse_report_date(std::string_view text, std::string_view zone);

}  // namespace novapay::adyen
