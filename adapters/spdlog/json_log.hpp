// json_log: runtime/log.hpp on spdlog. One JSON object a line:
//   {"ts":"2024-05-12T10:11:12.123Z","level":"info","msg":"…","service":"novapay", then the fields in their order}
//
// Lines go through a bounded queue to a thread of spdlog's, so a slow reader of the log never slows a payment: when the
// queue is full the oldest lines are dropped, and their number is logged. The destructor writes out what is queued.
// What is queued is lost if the process is killed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace novapay::adapters {

struct json_log_settings {
  runtime::log_level level = runtime::log_level::info;  // what is below it is not written
  std::string file;                                     // empty: stderr
  std::size_t queued_lines_max = 8192;
};

// "debug", "info", "warning", "error"; nullopt for anything else.
std::optional<runtime::log_level> parse_log_level(std::string_view name) noexcept;

class json_log final : public runtime::log {
 public:
  // Throws std::runtime_error if the file cannot be opened. `time` must outlive it.
  json_log(const json_log_settings& settings, const runtime::clock& time);
  ~json_log() override;

  void write(runtime::log_level level, std::string_view message,
             std::initializer_list<runtime::log_field> fields) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

// One line, without the line's end. Strings are redacted (redaction.hpp) and made valid UTF-8. Pure.
std::string json_log_line(runtime::timestamp at, runtime::log_level level, std::string_view message,
                          std::initializer_list<runtime::log_field> fields);

}  // namespace novapay::adapters
