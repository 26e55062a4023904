// core_schema: what a plain scalar means (YAML 1.2, 10.3.2). Private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace novapay::adapters {

struct no_json {  // a number, but not one of JSON's
  std::string_view why;
};
using plain_value = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string_view, no_json>;

// The string_view is `text` itself.
plain_value resolve_plain(std::string_view text) noexcept;

}  // namespace novapay::adapters
