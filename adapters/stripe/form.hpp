// form: Stripe's request encoding, application/x-www-form-urlencoded with brackets in names: "metadata[order]=a%20b". The same for
// bodies and for query strings. Fields keep their order: a repeated request must be the same bytes.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace novapay::stripe {

class form {
 public:
  form& text(std::string_view name, std::string_view value);
  form& flag(std::string_view name, bool value) { return text(name, value ? "true" : "false"); }
  form& number(std::string_view name, std::int64_t value) { return text(name, std::to_string(value)); }
  form& text_unless_empty(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  const std::string& encoded() const noexcept { return encoded_; }

 private:
  std::string encoded_;
};

// Everything but A-Z a-z 0-9 - _ . ~ becomes %XX; also for path segments.
std::string percent_encoded(std::string_view text);

}  // namespace novapay::stripe
