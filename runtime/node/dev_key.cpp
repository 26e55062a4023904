#include "runtime/node/dev_key.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "actors/api_key.hpp"
#include "adapters/credentials/keys_file.hpp"

namespace novapay::node {
namespace {

void write_secret(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  const auto written = ::write(file, text.data(), text.size());
  const bool ok = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!ok) throw std::runtime_error(path + ": cannot be written");
}

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

dev_credentials prepare_credentials(const config& settings, runtime::random_source& random) {
  if (!settings.credentials.empty()) return {settings.credentials, {}};
  const auto file = settings.data + "/credentials.yaml";
  const auto key_file = settings.data + "/dev-key";
  if (!std::filesystem::exists(key_file)) write_secret(key_file, make_api_key(domain::mode::test, random) + "\n");
  const auto key = read_line(key_file);
  if (!api_key_mode(key))
    throw std::runtime_error(key_file + ": holds no API key; delete the file to have a new one made");

  const adapters::key_entry entry{dev_merchant, domain::mode::test, adapters::sha256(key), "development"};
  const auto known = std::filesystem::exists(file) ? adapters::load_keys(file) : std::vector<adapters::key_entry>{};
  const bool listed =
      std::any_of(known.begin(), known.end(), [&entry](const auto& one) { return one.sha256 == entry.sha256; });
  if (!listed) adapters::append_key(file, entry);
  return {file, key};
}

}  // namespace novapay::node
