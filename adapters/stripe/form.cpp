#include "adapters/stripe/form.hpp"

namespace novapay::stripe {
namespace {

bool unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

void append_encoded(std::string& to, std::string_view text, std::string_view also_plain) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (unreserved(c) || also_plain.find(c) != std::string_view::npos) {
      to.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    to.push_back('%');
    to.push_back(digits[byte >> 4]);
    to.push_back(digits[byte & 15]);
  }
}

}  // namespace

form& form::text(std::string_view name, std::string_view value) {
  if (!encoded_.empty()) encoded_.push_back('&');
  append_encoded(encoded_, name, "[]");
  encoded_.push_back('=');
  append_encoded(encoded_, value, "");
  return *this;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_encoded(out, text, "");
  return out;
}

}  // namespace novapay::stripe
