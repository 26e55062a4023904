#include "adapters/system/spill_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace novapay::adapters {
namespace {

std::string temporary_folder() {
  const char* told = std::getenv("TMPDIR");
  return told != nullptr && *told != '\0' ? told : "/tmp";
}

// FNV-1a: spreads keys over the parts; nobody gains by making many fall into one.
std::size_t part_of(std::string_view key) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return (hash ^ (hash >> 32)) % spill_parts;
}

// Deleted as soon as it is open. nullptr: errno says why.
std::FILE* open_nameless(const std::string& folder) {
  std::string path = folder + "/novapay-XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  if (descriptor < 0) return nullptr;
  ::unlink(path.c_str());
  auto* file = ::fdopen(descriptor, "w+b");
  if (file == nullptr) ::close(descriptor);
  return file;
}

std::string trouble(const std::string& folder) {
  return "temporary files in " + folder + ": " + std::strerror(errno) + " (TMPDIR names another folder)";
}

}  // namespace

spill_files::spill_files(std::string folder) : folder_(folder.empty() ? temporary_folder() : std::move(folder)) {}

std::string spill_files::put(std::string_view key, std::string_view record) {
  auto& part = files_[part_of(key)];
  if (!part.file) part.file.reset(open_nameless(folder_));
  if (!part.file) return trouble(folder_);
  const auto size = static_cast<std::uint32_t>(record.size());
  part.bytes += sizeof size + record.size();
  if (part.bytes > spill_part_bytes_max) return "there is too much to put aside: choose a shorter period";
  const bool written = std::fwrite(&size, sizeof size, 1, part.file.get()) == 1 &&
                       std::fwrite(record.data(), 1, record.size(), part.file.get()) == record.size();
  return written ? std::string{} : trouble(folder_);
}

runtime::read_outcome<std::vector<std::string>> spill_files::take(std::size_t number) {
  std::vector<std::string> records;
  auto part = std::exchange(files_[number], {});
  if (!part.file) return {std::move(records), {}};
  auto* file = part.file.get();
  if (std::fflush(file) != 0 || std::fseek(file, 0, SEEK_SET) != 0) return {std::nullopt, trouble(folder_)};
  std::uint32_t size = 0;
  while (std::fread(&size, sizeof size, 1, file) == 1) {
    auto& record = records.emplace_back(size, '\0');
    if (std::fread(record.data(), 1, size, file) != size) return {std::nullopt, trouble(folder_)};
  }
  if (std::ferror(file) != 0) return {std::nullopt, trouble(folder_)};
  return {std::move(records), {}};
}

}  // namespace novapay::adapters
