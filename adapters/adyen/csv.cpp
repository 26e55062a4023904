#include "adapters/adyen/csv.hpp"

namespace novapay::adyen {
namespace {

enum class inside : std::uint8_t { field_start, plain, quoted, after_quote };

}  // namespace

csv_step read_record(std::string_view text, bool last, std::vector<std::string>& into) {
  into.clear();
  std::size_t start = 0;
  while (start < text.size() && (text[start] == '\n' || text[start] == '\r')) ++start;
  if (start == text.size()) return {last ? csv_found::end : csv_found::more, 0};

  into.emplace_back();
  auto at = inside::field_start;
  for (std::size_t i = start; i < text.size(); ++i) {
    if (i - start >= record_bytes_max) return {csv_found::broken, 0};
    const char c = text[i];
    if (at == inside::quoted) {
      if (c == '"')
        at = inside::after_quote;
      else
        into.back().push_back(c);
    } else if (c == '\n') {
      return {csv_found::record, i + 1};
    } else if (c == '\r') {
      if (i + 1 == text.size() && !last) return {csv_found::more, 0};
      if (i + 1 < text.size() && text[i + 1] != '\n') return {csv_found::broken, 0};
    } else if (c == ',') {
      if (into.size() == fields_max) return {csv_found::broken, 0};
      into.emplace_back();
      at = inside::field_start;
    } else if (c == '"' && at == inside::field_start) {
      at = inside::quoted;
    } else if (c == '"' && at == inside::after_quote) {
      into.back().push_back('"');
      at = inside::quoted;
    } else if (at == inside::after_quote) {
      return {csv_found::broken, 0};
    } else {
      into.back().push_back(c);
      at = inside::plain;
    }
  }
  if (text.size() - start >= record_bytes_max) return {csv_found::broken, 0};
  if (!last) return {csv_found::more, 0};
  if (at == inside::quoted) return {csv_found::broken, 0};
  return {csv_found::record, text.size()};
}

std::string_view without_mark(std::string_view text) noexcept {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

}  // namespace novapay::adyen
