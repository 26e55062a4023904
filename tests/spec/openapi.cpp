#include "tests/spec/openapi.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace novapay::spec {

using nlohmann::json;

namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) throw std::runtime_error("a percent sign without two digits");
      out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// "a[b][c]" is a, b, c.
std::vector<std::string> steps_of(const std::string& name) {
  const auto bracket = name.find('[');
  std::vector<std::string> steps{name.substr(0, bracket)};
  for (auto at = bracket; at < name.size();) {
    const auto end = name.find(']', at);
    if (name[at] != '[' || end == std::string::npos) throw std::runtime_error("brackets do not match in " + name);
    steps.push_back(name.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return steps;
}

bool is_integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

json file(const std::string& name) {
  const char* source = std::getenv("NOVAPAY_SOURCE_DIR");
  const auto path = (source != nullptr ? std::string(source) : std::string(".")) + "/../shared/specs/" + name;
  std::ifstream in{path};
  if (!in) throw std::runtime_error("cannot read " + path);
  return json::parse(in);
}

json form_as_json(std::string_view encoded) {
  json out = json::object();
  while (!encoded.empty()) {
    const auto end = encoded.find('&');
    const auto pair = encoded.substr(0, end);
    encoded.remove_prefix(end == std::string_view::npos ? encoded.size() : end + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) throw std::runtime_error("a field without '='");
    auto* at = &out;
    for (const auto& step : steps_of(decoded(pair.substr(0, equals)))) {
      if (at->is_null()) *at = json::object();
      if (!at->is_object()) throw std::runtime_error("a field is both a value and an object");
      at = &(*at)[step];
    }
    if (!at->is_null()) throw std::runtime_error("a field is given twice");
    *at = decoded(pair.substr(equals + 1));
  }
  return out;
}

// One value against one schema.
struct judge {
  const openapi& by;
  bool form;
  verdict& out;
  bool sent = false;  // by us: an open enum's new value is a mistake of ours

  void wrong(const std::string& where, const std::string& what) { out.wrong.push_back(where + ": " + what); }

  void check(const json& given, const json& value, const std::string& where) {
    const auto& schema = by.resolved(given);
    if (value.is_null() && !form) {
      if (!schema.value("nullable", false) && !schema.empty()) wrong(where, "null");
      return;
    }
    if (schema.contains("allOf"))
      for (const auto& each : schema["allOf"]) check(each, value, where);
    if (schema.contains("anyOf")) choose(schema["anyOf"], value, where, false);
    if (schema.contains("oneOf")) choose(schema["oneOf"], value, where, true);
    if (schema.contains("type")) check_type(schema, value, where);
    if (schema.contains("enum")) check_enum(schema, value, where);
  }

  void choose(const json& schemas, const json& value, const std::string& where, bool exactly_one) {
    int fitting = 0;
    verdict first;
    for (const auto& each : schemas) {
      verdict tried;
      judge{by, form, tried, sent}.check(each, value, where);
      if (tried.wrong.empty()) {
        if (++fitting == 1)
          out.new_values.insert(out.new_values.end(), tried.new_values.begin(), tried.new_values.end());
      } else if (first.wrong.empty()) {
        first = tried;
      }
    }
    if (fitting == 0) wrong(where, "fits none of its shapes; of the first: " + first.wrong.front());
    if (fitting > 1 && exactly_one) wrong(where, "fits several of its shapes");
  }

  void check_enum(const json& schema, const json& value, const std::string& where) {
    const auto& allowed = schema["enum"];
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
    if (!sent && schema.value("x-open-enum", false) && value.is_string())
      out.new_values.push_back(where + ": " + value.get<std::string>());
    else
      wrong(where, "not one of its values: " + value.dump());
  }

  void check_type(const json& schema, const json& value, const std::string& where) {
    const auto type = schema["type"].get<std::string>();
    const auto text = value.is_string() ? value.get<std::string>() : std::string{};
    if (type == "object") return check_object(schema, value, where);
    if (type == "array") return check_array(schema, value, where);
    if (type == "string") {
      if (!value.is_string()) return wrong(where, "not a string");
      // Stripe takes 5000 where it says nothing.
      if (text.size() > schema.value("maxLength", form ? std::size_t{5'000} : std::size_t{100'000'000}))
        wrong(where, "too long");
      if (text.size() < schema.value("minLength", std::size_t{0})) wrong(where, "too short");
      if (schema.contains("pattern") && !std::regex_search(text, std::regex(schema["pattern"].get<std::string>())))
        wrong(where, "does not match its pattern");
    } else if (type == "integer") {
      if (!value.is_number_integer() && !(form && is_integer(text))) return wrong(where, "not an integer");
      check_bounds(schema, form ? std::stod(text) : value.get<double>(), where);
    } else if (type == "number") {
      if (!value.is_number() && !(form && is_integer(text))) return wrong(where, "not a number");
      check_bounds(schema, form ? std::stod(text) : value.get<double>(), where);
    } else if (type == "boolean") {
      if (!value.is_boolean() && !(form && (text == "true" || text == "false"))) wrong(where, "not a truth value");
    } else {
      wrong(where, "its description has a type unknown to the validator: " + type);
    }
  }

  void check_bounds(const json& schema, double value, const std::string& where) {
    if (schema.contains("minimum") && value < schema["minimum"].get<double>()) wrong(where, "too small");
    if (schema.contains("maximum") && value > schema["maximum"].get<double>()) wrong(where, "too large");
  }

  void check_array(const json& schema, const json& value, const std::string& where) {
    const bool indexed = form && value.is_object();
    if (!value.is_array() && !indexed) return wrong(where, "not an array");
    if (value.size() > schema.value("maxItems", std::size_t{1'000'000})) wrong(where, "too many items");
    std::size_t at = 0;
    for (const auto& [index, item] : value.items()) {
      if (indexed && index != std::to_string(at)) wrong(where, "indices are not 0, 1, 2 …");
      if (schema.contains("items")) check(schema["items"], item, where + "[" + index + "]");
      ++at;
    }
  }

  void check_object(const json& schema, const json& value, const std::string& where) {
    if (!value.is_object()) return wrong(where, "not an object");
    if (schema.contains("x-trimmed")) return;
    for (const auto& name : schema.value("required", json::array()))
      if (!value.contains(name.get<std::string>())) wrong(where, "lacks " + name.get<std::string>());
    const auto known = schema.value("properties", json::object());
    const auto others = schema.value("additionalProperties", json());
    // Without a word about others, JSON may have more members; a form may not, if any are described.
    const bool closed = others == json(false) || (form && others.is_null() && !known.empty());
    const auto trimmed = schema.value("x-trimmed-keys", json::array());
    for (const auto& [name, member] : value.items()) {
      if (known.contains(name))
        check(known[name], member, where + "." + name);
      else if (others.is_object())
        check(others, member, where + "." + name);
      else if (closed && std::find(trimmed.begin(), trimmed.end(), name) == trimmed.end())
        wrong(where, "has no member " + name);
    }
  }

  // Stripe's parameter `expand` names members of the answer that hold an id: "latest_charge", "data.source".
  void check_expansions(const json& operation, const json& given) {
    if (!given.contains("expand") || !given["expand"].is_object()) return;
    const auto& answer =
        by.resolved(operation.at("responses").at("200")).at("content").at("application/json").at("schema");
    for (const auto& each : given["expand"])
      if (each.is_string() && !expandable(answer, each.get<std::string>()))
        wrong("expand", each.get<std::string>() + " is nothing that can be expanded");
  }

  bool expandable(const json& given, std::string_view path) const {
    const auto& schema = by.resolved(given);
    if (schema.contains("anyOf")) {
      const auto& shapes = schema["anyOf"];
      return std::any_of(shapes.begin(), shapes.end(), [&](const json& each) { return expandable(each, path); });
    }
    if (schema.contains("items")) return expandable(schema["items"], path);
    const auto name = path.substr(0, path.find('.'));
    const auto pointer = json::json_pointer("/properties") / std::string(name);
    if (!schema.contains(pointer)) return false;
    const auto& member = by.resolved(schema[pointer]);
    if (name.size() < path.size()) return expandable(member, path.substr(name.size() + 1));
    return member.contains("x-expandable-to") || member.contains("x-expansionResources");  // ours, Stripe's
  }
};

openapi::openapi(const std::string& name) : all_(file(name)) {}

openapi openapi::of(json description) {
  openapi out;
  out.all_ = std::move(description);
  return out;
}

const json& openapi::resolved(const json& schema) const {
  const auto* at = &schema;
  while (at->contains("$ref")) at = &all_.at(json::json_pointer((*at)["$ref"].get<std::string>().substr(1)));
  return *at;
}

openapi::found openapi::find(std::string_view method, std::string_view path) const {
  std::string lower(method);
  for (auto& c : lower) c = static_cast<char>(c | 0x20);
  const auto split = [](std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
      const auto slash = text.find('/');
      parts.emplace_back(text.substr(0, slash));
      if (slash == std::string_view::npos) return parts;
      text.remove_prefix(slash + 1);
    }
  };
  const auto given = split(path);
  found best;
  for (const auto& [pattern, operations] : all_.at("paths").items()) {
    const auto parts = split(pattern);
    if (parts.size() != given.size() || !operations.contains(lower)) continue;
    found now{&operations.at(lower), {}};
    bool fits = true;
    for (std::size_t i = 0; fits && i < parts.size(); ++i) {
      if (parts[i].starts_with('{'))
        now.in_path.emplace_back(parts[i].substr(1, parts[i].size() - 2), decoded(given[i]));
      else
        fits = parts[i] == given[i];
    }
    if (fits && (best.operation == nullptr || now.in_path.size() < best.in_path.size())) best = now;
  }
  return best;
}

verdict openapi::request(std::string_view method, std::string_view path_and_query, std::string_view type,
                         std::string_view body) const {
  verdict out;
  const auto mark = path_and_query.find('?');
  const auto at = find(method, path_and_query.substr(0, mark));
  if (at.operation == nullptr) {
    out.wrong.push_back("no such operation: " + std::string(method) + " " + std::string(path_and_query));
    return out;
  }
  judge judging{*this, true, out, true};
  const auto query = mark == std::string_view::npos ? json::object() : form_as_json(path_and_query.substr(mark + 1));
  json described = json::object();
  for (const auto& each : at.operation->value("parameters", json::array())) {
    const auto& parameter = resolved(each);
    if (parameter.at("in") != "query") continue;
    const auto name = parameter.at("name").get<std::string>();
    described[name] = true;
    if (query.contains(name))
      judging.check(parameter.at("schema"), query[name], "query." + name);
    else if (parameter.value("required", false))
      judging.wrong("query", "lacks " + name);
  }
  for (const auto& [name, value] : query.items())
    if (!described.contains(name)) judging.wrong("query", "has no member " + name);
  judging.check_expansions(*at.operation, query);
  for (const auto& [name, value] : at.in_path)
    if (value.empty()) judging.wrong("path", name + " is empty");

  if (!at.operation->contains("requestBody")) {
    if (!body.empty()) judging.wrong("body", "there is none");
    return out;
  }
  const auto& content = resolved(at.operation->at("requestBody")).at("content");
  if (!content.contains(std::string(type))) {
    judging.wrong("body", "not of type " + std::string(type));
    return out;
  }
  const bool form = type == "application/x-www-form-urlencoded";
  const auto value = form ? form_as_json(body) : json::parse(body);
  judge{*this, form, out, true}.check(content.at(std::string(type)).at("schema"), value, "body");
  if (form) judging.check_expansions(*at.operation, value);
  return out;
}

verdict openapi::response(std::string_view method, std::string_view path, int status, std::string_view body) const {
  verdict out;
  const auto at = find(method, path.substr(0, path.find('?')));
  if (at.operation == nullptr) {
    out.wrong.push_back("no such operation");
    return out;
  }
  const auto& answers = at.operation->at("responses");
  const auto code = std::to_string(status);
  const auto& described = resolved(answers.contains(code) ? answers.at(code) : answers.at("default"));
  judge{*this, false, out}.check(described.at("content").at("application/json").at("schema"), json::parse(body),
                                 "body");
  return out;
}

verdict openapi::instance(const std::string& schema, const json& value) const {
  verdict out;
  judge{*this, false, out}.check(all_.at("components").at("schemas").at(schema), value, schema);
  return out;
}

}  // namespace novapay::spec
