#include "actors/api_key.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace novapay {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view test_prefix = "np_test_sk_";
constexpr std::string_view live_prefix = "np_live_sk_";
constexpr std::size_t random_length = 32;
constexpr std::size_t check_length = 6;  // 62^6 > 2^32
static_assert(test_prefix.size() == live_prefix.size());
static_assert(test_prefix.size() + random_length + check_length == api_key_length);

constexpr auto crc32_of_byte = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    auto crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    table[byte] = crc;
  }
  return table;
}();

std::uint32_t crc32(std::string_view text) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const char c : text) crc = (crc >> 8) ^ crc32_of_byte[(crc ^ static_cast<std::uint8_t>(c)) & 0xff];
  return ~crc;
}

std::array<char, check_length> checksum(std::string_view text) noexcept {
  std::array<char, check_length> out;
  auto value = crc32(text);
  for (auto at = out.rbegin(); at != out.rend(); ++at, value /= 62) *at = alphabet[value % 62];
  return out;
}

constexpr auto is_key_character =
    [](char c) noexcept {  // a value, not a function: it is called for each character in place
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    };

}  // namespace

std::string make_api_key(domain::mode mode, runtime::random_source& random) {
  std::string key{mode == domain::mode::live ? live_prefix : test_prefix};
  while (key.size() < api_key_length - check_length) {
    // Six bits at a time; 62 and 63 are drawn again, so that every character is equally likely.
    auto bits = random.next();
    for (int i = 0; i < 10 && key.size() < api_key_length - check_length; ++i, bits >>= 6)
      if ((bits & 63) < alphabet.size()) key += alphabet[bits & 63];
  }
  const auto check = checksum(key);
  return key.append(check.data(), check.size());
}

std::optional<domain::mode> api_key_mode(std::string_view key) noexcept {
  if (key.size() != api_key_length) return std::nullopt;
  const bool live = key.starts_with(live_prefix);
  if (!live && !key.starts_with(test_prefix)) return std::nullopt;
  if (!std::all_of(key.begin() + test_prefix.size(), key.end(), is_key_character)) return std::nullopt;
  const auto check = checksum(key.substr(0, api_key_length - check_length));
  if (!std::equal(check.begin(), check.end(), key.end() - check_length)) return std::nullopt;
  return live ? domain::mode::live : domain::mode::test;
}

bool contains_api_key(std::string_view text) noexcept {
  constexpr std::size_t shortest = test_prefix.size() + api_key_characters_min;
  for (std::size_t at = 0; (at = text.find("np_", at)) != std::string_view::npos && text.size() - at >= shortest;
       ++at) {
    const auto rest = text.substr(at);
    if (!rest.starts_with(test_prefix) && !rest.starts_with(live_prefix)) continue;
    const auto* characters = rest.data() + test_prefix.size();
    if (std::all_of(characters, characters + api_key_characters_min, is_key_character)) return true;
  }
  return false;
}

}  // namespace novapay
