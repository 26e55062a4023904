#include <algorithm>
#include <utility>

#include "actors/webhook_actors.hpp"

namespace novapay {
namespace {

using keeper = caf::stateful_actor<keeper_state>;

constexpr const char* reads_fail = "the webhooks' inbox cannot be read: what waits in it is not applied";
constexpr const char* reads_work = "the webhooks' inbox can be read again";

template <class T>
bool works(keeper* self, desk_core& desk, const runtime::read_outcome<T>& read) {
  if (read.value)
    self->state.store.works(desk.ports.logger, reads_work);
  else
    self->state.store.failed(desk.ports.logger, reads_fail, read.detail);
  return read.value.has_value();
}

// Hands over what is due, as far as there is room. True: there may be more.
bool look(keeper* self, desk_core& desk) {
  const auto in_hand = desk.in_hand.load();
  if (in_hand + due_batch_max > entries_in_hand_max) return true;
  // The first look takes what an earlier life was about to apply: it left nothing to wait for.
  const auto until = desk.ports.time.now() + (self->state.looked ? 0ms : apply_patience);
  auto due = self->state.inbox->due(until, due_batch_max);
  if (!works(self, desk, due)) return false;
  const bool full = due.value->size() == due_batch_max;
  self->state.looked = self->state.looked || !full;
  if (due.value->empty()) return false;
  desk.in_hand += due.value->size();
  caf::anon_send(desk.applier, apply_entries{std::move(*due.value)});
  return full;
}

void count(keeper* self, desk_core& desk) {
  const auto counts = self->state.inbox->counts();
  if (!works(self, desk, counts)) return;
  std::vector<double> entries(desk.entries.size(), 0);
  double oldest = 0;
  for (const auto& one : *counts.value) {
    const auto at = static_cast<std::size_t>(one.state) - 1;
    if (at < entries.size()) entries[at] = static_cast<double>(one.entries);
    if (one.state == inbox_state::received)
      oldest = std::chrono::duration<double>(desk.ports.time.now() - one.oldest).count();
  }
  for (std::size_t at = 0; at < entries.size(); ++at) desk.entries[at]->set(entries[at]);
  desk.oldest_seconds.set(std::max(oldest, 0.0));
  desk.in_hand_now.set(static_cast<double>(desk.in_hand.load()));
}

}  // namespace

caf::behavior inbox_keeper(keeper* self, shared_desk desk) {
  self->state.inbox = desk->ports.store->open();
  self->set_default_handler(caf::drop);
  return {
      [self, desk](desk_due) {
        const bool more = look(self, *desk);
        self->delayed_send(self, more ? due_again : due_every, desk_due::value);
      },
      [self, desk](look_now) { look(self, *desk); },
      [self, desk](desk_count) {
        count(self, *desk);
        self->delayed_send(self, counts_every, desk_count::value);
      },
      [self, desk](desk_purge) {
        const auto more = self->state.inbox->purge(desk->how.keep, desk->ports.time.now());
        self->delayed_send(self, works(self, *desk, more) && *more.value ? purge_again : purge_every,
                           desk_purge::value);
      },
      [self](ask_inbox& asked) { asked.run(*self->state.inbox); },
  };
}

}  // namespace novapay
