// api_key: the form of our API keys. "np_test_sk_" or "np_live_sk_", 32 random characters (190 bits), 6 of a checksum:
//
//   np_test_sk_8sVq0JZkTn3xW2aLr5Yb7cDf9GhM1pQe43xNWk
//              └────────── random ────────────┘└check┘   characters 0-9 A-Z a-z
//
// The checksum is the CRC-32 (ISO-HDLC, as in zip) of all before it, in base 62. It proves nothing; it lets a mistyped
// key be told apart before any lookup, and lets secret scanners know a real key from a look-alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/payment.hpp"
#include "runtime/random.hpp"

namespace novapay {

inline constexpr std::size_t api_key_length = 11 + 32 + 6;

// `random` must be fit for secrets: a new key is as secret as it.
std::string make_api_key(domain::mode mode, runtime::random_source& random);

// The mode of a key that is well formed; nullopt for anything else. Says nothing of whether the key was ever given out.
std::optional<domain::mode> api_key_mode(std::string_view key) noexcept;

// Does the text hold what was meant as one of our keys? The prefix and so many characters of the rest: a key with a typing
// mistake, or cut short, still gives most of its secret away; a prefix in a sentence gives nothing.
inline constexpr std::size_t api_key_characters_min = 16;
bool contains_api_key(std::string_view text) noexcept;

}  // namespace novapay
