// store_health: whether the store takes writes and gives reads, as those who use it last saw.
//
// It says so once when the store begins to fail and once when it is back, and keeps the metrics. While a side is down nobody
// waits for it: commands are refused at once, and only a probe goes to the store (writer_actor, timekeeper).
//
// Thread-safe. That all is well costs one atomic load.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::runtime {

enum class store_side : std::uint8_t { writing = 0, reading = 1 };

// One failure may be a connection's, which the next call makes anew. Two in a row are the store's.
inline constexpr int store_failures_max = 2;

class store_health {
 public:
  store_health(const clock& now, log& lines, metrics& registry);

  void failed(store_side side, std::string_view why);
  void down(store_side side, std::string_view why);  // no second failure is needed to believe it
  void works(store_side side);

  bool takes_writes() const noexcept { return !at(store_side::writing).is_down.load(std::memory_order_relaxed); }
  bool gives_reads() const noexcept { return !at(store_side::reading).is_down.load(std::memory_order_relaxed); }
  // It has failed since it last worked: try something small first.
  bool suspected(store_side side) const noexcept { return at(side).failures.load(std::memory_order_relaxed) > 0; }
  // It takes no writes, and has not for `store_patience`: who waits for one is told so.
  bool is_long_gone() const noexcept;
  // For the operator: what is wrong. Empty: nothing.
  std::string trouble() const;

  // A write is under way from `began` to `ended`; one that takes longer than `store_stall_max` is taken for a store that is
  // down, whatever it ends as. Whoever has a clock calls `look_for_stall` now and then.
  using steady_time = std::chrono::steady_clock::time_point;
  void write_began(steady_time at) noexcept { writing_since_ = at; }
  void write_ended() noexcept { writing_since_ = steady_time{}; }
  void look_for_stall(steady_time now);

 private:
  struct side_state {
    std::atomic<int> failures{0};
    std::atomic<bool> is_down{false};
    std::atomic<timestamp> down_since{};
    std::string why;
    gauge* up = nullptr;
  };
  side_state& at(store_side side) noexcept { return sides_[static_cast<std::size_t>(side)]; }
  const side_state& at(store_side side) const noexcept { return sides_[static_cast<std::size_t>(side)]; }
  void take_down(store_side side, std::string_view why);

  const clock& now_;
  log& lines_;
  counter& outages_;
  std::array<side_state, 2> sides_;
  std::atomic<steady_time> writing_since_{};
  mutable std::mutex mutex_;
  timestamp since_{};  // of the outage
};

}  // namespace novapay::runtime
