#include "adapters/credentials/keys_file.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace novapay::adapters {
namespace {

struct place {  // where in the file we are, for messages
  std::string file;
  std::string field;

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& why) const {
    const auto line = mark.is_null() ? std::string{} : ":" + std::to_string(mark.line + 1);
    throw std::runtime_error(file + line + ": " + (field.empty() ? "" : field + " ") + why);
  }
  place member(const std::string& name) const { return {file, field.empty() ? name : field + "." + name}; }
};

std::string text_of(const YAML::Node& node, const place& at) {
  if (!node.IsScalar()) at.fail(node.Mark(), "must be a text");
  return node.Scalar();
}

bool is_merchant(std::string_view id) {
  constexpr std::string_view prefix = "mrc_";
  if (!id.starts_with(prefix) || id.size() == prefix.size() || id.size() > prefix.size() + 60) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void read_member(const std::string& name, const YAML::Node& value, const place& at, key_entry& entry) {
  const auto text = text_of(value, at);
  if (name == "merchant") {
    if (!is_merchant(text)) at.fail(value.Mark(), "must be mrc_ and 1 to 60 letters, digits or underscores");
    entry.merchant = text;
  } else if (name == "mode") {
    if (text != "test" && text != "live") at.fail(value.Mark(), "must be test or live");
    entry.mode = text == "live" ? domain::mode::live : domain::mode::test;
  } else if (name == "sha256") {
    const auto parsed = parse_digest(text);
    if (!parsed) at.fail(value.Mark(), "must be the 64 hexadecimal digits that novapay keygen prints");
    entry.sha256 = *parsed;
  } else {
    const bool control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (text.size() > 100 || control) at.fail(value.Mark(), "must be at most 100 bytes, without control characters");
    entry.name = text;
  }
}

key_entry read_entry(const YAML::Node& node, const place& at) {
  if (!node.IsMap()) at.fail(node.Mark(), "must have the members merchant, mode and sha256");
  key_entry entry;
  std::set<std::string> seen;
  for (const auto& member : node) {
    const auto name = text_of(member.first, at.member("(a member's name)"));
    const auto inside = at.member(name);
    if (name != "merchant" && name != "mode" && name != "sha256" && name != "name")
      inside.fail(member.first.Mark(), "is not a member of a key: merchant, mode, sha256, name are");
    if (!seen.insert(name).second) inside.fail(member.first.Mark(), "is given twice");
    read_member(name, member.second, inside, entry);
  }
  for (const char* required : {"merchant", "mode", "sha256"})
    if (!seen.contains(required)) at.member(required).fail(node.Mark(), "is missing");
  return entry;
}

class ignore_all final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

std::vector<key_entry> read_document(const YAML::Node& root, const std::string& file) {
  const place top{file, {}};
  std::vector<key_entry> entries;
  if (root.IsNull()) return entries;
  if (!root.IsMap()) top.fail(root.Mark(), "must have the member keys");
  std::set<digest> hashes;
  bool seen = false;
  for (const auto& member : root) {
    const auto name = text_of(member.first, top);
    const auto at = top.member(name);
    if (name != "keys") at.fail(member.first.Mark(), "is not a member of this file: only keys is");
    if (std::exchange(seen, true)) at.fail(member.first.Mark(), "is given twice");
    if (member.second.IsNull()) continue;
    if (!member.second.IsSequence()) at.fail(member.second.Mark(), "must be a list");
    if (member.second.size() > keys_max)
      at.fail(member.second.Mark(), "has more than " + std::to_string(keys_max) + " keys");
    for (const auto& each : member.second) {
      const place inside{file, "keys[" + std::to_string(entries.size()) + "]"};
      entries.push_back(read_entry(each, inside));
      if (!hashes.insert(entries.back().sha256).second)
        inside.member("sha256").fail(each.Mark(), "is the one of another key in this file");
    }
  }
  return entries;
}

}  // namespace

std::vector<key_entry> parse_keys(const std::string& text, const std::string& file) {
  try {
    // Not YAML::LoadAll: in some broken texts, such as ` ,o"`, yaml-cpp 0.7 finds empty documents without end.
    std::istringstream in{text};
    YAML::Parser parser{in};
    ignore_all nothing;
    if (parser.HandleNextDocument(nothing) && parser.HandleNextDocument(nothing))
      throw std::runtime_error(file + ": must be one YAML document");
    return read_document(YAML::Load(text), file);
  } catch (const YAML::Exception& error) { place{file, {}}.fail(error.mark, "is not YAML: " + error.msg); }
}

std::vector<key_entry> load_keys(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::string text(keys_file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) throw std::runtime_error(path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > keys_file_bytes_max) throw std::runtime_error(path + ": is larger than 4 MiB");
  return parse_keys(text, path);
}

}  // namespace novapay::adapters
