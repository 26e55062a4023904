#include <algorithm>
#include <exception>
#include <utility>

#include "actors/webhook_actors.hpp"

namespace novapay {

using runtime::log_level;

// What the parts of one entry came to; the worst of them is what it comes to.
enum class part_fate : std::uint8_t { applied, unmatched, unreadable, not_taken };

// One entry being applied.
struct applying {
  inbox_entry entry;            // without what arrived
  std::size_t outstanding = 1;  // parts without an outcome; one is the reading itself
  part_fate worst = part_fate::applied;
  std::string detail;
  struct report_page {
    std::string report, at;
  };
  std::deque<report_page> pages;  // to be fetched, each when all that the ones before brought is done

  void came_to(part_fate fate, const std::string& why) {
    if (fate <= worst) return;
    worst = fate;
    detail = why;
  }
};

applier_state::applier_state() = default;
applier_state::~applier_state() = default;

namespace {

using applier = caf::stateful_actor<applier_state>;

void flush_marks(applier* self, desk_core& desk) {
  self->state.flush_scheduled = false;
  if (!self->state.marks.empty()) caf::anon_send(desk.writer, write_marks{std::exchange(self->state.marks, {})});
}

// Says what an operator should know, once for each change of state.
void say(desk_core& desk, const inbox_entry& was, const inbox_mark& mark, bool given_up) {
  if (mark.state == was.state && !given_up) return;
  const char* what = nullptr;
  if (mark.state == inbox_state::unmatched)
    what = given_up ? "a webhook is not tried any more: POST /webhooks/{id}/replay does"
                    : "a webhook fits no payment: it is tried again";
  if (mark.state == inbox_state::unreadable) what = "a webhook is authentic and not understood";
  if (what == nullptr) return;
  desk.ports.logger.write(given_up || mark.state == inbox_state::unreadable ? log_level::error : log_level::warning,
                          what, {{"webhook_id", mark.id}, {"processor", was.processor}, {"detail", mark.detail}});
}

inbox_mark mark_for(desk_core& desk, const applying& done) {
  const auto now = desk.ports.time.now();
  const auto& was = done.entry;
  inbox_mark mark{was.id, inbox_state::applied, done.detail, was.attempts + 1, std::nullopt};
  switch (done.worst) {
    case part_fate::applied:
      desk.apply_seconds.observe(std::chrono::duration<double>(now - was.received_at).count());
      break;
    case part_fate::unmatched:
      mark.state = inbox_state::unmatched;
      if (now - was.received_at < unmatched_for)
        mark.next_attempt_at = now + backoff(mark.attempts, unmatched_first, unmatched_last);
      break;
    case part_fate::unreadable: mark.state = inbox_state::unreadable; break;
    case part_fate::not_taken:
      mark.state = inbox_state::received;
      mark.next_attempt_at = now + backoff(mark.attempts, not_taken_first, not_taken_last);
      break;
  }
  say(desk, was, mark, mark.state == inbox_state::unmatched && !mark.next_attempt_at);
  return mark;
}

void add_page(applier* self, processor_settlement& from, applying& to, applying::report_page page) {
  ++to.outstanding;
  self->state.fetches.push_back(
      [me = caf::actor_cast<caf::actor>(self), &from, id = to.entry.id, page = std::move(page)] {
        from.fetch(page.report, page.at, [me, id, report = page.report](settlement_result got) {
          caf::anon_send(me, page_fetched{id, report, std::move(got)});
        });
      });
}

// False: there is none.
bool next_page(applier* self, desk_core& desk, applying& to) {
  const auto* source = desk.find(to.entry.processor);
  if (to.pages.empty() || source == nullptr || source->is.settlement == nullptr) return false;
  auto page = std::move(to.pages.front());
  to.pages.pop_front();
  add_page(self, *source->is.settlement, to, std::move(page));
  return true;
}

// One part of an entry has its outcome.
void part_done(applier* self, desk_core& desk, std::int64_t id, part_fate fate, const std::string& why) {
  auto& mine = self->state;
  const auto found = mine.open.find(id);
  if (found == mine.open.end()) return;
  auto& one = *found->second;
  one.came_to(fate, why);
  if (--one.outstanding > 0 || next_page(self, desk, one)) return;
  mine.marks.push_back(mark_for(desk, one));
  if (!std::exchange(mine.flush_scheduled, true)) self->send(self, desk_flush::value);
}

void pump(applier* self) {
  auto& mine = self->state;
  while (mine.notices_in_flight < notices_in_flight_max && !mine.notices.empty()) {
    const auto begin = std::move(mine.notices.front());
    mine.notices.pop_front();
    ++mine.notices_in_flight;
    begin();
  }
  while (mine.fetches_in_flight < fetches_in_flight_max && !mine.fetches.empty()) {
    const auto begin = std::move(mine.fetches.front());
    mine.fetches.pop_front();
    ++mine.fetches_in_flight;
    begin();
  }
}

void add_notice(applier* self, const shared_desk& desk, applying& to, std::string payment, domain::notice what) {
  ++to.outstanding;
  self->state.notices.push_back([me = caf::actor_cast<caf::actor>(self), desk, id = to.entry.id,
                                 payment = std::move(payment), what = std::move(what)] {
    desk->ports.deliver(payment, what, [me, id](notice_fate fate, std::string detail) {
      caf::anon_send(me, notice_told{id, fate, std::move(detail)});
    });
  });
}

void add_lookup(applier* self, payment_lookup& from, applying& to, const std::string& reference, domain::notice what) {
  ++to.outstanding;
  self->state.fetches.push_back(
      [me = caf::actor_cast<caf::actor>(self), &from, id = to.entry.id, reference, what = std::move(what)] {
        from.find(reference, [me, id, what](payment_lookup::answer found) {
          caf::anon_send(me, payment_found{id, what, std::move(found)});
        });
      });
}

void add_item(applier* self, const shared_desk& desk, const webhook_source& from, applying& to, webhook_item item) {
  if (item.what && !item.payment.empty()) {
    add_notice(self, desk, to, std::move(item.payment), std::move(*item.what));
  } else if (item.what && !item.lookup.empty()) {
    if (from.lookup == nullptr)
      to.came_to(part_fate::unmatched, "names its payment by a reference, and nothing here looks it up");
    else
      add_lookup(self, *from.lookup, to, item.lookup, std::move(*item.what));
  }
  if (item.report.empty()) return;
  if (from.settlement == nullptr)
    to.came_to(part_fate::unmatched, "announces a settlement report, and nothing here fetches it");
  else
    to.pages.push_back({std::move(item.report), {}});
}

std::optional<std::vector<webhook_item>> read(const webhook_format& format, std::string_view body, std::string& why) {
  why = "it is authentic, and not to be understood";
  try {
    return format.read(body);
  } catch (const std::exception& thrown) {  // formats promise to be pure, not to be without mistakes
    why = std::string{"reading it failed: "} + thrown.what();
    return std::nullopt;
  }
}

void begin(applier* self, const shared_desk& desk, inbox_entry entry) {
  const auto id = entry.id;
  const auto [place, fresh] = self->state.open.try_emplace(id);
  if (!fresh) {  // it is in hand already, and due again because that takes long
    desk->in_hand -= 1;
    return;
  }
  place->second = std::make_unique<applying>();
  auto& one = *place->second;
  const auto body = std::exchange(entry.body, {});
  entry.fields.clear();
  one.entry = std::move(entry);
  const auto* source = desk->find(one.entry.processor);
  if (source == nullptr) {
    one.came_to(part_fate::not_taken, "no processor of this name is configured");
  } else {
    std::string why;
    auto items = read(*source->is.format, body, why);
    if (!items) one.came_to(part_fate::unreadable, why);
    if (items)
      for (auto& item : *items) add_item(self, desk, source->is, one, std::move(item));
  }
  part_done(self, *desk, id, part_fate::applied, {});
}

part_fate part_of(notice_fate fate) noexcept {
  switch (fate) {
    case notice_fate::applied: return part_fate::applied;
    case notice_fate::unknown_payment:
    case notice_fate::refused: return part_fate::unmatched;  // it may fit later, and somebody should see it
    case notice_fate::not_taken: break;
  }
  return part_fate::not_taken;
}

void page_came(applier* self, const shared_desk& desk, page_fetched& told) {
  const auto found = self->state.open.find(told.entry);
  if (found == self->state.open.end()) return;
  auto& one = *found->second;
  if (const auto* failed = std::get_if<statement_failure>(&told.page))
    return part_done(self, *desk, told.entry, failed->retryable ? part_fate::not_taken : part_fate::unreadable,
                     "the settlement report was not had: " + failed->reason);
  auto& page = std::get<settlement_page>(told.page);
  for (auto& item : page.items)
    if (!item.payment.empty()) add_notice(self, desk, one, std::move(item.payment), std::move(item.what));
  if (!page.others.empty())
    desk->ports.logger.write(log_level::info, "rows of a settlement report are about no payment",
                             {{"webhook_id", told.entry},
                              {"processor", one.entry.processor},
                              {"rows", static_cast<std::int64_t>(page.others.size())},
                              {"first", page.others.front()}});
  if (!page.next.empty()) one.pages.push_front({std::move(told.report), std::move(page.next)});
  part_done(self, *desk, told.entry, part_fate::applied, {});
}

void payment_came(applier* self, const shared_desk& desk, payment_found& told) {
  const auto found = self->state.open.find(told.entry);
  if (found == self->state.open.end()) return;
  if (!told.found.known)
    return part_done(self, *desk, told.entry, part_fate::not_taken, "its payment could not be looked up");
  if (!told.found.payment.empty())
    add_notice(self, desk, *found->second, std::move(told.found.payment), std::move(told.what));
  part_done(self, *desk, told.entry, part_fate::applied, {});
}

}  // namespace

caf::behavior webhook_applier(applier* self, shared_desk desk) {
  self->set_default_handler(caf::drop);
  return {
      [self, desk](apply_entries& asked) {
        for (auto& one : asked.entries) begin(self, desk, std::move(one));
        pump(self);
      },
      [self, desk](notice_told& told) {
        --self->state.notices_in_flight;
        part_done(self, *desk, told.entry, part_of(told.fate), told.detail);
        pump(self);
      },
      [self, desk](page_fetched& told) {
        --self->state.fetches_in_flight;
        page_came(self, desk, told);
        pump(self);
      },
      [self, desk](payment_found& told) {
        --self->state.fetches_in_flight;
        payment_came(self, desk, told);
        pump(self);
      },
      [self, desk](const marks_written& done) {
        for (const auto id : done.ids) desk->in_hand -= self->state.open.erase(id);
      },
      [self, desk](desk_flush) { flush_marks(self, *desk); },
  };
}

}  // namespace novapay
