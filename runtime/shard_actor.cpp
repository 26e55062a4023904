#include "runtime/shard_actor.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/crash_point.hpp"

namespace novapay::runtime {

void shard_state::start(shared_context shared, shard_id mine) {
  shared_ = std::move(shared);
  mine_ = mine;
  in_flight_ = std::make_shared<std::atomic<std::int64_t>>(0);
}

void shard_state::claim(std::uint64_t epoch) {
  if (claimed_) lose("claimed again");
  epoch_ = epoch;
  claimed_ = true;
  shared_->claimed[static_cast<std::size_t>(mine_)] = true;
}

// ---- commands in ----------------------------------------------------------------------------------------------------

void shard_state::handle(ask& job) {
  if (!admit(job)) return;
  if (job.what.creation_key.empty()) {
    dispatch(job);
  } else {
    create(job);
  }
}

bool shard_state::admit(ask& job) {
  if (!claimed_) {
    job.who.fail(reply_status::unavailable, "the shard is not claimed by this node");
    return false;
  }
  if (job.internal) return true;
  if (in_flight_->load(std::memory_order_relaxed) >= static_cast<std::int64_t>(shared_->bounds.commands_per_shard)) {
    shared_->series.overloaded.add();
    job.who.fail(reply_status::overloaded, "too many commands in flight in this shard");
    return false;
  }
  job.who.count_in(in_flight_);
  deadlines_.emplace_back(job.what.deadline, job.who.watched());
  arm_sweep();
  return true;
}

// The same key always comes to this mailbox, so "is it known?" is asked and answered here, one at a time.
void shard_state::create(ask& job) {
  const creation_key key{job.what.scope, job.what.creation_key};
  if (const auto found = keys_.find(key); found != keys_.end()) {
    auto& known = found->second;
    if (known.looking) {
      known.waiting.push_back(std::move(job));
    } else {
      create_as(job, known.id, false);
    }
    return;
  }
  if (!shared_->store.gives_reads() && !job.internal) return refuse_for_store(job);
  const auto made = keys_.try_emplace(key).first;
  auto& known = made->second;
  known.age = keys_by_age_.insert(keys_by_age_.end(), &made->first);
  known.waiting.push_back(std::move(job));
  passing(crash_point::key_before);
  self_->anon_send(shared_->loader, key_request{key, epoch_, caf::actor_cast<caf::actor>(self_)});
  forget_keys();
}

void shard_state::key_known(key_done& done) {
  const auto found = keys_.find(done.key);
  if (done.epoch != epoch_ || found == keys_.end() || !found->second.looking) return;
  auto& known = found->second;
  auto waiting = std::exchange(known.waiting, {});
  if (done.failed || (!done.found && !shared_->store.takes_writes())) {
    keys_by_age_.erase(known.age);
    keys_.erase(found);
    for (const auto& job : waiting) job.who.fail(reply_status::store_unavailable, done.detail);
    return;
  }
  passing(crash_point::key_after);
  known.looking = false;
  const bool fresh = !done.found;
  const auto placement = place(done.key.scope, done.key.key);
  const auto id = fresh ? make_entity_id(shared_->time.now(), placement, shared_->random.next()) : *done.found;
  known.id = id;
  for (auto& job : waiting) create_as(job, id, fresh);
}

void shard_state::create_as(ask& job, const entity_id& id, bool fresh) {
  job.what.entity = id;
  // A fresh id is in no store: it needs no read.
  if (fresh && !entities_.contains(id)) activate(id, insert(id, phase::loading), job, std::nullopt);
  dispatch(job);
}

void shard_state::forget_keys() {
  // One or two a call, so that a shard full of live entities does not walk them all for each creation.
  for (int i = 0; i < 2 && keys_.size() > remembered_keys_max; ++i) {
    const auto oldest = keys_by_age_.begin();
    const auto found = keys_.find(**oldest);
    const auto& known = found->second;
    if (known.looking || known.kept || entities_.contains(known.id)) {
      keys_by_age_.splice(keys_by_age_.end(), keys_by_age_, oldest);
    } else {
      keys_by_age_.erase(oldest);
      keys_.erase(found);
    }
  }
}

void shard_state::dispatch(ask& job) {
  const auto id = job.what.entity;
  if (shared_->held.holds(id)) return job.who.fail(reply_status::quarantined, "quarantined");
  const auto found = entities_.find(id);
  if (found == entities_.end()) {
    if (!shared_->kinds.contains(job.what.kind))
      return job.who.fail(reply_status::internal, "no such kind: " + job.what.kind);
    if (!shared_->store.gives_reads() && !job.internal) return refuse_for_store(job);
    insert(id, phase::loading).waiting.push_back(std::move(job));
    passing(crash_point::activation_before);
    self_->anon_send(shared_->loader, load_request{id, epoch_, caf::actor_cast<caf::actor>(self_)});
    return;
  }
  auto& one = found->second;
  if (one.where != phase::live) {
    one.waiting.push_back(std::move(job));
    return;
  }
  touch(one);
  self_->anon_send(one.actor, std::move(job));
}

// Whoever can wait for nothing but a store that is down need not wait.
void shard_state::refuse_for_store(const ask& job) { job.who.fail(reply_status::store_unavailable, "the store fails"); }

// ---- activation and passivation -----------------------------------------------------------------------------------

shard_state::entry& shard_state::insert(const entity_id& id, phase where) {
  auto& one = entities_[id];
  one.where = where;
  one.used = self_->clock().now();
  one.age = by_age_.insert(by_age_.end(), id);
  arm_sweep();
  return one;
}

void shard_state::loaded(load_done& done) {
  const auto found = entities_.find(done.id);
  if (done.epoch != epoch_ || found == entities_.end() || found->second.where != phase::loading) return;
  auto& one = found->second;
  auto waiting = std::exchange(one.waiting, {});
  if (done.failed) {
    erase(done.id);
    for (const auto& job : waiting) job.who.fail(reply_status::store_unavailable, done.detail);
    return;
  }
  const auto creates = [](const ask& job) { return !job.what.creation_key.empty(); };
  if (!done.row && std::none_of(waiting.begin(), waiting.end(), creates)) {
    erase(done.id);
    for (const auto& job : waiting) job.who.fail(reply_status::not_found);
    return;
  }
  passing(crash_point::activation_after);
  try {
    activate(done.id, one, waiting.front(), done.row);
  } catch (const std::exception& thrown) {  // the stored state cannot be read
    erase(done.id);
    count_crash({done.id, departure::crashed, thrown.what()});
    for (const auto& job : waiting) job.who.fail(reply_status::internal, thrown.what());
    return;
  }
  for (auto& job : waiting) dispatch(job);
}

void shard_state::activate(const entity_id& id, entry& one, const ask& first, const std::optional<entity_row>& row) {
  auto begun = std::make_shared<activation>();
  begun->kind = shared_->kinds.at(row ? row->kind : first.what.kind);
  begun->live = row ? begun->kind->load(*row) : begun->kind->make(id, mine_);
  begun->id = id;
  begun->shard = mine_;
  begun->epoch = epoch_;
  begun->owner = caf::actor_cast<caf::actor>(self_);
  one.actor = self_->spawn<caf::lazy_init>(entity_actor, shared_, std::move(begun));
  one.where = phase::live;
  shared_->series.activations.add();
  shared_->series.live_entities.add(1);
  hold_to_cap();
}

void shard_state::erase(const entity_id& id) {
  const auto found = entities_.find(id);
  if (found == entities_.end()) return;
  if (found->second.actor) shared_->series.live_entities.add(-1);
  by_age_.erase(found->second.age);
  entities_.erase(found);
}

void shard_state::touch(entry& one) {
  one.used = self_->clock().now();
  one.resting = false;
  by_age_.splice(by_age_.end(), by_age_, one.age);
}

// The youngest last: those that rest already come before them.
void shard_state::let_rest(steady_time now) {
  for (auto next = by_age_.rbegin(); next != by_age_.rend(); ++next) {
    auto& one = entities_.at(*next);
    if (one.used + rest_after > now || one.where != phase::live) continue;
    if (std::exchange(one.resting, true)) return;
    self_->anon_send(one.actor, rest{});
  }
}

void shard_state::let_go(const entity_id&, entry& one) {
  one.where = phase::leaving;
  self_->anon_send(one.actor, passivate{});
}

// Over the cap the longest unused entity is asked to leave. A busy one stays: the commands in flight are bounded as well.
void shard_state::hold_to_cap() {
  auto excess =
      static_cast<std::int64_t>(entities_.size()) - static_cast<std::int64_t>(shared_->bounds.live_entities_per_shard);
  for (const auto& id : by_age_) {
    if (excess <= 0) return;
    auto& one = entities_.at(id);
    if (one.where == phase::live) let_go(id, one);
    --excess;
  }
}

void shard_state::entity_busy(const entity_id& id) {
  const auto found = entities_.find(id);
  if (found == entities_.end() || found->second.where != phase::leaving) return;
  auto& one = found->second;
  one.where = phase::live;
  touch(one);
  for (auto& job : std::exchange(one.waiting, {})) self_->anon_send(one.actor, std::move(job));
}

void shard_state::entity_left(const departed& how) {
  const auto found = entities_.find(how.id);
  if (found == entities_.end()) return;
  if (how.why == departure::fenced) return lose(how.detail);
  auto waiting = std::exchange(found->second.waiting, {});
  erase(how.id);
  if (how.why == departure::passivated) shared_->series.passivations.add();
  if (how.why == departure::crashed) count_crash(how);
  if (how.why != departure::passivated)
    for (auto& [key, known] : keys_)
      if (known.id == how.id) known.kept = true;
  for (auto& job : waiting) dispatch(job);
}

void shard_state::count_crash(const departed& how) {
  shared_->series.entity_crashes.add();
  const auto now = self_->clock().now();
  auto& seen = crashes_[how.id];
  if (seen.count == 0 || seen.first + crash_window < now) seen = {0, now};
  if (++seen.count < crashes_max) return;
  crashes_.erase(how.id);
  shared_->held.add(how.id, how.detail);
  shared_->logger.write(log_level::error, "entity quarantined: an operator must release it",
                        {{"entity", to_text(how.id)}, {"detail", how.detail}});
}

void shard_state::arm_sweep() {
  if (std::exchange(sweeping_, true)) return;
  const auto now = self_->clock().now().time_since_epoch();
  const auto due = std::chrono::floor<std::chrono::milliseconds>(now + sweep_every) / sweep_step * sweep_step;
  self_->delayed_send(self_, std::chrono::duration_cast<std::chrono::nanoseconds>(due - now), sweep_atom::value);
}

void shard_state::sweep() {
  sweeping_ = false;
  const auto now = shared_->time.now();
  while (!deadlines_.empty() && (deadlines_.front().second.expired() || deadlines_.front().first <= now)) {
    deadlines_.front().second.fail(reply_status::outcome_unknown, "no answer before the deadline");
    deadlines_.pop_front();
  }
  const auto steady_now = self_->clock().now();
  for (const auto& id : by_age_) {
    auto& one = entities_.at(id);
    if (one.used + shared_->bounds.idle_after > steady_now) break;
    if (one.where == phase::live) let_go(id, one);
  }
  let_rest(steady_now);
  std::erase_if(crashes_, [&](const auto& seen) { return seen.second.first + crash_window < steady_now; });
  if (!entities_.empty() || !deadlines_.empty() || !crashes_.empty()) arm_sweep();
}

// ---- losing the shard -----------------------------------------------------------------------------------------------

void shard_state::epoch_known(std::uint64_t epoch) {
  if (claimed_ && epoch > epoch_) lose("its log was claimed at offset " + std::to_string(epoch));
}

void shard_state::lose(const std::string& why) {
  if (!std::exchange(claimed_, false)) return;
  shared_->claimed[static_cast<std::size_t>(mine_)] = false;
  shared_->series.fenced.add();
  shared_->logger.write(log_level::error, "shard lost: its log has another owner",
                        {{"shard", static_cast<std::int64_t>(mine_)}, {"detail", why}});
  const std::string answer = "the shard has another owner";
  for (auto& [id, one] : entities_) {
    for (const auto& job : one.waiting) job.who.fail(reply_status::unavailable, answer);
    if (!one.actor) continue;
    self_->anon_send(one.actor, shard_lost{answer});
    shared_->series.live_entities.add(-1);
  }
  for (auto& [key, known] : keys_)
    for (const auto& job : known.waiting) job.who.fail(reply_status::unavailable, answer);
  entities_.clear();
  by_age_.clear();
  keys_.clear();
  keys_by_age_.clear();
}

caf::behavior shard_actor(caf::stateful_actor<shard_state>* self, shared_context shared, shard_id mine) {
  self->set_default_handler(caf::drop);
  self->state.start(std::move(shared), mine);
  return {
      [self](ask& job) { self->state.handle(job); },
      [self](load_done& done) { self->state.loaded(done); },
      [self](key_done& done) { self->state.key_known(done); },
      [self](const departed& how) { self->state.entity_left(how); },
      [self](const still_busy& who) { self->state.entity_busy(who.id); },
      [self](const epoch_seen& seen) { self->state.epoch_known(seen.epoch); },
      [self](const struct claimed& now) { self->state.claim(now.epoch); },
      [self](sweep_atom) { self->state.sweep(); },
  };
}

}  // namespace novapay::runtime
