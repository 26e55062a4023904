#include "adapters/spdlog/json_log.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "adapters/spdlog/json_text.hpp"
#include "adapters/spdlog/redaction.hpp"

namespace novapay::adapters {
namespace {

using runtime::log_field;
using runtime::log_level;

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};

std::string_view name_of(log_level level) { return level_names[static_cast<std::size_t>(level)]; }

spdlog::level::level_enum spdlog_level(log_level level) {
  switch (level) {
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warning: return spdlog::level::warn;
    case log_level::error: break;
  }
  return spdlog::level::err;
}

std::string rfc3339(runtime::timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  std::array<char, 48> text;
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                    int(time.minutes().count()), int(time.seconds().count()), int(time.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

void append_value(std::string& out, const runtime::log_value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value))
    append_json_string(out, redacted(std::string{*text}));
  else if (const auto* number = std::get_if<std::int64_t>(&value))
    out += std::to_string(*number);
  else if (const auto* real = std::get_if<double>(&value))
    append_json_number(out, *real);
  else
    out += std::get<bool>(value) ? "true" : "false";
}

}  // namespace

std::optional<log_level> parse_log_level(std::string_view name) noexcept {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == name) return static_cast<log_level>(i);
  return std::nullopt;
}

std::string json_log_line(runtime::timestamp at, log_level level, std::string_view message,
                          std::initializer_list<log_field> fields) {
  std::string line;
  line.reserve(128 + message.size() + fields.size() * 32);
  line += "{\"ts\":\"";
  line += rfc3339(at);
  line += "\",\"level\":\"";
  line += name_of(level);
  line += "\",\"msg\":";
  append_json_string(line, redacted(std::string{message}));
  line += ",\"service\":\"novapay\"";
  for (const auto& [name, value] : fields) {
    line += ',';
    append_json_string(line, name);
    line += ':';
    append_value(line, value);
  }
  line += '}';
  return line;
}

struct json_log::impl {
  impl(const json_log_settings& settings, const runtime::clock& t)
      : level{settings.level},
        time{t},
        pool{std::make_shared<spdlog::details::thread_pool>(settings.queued_lines_max, 1)},
        logger{std::make_shared<spdlog::async_logger>("novapay", sink_for(settings), pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)} {
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);  // the level is checked before the line is made
    logger->flush_on(settings.file.empty() ? spdlog::level::off : spdlog::level::info);  // stderr has no buffer
  }

  static spdlog::sink_ptr sink_for(const json_log_settings& settings) try {
    if (settings.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error("cannot write the log to " + settings.file + ": " + error.what());
  }

  void write(log_level at_level, std::string_view message, std::initializer_list<log_field> fields) {
    const auto line = json_log_line(time.now(), at_level, message, fields);
    logger->log(spdlog_level(at_level), spdlog::string_view_t{line.data(), line.size()});
  }

  // Says, once the queue moves again, how much was lost.
  void report_dropped() {
    const auto dropped = pool->overrun_counter();
    auto known = reported.load();
    if (dropped <= known || !reported.compare_exchange_strong(known, dropped)) return;
    write(log_level::warning, "log lines were dropped: the log's reader is too slow",
          {{"lines", static_cast<std::int64_t>(dropped - known)}});
  }

  const log_level level;
  const runtime::clock& time;
  std::shared_ptr<spdlog::details::thread_pool> pool;  // the logger knows it weakly
  const std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::size_t> reported{0};
};

json_log::json_log(const json_log_settings& settings, const runtime::clock& time)
    : impl_{std::make_unique<impl>(settings, time)} {}

json_log::~json_log() {
  try {
    impl_->logger->flush();
    impl_->pool.reset();  // writes what is queued and ends its thread, which must not outlive the logger
  } catch (...) {         // a log that cannot be written must not end the process
  }
}

void json_log::write(log_level level, std::string_view message, std::initializer_list<log_field> fields) {
  if (level < impl_->level) return;
  try {
    impl_->report_dropped();
    impl_->write(level, message, fields);
  } catch (...) {  // out of memory: this line is lost
  }
}

}  // namespace novapay::adapters
