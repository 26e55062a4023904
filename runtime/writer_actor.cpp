#include "runtime/writer_actor.hpp"

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

// Answers what is known; what is unknown is kept, in order, until log_writer has resolved it.
void settle(writer* self, context& shared, std::vector<append_request> asked, std::vector<write_result> results) {
  auto& mine = self->state;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (results[i].status == write_status::unknown) {
      mine.unresolved.push_back(std::move(asked[i]));
    } else {
      tell(self, asked[i], std::move(results[i]));
    }
  }
  if (!mine.unresolved.empty()) {
    shared.series.unknown_commits.add();
    shared.logger.write(log_level::warning, "commit unresolved: looking it up in the log",
                        {{"appends", static_cast<std::int64_t>(mine.unresolved.size())}});
  }
}

// True when nothing is unresolved (any more).
bool resolve(writer* self, context& shared) {
  auto& mine = self->state;
  if (mine.unresolved.empty()) return true;
  auto results = mine.log->resolve();
  if (!results) return false;
  auto asked = std::exchange(mine.unresolved, {});
  shared.logger.write(log_level::info, "commit resolved", {{"appends", static_cast<std::int64_t>(asked.size())}});
  settle(self, shared, std::move(asked), *std::move(results));
  return mine.unresolved.empty();
}

void flush(writer* self, context& shared) {
  auto& mine = self->state;
  mine.flush_scheduled = false;
  if (!resolve(self, shared)) {
    mine.flush_scheduled = true;
    self->delayed_send(self, resolve_every, flush_atom::value);
    return;
  }
  if (mine.pending.empty()) return;

  auto asked = std::exchange(mine.pending, {});
  mine.pending_bytes = 0;
  shared.series.writer_queue.set(0);
  shared.series.batch_appends.observe(static_cast<double>(asked.size()));
  std::vector<pending_append> batch;
  batch.reserve(asked.size());
  for (auto& one : asked) batch.push_back(std::move(one.what));

  const auto began = self->clock().now();
  auto results = mine.log->commit(batch);
  shared.series.commit_seconds.observe(std::chrono::duration<double>(self->clock().now() - began).count());
  settle(self, shared, std::move(asked), std::move(results));
  if (!mine.unresolved.empty()) {
    mine.flush_scheduled = true;
    self->delayed_send(self, resolve_every, flush_atom::value);
  }
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
        mine.pending_bytes += size_of(asked.what);
        mine.pending.push_back(std::move(asked));
        const bool full = mine.pending.size() >= batch_appends_max || mine.pending_bytes >= batch_bytes_max;
        if (full && mine.unresolved.empty()) {
          flush(self, *shared);
        } else if (!mine.flush_scheduled) {
          // To the end of the mailbox: what arrived meanwhile comes first and joins the batch.
          mine.flush_scheduled = true;
          self->send(self, flush_atom::value);
        }
      },
      [self, shared](flush_atom) { flush(self, *shared); },
      [self, shared](claim_request& asked) {
        if (!resolve(self, *shared)) {
          claim_result busy;
          busy.status = write_status::unavailable;
          busy.detail = "an earlier commit is unresolved";
          asked.done(std::move(busy));
          return;
        }
        asked.done(self->state.log->claim(asked.shards, shared->time.now()));
      },
      [self, shared](maintenance_request) {
        const auto done = self->state.upkeep->maintain(shared->time.now());
        if (done.status != append_status::committed)
          shared->logger.write(log_level::warning, "journal maintenance failed", {{"detail", done.detail}});
        self->delayed_send(self, maintenance_every, maintenance_request{});
      },
  };
}

}  // namespace novapay::runtime
