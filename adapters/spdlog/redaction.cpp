#include "adapters/spdlog/redaction.hpp"

#include <array>
#include <string_view>

#include "actors/domain/card_number.hpp"

namespace novapay::adapters {
namespace {

constexpr std::string_view mark = "[redacted]";
constexpr std::array<std::string_view, 3> prefixes{"np_test_sk_", "np_live_sk_", "tok_"};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void redact_words(std::string& text, std::string_view prefix) {
  for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos;) {
    auto end = at + prefix.size();
    while (end < text.size() && is_word(text[end])) ++end;
    text.replace(at, end - at, mark);
    at += mark.size();
  }
}

}  // namespace

std::string redacted(std::string text) {
  for (const auto prefix : prefixes) redact_words(text, prefix);
  return domain::redact_card_numbers(std::move(text));
}

}  // namespace novapay::adapters
