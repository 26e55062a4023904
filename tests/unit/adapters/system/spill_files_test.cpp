#include "adapters/system/spill_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>

using namespace novapay::adapters;

TEST_CASE("spill: what is put aside comes back once, a key's records together and in order") {
  spill_files aside;
  std::map<std::string, std::vector<std::string>> expected;
  for (int n = 0; n < 5000; ++n) {
    const auto key = "pay_" + std::to_string(n % 700);
    const std::string record = key + '\n' + std::string(static_cast<std::size_t>(n % 97), '\0') + std::to_string(n);
    CHECK(aside.put(key, record).empty());
    expected[key].push_back(record);
  }
  CHECK(aside.put("pay_0", "").empty());  // an empty one is one too
  std::map<std::string, std::vector<std::string>> found;
  std::size_t parts = 0, empty = 0;
  for (std::size_t part = 0; part < aside.parts(); ++part) {
    const auto read = aside.take(part);
    REQUIRE(read.value);
    std::map<std::string, std::vector<std::string>> here;
    for (const auto& record : *read.value) {
      if (record.empty())
        ++empty;
      else
        here[record.substr(0, record.find('\n'))].push_back(record);
    }
    parts += here.empty() ? 0 : 1;
    for (auto& [key, records] : here) CHECK(found.emplace(key, records).second);
    CHECK(aside.take(part).value->empty());
  }
  CHECK(found == expected);
  CHECK(empty == 1);
  CHECK(parts > spill_parts / 2);
}

TEST_CASE("spill: leaves no file, and says where it cannot write") {
  const auto folder = std::filesystem::temp_directory_path() / "novapay-spill-test";
  std::filesystem::create_directories(folder);
  {
    spill_files aside(folder);
    CHECK(aside.put("a", "b").empty());
    CHECK(std::filesystem::is_empty(folder));
    CHECK(aside.take(0).value);
  }
  std::filesystem::remove_all(folder);
  spill_files nowhere(folder);
  CHECK(nowhere.put("a", "b").find(folder.string()) != std::string::npos);
}
