// webhook_actors: the desk's actors, what they share and what they send each other. Internal to webhook_desk.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/all.hpp>

#include "actors/webhook_desk.hpp"

namespace novapay {

struct source_series {
  webhook_source is;
  runtime::counter& taken;
  runtime::counter& rejected;
  runtime::counter& overloaded;
  runtime::counter& unavailable;
};

// What the desk does about forgeries: it stores some, counts all and says so once a minute.
struct forgery_watch {
  std::mutex mutex;
  domain::timestamp minute{};
  std::size_t stored = 0;
  std::int64_t unsaid = 0;
};

struct desk_core {
  desk_core(caf::actor_system& system, desk_settings settings, desk_ports ports, std::vector<webhook_source> from,
            std::function<void(std::string)> on_fatal);

  const source_series* find(std::string_view name) const noexcept;

  caf::actor_system& actors;
  const desk_settings how;
  const desk_ports ports;
  const std::function<void(std::string)> fatal;
  std::map<std::string, source_series, std::less<>> sources;
  runtime::histogram& apply_seconds;
  runtime::histogram& batch_webhooks;
  runtime::gauge& in_hand_now;
  std::vector<runtime::gauge*> entries;  // by state
  runtime::gauge& oldest_seconds;

  std::atomic<std::size_t> waiting{0};  // to be stored
  std::atomic<std::size_t> waiting_bytes{0};
  std::atomic<std::size_t> in_hand{0};  // of the applier
  std::atomic<bool> running{false};
  forgery_watch forgeries;
  caf::actor writer, applier, keeper;  // set by start()
};
using shared_desk = std::shared_ptr<desk_core>;

// → writer
struct store_webhook {
  inbox_entry what;
  std::function<void(inbox_status, std::string detail)> done;  // empty: nobody waits
};
struct write_marks {
  std::vector<inbox_mark> marks;
};
struct stop_writing {};

// → applier
struct apply_entries {
  std::vector<inbox_entry> entries;
};
struct marks_written {
  std::vector<std::int64_t> ids;
};
struct notice_told {
  std::int64_t entry = 0;
  notice_fate fate{};
  std::string detail;
};
struct payment_found {
  std::int64_t entry = 0;
  domain::notice what;
  payment_lookup::answer found;
};
struct page_fetched {
  std::int64_t entry = 0;
  std::string report;
  settlement_result page;
};

// → keeper
struct ask_inbox {
  std::function<void(webhook_inbox&)> run;
};
struct look_now {};  // something has just become due

using desk_flush = caf::atom_constant<caf::atom("flush")>;
using desk_due = caf::atom_constant<caf::atom("due")>;
using desk_count = caf::atom_constant<caf::atom("count")>;
using desk_purge = caf::atom_constant<caf::atom("purge")>;

// Says once that the store fails and once that it is back.
class store_watch {
 public:
  void failed(runtime::log& lines, const char* what, const std::string& why) {
    if (!std::exchange(fails_, true)) lines.write(runtime::log_level::warning, what, {{"detail", why}});
  }
  void works(runtime::log& lines, const char* what) {
    if (std::exchange(fails_, false)) lines.write(runtime::log_level::info, what, {});
  }
  bool fails() const noexcept { return fails_; }

 private:
  bool fails_ = false;
};

// Group commit without a timer, as in runtime/writer_actor.hpp: a batch is what arrived while the last one was committed.
struct inbox_writer_state {
  std::unique_ptr<webhook_inbox> inbox;
  std::deque<store_webhook> pending;
  std::deque<inbox_mark> marks;
  bool flush_scheduled = false;
  bool marks_scheduled = false;
  caf::actor_clock::time_point refuse_until{};
  store_watch store;
  static inline const char* name = "inbox_writer";
};
caf::behavior inbox_writer(caf::stateful_actor<inbox_writer_state>* self, shared_desk desk);

// Gives what is stored to the payments. Never blocks.
struct applying;
struct applier_state {
  applier_state();
  ~applier_state();
  std::map<std::int64_t, std::unique_ptr<applying>> open;  // by entry
  std::deque<std::function<void()>> notices, fetches;      // to be begun
  std::size_t notices_in_flight = 0;
  std::size_t fetches_in_flight = 0;
  std::vector<inbox_mark> marks;
  bool flush_scheduled = false;
  static inline const char* name = "webhook_applier";
};
caf::behavior webhook_applier(caf::stateful_actor<applier_state>* self, shared_desk desk);

// Looks for what is due, answers operators, purges and counts.
struct keeper_state {
  std::unique_ptr<webhook_inbox> inbox;
  bool looked = false;  // for what an earlier life left
  store_watch store;
  static inline const char* name = "inbox_keeper";
};
caf::behavior inbox_keeper(caf::stateful_actor<keeper_state>* self, shared_desk desk);

}  // namespace novapay

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::store_webhook)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::write_marks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::stop_writing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::apply_entries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::marks_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::notice_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::payment_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::page_fetched)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::ask_inbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::look_now)
