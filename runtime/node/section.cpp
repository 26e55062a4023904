#include "runtime/node/section.hpp"

#include <fstream>
#include <sstream>
#include <utility>

#include "adapters/yaml/yaml_to_json.hpp"

namespace novapay::node {
namespace {

const config_json nothing;

std::string escaped(const std::string& key) {
  std::string text;
  for (const char c : key) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return text;
}

}  // namespace

config_file read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  std::ostringstream text;
  text << file.rdbuf();
  auto read = adapters::read_yaml(text.str());
  if (const auto* bad = std::get_if<adapters::yaml_error>(&read))
    throw std::runtime_error(path + ":" + std::to_string(bad->line) + ": " + bad->message);
  auto& document = std::get<adapters::yaml_document>(read);
  return {path, config_json::parse(document.json), std::move(document.lines)};
}

section::section(const config_file& file, const config_json& values, std::string path, std::string pointer)
    : file_(&file), values_(&values), path_(std::move(path)), pointer_(std::move(pointer)) {
  if (!values_->is_object() && !values_->is_null()) fail("", "must be a mapping");
}

const config_json* section::take(const char* key) {
  known_.insert(key);
  return has(key) ? &values_->at(key) : nullptr;
}

bool section::has(const char* key) const {
  const auto found = values_->is_object() ? values_->find(key) : values_->end();
  return found != values_->end() && !found->is_null();
}

void section::text(const char* key, std::string& into) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_string()) fail(key, "must be text");
  into = value->get<std::string>();
}

void section::flag(const char* key, bool& into) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) fail(key, "must be true or false");
  into = value->get<bool>();
}

bool section::read_number(const char* key, std::int64_t& into, std::int64_t least, std::int64_t most) {
  const auto* value = take(key);
  if (value == nullptr) return false;
  if (!value->is_number_integer()) fail(key, "must be a whole number");
  const auto given = value->get<std::int64_t>();
  if (given < least || given > most)
    fail(key,
         "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", not " + std::to_string(given));
  into = given;
  return true;
}

void section::duration(const char* key, std::chrono::milliseconds& into, std::int64_t least_ms) {
  std::int64_t ms = into.count();
  number(key, ms, least_ms, std::int64_t{24} * 60 * 60 * 1000);
  into = std::chrono::milliseconds{ms};
}

void section::choice(const char* key, std::string& into, std::initializer_list<const char*> allowed) {
  text(key, into);
  std::string names;
  for (const auto* name : allowed) {
    if (into == name) return;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  fail(key, into.empty() ? "must be given: one of " + names : "must be one of " + names + ", not \"" + into + "\"");
}

void section::texts(const char* key, std::vector<std::string>& into, std::size_t most) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_array() || value->size() > most)
    fail(key, "must be a list of at most " + std::to_string(most) + " texts");
  into.clear();
  for (const auto& each : *value) {
    if (!each.is_string() || each.get_ref<const std::string&>().empty()) fail(key, "must be a list of texts");
    into.push_back(each.get<std::string>());
  }
}

void section::text_map(const char* key, std::map<std::string, std::string>& into, std::size_t most) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_object() || value->size() > most)
    fail(key, "must be a mapping of at most " + std::to_string(most) + " texts");
  into.clear();
  for (const auto& [name, text] : value->items()) {
    if (!text.is_string()) fail(key, "must be a mapping of texts: " + name + " is none");
    into.emplace(name, text.get<std::string>());
  }
}

section section::child(const char* key) {
  const auto* value = take(key);
  return {*file_, value != nullptr ? *value : nothing, path_ + key + ".", pointer_ + "/" + escaped(key)};
}

std::vector<section> section::children(const char* key, std::size_t most) {
  const auto* value = take(key);
  if (value == nullptr) return {};
  if (!value->is_array() || value->size() > most)
    fail(key, "must be a list of at most " + std::to_string(most) + " mappings");
  std::vector<section> all;
  for (std::size_t at = 0; at < value->size(); ++at) {
    const auto number = std::to_string(at);
    all.push_back(
        {*file_, value->at(at), path_ + key + "[" + number + "].", pointer_ + "/" + escaped(key) + "/" + number});
  }
  return all;
}

std::vector<std::pair<std::string, section>> section::members(std::size_t most) {
  std::vector<std::pair<std::string, section>> all;
  if (!values_->is_object()) return all;
  if (values_->size() > most) fail("", "must have at most " + std::to_string(most) + " members");
  for (const auto& [name, value] : values_->items()) {
    known_.insert(name);
    all.emplace_back(name, section{*file_, value, path_ + name + ".", pointer_ + "/" + escaped(name)});
  }
  return all;
}

void section::done() const {
  if (!values_->is_object()) return;
  for (const auto& [key, value] : values_->items())
    if (!known_.contains(key)) fail(key, "is not a setting of NovaPay");
}

void section::fail(const std::string& key, const std::string& why) const {
  const auto at = file_->lines.find(key.empty() ? pointer_ : pointer_ + "/" + escaped(key));
  const auto own = file_->lines.find(pointer_);
  const auto line = at != file_->lines.end() ? at->second : own != file_->lines.end() ? own->second : 0;
  auto name = path_ + key;
  if (key.empty() && !name.empty()) name.pop_back();
  throw std::runtime_error(file_->path + (line > 0 ? ":" + std::to_string(line) : "") + ": " +
                           (name.empty() ? "" : name + ": ") + why);
}

}  // namespace novapay::node
