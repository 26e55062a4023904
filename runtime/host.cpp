#include "runtime/host.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <unordered_map>
#include <utility>

#include <caf/all.hpp>

#include "runtime/reader_actor.hpp"
#include "runtime/shard_actor.hpp"
#include "runtime/timekeeper.hpp"
#include "runtime/writer_actor.hpp"

namespace novapay::runtime {

struct claim_wanted {
  std::vector<shard_id> shards;
};
struct claim_done {
  std::vector<shard_id> asked;
  claim_result result;
};

}  // namespace novapay::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::claim_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::claim_done)

namespace novapay::runtime {

using shard_table = std::vector<caf::actor>;

struct host_core {
  host_core(caf::actor_system& actors, host_settings chosen, std::shared_ptr<journal_store> opened,
            std::function<void(std::string)> on_fatal)
      : system(actors), settings(std::move(chosen)), store(std::move(opened)), fatal(std::move(on_fatal)) {}

  caf::actor_system& system;
  host_settings settings;
  std::shared_ptr<journal_store> store;
  std::function<void(std::string)> fatal;
  shared_context shared;
  std::atomic<std::shared_ptr<const shard_table>> shards;
  caf::actor timekeeper;
  caf::actor supervisor;
  std::atomic<bool> stopped{false};
  const in_hand_counter in_hand_now = std::make_shared<std::atomic<std::int64_t>>(0);

  template <class... Args>
  caf::actor spawn_blocking(Args&&... args) {
    return settings.detached ? system.spawn<caf::detached>(std::forward<Args>(args)...)
                             : system.spawn(std::forward<Args>(args)...);
  }
  void route(ask job) const;
  void replace_shard(std::size_t index, caf::actor with) {
    auto table = std::make_shared<shard_table>(*shards.load());
    (*table)[index] = std::move(with);
    shards = std::move(table);
  }
};

namespace {

// Claims shards for their actors and restarts what dies, one for one.
struct supervisor_state {
  std::unordered_map<caf::actor_id, std::size_t> shard_of;
  std::deque<caf::actor_clock::time_point> restarts;
  bool claims_fail = false;  // the last one did: said once
  static inline const char* name = "supervisor";
};
using supervisor = caf::stateful_actor<supervisor_state>;

void claim(supervisor* self, const shared_context& shared, std::vector<shard_id> wanted) {
  auto done = [me = caf::actor_cast<caf::actor>(self), wanted](claim_result result) {
    caf::anon_send(me, claim_done{wanted, std::move(result)});
  };
  self->anon_send(shared->writer, claim_request{std::move(wanted), std::move(done)});
}

void claimed_or_again(supervisor* self, host_core* owner, claim_done& done) {
  const auto& shared = owner->shared;
  const bool failed = done.result.status != write_status::committed;
  const bool failed_before = std::exchange(self->state.claims_fail, failed);
  if (failed) {
    if (!failed_before)
      shared->logger.write(log_level::warning, "shards not claimed yet",
                           {{"shards", static_cast<std::int64_t>(done.asked.size())}, {"detail", done.result.detail}});
    self->delayed_send(self, claim_retry_every, claim_wanted{std::move(done.asked)});
    return;
  }
  const auto table = owner->shards.load();
  for (const auto& head : done.result.claimed)
    self->anon_send((*table)[static_cast<std::size_t>(head.shard)], claimed{head.epoch});
  self->anon_send(owner->timekeeper, wake_soon{});
  shared->logger.write(log_level::info, "shards claimed", {{"shards", static_cast<std::int64_t>(done.asked.size())}});
}

void shard_died(supervisor* self, host_core* owner, const caf::down_msg& down) {
  auto& mine = self->state;
  const auto found = mine.shard_of.find(down.source.id());
  if (found == mine.shard_of.end()) return owner->fatal("an actor of the runtime died");
  const auto index = found->second;
  mine.shard_of.erase(found);
  const auto now = self->clock().now();
  mine.restarts.push_back(now);
  while (mine.restarts.front() + crash_window < now) mine.restarts.pop_front();
  if (mine.restarts.size() > shard_restarts_max) return owner->fatal("shards keep dying");
  owner->shared->claimed[index] = false;
  owner->shared->logger.write(log_level::error, "shard died: starting it again",
                              {{"shard", static_cast<std::int64_t>(index)}});
  const auto id = static_cast<shard_id>(index);
  auto fresh = owner->system.spawn(shard_actor, owner->shared, id);
  self->monitor(fresh);
  mine.shard_of.emplace(fresh.id(), index);
  owner->replace_shard(index, std::move(fresh));
  self->delayed_send(self, claim_retry_every, claim_wanted{{id}});
}

// It lives no longer than the host, which ends it in stop().
caf::behavior supervise(supervisor* self, host_core* owner) {
  const auto table = owner->shards.load();
  std::vector<shard_id> all;
  for (std::size_t i = 0; i < table->size(); ++i) {
    self->monitor((*table)[i]);
    self->state.shard_of.emplace((*table)[i].id(), i);
    all.push_back(static_cast<shard_id>(i));
  }
  for (const auto& one :
       {owner->shared->writer, owner->shared->loader, owner->shared->reader, owner->shared->lister, owner->timekeeper})
    self->monitor(one);
  self->set_default_handler(caf::drop);
  self->set_down_handler([self, owner](const caf::down_msg& down) {
    if (!owner->stopped) shard_died(self, owner, down);
  });
  self->send(self, claim_wanted{std::move(all)});
  return {
      [self, owner](claim_wanted& wanted) { claim(self, owner->shared, std::move(wanted.shards)); },
      [self, owner](claim_done& done) { claimed_or_again(self, owner, done); },
  };
}

}  // namespace

host::host(caf::actor_system& system, host_settings settings, host_ports ports,
           std::vector<std::shared_ptr<const entity_kind>> kinds, std::function<void(std::string)> fatal)
    : impl_(std::make_shared<host_core>(system, std::move(settings), std::move(ports.store), std::move(fatal))) {
  impl_->shared = std::make_shared<context>(ports.time, ports.random, ports.logger, impl_->settings.bounds,
                                            ports.registry, impl_->settings.shard_bits);
  for (auto& kind : kinds) {
    const auto name = kind->name();
    impl_->shared->kinds.emplace(name, std::move(kind));
  }
  // Held weakly: what an adapter calls late must find the host gone, not freed.
  impl_->shared->route = [core = std::weak_ptr(impl_)](ask job) {
    if (const auto alive = core.lock()) return alive->route(std::move(job));
    job.who.fail(reply_status::unavailable, "the node has stopped");
  };
  impl_->shared->tell_shard = [core = std::weak_ptr(impl_)](shard_id shard, std::uint64_t epoch) {
    const auto alive = core.lock();
    if (const auto table = alive ? alive->shards.load() : nullptr)
      caf::anon_send((*table)[static_cast<std::size_t>(shard)], epoch_seen{epoch});
  };
}

host::~host() { stop(); }

void host::start() {
  auto& shared = impl_->shared;
  auto log = std::make_shared<std::unique_ptr<log_writer>>(
      std::make_unique<log_writer>(impl_->store->open(), impl_->settings.node, impl_->settings.incarnation));
  shared->writer = impl_->spawn_blocking(writer_actor, shared, std::move(log), impl_->store);
  shared->loader = impl_->spawn_blocking(reader_actor, shared, impl_->store);
  shared->reader = impl_->spawn_blocking(reader_actor, shared, impl_->store);
  shared->lister = impl_->spawn_blocking(reader_actor, shared, impl_->store);
  auto table = std::make_shared<shard_table>();
  for (std::size_t i = 0; i < (std::size_t{1} << impl_->settings.shard_bits); ++i)
    table->push_back(impl_->system.spawn(shard_actor, shared, static_cast<shard_id>(i)));
  impl_->shards = std::move(table);
  impl_->timekeeper = impl_->system.spawn(timekeeper_actor, shared);
  impl_->supervisor = impl_->system.spawn(supervise, impl_.get());
  caf::anon_send(shared->writer, maintenance_request{});
}

void host_core::route(ask job) const {
  const auto table = shards.load();
  if (stopped || !table) return job.who.fail(reply_status::unavailable, "the node is starting or stopping");
  const auto shard = shard_of(placement_of(job.what), settings.shard_bits);
  // Alarms and notices come in batches and can wait: they say nothing about whether a client's command can be taken.
  if (!job.internal || !job.what.call.empty()) job.counted = in_hand(in_hand_now);
  if (!job.what.call.empty()) job.told_at = system.clock().now();
  caf::anon_send((*table)[static_cast<std::size_t>(shard)], std::move(job));
}

void host::route(ask job) const { impl_->route(std::move(job)); }

bool host::read(std::function<void(journal&)> run) const {
  if (impl_->stopped || !impl_->shards.load()) return false;  // set last in start(): the readers are there
  caf::anon_send(impl_->shared->lister, read_request{std::move(run)});
  return true;
}

const store_health& host::store() const noexcept { return impl_->shared->store; }
bool host::ready() const noexcept {
  return !impl_->stopped && store().takes_writes() && store().gives_reads() && shards_claimed() == shards_total();
}
std::int64_t host::shards_claimed() const noexcept { return impl_->shared->claimed_count(); }
std::int64_t host::shards_total() const noexcept { return std::int64_t{1} << impl_->settings.shard_bits; }
std::size_t host::commands_in_hand() const noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(impl_->in_hand_now->load(std::memory_order_relaxed), 0));
}
quarantine& host::held() const noexcept { return impl_->shared->held; }

void host::stop() {
  if (impl_->stopped.exchange(true)) return;
  const auto table = impl_->shards.load();
  if (!table) return;
  caf::anon_send_exit(impl_->timekeeper, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(impl_->supervisor, caf::exit_reason::user_shutdown);
  for (const auto& one : *table) caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  auto& shared = *impl_->shared;
  for (const auto& one : {shared.loader, shared.reader, shared.lister})
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  caf::anon_send(shared.writer, stop_request{});  // appends that have arrived are still committed
  if (impl_->settings.detached) impl_->system.await_all_actors_done();
}

}  // namespace novapay::runtime
