#include "actors/processor_set.hpp"

#include <algorithm>
#include <utility>

namespace novapay {

using domain::operation_kind;

namespace {

constexpr std::array operations{operation_kind::authorize, operation_kind::confirm, operation_kind::capture,
                                operation_kind::refund, operation_kind::cancel};

// Reasons that say nothing about the processor's health: our own bounds and settings, its rate limit, a lock of another call's, our
// shutdown, what is too old or too much to be asked for.
constexpr std::array<std::string_view, 14> not_its_fault{
    "processor_busy",        "processor_shutdown",  "processor_not_configured",
    "processor_credentials", "processor_forbidden", "rate_limited",
    "object_locked",         "lock_timeout",        "circuit_open",
    "key_expired",           "mode_mismatch",       "reference_missing",
    "search_incomplete",     "too_many_calls"};

bool is_its_fault(std::string_view reason) noexcept {
  return std::ranges::find(not_its_fault, reason) == not_its_fault.end();
}

}  // namespace

domain::call_health health_of(const domain::outcome& answer) noexcept {
  const std::string* reason = nullptr;
  if (const auto* lost = std::get_if<domain::reported::unknown>(&answer)) reason = &lost->reason;
  if (const auto* not_done = std::get_if<domain::reported::not_executed>(&answer)) reason = &not_done->reason;
  if (reason == nullptr) return domain::call_health::good;
  return is_its_fault(*reason) ? domain::call_health::fault : domain::call_health::neither;
}

struct processor_set::guarded {
  struct slot {
    domain::circuit_breaker breaker;
    bool said_open = false;  // what the log and the gauge say
    runtime::gauge* open = nullptr;
  };

  processor_member is;
  mutable std::mutex mutex;  // of the slots
  std::vector<slot> slots;   // by operation

  slot& at(operation_kind which) { return slots.at(static_cast<std::size_t>(which) - 1); }
};

processor_set::processor_set(std::vector<processor_member> members, const domain::breaker_settings& by,
                             const runtime::clock& time, runtime::log& logger, runtime::metrics& registry)
    : time_(time), logger_(logger) {
  for (auto& member : members) {
    auto& made = *members_.emplace_back(std::make_unique<guarded>());
    made.is = std::move(member);
    for (const auto operation : operations)
      made.slots.push_back(
          {domain::circuit_breaker(by), false,
           &registry.level("novapay_circuit_breaker_open", "1 while calls are kept from a processor",
                           {{"processor", made.is.name}, {"operation", std::string(domain::to_text(operation))}})});
    if (!made.is.guarded)
      for (auto& slot : made.slots) slot.breaker.override_with(domain::breaker_override::closed);
  }
}

processor_set::~processor_set() = default;

processor_set::guarded* processor_set::find(std::string_view name) const noexcept {
  if (name.empty()) return members_.front().get();
  for (const auto& each : members_)
    if (each->is.name == name) return each.get();
  return nullptr;
}

namespace {

// Says once that a breaker has opened or closed. Called with the slot's lock held.
template <class Slot>
void tell(Slot& slot, const std::string& processor, operation_kind operation, domain::timestamp now, runtime::log& to) {
  const bool open = slot.breaker.state(now) != domain::breaker_state::closed;
  if (open == slot.said_open) return;
  slot.said_open = open;
  slot.open->set(open ? 1 : 0);
  to.write(runtime::log_level::warning,
           open ? "a circuit breaker has opened: calls are kept from this processor" : "a circuit breaker has closed",
           {{"processor", processor}, {"operation", domain::to_text(operation)}});
}

}  // namespace

void processor_set::send(processor_call call, processor_done done) {
  auto* member = find(call.processor);
  if (member == nullptr) return done(domain::reported::not_executed{"processor_not_configured"});

  const auto operation = call.operation;
  std::optional<domain::breaker_pass> pass;
  {
    const std::lock_guard lock(member->mutex);
    auto& slot = member->at(operation);
    const auto now = time_.now();
    pass = slot.breaker.start(now);
    tell(slot, member->is.name, operation, now, logger_);
  }
  if (!pass) return done(domain::reported::not_executed{"circuit_open"});
  member->is.through->send(std::move(call),
                           [this, member, operation, pass = *pass, done = std::move(done)](domain::outcome answer) {
                             {
                               const std::lock_guard lock(member->mutex);
                               auto& slot = member->at(operation);
                               const auto now = time_.now();
                               slot.breaker.ended(pass, health_of(answer), now);
                               tell(slot, member->is.name, operation, now, logger_);
                             }
                             done(std::move(answer));
                           });
}

void processor_set::listen(notice_sink sink) {
  for (const auto& each : members_)
    each->is.through->listen([name = each->is.name, sink](processor_notice told) {
      if (told.what.processor.empty()) told.what.processor = name;
      sink(std::move(told));
    });
}

std::vector<domain::processor_standing> processor_set::standings() const {
  std::vector<domain::processor_standing> all;
  all.reserve(members_.size());
  const auto now = time_.now();
  for (const auto& each : members_) {
    const std::lock_guard lock(each->mutex);
    auto& slot = each->at(operation_kind::authorize);
    // Who stalls is asked no more, so no call would say it.
    tell(slot, each->is.name, operation_kind::authorize, now, logger_);
    const bool open = slot.breaker.state(now) == domain::breaker_state::open;
    all.push_back({each->is.name, each->is.live, !open, each->is.currencies, each->is.any_mode});
  }
  return all;
}

std::vector<breaker_view> processor_set::breakers() const {
  std::vector<breaker_view> all;
  const auto now = time_.now();
  for (const auto& each : members_) {
    const std::lock_guard lock(each->mutex);
    for (const auto operation : operations) {
      const auto& breaker = each->at(operation).breaker;
      all.push_back({each->is.name, operation, breaker.state(now), breaker.overridden(), breaker.times_opened()});
    }
  }
  return all;
}

bool processor_set::override_breaker(std::string_view name, std::optional<operation_kind> operation,
                                     domain::breaker_override word) {
  auto* member = name.empty() ? nullptr : find(name);
  if (member == nullptr) return false;
  const std::lock_guard lock(member->mutex);
  for (const auto each : operations) {
    if (operation && *operation != each) continue;
    auto& slot = member->at(each);
    slot.breaker.override_with(word);
    logger_.write(
        runtime::log_level::warning, "an operator has set a circuit breaker",
        {{"processor", member->is.name}, {"operation", domain::to_text(each)}, {"override", domain::to_text(word)}});
    tell(slot, member->is.name, each, time_.now(), logger_);
  }
  return true;
}

}  // namespace novapay
