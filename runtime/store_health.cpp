#include "runtime/store_health.hpp"

#include "runtime/limits.hpp"

namespace novapay::runtime {
namespace {

std::string_view name_of(store_side side) { return side == store_side::writing ? "writing" : "reading"; }

}  // namespace

store_health::store_health(const clock& now, log& lines, metrics& registry)
    : now_(now),
      lines_(lines),
      outages_(registry.count("novapay_store_outages_total", "Times the store began to fail")) {
  for (const auto side : {store_side::writing, store_side::reading}) {
    at(side).up =
        &registry.level("novapay_store_up", "1 while the store serves this", {{"side", std::string{name_of(side)}}});
    at(side).up->set(1);
  }
}

void store_health::failed(store_side side, std::string_view why) {
  const std::lock_guard lock(mutex_);
  if (++at(side).failures >= store_failures_max) take_down(side, why);
}

void store_health::down(store_side side, std::string_view why) {
  const std::lock_guard lock(mutex_);
  ++at(side).failures;
  take_down(side, why);
}

void store_health::take_down(store_side side, std::string_view why) {
  const bool was_well = takes_writes() && gives_reads();
  auto& one = at(side);
  one.why = why;
  if (one.is_down) return;
  one.down_since = now_.now();
  one.is_down = true;
  one.up->set(0);
  if (!was_well) return;  // the outage has been reported
  since_ = now_.now();
  outages_.add();
  lines_.write(log_level::error, "the store fails", {{"at", name_of(side)}, {"detail", why}});
}

void store_health::works(store_side side) {
  if (!suspected(side)) return;
  const std::lock_guard lock(mutex_);
  auto& one = at(side);
  one.failures = 0;
  one.why.clear();
  if (!one.is_down.exchange(false)) return;
  one.up->set(1);
  if (takes_writes() && gives_reads())
    lines_.write(log_level::info, "the store works again", {{"after_ms", (now_.now() - since_).count()}});
}

bool store_health::is_long_gone() const noexcept {
  return !takes_writes() && at(store_side::writing).down_since.load() + store_patience <= now_.now();
}

std::string store_health::trouble() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto side : {store_side::writing, store_side::reading})
    if (at(side).is_down) text += (text.empty() ? "" : "; ") + std::string{name_of(side)} + ": " + at(side).why;
  return text;
}

void store_health::look_for_stall(steady_time now) {
  const auto since = writing_since_.load();
  if (since != steady_time{} && since + store_stall_max <= now && takes_writes())
    down(store_side::writing, "a write has not ended for " + std::to_string(store_stall_max.count()) + " ms");
}

}  // namespace novapay::runtime
