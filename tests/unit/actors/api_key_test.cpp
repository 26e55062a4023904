#include "actors/api_key.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace novapay;

namespace {
struct seeded final : runtime::random_source {
  explicit seeded(unsigned seed) : generator{seed} {}
  std::uint64_t next() override { return generator(); }
  std::mt19937_64 generator;
};
}  // namespace

TEST_CASE("api_key/make: a key says its mode and checks out") {
  seeded random{1};
  for (const auto mode : {domain::mode::test, domain::mode::live}) {
    const auto key = make_api_key(mode, random);
    CHECK(key.size() == api_key_length);
    CHECK(key.starts_with(mode == domain::mode::live ? "np_live_sk_" : "np_test_sk_"));
    CHECK(api_key_mode(key) == mode);
  }
}

TEST_CASE("api_key/make: keys differ and use the whole alphabet") {
  seeded random{2};
  std::set<std::string> keys;
  std::set<char> characters;
  for (int i = 0; i < 500; ++i) {
    const auto key = make_api_key(domain::mode::test, random);
    keys.insert(key);
    characters.insert(key.begin() + 11, key.end() - 6);
  }
  CHECK(keys.size() == 500);
  CHECK(characters.size() == 62);
}

TEST_CASE("api_key/mode: any one wrong character is noticed") {
  seeded random{3};
  const auto key = make_api_key(domain::mode::live, random);
  for (std::size_t i = 0; i < key.size(); ++i)
    for (const char c : {'0', 'z', '_', ' ', '\0'}) {
      auto wrong = key;
      if (wrong[i] == c) continue;
      wrong[i] = c;
      CHECK_FALSE(api_key_mode(wrong));
    }
  auto other_mode = key;
  other_mode.replace(0, 11, "np_test_sk_");
  CHECK_FALSE(api_key_mode(other_mode));
  CHECK_FALSE(api_key_mode(""));
  CHECK_FALSE(api_key_mode("np_live_sk_"));
  CHECK_FALSE(api_key_mode(key + "0"));
  CHECK_FALSE(api_key_mode(std::string_view{key}.substr(1)));
}

TEST_CASE("api_key/mode: the checksum is the one of zip, so that others can check keys too") {
  // Computed by Python: zlib.crc32 of the first 43 characters, in base 62.
  CHECK(api_key_mode("np_test_sk_0000000000000000000000000000000038TiZh") == domain::mode::test);
  CHECK(api_key_mode("np_live_sk_8sVq0JZkTn3xW2aLr5Yb7cDf9GhM1pQe2uYZ2E") == domain::mode::live);
}

TEST_CASE("api_key/contains: whole keys, mistyped and cut ones, wherever they stand; never the mere prefix") {
  seeded random{4};
  for (const auto mode : {domain::mode::test, domain::mode::live}) {
    const auto key = make_api_key(mode, random);
    for (const auto& text :
         {key, "my key is " + key + ".", "x" + key, "np_np_" + key, key.substr(0, 11 + api_key_characters_min),
          key + key, key.substr(0, key.size() - 1) + "!"})
      CHECK_MESSAGE(contains_api_key(text), text);
    for (const auto& text : {std::string{}, key.substr(0, 11), key.substr(0, 11 + api_key_characters_min - 1),
                             key.substr(1), key.substr(0, 12) + "_" + key.substr(12), "np_prod_sk_" + key.substr(11)})
      CHECK_FALSE_MESSAGE(contains_api_key(text), text);
  }
  CHECK_FALSE(contains_api_key("keys begin with np_test_sk_ or np_live_sk_, then 38 characters"));
}
