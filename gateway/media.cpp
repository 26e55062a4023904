#include "gateway/media.hpp"

#include <algorithm>

#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

// How closely a range fits the type: 3 as it is, 2 its main type, 1 anything, 0 not at all.
int closeness(std::string_view range, std::string_view type) {
  if (equals_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto main_type = type.substr(0, type.find('/') + 1);
  return range.size() == main_type.size() + 1 && range.ends_with('*') &&
                 equals_ignoring_case(range.substr(0, main_type.size()), main_type)
             ? 2
             : 0;
}

// "q=0", "q=0.000": the range is ruled out. Any other weight only ranks, and we have one thing to give.
bool is_ruled_out(std::string_view parameters) {
  bool out = false;
  split(parameters, ';', [&](std::string_view parameter) {
    parameter = trim(parameter);
    if (parameter.size() < 3 || !equals_ignoring_case(parameter.substr(0, 2), "q=")) return true;
    out = parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
    return false;
  });
  return out;
}

}  // namespace

bool accepts(const runtime::http_request& request, std::string_view type) {
  bool asked = false, accepted = false;
  int closest = 0;
  for (const auto& [name, value] : request.fields) {
    if (name != "accept") continue;
    split(value, ',', [&](std::string_view entry) {
      const auto semicolon = entry.find(';');
      const auto range = trim(entry.substr(0, semicolon));
      if (range.empty()) return true;
      asked = true;
      const int close = closeness(range, type);
      const bool out = semicolon != std::string_view::npos && is_ruled_out(entry.substr(semicolon + 1));
      if (close > closest) {
        closest = close;
        accepted = !out;
      } else if (close > 0 && close == closest) {
        accepted = accepted || !out;
      }
      return true;
    });
  }
  return !asked || accepted;
}

bool is_json(std::string_view content_type) {
  const auto semicolon = content_type.find(';');
  if (!equals_ignoring_case(trim(content_type.substr(0, semicolon)), "application/json")) return false;
  if (semicolon == std::string_view::npos) return true;
  const auto parameter = trim(content_type.substr(semicolon + 1));
  return parameter.empty() || equals_ignoring_case(parameter, "charset=utf-8") ||
         equals_ignoring_case(parameter, "charset=\"utf-8\"");
}

}  // namespace novapay::gateway
