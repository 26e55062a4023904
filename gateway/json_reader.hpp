// json_reader: a request's body as a small tree, read strictly: UTF-8, no duplicate keys, bounded depth and size, and
// no card number or API key in it. Everything else is refused with an error that names the field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/errors.hpp"

namespace novapay::gateway {

inline constexpr std::size_t json_depth_max = 8;     // our own requests need 3
inline constexpr std::size_t json_values_max = 500;  // ours need about 70; also bounds the search for duplicates

enum class json_kind : std::uint8_t { null, boolean, integer, fraction, too_large, string, array, object };

// What a person calls it: "a string", "null".
std::string_view to_text(json_kind kind) noexcept;

struct json_value {
  json_kind kind = json_kind::null;
  bool truth = false;        // boolean
  std::int64_t integer = 0;  // integer: written without point or exponent; too_large: the end of int64 it is beyond
  std::string text = {};     // string
  std::vector<std::pair<std::string, json_value>> members = {};  // object, in the order sent; array, with empty names
};

// `body` is the whole document. Errors: utf8_invalid, json_invalid (says at which byte), json_duplicate_key,
// json_too_deep, json_too_complex, and what secret_guard refuses. Never throws but for lack of memory.
result<json_value> parse_json(std::string_view body);

}  // namespace novapay::gateway
