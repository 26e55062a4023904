// fields: reads an object's members into typed values. The first thing wrong stays in `wrong`; what is read after it is
// worthless, so a reader goes straight down its fields and looks once at the end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/json_reader.hpp"

namespace novapay::gateway {

enum class need : std::uint8_t { optional, required };

// Lengths are in characters (code points), not bytes.
struct text_rule {
  std::size_t min = 1;
  std::size_t max = 255;
  bool lines_allowed = false;                // tabs and line ends
  bool (*fits)(std::string_view) = nullptr;  // further rule, told in `shape`
  std::string_view shape = {};               // "letters, digits, _ or -"
};

struct text_map_rule {
  std::size_t entries_max = 50;
  text_rule name;
  text_rule value;
};

class fields {
 public:
  // Refuses at once what is no object, or has a member not in `known`. `path` names the object in errors ("" for the
  // body). The value must outlive the reader.
  fields(const json_value& object, std::string path, std::initializer_list<std::string_view> known);

  std::optional<std::int64_t> amount(std::string_view name, need how);  // 1 to amount_max_minor
  std::optional<std::string> text(std::string_view name, need how, const text_rule& rule);
  std::optional<bool> flag(std::string_view name);
  std::optional<std::size_t> choice(std::string_view name, need how,
                                    std::span<const std::string_view> choices);  // its index
  std::map<std::string, std::string> text_map(std::string_view name, const text_map_rule& rule);
  const json_value* object(std::string_view name, need how);  // nullptr: not given, or wrong

  void refuse(std::string_view name, std::string message, error_code code = error_code::parameter_invalid);
  void adopt(const fields& inner);  // an inner object's error is this one's

  std::optional<api_error> wrong;

 private:
  const json_value* given(std::string_view name, need how);
  const json_value* find(std::string_view name, need how, json_kind kind, std::string_view wanted);
  void refuse_kind(std::string_view name, json_kind kind, std::string_view wanted);
  std::string path_of(std::string_view name) const;

  const json_value& object_;
  std::string path_;
};

// Twelve digits: far above any card payment, far from the end of int64, and too short to be taken for a card number.
inline constexpr std::int64_t amount_max_minor = 999'999'999'999;

// Why a text breaks the rule, as the end of a sentence ("must be …"), or nullopt.
std::optional<std::string> breaks(const text_rule& rule, std::string_view text);

}  // namespace novapay::gateway
