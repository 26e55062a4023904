#include "adapters/yaml/yaml_to_json.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/yaml/core_schema.hpp"

namespace novapay::adapters {
namespace {

using json = nlohmann::ordered_json;

[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why) { throw YAML::ParserException(mark, why); }

// Builds the JSON from yaml-cpp's events: its nodes would have lost what is a duplicate, an alias or quoted.
class builder final : public YAML::EventHandler {
 public:
  json result;
  std::map<std::string, std::size_t> lines;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not supported"); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { OnScalar(mark, "?", anchor, ""); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not supported");
    if (!open_.empty() && open_.back().value.is_object() && !open_.back().key) return begin_member(mark, text);
    note_element(mark);
    add(scalar(mark, tag, text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct collection {
    json value;
    std::string pointer;             // of the collection itself
    std::optional<std::string> key;  // of a mapping: read, its value is still to come
    std::set<std::string> keys;
  };

  void begin_member(const YAML::Mark& mark, const std::string& name) {
    if (!open_.back().keys.insert(name).second) refuse(mark, "the key \"" + name + "\" is given twice");
    open_.back().key = name;
    lines[pointer_of_next()] = line_of(mark);
  }

  static std::size_t line_of(const YAML::Mark& mark) { return static_cast<std::size_t>(mark.line) + 1; }

  void note_element(const YAML::Mark& mark) {
    if (!open_.empty() && open_.back().value.is_array()) lines[pointer_of_next()] = line_of(mark);
  }

  // The JSON pointer (RFC 6901) of the value that comes next.
  std::string pointer_of_next() const {
    if (open_.empty()) return {};
    const auto& parent = open_.back();
    std::string pointer = parent.pointer + "/";
    if (!parent.key) return pointer + std::to_string(parent.value.size());
    for (const char c : *parent.key) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, json empty) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not supported");
    if (!open_.empty() && open_.back().value.is_object() && !open_.back().key) refuse(mark, "a key must be a scalar");
    if (open_.size() >= yaml_depth_max) refuse(mark, "nested more than " + std::to_string(yaml_depth_max) + " deep");
    if (!tag.empty() && tag != "?" && tag != "!" && tag != (empty.is_array() ? core + "seq" : core + "map"))
      refuse(mark, "the tag " + tag + " is not supported");
    note_element(mark);
    auto pointer = pointer_of_next();
    open_.push_back({std::move(empty), std::move(pointer), {}, {}});
  }

  void close() {
    auto closed = std::move(open_.back().value);
    open_.pop_back();
    add(std::move(closed));
  }

  void add(json value) {
    if (open_.empty()) {
      result = std::move(value);
    } else if (auto& parent = open_.back(); parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else {
      // Not operator[]: it would search all members; begin_member has seen that the name is new.
      parent.value.get_ref<json::object_t&>().push_back({std::move(*parent.key), std::move(value)});
      parent.key.reset();
    }
  }

  // `tag` is "?" for a plain scalar, "!" for a quoted one, else what stands in the text.
  json scalar(const YAML::Mark& mark, const std::string& tag, const std::string& text) const {
    if (tag == "!" || tag == core + "str") return text;
    const bool explicit_tag = !tag.empty() && tag != "?";
    const bool known = tag == core + "null" || tag == core + "bool" || tag == core + "int" || tag == core + "float";
    if (explicit_tag && !known) refuse(mark, "the tag " + tag + " is not supported");
    auto value = std::visit(
        [&](const auto& resolved) -> json {
          if constexpr (std::is_same_v<std::decay_t<decltype(resolved)>, no_json>)
            refuse(mark, "JSON has no value for " + std::string{resolved.why});
          else
            return resolved;
        },
        resolve_plain(text));
    if (tag == core + "float" && value.is_number()) return value.get<double>();
    const bool fits = (tag == core + "null" && value.is_null()) || (tag == core + "bool" && value.is_boolean()) ||
                      (tag == core + "int" && value.is_number_integer());
    if (explicit_tag && !fits) refuse(mark, "the value is not what its tag " + tag + " says");
    return value;
  }

  const std::string core = "tag:yaml.org,2002:";
  std::vector<collection> open_;
};

yaml_error error_at(const YAML::Mark& mark, std::string message) {
  if (mark.is_null()) return {0, 0, std::move(message)};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1, std::move(message)};
}

}  // namespace

std::variant<yaml_document, yaml_error> read_yaml(const std::string& yaml) try {
  if (yaml.size() > yaml_bytes_max) return yaml_error{0, 0, "the text is larger than 8 MiB"};
  std::istringstream in{yaml};
  YAML::Parser parser{in};
  builder built;
  if (parser.HandleNextDocument(built)) {
    builder second;
    if (parser.HandleNextDocument(second)) return yaml_error{0, 0, "there is more than one document"};
  }
  return yaml_document{built.result.dump(), std::move(built.lines)};
} catch (const YAML::Exception& error) { return error_at(error.mark, error.msg); } catch (const json::exception&) {
  return yaml_error{0, 0, "the text is not UTF-8"};
}

std::variant<std::string, yaml_error> yaml_to_json_text(const std::string& yaml) {
  auto read = read_yaml(yaml);
  if (auto* bad = std::get_if<yaml_error>(&read)) return std::move(*bad);
  return std::get<yaml_document>(std::move(read)).json;
}

}  // namespace novapay::adapters
