// csv: comma-separated records, one at a time from the front of a text: quotes where needed, doubled inside, lines ended by LF or CRLF, a
// byte-order mark at the very front. A field may span lines. Bounds: fields_max fields, record_bytes_max bytes a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace novapay::adyen {

inline constexpr std::size_t fields_max = 200;
inline constexpr std::size_t record_bytes_max = 64 * 1024;

enum class csv_found : std::uint8_t {
  record = 1,
  more,    // the record does not end within this text, which is not the last
  end,     // nothing is left
  broken,  // text behind a closing quote, a quote that never closes, or over a bound: what follows cannot be trusted
};

struct csv_step {
  csv_found found = csv_found::end;
  std::size_t used = 0;  // bytes of the text, of `record`
};

// Empty lines are skipped. `last`: nothing comes after this text.
csv_step read_record(std::string_view text, bool last, std::vector<std::string>& into);

std::string_view without_mark(std::string_view text) noexcept;  // the byte-order mark of a text's front is no data

}  // namespace novapay::adyen
