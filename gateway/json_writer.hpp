// json_writer: JSON text, members in the order written. What it makes is valid UTF-8 whatever it is given: a byte that
// is not becomes U+FFFD. The caller opens and closes what belongs together; there are no other checks.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace novapay::gateway {

// A member's name of our own: known when this is compiled to need no escape.
struct json_name {
  template <std::size_t Size>
  consteval json_name(const char (&literal)[Size]) : text{literal, Size - 1} {
    for (const char c : text)
      if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') throw "a name that needs an escape";
  }
  std::string_view text;
};

class json_writer {
 public:
  explicit json_writer(std::size_t expected_bytes) { out_.reserve(expected_bytes); }

  json_writer& open_object() { return open('{'); }
  json_writer& close_object() { return close('}'); }
  json_writer& open_array() { return open('['); }
  json_writer& close_array() { return close(']'); }

  json_writer& key(json_name name) {
    separate();
    out_.push_back('"');
    out_.append(name.text).append("\":", 2);
    comma_ = false;
    return *this;
  }
  json_writer& foreign_key(std::string_view name) {  // of anybody's choice
    separate();
    out_.push_back('"');
    escape(name);
    out_.append("\":", 2);
    comma_ = false;
    return *this;
  }

  json_writer& value(std::string_view text) {
    separate();
    out_.push_back('"');
    escape(text);
    out_.push_back('"');
    return *this;
  }
  json_writer& value(const char* text) { return value(std::string_view{text}); }
  json_writer& value(std::same_as<bool> auto truth) { return raw(truth ? "true" : "false"); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) json_writer& value(T number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return raw({digits, static_cast<std::size_t>(end - digits)});
  }
  json_writer& null() { return raw("null"); }

  template <class T>
  json_writer& member(json_name name, const T& what) {
    return key(name).value(what);
  }
  json_writer& member_or_null(json_name name, std::string_view text) {  // "" is "not given"
    key(name);
    return text.empty() ? null() : value(text);
  }

  std::string take() { return std::move(out_); }

 private:
  json_writer& open(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  json_writer& close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  json_writer& raw(std::string_view text) {
    separate();
    out_.append(text);
    return *this;
  }
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  void escape(std::string_view text);

  std::string out_;
  bool comma_ = false;
};

}  // namespace novapay::gateway
