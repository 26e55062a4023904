#include "actors/webhook_desk.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "actors/api_key.hpp"
#include "actors/domain/card_number.hpp"
#include "actors/webhook_actors.hpp"

namespace novapay {

using runtime::log_level;

namespace {

// What a processor sends to be let in with, and what a browser would: nothing of it is stored.
bool is_credential(std::string_view name) {
  constexpr std::array<std::string_view, 3> names{"authorization", "cookie", "proxy-authorization"};
  return std::ranges::find(names, name) != names.end();
}

source_series series_for(webhook_source from, runtime::metrics& registry) {
  const auto count = [&](const char* verdict) -> runtime::counter& {
    return registry.count("novapay_webhook_deliveries_total", "Webhooks that processors delivered.",
                          {{"processor", from.name}, {"verdict", verdict}});
  };
  auto& taken = count("taken");
  auto& rejected = count("rejected");
  auto& overloaded = count("overloaded");
  auto& unavailable = count("unavailable");
  return {std::move(from), taken, rejected, overloaded, unavailable};
}

}  // namespace

std::chrono::milliseconds backoff(std::uint32_t attempts, std::chrono::milliseconds first,
                                  std::chrono::milliseconds last) noexcept {
  auto wait = first;
  for (std::uint32_t i = 1; i < attempts && wait < last; ++i) wait *= 2;
  return std::min(wait, last);
}

desk_core::desk_core(caf::actor_system& system, desk_settings settings, desk_ports given,
                     std::vector<webhook_source> from, std::function<void(std::string)> on_fatal)
    : actors(system),
      how(settings),
      ports(std::move(given)),
      fatal(std::move(on_fatal)),
      apply_seconds(ports.registry.spread("novapay_webhook_apply_seconds",
                                          "From a webhook's arrival until it was in its payments' journal.",
                                          runtime::duration_buckets_seconds())),
      batch_webhooks(ports.registry.spread("novapay_webhook_batch_webhooks", "Webhooks stored in one commit.",
                                           {1, 2, 4, 8, 16, 32, 64, 128, 256, 512})),
      in_hand_now(ports.registry.level("novapay_webhook_in_hand", "Stored webhooks that are being applied.")),
      oldest_seconds(ports.registry.level("novapay_webhook_oldest_seconds",
                                          "The age of the oldest webhook that is stored and not applied.")) {
  for (int state = 1; state <= static_cast<int>(inbox_state::rejected); ++state)
    entries.push_back(&ports.registry.level("novapay_webhook_inbox_entries",
                                            "Webhooks in the inbox, but for applied ones.",
                                            {{"state", std::string{to_text(static_cast<inbox_state>(state))}}}));
  for (auto& one : from) {
    auto name = one.name;
    sources.emplace(std::move(name), series_for(std::move(one), ports.registry));
  }
}

const source_series* desk_core::find(std::string_view name) const noexcept {
  const auto found = sources.find(name);
  return found == sources.end() ? nullptr : &found->second;
}

webhook_desk::webhook_desk(caf::actor_system& system, desk_settings settings, desk_ports ports,
                           std::vector<webhook_source> sources, std::function<void(std::string)> fatal)
    : core_(std::make_shared<desk_core>(system, settings, std::move(ports), std::move(sources), std::move(fatal))) {}

webhook_desk::~webhook_desk() { stop(); }

void webhook_desk::start() {
  auto& desk = *core_;
  desk.applier = desk.actors.spawn(webhook_applier, core_);
  if (desk.how.detached) {
    desk.writer = desk.actors.spawn<caf::detached>(inbox_writer, core_);
    desk.keeper = desk.actors.spawn<caf::detached>(inbox_keeper, core_);
  } else {
    desk.writer = desk.actors.spawn(inbox_writer, core_);
    desk.keeper = desk.actors.spawn(inbox_keeper, core_);
  }
  for (const auto& one : {desk.writer, desk.applier, desk.keeper})
    caf::actor_cast<caf::abstract_actor*>(one)->attach_functor([desk = core_](const caf::error& why) {
      if (why != caf::exit_reason::user_shutdown && desk->fatal) desk->fatal("an actor of the webhook desk died");
    });
  desk.running = true;
  caf::anon_send(desk.keeper, desk_due::value);
  caf::anon_send(desk.keeper, desk_count::value);
  caf::anon_send(desk.keeper, desk_purge::value);
}

namespace {

// Anybody can send us these, and so anything.
bool holds_secret(const inbox_entry& entry) {
  const auto is_secret = [](std::string_view text) {
    return contains_api_key(text) || domain::contains_card_number(text);
  };
  return is_secret(entry.body) || std::ranges::any_of(entry.fields, [&](const auto& field) {
           return is_secret(field.first) || is_secret(field.second);
         });
}

void reject(desk_core& desk, inbox_entry entry, std::string_view reason) {
  auto& watch = desk.forgeries;
  std::int64_t said = 0;
  bool kept = false;
  {
    const std::lock_guard lock(watch.mutex);
    ++watch.unsaid;
    if (entry.received_at >= watch.minute + 1min) {
      watch.minute = entry.received_at;
      watch.stored = 0;
      said = std::exchange(watch.unsaid, 0);
    }
    kept = watch.stored < rejected_stored_per_minute;
    if (kept) ++watch.stored;
  }
  if (said > 0)
    desk.ports.logger.write(log_level::warning, "webhooks rejected: they are not authentic",
                            {{"processor", entry.processor}, {"reason", reason}, {"since_last_said", said}});
  if (!kept) return;
  entry.state = inbox_state::rejected;
  entry.detail = reason;
  if (holds_secret(entry)) {
    entry.body.clear();
    entry.fields.clear();
    entry.detail += "; not kept, for it holds what looks like a card number or an API key";
  }
  if (entry.body.size() > rejected_body_kept_max) entry.body.resize(rejected_body_kept_max);
  caf::anon_send(desk.writer, store_webhook{std::move(entry), {}});
}

}  // namespace

void webhook_desk::take(std::string_view processor, const runtime::http_fields& fields, std::string body,
                        intake_done done) {
  auto& desk = *core_;
  const auto* source = desk.find(processor);
  if (source == nullptr) return done({intake_verdict::unknown_processor, {}, {}});
  const auto now = desk.ports.time.now();
  auto verdict = source->is.format->verify(fields, body, now);

  inbox_entry entry;
  entry.processor = processor;
  entry.received_at = now;
  for (const auto& field : fields)
    if (!is_credential(field.first)) entry.fields.push_back(field);
  entry.body = std::move(body);
  if (!verdict.authentic) {
    source->rejected.add();
    if (desk.running) reject(desk, std::move(entry), verdict.reason);
    return done({intake_verdict::rejected, std::move(verdict.reason), {}});
  }
  if (!desk.running) return done({intake_verdict::unavailable, "the node is starting or stopping", {}});
  const auto bytes = entry.body.size();
  if (desk.waiting >= webhooks_waiting_max || desk.waiting_bytes + bytes > webhook_bytes_waiting_max) {
    source->overloaded.add();
    return done({intake_verdict::overloaded, "too many webhooks wait to be stored", {}});
  }
  desk.waiting += 1;
  desk.waiting_bytes += bytes;
  // Counted and answered once, also if the writer dies with it.
  auto answer = [core = core_, source, bytes, done = std::move(done)](inbox_status status, std::string detail) {
    core->waiting -= 1;
    core->waiting_bytes -= bytes;
    if (status == inbox_status::done) {
      source->taken.add();
      return done({intake_verdict::taken, {}, source->is.format->acknowledgement()});
    }
    source->unavailable.add();
    done({intake_verdict::unavailable, std::move(detail), {}});
  };
  caf::anon_send(desk.writer, store_webhook{std::move(entry), std::move(answer)});
}

std::size_t webhook_desk::waiting() const noexcept { return core_->waiting; }

namespace {

// Runs `read` on the keeper's inbox, in its thread.
template <class T, class Read>
void ask_keeper(const shared_desk& desk, inbox_reply<T> done, Read read) {
  if (!desk->running) return done({std::nullopt, "the node is starting or stopping"});
  caf::anon_send(desk->keeper, ask_inbox{[done = std::move(done), read = std::move(read)](webhook_inbox& inbox) {
                   done(read(inbox));
                 }});
}

}  // namespace

void webhook_desk::list(inbox_query query, inbox_reply<inbox_page> done) {
  ask_keeper(core_, std::move(done), [query = std::move(query)](webhook_inbox& inbox) { return inbox.list(query); });
}

void webhook_desk::find(std::int64_t id, inbox_reply<std::optional<inbox_entry>> done) {
  ask_keeper(core_, std::move(done), [id](webhook_inbox& inbox) { return inbox.find(id); });
}

void webhook_desk::replay(std::int64_t id, inbox_reply<std::optional<inbox_state>> done) {
  ask_keeper(core_, std::move(done), [core = core_, id](webhook_inbox& inbox) {
    caf::anon_send(core->keeper, look_now{});
    return inbox.replay(id, core->ports.time.now());
  });
}

void webhook_desk::replay_all(inbox_state state, std::string processor, inbox_reply<std::int64_t> done) {
  ask_keeper(core_, std::move(done), [core = core_, state, processor = std::move(processor)](webhook_inbox& inbox) {
    caf::anon_send(core->keeper, look_now{});
    return inbox.replay_all(state, processor, core->ports.time.now());
  });
}

void webhook_desk::stop() {
  if (!core_->running.exchange(false)) return;
  caf::anon_send(core_->writer, stop_writing{});
  for (const auto& one : {core_->applier, core_->keeper}) caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
}

}  // namespace novapay
