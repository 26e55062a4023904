#include <algorithm>
#include <utility>

#include "actors/webhook_actors.hpp"

namespace novapay {
namespace {

using writer = caf::stateful_actor<inbox_writer_state>;

constexpr const char* store_fails = "the webhooks' inbox fails: deliveries are refused, and processors repeat them";
constexpr const char* store_works = "the webhooks' inbox works again";

void schedule_flush(writer* self) {
  // To the end of the mailbox: what arrived meanwhile comes first and joins the batch.
  if (!std::exchange(self->state.flush_scheduled, true)) self->send(self, desk_flush::value);
}
void flush_later(writer* self, std::chrono::milliseconds after) {
  if (!std::exchange(self->state.marks_scheduled, true)) self->delayed_send(self, after, desk_flush::value);
}

void answer(store_webhook& one, inbox_status status, const std::string& detail) {
  if (one.done) one.done(status, detail);
}

struct batch {
  std::vector<inbox_entry> fresh;
  std::vector<store_webhook> from;  // their bodies are in `fresh`
  std::vector<inbox_mark> marks;
  std::size_t to_apply = 0;
};

batch take_batch(writer* self, desk_core& desk) {
  auto& mine = self->state;
  batch taken;
  std::size_t bytes = 0;
  const auto now = desk.ports.time.now();
  const auto in_hand = desk.in_hand.load();
  while (!mine.pending.empty() && taken.fresh.size() < inbox_batch_max && bytes < inbox_batch_bytes_max) {
    auto& next = mine.pending.front();
    bytes += next.what.body.size();
    if (next.what.state == inbox_state::received) {
      // What we have room for we apply ourselves; the rest is due for whoever has room first.
      const bool ours = in_hand + taken.to_apply < entries_in_hand_max;
      next.what.next_attempt_at = ours ? now + apply_patience : now;
      taken.to_apply += ours ? 1 : 0;
    }
    taken.fresh.push_back(std::move(next.what));
    taken.from.push_back(std::move(next));
    mine.pending.pop_front();
  }
  const auto marks = std::min(mine.marks.size(), inbox_batch_marks_max);
  taken.marks.assign(std::make_move_iterator(mine.marks.begin()),
                     std::make_move_iterator(mine.marks.begin() + static_cast<std::ptrdiff_t>(marks)));
  mine.marks.erase(mine.marks.begin(), mine.marks.begin() + static_cast<std::ptrdiff_t>(marks));
  return taken;
}

void written(desk_core& desk, batch& taken, const std::vector<std::int64_t>& ids) {
  apply_entries ours;
  for (std::size_t i = 0; i < taken.fresh.size(); ++i) {
    auto& one = taken.fresh[i];
    one.id = ids[i];
    if (one.state == inbox_state::received && ours.entries.size() < taken.to_apply)
      ours.entries.push_back(std::move(one));
  }
  // Their senders first: they wait.
  for (auto& one : taken.from) answer(one, inbox_status::done, {});
  if (!ours.entries.empty()) {
    desk.in_hand += ours.entries.size();
    caf::anon_send(desk.applier, std::move(ours));
  }
  if (taken.marks.empty()) return;
  marks_written done;
  for (const auto& mark : taken.marks) done.ids.push_back(mark.id);
  caf::anon_send(desk.applier, std::move(done));
}

void flush(writer* self, desk_core& desk) {
  auto& mine = self->state;
  mine.flush_scheduled = mine.marks_scheduled = false;
  if (mine.pending.empty() && mine.marks.empty()) return;
  if (self->clock().now() < mine.refuse_until) {
    for (auto& one : std::exchange(mine.pending, {})) answer(one, inbox_status::unavailable, "the inbox fails");
    if (!mine.marks.empty()) flush_later(self, store_retry);
    return;
  }
  auto taken = take_batch(self, desk);
  auto result = mine.inbox->write(taken.fresh, taken.marks);
  if (result.status == inbox_status::done && result.ids.size() == taken.fresh.size()) {
    mine.store.works(desk.ports.logger, store_works);
    if (!taken.fresh.empty()) desk.batch_webhooks.observe(static_cast<double>(taken.fresh.size()));
    written(desk, taken, result.ids);
    if (!mine.pending.empty() || mine.marks.size() >= inbox_batch_marks_max)
      schedule_flush(self);
    else if (!mine.marks.empty())
      flush_later(self, marks_patience);
    return;
  }
  // Nobody is acknowledged, so everybody delivers again; marks are absolute and written again.
  mine.store.failed(desk.ports.logger, store_fails, result.detail);
  mine.refuse_until = self->clock().now() + store_retry;
  for (auto& one : taken.from) answer(one, result.status, result.detail);
  mine.marks.insert(mine.marks.begin(), std::make_move_iterator(taken.marks.begin()),
                    std::make_move_iterator(taken.marks.end()));
  if (!mine.pending.empty())
    schedule_flush(self);
  else if (!mine.marks.empty())
    flush_later(self, store_retry);
}

}  // namespace

caf::behavior inbox_writer(writer* self, shared_desk desk) {
  self->state.inbox = desk->ports.store->open();
  self->set_default_handler(caf::drop);
  return {
      [self](store_webhook& asked) {
        self->state.pending.push_back(std::move(asked));  // bounded by webhooks_waiting_max
        schedule_flush(self);
      },
      [self](write_marks& asked) {
        auto& mine = self->state;  // bounded by entries_in_hand_max
        std::ranges::move(asked.marks, std::back_inserter(mine.marks));
        if (!mine.flush_scheduled) flush_later(self, marks_patience);
      },
      [self, desk](desk_flush) { flush(self, *desk); },
      [self, desk](stop_writing) {
        while (!self->state.pending.empty()) flush(self, *desk);
        flush(self, *desk);
        self->quit(caf::exit_reason::user_shutdown);
      },
  };
}

}  // namespace novapay
