#include "adapters/sandbox/sim_processor.hpp"

#include <algorithm>
#include <utility>

namespace novapay::sandbox {
namespace {

using domain::operation_kind;
namespace reported = domain::reported;

// One throw of the die against several faults: at most one of them hits.
class die {
 public:
  explicit die(std::uint64_t random) : left_(static_cast<unsigned>(scatter(random) % 1000)) {}

  bool hits(unsigned of_thousand) {
    if (spent_) return false;
    if (left_ < of_thousand) return spent_ = true;
    left_ -= of_thousand;
    return false;
  }

 private:
  unsigned left_;
  bool spent_ = false;
};

// Each use of a step's number gets its own.
enum purpose : std::uint64_t { which = 1, how_it_arrives, how_it_ends, how_it_is_told };
std::uint64_t derive(std::uint64_t random, purpose of) { return scatter(random ^ scatter(of)); }

}  // namespace

const ledger_entry* memory_ledger::find(const std::string& idempotency_key) const {
  const auto at = by_key_.find(idempotency_key);
  return at == by_key_.end() ? nullptr : &operations_[at->second];
}

std::vector<ledger_entry> memory_ledger::of_payment(const std::string& payment) const {
  std::vector<ledger_entry> found;
  const auto at = by_payment_.find(payment);
  if (at == by_payment_.end()) return found;
  for (const auto index : at->second) found.push_back(operations_[index]);
  return found;
}

verdict memory_ledger::weigh(const processor_call& call, const rules& by, timestamp now) const {
  return judge(call, find(call.idempotency_key), of_payment(call.payment), by, now);
}

void memory_ledger::apply(const verdict& what) {
  if (what.store) {
    const auto [at, fresh] = by_key_.try_emplace(what.entry.idempotency_key, operations_.size());
    if (fresh) {
      by_payment_[what.entry.payment].push_back(operations_.size());
      operations_.push_back(what.entry);
    } else {
      operations_[at->second] = what.entry;
    }
  }
  for (const auto& each : what.notices) queue(each);
  anomalies_.insert(anomalies_.end(), what.anomalies.begin(), what.anomalies.end());
}

std::vector<std::int64_t> memory_ledger::due(timestamp now) const {
  std::vector<std::int64_t> found;
  for (const auto& [at, id] : open_) {
    if (at > now) break;
    found.push_back(id);
  }
  return found;
}

std::optional<timestamp> memory_ledger::next_due() const {
  if (open_.empty()) return std::nullopt;
  return open_.begin()->first;
}

ledger_notice memory_ledger::take(std::int64_t notice, const rules& by, timestamp now) {
  auto& taken = notices_[static_cast<std::size_t>(notice) - 1];
  if (taken.deliveries == 0) {
    auto& about = operations_[by_key_.at(taken.idempotency_key)];
    auto& becomes = taken.what.failed ? about.failed_at : about.settled_at;
    if (!becomes) becomes = now;
  }
  open_.erase({taken.next_at, notice});
  ++taken.deliveries;
  taken.next_at = now + notice_backoff(by, taken.deliveries);
  if (!taken.acknowledged_at) open_.emplace(taken.next_at, notice);
  return taken;
}

void memory_ledger::acknowledge(std::int64_t notice, timestamp now) {
  auto& about = notices_[static_cast<std::size_t>(notice) - 1];
  if (about.acknowledged_at) return;
  about.acknowledged_at = now;
  open_.erase({about.next_at, notice});
}

void memory_ledger::queue(ledger_notice what) {
  what.id = static_cast<std::int64_t>(notices_.size()) + 1;
  open_.emplace(what.next_at, what.id);
  notices_.push_back(std::move(what));
}

sim_processor::sim_processor(const sim_settings& how, const runtime::clock& clock,
                             std::shared_ptr<memory_ledger> ledger)
    : how_(how), clock_(clock), ledger_(std::move(ledger)) {}

void sim_processor::send(processor_call call, processor_done done) {
  const auto waited_for =
      std::count_if(flights_.begin(), flights_.end(), [](const flight& each) { return each.done != nullptr; });
  if (static_cast<std::size_t>(waited_for) >= how_.in_flight_max) return done(reported::not_executed{"processor_busy"});
  flights_.push_back({std::move(call), std::move(done), std::nullopt, clock_.now()});
}

void sim_processor::listen(notice_sink sink) { sink_ = std::move(sink); }

std::size_t sim_processor::pending() const {
  const auto now = clock_.now();
  const auto ready = [now](const flight& each) { return each.ready_at <= now; };
  const auto flights = static_cast<std::size_t>(std::count_if(flights_.begin(), flights_.end(), ready));
  return flights + (sink_ ? ledger_->due(now).size() : 0);
}

std::optional<timestamp> sim_processor::next_at() const {
  std::optional<timestamp> next;
  if (sink_) next = ledger_->next_due();
  for (const auto& each : flights_)
    if (!next || each.ready_at < *next) next = each.ready_at;
  return next;
}

void sim_processor::step(std::uint64_t random) {
  const auto count = pending();
  if (count == 0) return;
  auto chosen = derive(random, which) % count;

  const auto now = clock_.now();
  for (auto at = flights_.begin(); at != flights_.end(); ++at) {
    if (at->ready_at > now || chosen-- > 0) continue;
    auto taken = std::move(*at);
    flights_.erase(at);  // before anybody is called: an answer may lead to the next send
    if (taken.answer) return taken.done(std::move(*taken.answer));
    return arrive(std::move(taken), random);
  }
  deliver(ledger_->due(now)[chosen], random);
}

// A request reaches the processor, or does not.
void sim_processor::arrive(flight now, std::uint64_t random) {
  const auto& faults = how_.faults;
  const auto timeout = how_.behaviour.answer_timeout;
  if (now.done == nullptr) {  // given up long ago, and yet it arrives
    execute(now.call, random);
    return;
  }

  die thrown(derive(random, how_it_arrives));
  if (thrown.hits(faults.lose_request)) return answer(std::move(now), reported::unknown{"connection_lost"}, timeout);
  if (thrown.hits(faults.busy)) return answer(std::move(now), reported::not_executed{"rate_limited"}, milliseconds{0});
  if (thrown.hits(faults.late_request)) {
    flights_.push_back({now.call, nullptr, std::nullopt, clock_.now() + timeout});
    return answer(std::move(now), reported::unknown{"connection_lost"}, timeout);
  }
  if (thrown.hits(faults.lose_answer)) {
    execute(now.call, random);
    return answer(std::move(now), reported::unknown{"connection_lost"}, timeout);
  }
  if (thrown.hits(faults.repeat_request)) execute(now.call, random);

  auto done = execute(now.call, random);
  answer(std::move(now), std::move(done.answer), done.delay);
}

void sim_processor::answer(flight now, domain::outcome outcome, milliseconds delay) {
  now.answer = std::move(outcome);
  now.ready_at = clock_.now() + delay;
  flights_.push_back(std::move(now));
}

verdict sim_processor::execute(const processor_call& call, std::uint64_t random) {
  const auto* known = ledger_->find(call.idempotency_key);
  const bool fresh = known == nullptr || !known->result;
  auto out = ledger_->weigh(call, how_.behaviour, clock_.now());
  const bool capture = call.operation == operation_kind::capture;
  if (fresh && (capture || call.operation == operation_kind::refund) && out.entry.result &&
      std::holds_alternative<reported::approved>(*out.entry.result) &&
      die(derive(random, how_it_ends)).hits(capture ? how_.faults.fail_capture_later : how_.faults.fail_refund_later)) {
    ledger_notice failed;
    failed.idempotency_key = call.idempotency_key;
    failed.payment = call.payment;
    failed.what.about = {call.operation, number_in(call.idempotency_key)};
    failed.what.failed = {capture ? "capture_failed" : "refund_failed", "", "Failed in the simulation."};
    failed.due_at = failed.next_at = clock_.now() + how_.behaviour.late_failure_after;
    out.notices = {std::move(failed)};
  }
  ledger_->apply(out);
  return out;
}

void sim_processor::deliver(std::int64_t notice, std::uint64_t random) {
  auto told = ledger_->take(notice, how_.behaviour, clock_.now());
  if (told.deliveries == 1 && die(derive(random, how_it_is_told)).hits(how_.faults.repeat_notice)) {
    auto again = told;
    again.deliveries = 0;
    ledger_->queue(std::move(again));
  }
  const auto sink = sink_;  // it may be replaced while it is called
  sink(
      {told.payment, to_notice(told.what), [id = told.id, to = std::weak_ptr<memory_ledger>(ledger_), &clock = clock_] {
         if (const auto ledger = to.lock()) ledger->acknowledge(id, clock.now());
       }});
}

void sim_processor::sever() {
  std::erase_if(flights_, [](const flight& each) { return each.answer.has_value(); });
  for (auto& each : flights_) each.done = nullptr;
  sink_ = nullptr;
}

}  // namespace novapay::sandbox
