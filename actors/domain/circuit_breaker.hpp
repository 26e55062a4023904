// circuit_breaker: when to leave a processor alone. One for each processor and operation; values only, time comes in.
//
//   closed ──faults──► open ──open_for──► half open ──probes succeed──► closed
//                       ▲                     └──a probe fails or stalls──┐
//                       └───────── (twice as long, at most open_longest) ─┘
//
// It opens by any of:
//   - consecutive faults: faults_in_row without a good answer between them
//   - a share of faults: fault_percent of at least calls_min calls of the last `window`
//   - a stall: at least stalled_min calls under way, and no answer at all for `stall_after`: a dead peer is noticed long before its
//     calls run into their deadlines
// A fault is the processor's: a timeout, a lost connection, a 5xx. A decline, a refusal of our request and a rate limit are answers.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

struct breaker_settings {
  std::uint32_t faults_in_row = 10;
  std::uint32_t fault_percent = 50;
  std::uint32_t calls_min = 20;
  std::chrono::milliseconds window{10'000};
  std::uint32_t stalled_min = 5;
  std::chrono::milliseconds stall_after{1'500};
  std::chrono::milliseconds open_for{2'000};
  std::chrono::milliseconds open_longest{15'000};
  std::uint32_t probes = 3;  // under way at once while half open, and good answers that close it
};

enum class breaker_state : std::uint8_t { closed = 1, open, half_open };
enum class breaker_override : std::uint8_t { none = 0, open, closed };  // an operator's word
std::string_view to_text(breaker_state value) noexcept;                 // "half_open"
std::string_view to_text(breaker_override value) noexcept;              // "none"

enum class call_health : std::uint8_t { good = 1, fault, neither };

// A call that was let through. Calls of an earlier phase (begun before it opened, say) tell nothing about this one.
struct breaker_pass {
  std::uint64_t phase = 0;
};

class circuit_breaker {
 public:
  explicit circuit_breaker(breaker_settings by) : by_(by) {}

  // nullopt: no call may start now. Otherwise `ended` must follow.
  std::optional<breaker_pass> start(timestamp now);
  void ended(breaker_pass which, call_health how, timestamp now);

  // Would `start` say no? Changes nothing.
  bool refuses(timestamp now) const;
  breaker_state state(timestamp now) const;
  void override_with(breaker_override word) noexcept { word_ = word; }
  breaker_override overridden() const noexcept { return word_; }
  std::uint64_t times_opened() const noexcept { return times_opened_; }

 private:
  static constexpr std::size_t slices = 10;  // of the window
  struct slice {
    std::int64_t number = -1;
    std::uint32_t calls = 0, faults = 0;
  };

  void enter(bool open, timestamp now);
  void trip(timestamp now);
  bool stalled(timestamp now) const;
  bool too_many_faults(timestamp now) const;
  slice& current(timestamp now);
  std::int64_t number_of(timestamp now) const { return now.time_since_epoch() / (by_.window / slices); }

  breaker_settings by_;
  breaker_override word_ = breaker_override::none;
  std::optional<timestamp> opened_at_;  // open, or half open since `opened_at_ + wait_`
  std::chrono::milliseconds wait_{0};
  std::uint64_t phase_ = 0, times_opened_ = 0;
  std::uint32_t in_flight_ = 0, good_ = 0, in_row_ = 0;  // of this phase
  timestamp quiet_since_{};                              // the latest answer, or the start of the first call under way
  std::array<slice, slices> window_{};
};

}  // namespace novapay::domain
