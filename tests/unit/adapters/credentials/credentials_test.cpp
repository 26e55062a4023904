#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "actors/api_key.hpp"
#include "adapters/credentials/file_credentials.hpp"
#include "adapters/credentials/key_hash.hpp"
#include "adapters/credentials/keys_file.hpp"

using namespace novapay;
using namespace novapay::adapters;

namespace {

struct seeded final : runtime::random_source {
  explicit seeded(unsigned seed) : generator{seed} {}
  std::uint64_t next() override { return generator(); }
  std::mt19937_64 generator;
};

struct temporary_folder {
  temporary_folder() : path{std::filesystem::temp_directory_path() / ("novapay-keys-" + std::to_string(::getpid()))} {
    std::filesystem::create_directories(path);
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }
  std::string file() const { return (path / "keys.yaml").string(); }
  std::filesystem::path path;
};

std::string contents(const std::string& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string error_of(const std::string& text) {
  try {
    parse_keys(text, "keys.yaml");
  } catch (const std::runtime_error& error) { return error.what(); }
  return "no error";
}

const std::string hash_a(64, 'a');
const std::string one = "keys:\n  - merchant: mrc_demo\n    mode: test\n    sha256: \"" + hash_a + "\"\n";

key_entry entry(const std::string& merchant, const std::string& key, const std::string& name = {}) {
  return {merchant, api_key_mode(key).value(), sha256(key), name};
}

}  // namespace

TEST_CASE("credentials/key_hash: the vectors of FIPS 180") {
  CHECK(key_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(key_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(parse_digest(key_hash("abc")) == sha256("abc"));
  CHECK_FALSE(parse_digest(std::string(64, 'g')));
  CHECK_FALSE(parse_digest("abc"));
  CHECK(same_digest(sha256("a"), sha256("a")));
  CHECK_FALSE(same_digest(sha256("a"), sha256("b")));
}

TEST_CASE("credentials/find: a key finds its merchant and mode, any other key nobody") {
  seeded random{1};
  const auto test_key = make_api_key(domain::mode::test, random);
  const auto live_key = make_api_key(domain::mode::live, random);
  const auto stranger = make_api_key(domain::mode::test, random);
  const auto mislabeled = make_api_key(domain::mode::test, random);
  auto wrong_mode = entry("mrc_b", mislabeled);
  wrong_mode.mode = domain::mode::live;
  const file_credentials known{{entry("mrc_a", test_key), entry("mrc_a", live_key), wrong_mode}};

  REQUIRE(known.find(test_key));
  CHECK(known.find(test_key)->merchant == "mrc_a");
  CHECK(known.find(test_key)->mode == domain::mode::test);
  CHECK(known.find(live_key)->mode == domain::mode::live);
  CHECK_FALSE(known.find(stranger));
  CHECK_FALSE(known.find(mislabeled));
  CHECK_FALSE(known.find(""));
  CHECK_FALSE(known.find(test_key + " "));
  CHECK_FALSE(known.find(to_hex(sha256(test_key))));
}

TEST_CASE("credentials/keys_file: a file is read as it says") {
  const auto entries = parse_keys(
      one + "  - {merchant: mrc_b, mode: live, sha256: '" + std::string(64, 'B') + "', name: \"la \\\"ptop\"}\n",
      "keys.yaml");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].merchant == "mrc_demo");
  CHECK(entries[0].mode == domain::mode::test);
  CHECK(to_hex(entries[1].sha256) == std::string(64, 'b'));
  CHECK(entries[1].name == "la \"ptop");
  CHECK(parse_keys("", "x").empty());
  CHECK(parse_keys("keys:\n", "x").empty());
  CHECK(parse_keys("keys: []\n", "x").empty());
}

TEST_CASE("credentials/keys_file: each mistake is named with file, line and field") {
  const auto item = [](const std::string& members) { return "keys:\n  - " + members; };
  const std::string rest = "\n    mode: test\n    sha256: " + hash_a + "\n";
  CHECK(error_of("- a\n") == "keys.yaml:1: must have the member keys");
  CHECK(error_of("\nkey: []\n") == "keys.yaml:2: key is not a member of this file: only keys is");
  CHECK(error_of("keys:\nkeys:\n") == "keys.yaml:2: keys is given twice");
  CHECK(error_of("keys: 5\n") == "keys.yaml:1: keys must be a list");
  CHECK(error_of("keys:\n  - 5\n") == "keys.yaml:2: keys[0] must have the members merchant, mode and sha256");
  CHECK(error_of(item("merchant: demo" + rest)) ==
        "keys.yaml:2: keys[0].merchant must be mrc_ and 1 to 60 letters, digits or underscores");
  CHECK(error_of(item("merchant: [a]" + rest)) == "keys.yaml:2: keys[0].merchant must be a text");
  CHECK(error_of(item("mode: test\n    sha256: " + hash_a)) == "keys.yaml:2: keys[0].merchant is missing");
  CHECK(error_of(item("merchant: mrc_a\n    mode: Test\n")) == "keys.yaml:3: keys[0].mode must be test or live");
  CHECK(error_of(item("merchant: mrc_a\n    mode: test\n    sha256: abc\n")) ==
        "keys.yaml:4: keys[0].sha256 must be the 64 hexadecimal digits that novapay keygen prints");
  CHECK(error_of(item("merchant: mrc_a\n    sha: abc\n")) ==
        "keys.yaml:3: keys[0].sha is not a member of a key: merchant, mode, sha256, name are");
  CHECK(error_of(item("merchant: mrc_a\n    merchant: mrc_b\n")) == "keys.yaml:3: keys[0].merchant is given twice");
  CHECK(error_of(item("name: \"a\\nb\"\n")) ==
        "keys.yaml:2: keys[0].name must be at most 100 bytes, without control characters");
  CHECK(error_of(one + one.substr(6)) == "keys.yaml:5: keys[1].sha256 is the one of another key in this file");
  CHECK(error_of("keys: [\n").starts_with("keys.yaml:2: is not YAML: "));
  CHECK(error_of("--- a\n--- b\n") == "keys.yaml: must be one YAML document");
  CHECK_THROWS_WITH_AS(load_keys("/nowhere/keys.yaml"), "/nowhere/keys.yaml: cannot be read", std::runtime_error);
}

TEST_CASE("credentials/append_key: makes the file, adds to it, keeps what is there, for its owner's eyes only") {
  const temporary_folder folder;
  seeded random{2};
  const auto first = entry("mrc_a", make_api_key(domain::mode::test, random));
  const auto second = entry("mrc_b", make_api_key(domain::mode::live, random), "till \"2\" \\");

  append_key(folder.file(), first);
  append_key(folder.file(), second);
  CHECK(load_keys(folder.file()) == std::vector{first, second});
  struct stat status {};
  REQUIRE(::stat(folder.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK_FALSE(std::filesystem::exists(folder.file() + ".new"));

  const std::string unindented = "# mine\nkeys:\n- merchant: mrc_z\n  mode: test\n  sha256: " + hash_a;
  for (const std::string& before : {std::string{"# mine\n"}, std::string{"# mine\nkeys: []  # none yet\n"},
                                    std::string{"keys:\n"}, std::string{"keys: # here\n"}, unindented}) {
    CAPTURE(before);
    std::ofstream{folder.file()} << before;
    auto expected = parse_keys(before, "");
    append_key(folder.file(), first);
    append_key(folder.file(), second);
    expected.insert(expected.end(), {first, second});
    CHECK(load_keys(folder.file()) == expected);
    if (before.front() == '#') CHECK(contents(folder.file()).starts_with("# mine\n"));
  }
}

TEST_CASE("credentials/append_key: what cannot be appended to stays as it was") {
  const temporary_folder folder;
  seeded random{3};
  const auto added = entry("mrc_a", make_api_key(domain::mode::test, random));
  const std::string flow = "keys: [{merchant: mrc_z, mode: test, sha256: " + hash_a + "}]\n";
  const std::string broken = "nonsense: 1\n";
  const std::string has_it = "keys:\n  - merchant: mrc_a\n    mode: test\n    sha256: " + to_hex(added.sha256) + "\n";
  for (const auto& before : {flow, broken, has_it}) {
    std::ofstream{folder.file()} << before;
    CHECK_THROWS_AS(append_key(folder.file(), added), std::runtime_error);
    CHECK(contents(folder.file()) == before);
  }
  CHECK_THROWS_AS(append_key("/nowhere/keys.yaml", added), std::runtime_error);
}

TEST_CASE("credentials/append_key: appends at the same time lose nothing") {
  const temporary_folder folder;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&folder, t] {
      seeded random{100 + t};
      for (int i = 0; i < 5; ++i) append_key(folder.file(), entry("mrc_a", make_api_key(domain::mode::test, random)));
    });
  for (auto& thread : threads) thread.join();
  CHECK(load_keys(folder.file()).size() == 20);
}

TEST_CASE("credentials/keys_file: a text that yaml-cpp finds endless documents in is refused at once") {
  CHECK(error_of(" ,o\"") == "keys.yaml: must be one YAML document");
  CHECK(error_of("--- {}\n--- {}\n") == "keys.yaml: must be one YAML document");
}
