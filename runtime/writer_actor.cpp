#include "runtime/writer_actor.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "runtime/crash_point.hpp"

namespace novapay::runtime {
namespace {

using writer = caf::stateful_actor<writer_state>;

std::size_t size_of(const pending_append& what) {
  auto size = what.row.state.size();
  for (const auto& payload : what.events) size += payload.size();
  return size;
}

void tell(writer* self, const caf::actor& who, write_result result) {
  self->anon_send(who, append_done{std::move(result)});
}

void schedule_flush(writer* self) {
  // To the end of the mailbox: what arrived meanwhile comes first and joins the batch.
  if (!std::exchange(self->state.flush_scheduled, true)) self->send(self, flush_atom::value);
}

void look_again(writer* self, std::chrono::milliseconds after) {
  self->state.flush_scheduled = true;
  self->delayed_send(self, after, flush_atom::value);
}

// A call that may write, watched: one that does not end is a store that fails.
template <class Call>
auto watched(writer* self, context& shared, Call call) {
  shared.store.write_began(self->clock().now());
  auto result = call();
  shared.store.write_ended();
  return result;
}

// True when nothing is unresolved (any more).
bool resolve(writer* self, context& shared) {
  auto& mine = self->state;
  if (!mine.log->unresolved()) return true;
  auto results = watched(self, shared, [&] { return mine.log->resolve(); });
  if (!results) return false;
  const auto waiting = std::exchange(mine.unresolved, {});
  if (waiting.empty()) return true;  // it was a probe
  assert(results->size() == waiting.size());
  for (std::size_t i = 0; i < waiting.size(); ++i) tell(self, waiting[i], std::move((*results)[i]));
  shared.logger.write(log_level::info, "commit resolved", {{"appends", static_cast<std::int64_t>(waiting.size())}});
  return true;
}

struct batch {
  std::vector<pending_append> appends;
  std::vector<caf::actor> from;  // who waits for each
};

batch take_batch(writer_state& mine) {
  batch taken;
  const auto most = std::min(mine.pending.size(), batch_appends_max);
  taken.appends.reserve(most);
  taken.from.reserve(most);
  std::size_t bytes = 0;
  while (!mine.pending.empty() && taken.appends.size() < batch_appends_max && bytes < batch_bytes_max) {
    auto& next = mine.pending.front();
    bytes += size_of(next.what);
    taken.appends.push_back(std::move(next.what));
    taken.from.push_back(std::move(next.from));
    mine.pending.pop_front();
  }
  return taken;
}

void settle(writer* self, context& shared, std::vector<caf::actor> asked, std::vector<write_result> results) {
  assert(results.size() == asked.size());
  auto& unresolved = self->state.unresolved;
  std::string why;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (results[i].status == write_status::unknown) {
      unresolved.push_back(std::move(asked[i]));
      why = std::move(results[i].detail);
    } else {
      tell(self, asked[i], std::move(results[i]));
    }
  }
  if (unresolved.empty()) return;
  self->state.doubt_told = false;
  shared.store.down(store_side::writing, "a commit's outcome cannot be looked up: " + why);
  shared.series.unknown_commits.add();
  shared.logger.write(log_level::warning, "commit unresolved: looking it up in the log",
                      {{"appends", static_cast<std::int64_t>(unresolved.size())}});
}

// Takes a suspicion away, or confirms it.
bool probe(writer* self, context& shared) {
  const auto done = watched(self, shared, [&] { return self->state.log->probe(shared.time.now()); });
  if (done.status == write_status::committed) {
    shared.store.works(store_side::writing);
  } else if (done.status != write_status::fenced) {  // fenced: another shard next time
    shared.store.failed(store_side::writing, done.detail);
  }
  return done.status == write_status::committed;
}

void refuse_pending(writer* self) {
  for (const auto& one : std::exchange(self->state.pending, {}))
    tell(self, one.from, {write_status::unavailable, "the store fails"});
}

// One unavailable append is the whole batch's: nothing but the store makes it so. The others show that the store answers.
void judge_store(context& shared, const std::vector<write_result>& results) {
  for (const auto& one : results) {
    if (one.status == write_status::unknown) return;
    if (one.status == write_status::unavailable) return shared.store.failed(store_side::writing, one.detail);
  }
  shared.store.works(store_side::writing);
}

void flush(writer* self, context& shared) {
  auto& mine = self->state;
  mine.flush_scheduled = false;
  if (!resolve(self, shared)) {
    refuse_pending(self);
    if (shared.store.is_long_gone() && !std::exchange(mine.doubt_told, true))
      for (const auto& one : mine.unresolved) self->anon_send(one, append_in_doubt{});
    return look_again(self, resolve_every);
  }
  if (shared.store.suspected(store_side::writing) && !probe(self, shared)) {
    refuse_pending(self);
    return look_again(self, store_probe_every);
  }
  auto taken = take_batch(mine);
  if (taken.from.empty()) return;
  shared.series.writer_queue.set(static_cast<double>(mine.pending.size()));
  shared.series.batch_appends.observe(static_cast<double>(taken.from.size()));

  const auto began = self->clock().now();
  auto results = watched(self, shared, [&] { return mine.log->commit(std::move(taken.appends)); });
  shared.series.commit_seconds.observe(std::chrono::duration<double>(self->clock().now() - began).count());
  judge_store(shared, results);
  settle(self, shared, std::move(taken.from), std::move(results));
  if (!mine.unresolved.empty()) return look_again(self, resolve_every);
  if (!mine.pending.empty() || shared.store.suspected(store_side::writing)) schedule_flush(self);
}

void claim(writer* self, context& shared, const claim_request& asked) {
  if (!resolve(self, shared)) {
    claim_result busy;
    busy.status = write_status::unavailable;
    busy.detail = "an earlier commit is unresolved";
    return asked.done(std::move(busy));
  }
  auto result = self->state.log->claim(asked.shards, shared.time.now());
  if (result.status == write_status::committed) {
    shared.store.works(store_side::writing);
  } else {
    shared.store.failed(store_side::writing, result.detail);
    schedule_flush(self);
  }
  asked.done(std::move(result));
}

}  // namespace

caf::behavior writer_actor(writer* self, shared_context shared, std::shared_ptr<std::unique_ptr<log_writer>> log,
                           std::shared_ptr<journal_store> store) {
  self->state.log = std::move(*log);
  self->state.upkeep = store->open();
  self->set_default_handler(caf::drop);
  return {
      [self, shared](append_request& asked) {
        auto& mine = self->state;
        if (mine.pending.size() >= writer_queue_max)  // never tried: nothing is lost by saying so
          return tell(self, asked.from, {write_status::unavailable, "the journal's queue is full"});
        mine.pending.push_back(std::move(asked));
        schedule_flush(self);
      },
      [self, shared](flush_atom) { flush(self, *shared); },
      [self, shared](const claim_request& asked) { claim(self, *shared, asked); },
      [self, shared](maintenance_request) {
        passing(crash_point::maintenance_before);
        const auto done = self->state.upkeep->maintain(shared->time.now());
        passing(crash_point::maintenance_after);
        if (done.status != append_status::committed)
          shared->logger.write(log_level::warning, "journal maintenance failed", {{"detail", done.detail}});
        self->delayed_send(self, maintenance_every, maintenance_request{});
      },
      [self, shared](stop_request) {
        while (!self->state.pending.empty() && self->state.unresolved.empty()) flush(self, *shared);
        self->quit(caf::exit_reason::user_shutdown);
      },
  };
}

}  // namespace novapay::runtime
