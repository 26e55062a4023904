#include "adapters/spdlog/json_log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "adapters/spdlog/json_text.hpp"

using namespace novapay;
using adapters::json_log_line;
using runtime::log_level;

namespace {

struct fixed_clock final : runtime::clock {
  runtime::timestamp now() const override { return runtime::timestamp{std::chrono::milliseconds{1715508672123}}; }
};

struct temporary_folder {
  temporary_folder() : path{std::filesystem::temp_directory_path() / ("novapay-log-" + std::to_string(::getpid()))} {
    std::filesystem::create_directories(path);
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
  std::vector<nlohmann::json> lines;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("log/json_log_line: time, level, message, service, then the fields in order") {
  CHECK(
      json_log_line(fixed_clock{}.now(), log_level::info, "request answered",
                    {{"request_id", "req_1"}, {"status", std::int64_t{201}}, {"seconds", 0.25}, {"replayed", false}}) ==
      R"({"ts":"2024-05-12T10:11:12.123Z","level":"info","msg":"request answered","service":"novapay",)"
      R"("request_id":"req_1","status":201,"seconds":0.25,"replayed":false})");
  CHECK(json_log_line(runtime::timestamp{}, log_level::warning, "", {}) ==
        R"({"ts":"1970-01-01T00:00:00.000Z","level":"warning","msg":"","service":"novapay"})");
}

TEST_CASE("log/json_log_line: whatever a string holds, the line is JSON, on one line, and gives nothing away") {
  const auto line = json_log_line({}, log_level::error, "a\"b\\c\nd\te\x01\x7f",
                                  {{"utf8", "caf\xc3\xa9 \xf0\x9f\x92\xb3"},
                                   {"broken", "\xff|\xc3|\xed\xa0\x80|\xc0\xaf|\xf5"},
                                   {"key", "np_live_sk_secret"},
                                   {"card", "4111-1111-1111-1111"},
                                   {"nan", std::numeric_limits<double>::quiet_NaN()}});
  CHECK(line.find('\n') == std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  CHECK(parsed["msg"] == "a\"b\\c\nd\te\x01\x7f");
  CHECK(parsed["utf8"] == "caf\xc3\xa9 \xf0\x9f\x92\xb3");
  const std::string bad = "\xef\xbf\xbd";
  CHECK(parsed["broken"] == bad + "|" + bad + "|" + bad + bad + bad + "|" + bad + bad + "|" + bad);
  CHECK(parsed["key"] == "[redacted]");
  CHECK(parsed["card"] == "[redacted]");
  CHECK(parsed["nan"].is_null());
}

TEST_CASE("log/json_log: lines from many threads arrive whole, none below the level") {
  const temporary_folder folder;
  const auto file = folder.path / "log";
  {
    fixed_clock time;
    adapters::json_log log{{log_level::info, file.string(), 8192}, time};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 200; ++i) {
          log.write(log_level::debug, "hidden", {});
          log.write(log_level::info, "shown", {{"thread", std::int64_t{t}}, {"i", std::int64_t{i}}});
        }
      });
    for (auto& thread : threads) thread.join();
  }
  const auto lines = lines_of(file);
  CHECK(lines.size() == 800);
  for (const auto& line : lines) CHECK(line["msg"] == "shown");
}

TEST_CASE("log/json_log: a file that cannot be opened is a clear error") {
  fixed_clock time;
  CHECK_THROWS_AS((adapters::json_log{{log_level::info, "/proc/none/log", 64}, time}), std::runtime_error);
}

TEST_CASE("log/parse_log_level: the four names and nothing else") {
  CHECK(adapters::parse_log_level("debug") == log_level::debug);
  CHECK(adapters::parse_log_level("error") == log_level::error);
  CHECK_FALSE(adapters::parse_log_level("INFO"));
  CHECK_FALSE(adapters::parse_log_level(""));
}
