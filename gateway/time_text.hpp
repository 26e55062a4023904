// time_text: points in time as the API writes and reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"

namespace novapay::gateway {

// RFC 3339, UTC, milliseconds: "2026-11-02T10:00:00.123Z". Years 1970 to 9999.
std::string to_rfc3339(runtime::timestamp at);

// RFC 3339 with any offset, or seconds since 1970; from 1970 to 9999. Digits past the millisecond are cut off. A blank
// where an offset's '+' belongs is taken for it: that is what an unescaped '+' in a query string turns into.
std::optional<runtime::timestamp> parse_time(std::string_view text) noexcept;

}  // namespace novapay::gateway
