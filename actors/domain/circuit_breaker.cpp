#include "actors/domain/circuit_breaker.hpp"

#include <algorithm>

namespace novapay::domain {

std::string_view to_text(breaker_state value) noexcept {
  switch (value) {
    case breaker_state::closed: return "closed";
    case breaker_state::open: return "open";
    case breaker_state::half_open: return "half_open";
  }
  return "unknown";
}

std::string_view to_text(breaker_override value) noexcept {
  switch (value) {
    case breaker_override::none: return "none";
    case breaker_override::open: return "open";
    case breaker_override::closed: return "closed";
  }
  return "unknown";
}

breaker_state circuit_breaker::state(timestamp now) const {
  if (word_ == breaker_override::open) return breaker_state::open;
  if (word_ == breaker_override::closed) return breaker_state::closed;
  if (!opened_at_) return stalled(now) ? breaker_state::open : breaker_state::closed;
  if (now < *opened_at_ + wait_) return breaker_state::open;
  return stalled(now) ? breaker_state::open : breaker_state::half_open;
}

bool circuit_breaker::refuses(timestamp now) const {
  const auto as = state(now);
  return as == breaker_state::open || (as == breaker_state::half_open && in_flight_ >= by_.probes);
}

std::optional<breaker_pass> circuit_breaker::start(timestamp now) {
  if (word_ == breaker_override::none && stalled(now)) trip(now);
  if (refuses(now)) return std::nullopt;
  if (in_flight_ == 0) quiet_since_ = now;
  in_flight_ += 1;
  return breaker_pass{phase_};
}

void circuit_breaker::ended(breaker_pass which, call_health how, timestamp now) {
  if (which.phase != phase_) return;
  in_flight_ -= 1;
  if (how == call_health::neither) return;
  auto& present = current(now);
  present.calls += 1;
  if (how == call_health::good) {
    quiet_since_ = now;
    in_row_ = 0;
    good_ += 1;
    if (opened_at_ && good_ >= by_.probes) enter(false, now);
    return;
  }
  present.faults += 1;
  in_row_ += 1;
  if (opened_at_ || in_row_ >= by_.faults_in_row || too_many_faults(now)) trip(now);
}

// Begins a new phase with nothing known.
void circuit_breaker::enter(bool open, timestamp now) {
  phase_ += 1;
  in_flight_ = good_ = in_row_ = 0;
  window_ = {};
  if (open) {
    opened_at_ = now;
    return;
  }
  opened_at_.reset();
  wait_ = std::chrono::milliseconds{0};
}

void circuit_breaker::trip(timestamp now) {
  wait_ = opened_at_ ? std::min(wait_ * 2, by_.open_longest) : by_.open_for;
  if (!opened_at_) times_opened_ += 1;
  enter(true, now);
}

// While half open one probe without an answer is enough.
bool circuit_breaker::stalled(timestamp now) const {
  const auto enough = opened_at_ ? 1u : by_.stalled_min;
  return in_flight_ >= enough && now - quiet_since_ >= by_.stall_after;
}

bool circuit_breaker::too_many_faults(timestamp now) const {
  std::uint64_t calls = 0, faults = 0;
  for (const auto& each : window_) {
    if (each.number <= number_of(now) - static_cast<std::int64_t>(slices)) continue;
    calls += each.calls;
    faults += each.faults;
  }
  return calls >= by_.calls_min && faults * 100 >= calls * by_.fault_percent;
}

circuit_breaker::slice& circuit_breaker::current(timestamp now) {
  const auto number = number_of(now);
  auto& at = window_[static_cast<std::size_t>(number) % slices];
  if (at.number != number) at = {number, 0, 0};
  return at;
}

}  // namespace novapay::domain
