#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "adapters/credentials/keys_file.hpp"

namespace novapay::adapters {
namespace {

class descriptor {
 public:
  descriptor(int number, const std::string& path) : number_{number} {
    if (number < 0) throw std::runtime_error(path + ": " + std::generic_category().message(errno));
  }
  ~descriptor() { ::close(number_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string entry_text(const key_entry& entry, const std::string& indent) {
  std::string out = indent + "- merchant: " + entry.merchant + "\n";
  out += indent + "  mode: " + (entry.mode == domain::mode::live ? "live" : "test") + "\n";
  out += indent + "  sha256: \"" + to_hex(entry.sha256) + "\"\n";
  if (!entry.name.empty()) out += indent + "  name: " + quoted(entry.name) + "\n";
  return out;
}

// The indentation of the first line that begins with a dash.
std::string indent_of(const std::string& text) {
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(' ');
    if (first != std::string::npos && line.compare(first, 2, "- ") == 0) return line.substr(0, first);
  }
  return "  ";
}

std::string with_entry(std::string text, const key_entry& entry, const std::string& path) {
  auto expected = parse_keys(text, path);
  if (expected.empty()) {
    const auto empty_list = text.find("keys: []");
    if (empty_list != std::string::npos)
      text.erase(empty_list + 5, 3);
    else if (text.find("keys:") == std::string::npos)
      text += "keys:\n";
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  const auto addition = entry_text(entry, indent_of(text));
  text += addition;
  expected.push_back(entry);
  bool as_expected = false;
  std::string why;
  try {
    as_expected = parse_keys(text, path) == expected;
  } catch (const std::runtime_error& error) { why = std::string{": "} + error.what(); }
  if (!as_expected)
    throw std::runtime_error(path + ": cannot be appended to" + why + ". The entry would be:\n" + addition);
  return text;
}

std::string read_if_there(const std::string& path) {
  if (!std::filesystem::exists(path)) return {};
  load_keys(path);  // its size, and every mistake in it
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return std::move(text).str();
}

void write_durably(const std::string& path, const std::string& text) {
  const descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), path};
  const auto must = [&](bool done) {
    if (!done) throw std::runtime_error(path + ": " + std::generic_category().message(errno));
  };
  must(::fchmod(file.get(), 0600) == 0);
  for (std::size_t at = 0; at < text.size();) {
    const auto n = ::write(file.get(), text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    must(n > 0);
    at += static_cast<std::size_t>(n);
  }
  must(::fsync(file.get()) == 0);
}

}  // namespace

void append_key(const std::string& path, const key_entry& entry) {
  const auto parent = std::filesystem::path{path}.parent_path();
  const auto folder = parent.empty() ? std::string{"."} : parent.string();
  // The folder is the lock: a lock on the file itself would be lost when the new one takes its place.
  const descriptor lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder};
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) throw std::runtime_error(folder + ": " + std::generic_category().message(errno));

  const auto text = with_entry(read_if_there(path), entry, path);
  const auto next = path + ".new";
  try {
    write_durably(next, text);
    std::filesystem::rename(next, path);
    ::fsync(lock.get());  // the name is durable too
  } catch (...) {
    ::unlink(next.c_str());
    throw;
  }
}

}  // namespace novapay::adapters
