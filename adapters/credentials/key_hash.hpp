// key_hash: SHA-256 of API keys, and a comparison that takes the same time wherever two digests differ. OpenSSL.
//
// A fast hash will do: a key carries 190 random bits, so there is nothing to guess that a slow hash would make dearer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace novapay::adapters {

using digest = std::array<std::uint8_t, 32>;

digest sha256(std::string_view bytes);  // throws std::runtime_error if OpenSSL fails (out of memory)
bool same_digest(const digest& a, const digest& b) noexcept;

std::string to_hex(const digest& bytes);                            // 64 lower-case digits
std::optional<digest> parse_digest(std::string_view hex) noexcept;  // 64 digits, either case

// What a keys file holds of a key.
inline std::string key_hash(std::string_view key) { return to_hex(sha256(key)); }

}  // namespace novapay::adapters
