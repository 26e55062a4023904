#include "gateway/fields.hpp"

#include <algorithm>

#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

std::string list_of(std::span<const std::string_view> choices) {
  std::string list;
  for (std::size_t at = 0; at < choices.size(); ++at) {
    if (at > 0) list.append(at + 1 == choices.size() ? " or " : ", ");
    list.append("'").append(choices[at]).append("'");
  }
  return list;
}

}  // namespace

std::optional<std::string> breaks(const text_rule& rule, std::string_view text) {
  if (const auto size = count_characters(text); size < rule.min || size > rule.max) {
    if (rule.min == 0) return "must be at most " + std::to_string(rule.max) + " characters";
    return "must be " + std::to_string(rule.min) + " to " + std::to_string(rule.max) + " characters";
  }
  if (has_control_characters(text, rule.lines_allowed)) return "must not have control characters";
  if (rule.fits != nullptr && !rule.fits(text)) return "must be " + std::string{rule.shape};
  return std::nullopt;
}

fields::fields(const json_value& object, std::string path, std::initializer_list<std::string_view> known)
    : object_{object}, path_{std::move(path)} {
  if (object.kind != json_kind::object) {
    const std::string name = path_.empty() ? "The body" : path_;
    wrong = api_error{error_code::parameter_invalid,
                      name + " must be a JSON object, not " + std::string{to_text(object.kind)} + ".", path_};
    return;
  }
  for (const auto& [name, value] : object.members) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    refuse(shown_name(name),
           "There is no parameter '" + path_of(shown_name(name)) + "' here. Known are " +
               list_of({known.begin(), known.size()}) + ".",
           error_code::parameter_unknown);
    return;
  }
}

std::string fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string{name} : path_ + "." + std::string{name};
}

void fields::refuse(std::string_view name, std::string message, error_code code) {
  if (!wrong) wrong = api_error{code, std::move(message), path_of(name)};
}

void fields::adopt(const fields& inner) {
  if (!wrong) wrong = inner.wrong;
}

const json_value* fields::given(std::string_view name, need how) {
  if (wrong) return nullptr;
  const auto found = std::find_if(object_.members.begin(), object_.members.end(),
                                  [&](const auto& member) { return member.first == name; });
  if (found != object_.members.end()) return &found->second;
  if (how == need::required) refuse(name, path_of(name) + " is required.", error_code::parameter_missing);
  return nullptr;
}

void fields::refuse_kind(std::string_view name, json_kind kind, std::string_view wanted) {
  auto message = path_of(name) + " must be " + std::string{wanted} + ", not " + std::string{to_text(kind)} + ".";
  if (kind == json_kind::null) message += " Leave it out instead.";
  refuse(name, std::move(message));
}

const json_value* fields::find(std::string_view name, need how, json_kind kind, std::string_view wanted) {
  const auto* value = given(name, how);
  if (value == nullptr || value->kind == kind) return value;
  refuse_kind(name, value->kind, wanted);
  return nullptr;
}

std::optional<std::int64_t> fields::amount(std::string_view name, need how) {
  const auto* value = given(name, how);
  if (value == nullptr) return std::nullopt;
  if (value->kind != json_kind::integer && value->kind != json_kind::too_large)
    refuse_kind(name, value->kind, "an integer in the currency's minor unit (1099 for 10.99 usd)");
  else if (value->integer == 0)
    refuse(name, path_of(name) + " must not be zero: it must be at least 1.");
  else if (value->integer < 0)
    refuse(name, path_of(name) + " must not be negative: it must be at least 1.");
  else if (value->integer > amount_max_minor)
    refuse(name, path_of(name) + " is too large: it must be at most " + std::to_string(amount_max_minor) + ".");
  return wrong ? std::nullopt : std::optional{value->integer};
}

std::optional<std::string> fields::text(std::string_view name, need how, const text_rule& rule) {
  const auto* value = find(name, how, json_kind::string, "a string");
  if (value == nullptr) return std::nullopt;
  if (const auto why = breaks(rule, value->text)) {
    refuse(name, path_of(name) + " " + *why + ".");
    return std::nullopt;
  }
  return value->text;
}

std::optional<bool> fields::flag(std::string_view name) {
  const auto* value = find(name, need::optional, json_kind::boolean, "true or false");
  return value == nullptr ? std::nullopt : std::optional{value->truth};
}

std::optional<std::size_t> fields::choice(std::string_view name, need how, std::span<const std::string_view> choices) {
  const auto* value = find(name, how, json_kind::string, "a string");
  if (value == nullptr) return std::nullopt;
  const auto found = std::find(choices.begin(), choices.end(), value->text);
  if (found == choices.end()) {
    refuse(name, path_of(name) + " must be " + list_of(choices) + ".");
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - choices.begin());
}

std::map<std::string, std::string> fields::text_map(std::string_view name, const text_map_rule& rule) {
  std::map<std::string, std::string> read;
  const auto* value = find(name, need::optional, json_kind::object, "an object of strings");
  if (value == nullptr) return read;
  if (value->members.size() > rule.entries_max) {
    refuse(name, path_of(name) + " has more than " + std::to_string(rule.entries_max) + " keys.");
    return read;
  }
  for (const auto& [key, entry] : value->members) {
    if (const auto why = breaks(rule.name, key)) {
      refuse(name, "A key of " + path_of(name) + " " + *why + ".");
      return read;
    }
    const auto entry_name = std::string{name} + "." + shown_name(key);
    if (entry.kind != json_kind::string)
      refuse(entry_name, path_of(entry_name) + " must be a string, not " + std::string{to_text(entry.kind)} + ".");
    else if (const auto why = breaks(rule.value, entry.text))
      refuse(entry_name, path_of(entry_name) + " " + *why + ".");
    else
      read.emplace(key, entry.text);
    if (wrong) return read;
  }
  return read;
}

const json_value* fields::object(std::string_view name, need how) {
  return find(name, how, json_kind::object, "an object");
}

}  // namespace novapay::gateway
