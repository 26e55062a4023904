// silent_ports: the runtime's ports for tests: a clock and randomness that the test owns, a log that remembers, metrics that
// count nowhere.
#pragma once

#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/random.hpp"

namespace novapay::testing {

class fake_clock final : public runtime::clock {
 public:
  // `per_read` lets time pass between any two looks, as it does in life.
  explicit fake_clock(std::chrono::milliseconds per_read = std::chrono::milliseconds{0}) : per_read_(per_read) {}
  runtime::timestamp now() const override { return now_ += per_read_; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  std::chrono::milliseconds per_read_;
  mutable runtime::timestamp now_{std::chrono::milliseconds{1'800'000'000'000}};
};

class seeded_random final : public runtime::random_source {
 public:
  explicit seeded_random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(unsigned per_mille) { return below(1000) < per_mille; }

 private:
  std::mt19937_64 engine_;
};

class remembering_log final : public runtime::log {
 public:
  void write(runtime::log_level level, std::string_view message,
             std::initializer_list<runtime::log_field> fields) override {
    const std::lock_guard lock(mutex_);
    if (level < runtime::log_level::warning) return;
    std::string line(message);
    for (const auto& [name, value] : fields)
      if (const auto* text = std::get_if<std::string_view>(&value))
        line += " " + std::string(name) + "=" + std::string(*text);
    lines_.push_back(std::move(line));
    if (lines_.size() > 1000) lines_.pop_front();
  }
  bool has(std::string_view part) const { return count(part) > 0; }
  std::size_t count(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const auto& line : lines_) found += line.find(part) != std::string::npos ? 1 : 0;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
};

class silent_metrics final : public runtime::metrics {
 public:
  runtime::counter& count(const std::string&, const std::string&, const runtime::metric_labels&) override {
    return counter_;
  }
  runtime::gauge& level(const std::string&, const std::string&, const runtime::metric_labels&) override {
    return gauge_;
  }
  runtime::histogram& spread(const std::string&, const std::string&, const std::vector<double>&,
                             const runtime::metric_labels&) override {
    return histogram_;
  }

 private:
  struct : runtime::counter {
    void add(double) override {}
  } counter_;
  struct : runtime::gauge {
    void set(double) override {}
    void add(double) override {}
  } gauge_;
  struct : runtime::histogram {
    void observe(double) override {}
  } histogram_;
};

}  // namespace novapay::testing
