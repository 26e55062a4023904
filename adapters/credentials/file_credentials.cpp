#include "adapters/credentials/file_credentials.hpp"

#include <cstring>
#include <utility>

#include "actors/api_key.hpp"

namespace novapay::adapters {
namespace {

std::uint64_t bucket_of(const digest& hash) noexcept {
  std::uint64_t first = 0;
  std::memcpy(&first, hash.data(), sizeof first);
  return first;
}

}  // namespace

file_credentials::file_credentials(std::vector<key_entry> entries) {
  for (auto& entry : entries) {
    const auto bucket = bucket_of(entry.sha256);
    entries_.emplace(bucket, std::move(entry));
  }
}

std::optional<principal> file_credentials::find(std::string_view api_key) const {
  const auto mode = api_key_mode(api_key);
  if (!mode) return std::nullopt;
  const auto hash = sha256(api_key);
  const auto [first, last] = entries_.equal_range(bucket_of(hash));
  for (auto at = first; at != last; ++at) {
    const auto& entry = at->second;
    // An entry whose mode is not the one its key names was put together wrongly: it opens nothing.
    if (same_digest(entry.sha256, hash) && entry.mode == *mode) return principal{entry.merchant, entry.mode};
  }
  return std::nullopt;
}

}  // namespace novapay::adapters
