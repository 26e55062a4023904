#include "runtime/writer_actor.hpp"

#include <cassert>
#include <utility>

namespace novapay::runtime {
namespace {

using writer = caf::stateful_actor<writer_state>;

std::size_t size_of(const pending_append& what) {
  auto size = what.row.state.size();
  for (const auto& payload : what.events) size += payload.size();
  return size;
}

void tell(writer* self, const append_request& asked, write_result result) {
  self->anon_send(asked.from, append_done{std::move(result)});
}

void schedule_flush(writer* self) {
  // To the end of the mailbox: what arrived meanwhile comes first and joins the batch.
  if (!std::exchange(self->state.flush_scheduled, true)) self->send(self, flush_atom::value);
}

void look_again_soon(writer* self) {
  self->state.flush_scheduled = true;
  self->delayed_send(self, resolve_every, flush_atom::value);
}

// True when nothing is unresolved (any more).
bool resolve(writer* self, context& shared) {
  auto& mine = self->state;
  if (mine.unresolved.empty()) return true;
  auto results = mine.log->resolve();
  if (!results) return false;
  const auto batch = std::exchange(mine.unresolved, {});
  assert(results->size() == batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) tell(self, batch[i], std::move((*results)[i]));
  shared.logger.write(log_level::info, "commit resolved", {{"appends", static_cast<std::int64_t>(batch.size())}});
  return true;
}

std::vector<append_request> take_batch(writer_state& mine) {
  std::vector<append_request> batch;
  std::size_t bytes = 0;
  while (!mine.pending.empty() && batch.size() < batch_appends_max && bytes < batch_bytes_max) {
    bytes += size_of(mine.pending.front().what);
    batch.push_back(std::move(mine.pending.front()));
    mine.pending.pop_front();
  }
  return batch;
}

void settle(writer* self, context& shared, std::vector<append_request> asked, std::vector<write_result> results) {
  assert(results.size() == asked.size());
  auto& unresolved = self->state.unresolved;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (results[i].status == write_status::unknown) {
      unresolved.push_back(std::move(asked[i]));
    } else {
      tell(self, asked[i], std::move(results[i]));
    }
  }
  if (unresolved.empty()) return;
  shared.series.unknown_commits.add();
  shared.logger.write(log_level::warning, "commit unresolved: looking it up in the log",
                      {{"appends", static_cast<std::int64_t>(unresolved.size())}});
}

void flush(writer* self, context& shared) {
  auto& mine = self->state;
  mine.flush_scheduled = false;
  if (!resolve(self, shared)) return look_again_soon(self);
  auto asked = take_batch(mine);
  if (asked.empty()) return;
  shared.series.writer_queue.set(static_cast<double>(mine.pending.size()));
  shared.series.batch_appends.observe(static_cast<double>(asked.size()));
  std::vector<pending_append> batch;
  batch.reserve(asked.size());
  for (const auto& one : asked) batch.push_back(one.what);

  const auto began = self->clock().now();
  auto results = mine.log->commit(batch);
  shared.series.commit_seconds.observe(std::chrono::duration<double>(self->clock().now() - began).count());
  settle(self, shared, std::move(asked), std::move(results));
  if (!mine.unresolved.empty()) return look_again_soon(self);
  if (!mine.pending.empty()) schedule_flush(self);
}

void claim(writer* self, context& shared, const claim_request& asked) {
  if (!resolve(self, shared)) {
    claim_result busy;
    busy.status = write_status::unavailable;
    busy.detail = "an earlier commit is unresolved";
    return asked.done(std::move(busy));
  }
  asked.done(self->state.log->claim(asked.shards, shared.time.now()));
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
          return tell(self, asked, {write_status::unavailable, "the journal's queue is full"});
        mine.pending.push_back(std::move(asked));
        schedule_flush(self);
      },
      [self, shared](flush_atom) { flush(self, *shared); },
      [self, shared](const claim_request& asked) { claim(self, *shared, asked); },
      [self, shared](maintenance_request) {
        const auto done = self->state.upkeep->maintain(shared->time.now());
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
