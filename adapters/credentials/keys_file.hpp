// keys_file: the file an operator keeps API keys in. It holds hashes, so reading it gives no key away.
//
//   keys:
//     - merchant: mrc_demo        # "mrc_" and 1 to 60 letters, digits or '_'
//       mode: test                # test | live
//       sha256: "64 hex digits"   # of the whole key: what `novapay keygen` prints
//       name: "laptop"            # optional, up to 100 bytes
//
// Every mistake is a std::runtime_error naming file, line and field: "keys.yaml:3: keys[0].mode must be test or live".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/payment.hpp"
#include "adapters/credentials/key_hash.hpp"

namespace novapay::adapters {

inline constexpr std::size_t keys_max = 10'000;
inline constexpr std::size_t keys_file_bytes_max = std::size_t{4} * 1024 * 1024;

struct key_entry {
  std::string merchant;
  domain::mode mode = domain::mode::test;
  digest sha256{};
  std::string name;
  friend bool operator==(const key_entry&, const key_entry&) = default;
};

// `file` is the name used in messages.
std::vector<key_entry> parse_keys(const std::string& text, const std::string& file);
std::vector<key_entry> load_keys(const std::string& path);

// Adds one entry at the end and leaves the rest of the text as it is, comments too. Makes the file if there is none.
// Atomic (a new file takes the old one's place) and durable, mode 0600; several processes may append at once. Throws
// std::runtime_error, with the file as it was: it is broken, has this key already, or is written in a way that cannot
// be appended to.
void append_key(const std::string& path, const key_entry& entry);

}  // namespace novapay::adapters
