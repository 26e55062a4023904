#include "tests/sim/sim_network.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace novapay::sim {
namespace {

constexpr std::chrono::milliseconds repeat_after{500};
constexpr std::uint64_t again_of = 4;  // one of so many is told once more although it was acknowledged

std::uint64_t die(const processor_call& call) {
  std::uint64_t hash = call.attempt;
  for (const char each : call.idempotency_key) hash = sandbox::scatter(hash ^ static_cast<unsigned char>(each));
  return hash % 1000;
}

std::string reference_of(const domain::outcome& what) {
  if (const auto* yes = std::get_if<domain::reported::approved>(&what)) return yes->reference;
  return {};
}

}  // namespace

sim_network::sim_network(const sandbox::sim_settings& how, const runtime::clock& clock, std::shared_ptr<outside> beyond)
    : clock_(clock), beyond_(std::move(beyond)) {
  for (const auto& [name, ledger] : beyond_->ledgers)
    by_name_[name] = std::make_unique<sandbox::sim_processor>(how, clock, ledger);
}

void sim_network::send(processor_call call, processor_done done) {
  const auto name = call.processor;
  const bool authorizes = call.operation == domain::operation_kind::authorize;
  const bool may_be_accepted = !authorizes && call.operation != domain::operation_kind::confirm;
  const auto thrown = beyond_->calm ? 1000 : die(call);
  const bool accepts = may_be_accepted && thrown < beyond_->accept;
  const bool denies = authorizes && call.attempt == 1 && thrown < beyond_->deny;
  auto& through = *by_name_.at(name);
  if (!accepts && !denies) return through.send(std::move(call), std::move(done));
  beyond_->notices.push_back({name, call.idempotency_key, {call.operation, call.number}, clock_.now(), false});
  through.send(std::move(call), [](const domain::outcome&) {});
  if (accepts) return done(domain::reported::accepted{});
  done(domain::reported::not_executed{"processor_unavailable"});
}

void sim_network::listen(notice_sink sink) {
  sink_ = sink;
  for (auto& [name, one] : by_name_)
    one->listen([sink, from = name](processor_notice told) {
      told.what.processor = from;
      sink(std::move(told));
    });
}

bool sim_network::due(const owed_notice& what) const {
  if (!sink_ || what.acknowledged || what.next_at > clock_.now()) return false;
  const auto* entry = beyond_->ledgers.at(what.processor)->find(what.key);
  return entry != nullptr && entry->result.has_value();
}

std::size_t sim_network::pending() const {
  auto count = static_cast<std::size_t>(
      std::ranges::count_if(beyond_->notices, [this](const owed_notice& each) { return due(each); }));
  for (const auto& [name, one] : by_name_) count += one->pending();
  return count;
}

void sim_network::step(std::uint64_t random) {
  auto chosen = random % pending();
  for (auto& [name, one] : by_name_) {
    if (chosen < one->pending()) return one->step(random);
    chosen -= one->pending();
  }
  for (auto& each : beyond_->notices)
    if (due(each) && chosen-- == 0) return tell(each, random);
}

// Some processors do not name the operation: an authorization is found all the same.
void sim_network::tell(owed_notice& what, std::uint64_t random) {
  const auto& entry = *beyond_->ledgers.at(what.processor)->find(what.key);
  what.next_at = clock_.now() + repeat_after;
  domain::notice news{what.about, domain::told::result{*entry.result}, what.processor, reference_of(*entry.result)};
  if (what.about.kind == domain::operation_kind::authorize && random % 2 == 0) news.about.number = 0;
  const bool again = sandbox::scatter(random) % again_of == 0;
  sink_({entry.payment, std::move(news), [&what, again] { what.acknowledged = !again; }});
}

void sim_network::sever() {
  sink_ = nullptr;
  for (auto& [name, one] : by_name_) one->sever();
}

}  // namespace novapay::sim
