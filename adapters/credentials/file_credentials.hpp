// file_credentials: actors/credentials.hpp from a keys file (keys_file.hpp), read once. Immutable, so thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/credentials.hpp"
#include "adapters/credentials/keys_file.hpp"

namespace novapay::adapters {

class file_credentials final : public credentials {
 public:
  // Throws std::runtime_error: the file's first mistake, as keys_file.hpp says.
  explicit file_credentials(const std::string& path) : file_credentials{load_keys(path)} {}
  explicit file_credentials(std::vector<key_entry> entries);

  std::optional<principal> find(std::string_view api_key) const override;
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  // By the first bytes of the digest. What the lookup's time tells of a digest is of no use to a guesser: a key cannot
  // be made to fit a digest. The digests themselves are compared in constant time.
  std::unordered_multimap<std::uint64_t, key_entry> entries_;
};

}  // namespace novapay::adapters
