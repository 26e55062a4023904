#include "runtime/entity_actor.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/crash_point.hpp"

namespace novapay::runtime {

void entity_state::start(shared_context shared, activation begun) {
  shared_ = std::move(shared);
  mine_ = std::move(begun);
  guarded(nullptr, [this] { resume(); });
}

// Calls that are owed at activation belong to an earlier life, which may have sent them. That is journaled before they are
// sent again, so an answer of "not executed" to this attempt is not taken for one to the first.
void entity_state::resume() {
  if (mine_.live->owed().empty()) return;
  passing(crash_point::resume_before);
  ask job;
  job.what.command = mine_.kind->resume_command();
  job.what.call = "resume";  // as with an outcome: if the store is away it is tried again
  job.internal = true;
  step(job);
}

// An exception here is a bug in the kind, or stored data it cannot read. The entity is dropped and comes back from the journal.
void entity_state::guarded(const ask* job, const std::function<void()>& step) {
  try {
    step();
  } catch (const std::exception& thrown) { crashed(job, thrown.what()); } catch (...) {
    crashed(job, "an exception of no known type");
  }
}

void entity_state::crashed(const ask* job, const std::string& what) {
  shared_->logger.write(log_level::error, "entity crashed",
                        {{"entity", to_text(mine_.id)}, {"kind", mine_.kind->name()}, {"detail", what}});
  if (job != nullptr) job->who.fail(reply_status::internal, what);
  leave(departure::crashed, what);
}

void entity_state::handle(ask& job) {
  if (gone_) {
    job.who.fail(reply_status::unavailable, "the entity is being reloaded");
  } else if (!appending_) {
    guarded(&job, [this, &job] { step(job); });
  } else if (!job.internal && !shared_->store.takes_writes()) {
    job.who.fail(reply_status::store_unavailable, "the store fails");  // what it would wait for has to be written first
  } else if (!job.internal && queue_.size() >= shared_->bounds.commands_per_entity) {
    shared_->series.overloaded.add();
    job.who.fail(reply_status::overloaded, "too many commands wait for this entity");
  } else {
    queue_.push_back(std::move(job));
  }
}

void entity_state::step(ask& job) {
  const auto now = shared_->time.now();
  if (!job.internal && job.what.deadline < now) return job.who.fail(reply_status::deadline_exceeded);
  const auto& scope = mine_.live->scope();
  if (!job.what.scope.empty() && !scope.empty() && scope != job.what.scope)
    return job.who.fail(reply_status::not_found);

  // An entity is born at the time its id says: filters by creation go by the id.
  const auto decided_at = mine_.live->version() == 0 ? mine_.id.created_at() : now;
  auto decided = mine_.live->decide(job.what.command, decided_at);
  if (!job.what.call.empty()) calls_.erase(job.what.call);
  if (decided.refused) {
    if (!job.what.call.empty())
      shared_->logger.write(log_level::error, "an outcome was refused",
                            {{"entity", to_text(mine_.id)}, {"call", job.what.call}});
    reply no;
    no.status = reply_status::refused;
    no.entity = mine_.id;
    no.version = mine_.live->version();
    no.body = *std::move(decided.refused);
    return job.who.answer(std::move(no));
  }
  if (!decided.events.empty()) return append(job, decided, decided_at);
  if (decided.operation == 0) return answer_state(job.who);
  answer_operation(job, decided.operation, true);
}

void entity_state::answer_state(const responder& who) const {
  if (!who.awaited()) return;  // an outcome, mostly: its state need not be encoded for nobody
  reply with;
  with.entity = mine_.id;
  with.version = mine_.live->version();
  with.body = mine_.live->encoded_state();
  who.answer(std::move(with));
}

// No event follows from this command, but it asks for an operation: the first answer again, or the wait for it.
void entity_state::answer_operation(const ask& job, std::uint64_t operation, bool replayed) {
  if (const auto version = mine_.live->answered_at(operation); version != 0) return replay(job.who, operation, version);
  if (shared_->store.is_long_gone()) return job.who.fail(reply_status::store_unknown, "the store fails");
  if (waiters_ >= shared_->bounds.commands_per_entity) {
    shared_->series.overloaded.add();
    return job.who.fail(reply_status::overloaded, "too many callers wait for this entity");
  }
  waiting_[operation].push_back({job.who, replayed, self_->clock().now()});
  waiters_ += 1;
}

// The answer is the state as it was at `version`: from memory if nothing has happened since, else from the journal.
void entity_state::replay(const responder& who, std::uint64_t operation, std::uint64_t version) const {
  reply with;
  with.entity = mine_.id;
  with.version = version;
  with.operation = operation;
  with.replayed = true;
  if (version == mine_.live->version()) {
    with.body = mine_.live->encoded_state();
    return who.answer(std::move(with));
  }
  auto read = [who, with, kind = mine_.kind, id = mine_.id](journal& log) mutable {
    auto events = log.history(id, 0, with.version);
    if (!events.value) return who.fail(reply_status::store_unavailable, events.detail);
    if (events.value->size() != with.version)
      return who.fail(reply_status::internal, "the history is shorter than the state");
    try {
      with.body = kind->replay(id, *events.value);
      who.answer(std::move(with));
    } catch (const std::exception& thrown) { who.fail(reply_status::internal, thrown.what()); }
  };
  self_->anon_send(shared_->reader, read_request{std::move(read)});
}

void entity_state::append(ask& job, verdict& decided, timestamp now) {
  if (!shared_->store.takes_writes() && job.what.call.empty())
    return job.who.fail(reply_status::store_unavailable, "the store fails");
  pending_append wanted;
  wanted.shard = mine_.shard;
  wanted.epoch = mine_.epoch;
  wanted.entity = mine_.id;
  wanted.first_sequence = mine_.live->version() + 1;
  wanted.events = std::move(decided.events);
  wanted.at = now;  // the time it was decided at, to the millisecond: replay must give the same state
  wanted.row = std::move(decided.row);
  if (wanted.first_sequence == 1 && !job.what.creation_key.empty())
    wanted.key = creation_key{job.what.scope, job.what.creation_key};
  const auto known_since = job.told_at != steady_time{} ? job.told_at : self_->clock().now();
  appending_ = std::make_unique<append_under_way>(append_under_way{std::move(job), std::move(decided), known_since});
  self_->anon_send(shared_->writer, append_request{std::move(wanted), caf::actor_cast<caf::actor>(self_)});
}

void entity_state::appended(append_done& done) {
  if (gone_ || !appending_) return;
  auto finished = *std::exchange(appending_, nullptr);
  guarded(&finished.job, [&] {
    if (done.result.status == write_status::committed) {
      committed(finished);
    } else {
      not_appended(finished, done.result);
    }
    drain();
  });
}

void entity_state::committed(append_under_way& done) {
  passing(crash_point::evolve_before);
  mine_.live->commit();
  passing(crash_point::evolve_after);
  if (done.decided.operation == 0) {
    answer_state(done.job.who);
  } else {
    waiting_[done.decided.operation].push_back({done.job.who, false, self_->clock().now()});
    waiters_ += 1;
  }
  release_waiters(done.decided.answered, done.known_since);
  if (!done.job.what.call.empty()) {  // who waits for a further call has waited for us meanwhile
    const auto ours = self_->clock().now() - done.known_since;
    for (auto& [operation, waiters] : waiting_)
      for (auto& one : waiters) one.since += ours;
  }
  start_owed();
}

// From an outcome's arrival on it is our own time that passes: on its way to here, and until it is committed.
void entity_state::release_waiters(const std::vector<answered_operation>& answered, steady_time known_since) {
  for (const auto& closed : answered) {
    auto found = waiting_.extract(closed.operation);
    if (found.empty()) continue;
    for (const auto& one : found.mapped()) {
      reply with;
      with.entity = mine_.id;
      with.version = closed.version;
      with.body = closed.state;
      with.operation = closed.operation;
      with.replayed = one.replayed;
      const auto outside = std::max(known_since - one.since, steady_time::duration::zero());
      with.waited = std::chrono::duration_cast<std::chrono::microseconds>(outside);
      one.who.answer(std::move(with));
    }
    waiters_ -= found.mapped().size();
  }
}

void entity_state::not_appended(append_under_way& done, const write_result& result) {
  switch (result.status) {
    case write_status::committed:
    case write_status::unknown: break;  // the writer answers only what is known
    case write_status::unavailable:
      if (done.job.what.call.empty()) return done.job.who.fail(reply_status::store_unavailable, result.detail);
      // An outcome must not be lost while the store is away: it is kept, and appended when the store is back.
      calls_.insert(done.job.what.call);
      retries_.push_back(std::move(done.job));
      if (retries_.size() == 1) self_->delayed_send(self_, outcome_retry_every, retry_atom::value);
      return;
    case write_status::rejected:
      shared_->logger.write(log_level::error, "the store rejects an append",
                            {{"entity", to_text(mine_.id)}, {"detail", result.detail}});
      return done.job.who.fail(reply_status::internal, result.detail);
    case write_status::conflict:
      done.job.who.fail(reply_status::unavailable, result.detail);
      return leave(departure::conflict, result.detail);
    case write_status::fenced:
      done.job.who.fail(reply_status::unavailable, "the shard has another owner");
      return leave(departure::fenced, result.detail);
  }
}

// The store is away: commands that were not begun are refused, and the outcome of the others is not known for now. What is under
// way goes on, and who repeats his request when the store is back learns it.
void entity_state::let_nobody_wait() {
  if (gone_) return;
  if (appending_) appending_->job.who.fail(reply_status::store_unknown, "the store fails");
  for (const auto& [operation, waiters] : waiting_)
    for (const auto& one : waiters) one.who.fail(reply_status::store_unknown, "the store fails");
  waiting_.clear();
  waiters_ = 0;
  for (const auto& job : queue_)
    if (!job.internal) job.who.fail(reply_status::store_unavailable, "the store fails");
  std::erase_if(queue_, [](const ask& job) { return !job.internal; });
}

void entity_state::retry() {
  if (shared_->store.is_long_gone()) let_nobody_wait();
  auto again = std::exchange(retries_, {});
  for (auto& job : again) handle(job);
}

void entity_state::drain() {
  while (!gone_ && !appending_ && !queue_.empty()) {
    auto job = std::move(queue_.front());
    queue_.pop_front();
    guarded(&job, [this, &job] { step(job); });
  }
}

void entity_state::start_owed() {
  for (auto& call : mine_.live->owed()) {
    if (!calls_.insert(call.key).second) continue;
    call.start([route = shared_->route, kind = mine_.kind->name(), id = mine_.id, key = call.key](std::string outcome) {
      ask told;
      told.what.kind = kind;
      told.what.entity = id;
      told.what.command = std::move(outcome);
      told.what.call = key;
      told.internal = true;
      route(std::move(told));
    });
  }
}

bool entity_state::idle() const noexcept {
  return !appending_ && queue_.empty() && retries_.empty() && waiters_ == 0 && calls_.empty();
}

void entity_state::passivate() {
  if (gone_) return;
  if (!idle()) {
    self_->anon_send(mine_.owner, still_busy{mine_.id});
    return;
  }
  leave(departure::passivated, {});
}

void entity_state::rest() {
  if (gone_ || !idle()) return;  // it is used again: the shard will ask again
  waiting_ = {};
  calls_ = {};
  guarded(nullptr, [this] { mine_.live->rest(); });
}

void entity_state::lost(const std::string& why) {
  gone_ = true;
  fail_everyone(why);
}

void entity_state::leave(departure why, const std::string& detail) {
  gone_ = true;
  fail_everyone("the entity is being reloaded");
  self_->anon_send(mine_.owner, departed{mine_.id, why, detail});
}

// What is queued was not begun. Whoever waits for an operation has its intent in the journal: it may well have been done.
void entity_state::fail_everyone(const std::string& why) {
  if (appending_) appending_->job.who.fail(reply_status::outcome_unknown, why);
  for (const auto& job : queue_) job.who.fail(reply_status::unavailable, why);
  for (const auto& [operation, waiters] : waiting_)
    for (const auto& one : waiters) one.who.fail(reply_status::outcome_unknown, why);
  queue_.clear();
  retries_.clear();
  waiting_.clear();
  waiters_ = 0;
}

caf::behavior entity_actor(caf::stateful_actor<entity_state>* self, shared_context shared,
                           std::shared_ptr<activation> begun) {
  self->set_default_handler(caf::drop);
  self->state.start(std::move(shared), std::move(*begun));
  return {
      [self](ask& job) { self->state.handle(job); },
      [self](append_done& done) { self->state.appended(done); },
      [self](const passivate&) { self->state.passivate(); },
      [self](const struct rest&) { self->state.rest(); },
      [self](const shard_lost& how) { self->state.lost(how.why); },
      [self](retry_atom) { self->state.retry(); },
      [self](append_in_doubt) { self->state.let_nobody_wait(); },
  };
}

}  // namespace novapay::runtime
