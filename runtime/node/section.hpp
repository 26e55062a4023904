// section: one mapping of a configuration file, read key by key. What is missing keeps its default; what is wrong is refused with the
// file, the line, the key and what would be right. Every key must be asked for: `done` refuses the rest as unknown.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace novapay::node {

using config_json = nlohmann::ordered_json;

// A configuration file in memory.
struct config_file {
  std::string path;  // as given, for messages
  config_json values;
  std::map<std::string, std::size_t> lines;  // by JSON pointer
};

// Throws std::runtime_error with "file:line: message" for what cannot be opened or is no YAML.
config_file read_config_file(const std::string& path);

class section {
 public:
  explicit section(const config_file& file) : section(file, file.values, "", "") {}

  void text(const char* key, std::string& into);
  void flag(const char* key, bool& into);
  template <std::integral Integer>
  void number(const char* key, Integer& into, std::int64_t least, std::int64_t most) {
    std::int64_t given = static_cast<std::int64_t>(into);
    if (read_number(key, given, least, most)) into = static_cast<Integer>(given);
  }
  void duration(const char* key, std::chrono::milliseconds& into, std::int64_t least_ms = 1);
  void choice(const char* key, std::string& into, std::initializer_list<const char*> allowed);
  // A list of texts, of which there are at most `most`.
  void texts(const char* key, std::vector<std::string>& into, std::size_t most);
  void text_map(const char* key, std::map<std::string, std::string>& into, std::size_t most);

  bool has(const char* key) const;
  section child(const char* key);                                    // empty if it is not there
  std::vector<section> children(const char* key, std::size_t most);  // of a list of mappings
  std::vector<std::pair<std::string, section>> members(
      std::size_t most);  // of a mapping with free names; asks for all of them

  void done() const;
  // Throws: "cluster-config/node.yaml:12: store.kind: must be …". An empty key is about the section itself.
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;

 private:
  section(const config_file& file, const config_json& values, std::string path, std::string pointer);
  const config_json* take(const char* key);
  bool read_number(const char* key, std::int64_t& into, std::int64_t least, std::int64_t most);

  const config_file* file_;
  const config_json* values_;
  std::string path_;     // "store."
  std::string pointer_;  // "/store"
  std::set<std::string> known_;
};

}  // namespace novapay::node
