// stats: what the load generator counted, in one stretch of time.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace loadgen {

using nanoseconds = std::chrono::nanoseconds;

// Durations from 1 µs to about 70 minutes, each step 1/32 wide: a percentile is at most 3 % too high.
class histogram {
 public:
  void add(nanoseconds took) {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count() / 1000, 0));
    ++counts_[step_of(us)];
    ++count_;
    sum_us_ += us;
    max_us_ = std::max(max_us_, us);
  }
  std::uint64_t count() const { return count_; }
  double mean_ms() const { return count_ == 0 ? 0 : static_cast<double>(sum_us_) / static_cast<double>(count_) / 1e3; }
  double max_ms() const { return static_cast<double>(max_us_) / 1e3; }
  double percentile_ms(double wanted) const {
    const auto enough = wanted / 100 * static_cast<double>(count_);
    double seen = 0;
    for (std::size_t step = 0; step < counts_.size(); ++step) {
      seen += counts_[step];
      if (counts_[step] > 0 && seen >= enough) return std::min(upper_us(step), static_cast<double>(max_us_)) / 1e3;
    }
    return 0;
  }

 private:
  static constexpr std::size_t parts = 32, octaves = 28;
  static std::size_t step_of(std::uint64_t us) {
    if (us < parts) return static_cast<std::size_t>(us);
    const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 6;  // us >> octave is in [32, 64)
    return std::min(octave * parts + static_cast<std::size_t>(us >> octave), parts * octaves - 1);
  }
  static double upper_us(std::size_t step) {
    if (step < parts) return static_cast<double>(step + 1);
    const auto octave = step / parts - 1;
    return static_cast<double>((step - octave * parts + 1) << octave);
  }

  std::array<std::uint32_t, parts * octaves> counts_{};
  std::uint64_t count_ = 0, sum_us_ = 0, max_us_ = 0;
};

struct stats {
  std::uint64_t offered = 0;                   // payments that should have begun
  std::uint64_t sent = 0;                      // requests written
  std::uint64_t created = 0;                   // payments authorized
  std::uint64_t paid = 0;                      // payments created and captured
  std::uint64_t refused_creates = 0;           // 503 `overloaded` with Retry-After
  std::uint64_t refused_captures = 0;          // the same
  std::uint64_t broken = 0;                    // requests whose connection ended first
  std::uint64_t unsent = 0;                    // arrivals thrown away: so many waited for a connection already
  std::map<std::string, std::uint64_t> other;  // any other answer: status and error code

  histogram ok;            // of 2xx, from the scheduled instant to the answer
  histogram refused;       // of refusals, from the scheduled instant
  histogram refused_sent;  // of refusals, from the request's writing
  histogram own;           // of 2xx: the server's own time, by its Server-Timing
  histogram beyond;        // of 2xx: from the request's writing to the answer, less the processor's time
  histogram refused_own;   // of refusals: the same
  histogram lag;           // from the scheduled instant to the request's writing: how late the generator was
};

}  // namespace loadgen
