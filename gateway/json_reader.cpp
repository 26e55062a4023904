#include "gateway/json_reader.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

using nlohmann::json;

// Builds the tree from nlohmann's events; a handler that answers false ends the parse, and `wrong` says why.
class tree_builder {
 public:
  bool null() { return add({}); }
  bool boolean(bool truth) { return add({.kind = json_kind::boolean, .truth = truth}); }

  bool number_integer(json::number_integer_t number) {
    return clear_of_secrets(std::to_string(number)) && add({.kind = json_kind::integer, .integer = number});
  }
  bool number_unsigned(json::number_unsigned_t number) {
    if (!clear_of_secrets(std::to_string(number))) return false;
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return add({.kind = json_kind::too_large, .integer = std::numeric_limits<std::int64_t>::max()});
    return add({.kind = json_kind::integer, .integer = static_cast<std::int64_t>(number)});
  }
  // Also where integers beyond 64 bits arrive: only their text tells them from fractions.
  bool number_float(json::number_float_t, const std::string& written) {
    if (!clear_of_secrets(written)) return false;
    if (written.find_first_of(".eE") != std::string::npos) return add({.kind = json_kind::fraction});
    using limits = std::numeric_limits<std::int64_t>;
    return add({.kind = json_kind::too_large, .integer = written.front() == '-' ? limits::min() : limits::max()});
  }
  bool string(std::string& text) {
    return clear_of_secrets(text) && add({.kind = json_kind::string, .text = std::move(text)});
  }
  bool binary(json::binary_t&) { return false; }  // JSON text has none

  bool key(std::string& name) {
    auto& members = open_.back()->members;
    if (const auto secret = secret_in(name)) return refuse(*secret, {}, path({}));
    for (const auto& [other, value] : members)
      if (other == name)
        return refuse(error_code::json_duplicate_key,
                      "The key '" + shown_name(name) + "' appears twice in one JSON object.", path(name));
    name_ = std::move(name);
    return true;
  }

  bool start_object(std::size_t) { return open({.kind = json_kind::object}); }
  bool start_array(std::size_t) { return open({.kind = json_kind::array}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& why) {
    constexpr int number_overflow = 406;  // nlohmann's own number for it
    if (why.id == number_overflow)
      return refuse(error_code::parameter_invalid, "The number is too large.", path(name_));
    return refuse(error_code::json_invalid,
                  "The body is not valid JSON: the mistake is at byte " + std::to_string(position) + ".", path({}));
  }

  std::optional<api_error> wrong;
  json_value root;

 private:
  bool refuse(error_code code, std::string message, std::string param) {
    wrong = api_error{code, std::move(message), std::move(param)};
    return false;
  }

  bool clear_of_secrets(std::string_view text) {
    const auto secret = secret_in(text);
    return !secret || refuse(*secret, {}, path(name_));
  }

  // A pointer into the tree stays good while its value is open: only the innermost open value grows.
  json_value* place(json_value value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    auto& members = open_.back()->members;
    members.emplace_back(std::exchange(name_, {}), std::move(value));
    return &members.back().second;
  }

  bool add(json_value value) {
    if (++values_ > json_values_max)
      return refuse(error_code::json_too_complex,
                    "The body has more than " + std::to_string(json_values_max) + " values.", {});
    place(std::move(value));
    return true;
  }

  bool open(json_value value) {
    if (open_.size() == json_depth_max)
      return refuse(error_code::json_too_deep,
                    "The body is nested more than " + std::to_string(json_depth_max) + " levels deep.", {});
    if (++values_ > json_values_max) return add({});
    names_.push_back(name_);
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  // "metadata.color" for the member `last` of what is open now.
  std::string path(std::string_view last) const {
    std::string whole;
    const auto step = [&](std::string_view name) {
      if (name.empty()) return;
      if (!whole.empty()) whole.push_back('.');
      whole.append(shown_name(name));
    };
    for (const auto& name : names_) step(name);
    step(last);
    return whole;
  }

  std::string name_;                // the key that was read last, until its value comes
  std::vector<std::string> names_;  // of the open values
  std::vector<json_value*> open_;
  std::size_t values_ = 0;
};

}  // namespace

std::string_view to_text(json_kind kind) noexcept {
  switch (kind) {
    case json_kind::null: return "null";
    case json_kind::boolean: return "a boolean";
    case json_kind::integer: return "an integer";
    case json_kind::fraction: return "a number with a fraction or an exponent";
    case json_kind::too_large: return "a number too large for 64 bits";
    case json_kind::string: return "a string";
    case json_kind::array: return "an array";
    case json_kind::object: return "an object";
  }
  return "something else";
}

result<json_value> parse_json(std::string_view body) {
  tree_builder builder;
  if (!valid_utf8(body))
    builder.wrong = api_error{error_code::utf8_invalid, "The body is not valid UTF-8.", {}};
  else if (json::sax_parse(body.begin(), body.end(), &builder))
    return std::move(builder.root);

  // What comes after the mistake was never read as values: look at it as it stands.
  const auto code = builder.wrong->code;
  if (code != error_code::card_number_not_allowed && code != error_code::api_key_not_allowed)
    if (const auto secret = secret_in(body)) return api_error{*secret, {}, {}};
  return *std::move(builder.wrong);
}

}  // namespace novapay::gateway
