// yaml_to_json: YAML (1.2, core schema) as JSON text, for configuration files and openapi.yaml. Pure.
//
// Plain scalars are null, booleans, integers and floats where the core schema says so; quoted and block scalars are
// strings. Members keep their order. Refused, because they hide mistakes or have no JSON: duplicate keys, keys that are
// not scalars, anchors and aliases, several documents, tags other than the core schema's, .inf and .nan, integers
// beyond 64 bits, depth over 64, text that is not UTF-8.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <variant>

namespace novapay::adapters {

inline constexpr std::size_t yaml_depth_max = 64;
inline constexpr std::size_t yaml_bytes_max = std::size_t{8} * 1024 * 1024;

struct yaml_error {
  std::size_t line = 0;    // from 1; 0: of the whole text
  std::size_t column = 0;  // from 1
  std::string message;
};

struct yaml_document {
  std::string json;  // an empty document is "null"
  std::map<std::string, std::size_t>
      lines;  // where each member and element begins, by its JSON pointer: "/store/kind" → 12
};

std::variant<yaml_document, yaml_error> read_yaml(const std::string& yaml);
// The JSON alone.
std::variant<std::string, yaml_error> yaml_to_json_text(const std::string& yaml);

}  // namespace novapay::adapters
