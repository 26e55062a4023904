#include "runtime/timekeeper.hpp"

#include <algorithm>
#include <utility>

#include "runtime/crash_point.hpp"

namespace novapay::runtime {

void timekeeper_state::start(shared_context shared) {
  shared_ = std::move(shared);
  self_->delayed_send(self_, timer_every, tick_atom::value);
}

void timekeeper_state::tick() {
  self_->delayed_send(self_, timer_every, tick_atom::value);
  if (shared_->claimed_count() == 0) return;
  const auto now = self_->clock().now();
  if (fences_checked_ + fence_check_every <= now) {
    fences_checked_ = now;
    if (!std::exchange(checking_, true)) check_fences();
  }
  if (outstanding_ > 0 && batch_began_ + wake_patience <= now) outstanding_ = 0;
  shared_->store.look_for_stall(now);
  if (asking_ && asked_ + store_stall_max <= now && shared_->store.gives_reads())
    shared_->store.down(store_side::reading,
                        "a read has not ended for " + std::to_string(store_stall_max.count()) + " ms");
  if (asking_ || outstanding_ > 0) return;
  std::erase_if(recent_, [now](const auto& seen) { return seen.second + rewake_after <= now; });
  asking_ = true;
  asked_ = now;
  asked_horizon_ = std::exchange(horizon_, std::chrono::milliseconds{0});
  const auto until = shared_->time.now() + asked_horizon_;
  // Those woken recently may still be due (the store was away, say): they must not hide the others.
  auto ask_store = [until, limit = timer_batch_max + recent_.size(),
                    me = caf::actor_cast<caf::actor>(self_)](journal& log) {
    auto due = log.due(until, limit);
    due_found found{!due.value, {}, std::move(due.detail)};
    if (due.value) found.ids = *std::move(due.value);
    caf::anon_send(me, std::move(found));
  };
  self_->anon_send(shared_->reader, read_request{std::move(ask_store)});
}

void timekeeper_state::found(due_found& due) {
  asking_ = false;
  batch_ += 1;
  batch_began_ = self_->clock().now();
  if (due.failed) {
    horizon_ = std::max(horizon_, asked_horizon_);
    return shared_->store.failed(store_side::reading, due.detail);
  }
  shared_->store.works(store_side::reading);
  for (const auto& id : due.ids)
    if (recent_.emplace(id, self_->clock().now()).second) wake(id);
}

void timekeeper_state::wake(const entity_id& id) {
  outstanding_ += 1;
  shared_->series.timers_fired.add();
  passing(crash_point::wake_before);
  ask alarm;
  alarm.what.kind = shared_->kinds.begin()->first;  // a stored entity knows its own kind; this names none
  alarm.what.entity = id;
  alarm.internal = true;
  alarm.what.command = shared_->kinds.begin()->second->wake_command();
  alarm.who = responder([me = caf::actor_cast<caf::actor>(self_), id, batch = batch_](const reply& with) {
    caf::anon_send(me, woken{id, batch, with.status == reply_status::ok});
  });
  shared_->route(std::move(alarm));
}

void timekeeper_state::one_woken(const woken& who) {
  if (who.done) passing(crash_point::wake_after);
  if (who.done) recent_.erase(who.id);
  if (who.batch == batch_ && outstanding_ > 0) outstanding_ -= 1;
}

void timekeeper_state::check_fences() {
  std::vector<shard_id> ours;
  for (std::size_t i = 0; i < shared_->claimed.size(); ++i)
    if (shared_->claimed[i]) ours.push_back(static_cast<shard_id>(i));
  auto look = [ours = std::move(ours), shared = shared_, me = caf::actor_cast<caf::actor>(self_)](journal& log) {
    const auto heads = log.heads(ours);
    caf::anon_send(me, fences_read{});
    if (!heads.value) return;
    for (const auto& head : *heads.value) shared->tell_shard(head.shard, head.epoch);
  };
  self_->anon_send(shared_->reader, read_request{std::move(look)});
}

caf::behavior timekeeper_actor(caf::stateful_actor<timekeeper_state>* self, shared_context shared) {
  self->set_default_handler(caf::drop);
  self->state.start(std::move(shared));
  return {
      [self](tick_atom) { self->state.tick(); },
      [self](due_found& due) { self->state.found(due); },
      [self](const woken& who) { self->state.one_woken(who); },
      [self](wake_soon) { self->state.look_ahead(); },
      [self](fences_read) { self->state.fences_known(); },
  };
}

}  // namespace novapay::runtime
