#include "actors/webhook_inbox.hpp"

namespace novapay {

std::string_view to_text(inbox_state value) noexcept {
  switch (value) {
    case inbox_state::received: return "received";
    case inbox_state::applied: return "applied";
    case inbox_state::unmatched: return "unmatched";
    case inbox_state::unreadable: return "unreadable";
    case inbox_state::rejected: return "rejected";
  }
  return "unknown";
}

std::optional<inbox_state> parse_inbox_state(std::string_view text) noexcept {
  for (int value = 1; value <= static_cast<int>(inbox_state::rejected); ++value)
    if (to_text(static_cast<inbox_state>(value)) == text) return static_cast<inbox_state>(value);
  return std::nullopt;
}

}  // namespace novapay
