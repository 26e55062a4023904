// webhook_desk: what processors send by themselves, from the listener to the payments.
//
//   take ─ verify ─► writer: group commit ─► 2xx
//                       └─► applier: read ─► payments ─► marks ─► writer, with what arrived meanwhile
//   keeper: what is due again (unmatched, not taken, left by a crash) ─► applier;  operators;  purge;  gauges
//
// A delivery is acknowledged when it is stored, and stored until each of its items is in its payment's journal. Between the two anything
// may happen any number of times: applying is idempotent, for payments merge notices monotonically. So nothing here is exactly-once, and
// no mark needs a lock: what another node, or an earlier life, has applied already is applied again without effect.
//
// Threads: all public functions may be called from any thread. Writer and keeper are detached, each with a connection of its own.
// Lifetime: sources, ports and the actor system outlive this; `stop` is called before the system is awaited.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "actors/payments.hpp"
#include "actors/statement.hpp"
#include "actors/webhook_inbox.hpp"
#include "actors/webhook_intake.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay {

using namespace std::chrono_literals;

// Deliveries that wait to be stored, and their bytes; over either they are refused as `overloaded`, and the processor repeats them.
inline constexpr std::size_t webhooks_waiting_max = 4'096;
inline constexpr std::size_t webhook_bytes_waiting_max = 64u << 20;
// One commit: deliveries, their bytes, and marks.
inline constexpr std::size_t inbox_batch_max = 512;
inline constexpr std::size_t inbox_batch_bytes_max = 4u << 20;
inline constexpr std::size_t inbox_batch_marks_max = 2'048;
// Marks wait this long for a delivery whose commit they can join.
inline constexpr std::chrono::milliseconds marks_patience{20};
// Entries in memory, being applied; what is stored beyond is fetched again when there is room.
inline constexpr std::size_t entries_in_hand_max = 8'192;
// Notices whose payments have not answered.
inline constexpr std::size_t notices_in_flight_max = 2'048;
// Look-ups and settlement pages under way.
inline constexpr std::size_t fetches_in_flight_max = 8;

// An entry that was stored is left to the desk that stored it for so long; after a crash another life finds it due.
inline constexpr std::chrono::milliseconds apply_patience{30s};
inline constexpr std::chrono::milliseconds due_every{500};
inline constexpr std::chrono::milliseconds due_again{20};  // when there was more than one look takes
inline constexpr std::size_t due_batch_max = 512;
inline constexpr std::chrono::milliseconds store_retry{200};
inline constexpr std::chrono::milliseconds counts_every{5s};
inline constexpr std::chrono::milliseconds purge_every{10min};
inline constexpr std::chrono::milliseconds purge_again{1s};

// What names no payment we know is tried again after 1 s, 2 s, 4 s … 1 h, for so long from its arrival; then it waits for an operator.
inline constexpr std::chrono::milliseconds unmatched_first{1s};
inline constexpr std::chrono::milliseconds unmatched_last{1h};
inline constexpr std::chrono::hours unmatched_for{7 * 24};
// What could not be looked at now is tried again for ever.
inline constexpr std::chrono::milliseconds not_taken_first{250};
inline constexpr std::chrono::milliseconds not_taken_last{60s};

// Forgeries stored as evidence, each minute; the others are only counted.
inline constexpr std::size_t rejected_stored_per_minute = 60;

// A processor that sends webhooks. Nothing here owns what it points to.
struct webhook_source {
  std::string name;  // as in /webhooks/{name}
  const webhook_format* format = nullptr;
  processor_settlement* settlement = nullptr;  // nullptr: its reports wait as unmatched
  payment_lookup* lookup = nullptr;            // nullptr: what needs it waits as unmatched
};

struct desk_ports {
  const runtime::clock& time;
  runtime::log& logger;
  runtime::metrics& registry;
  std::shared_ptr<webhook_inbox_store> store;
  // hosted_payments::deliver.
  std::function<void(const std::string& payment, const domain::notice& what, notice_done done)> deliver;
};

struct desk_settings {
  inbox_retention keep;
  bool detached = true;  // false: no threads of our own, for CAF's test scheduler
};

struct desk_core;

template <class T>
using inbox_reply = std::function<void(runtime::read_outcome<T>)>;

class webhook_desk final : public webhook_intake {
 public:
  // `fatal` is called when an actor of the desk has died: the process should end.
  webhook_desk(caf::actor_system& system, desk_settings settings, desk_ports ports, std::vector<webhook_source> sources,
               std::function<void(std::string)> fatal);
  ~webhook_desk() override;  // stop()
  webhook_desk(const webhook_desk&) = delete;
  webhook_desk& operator=(const webhook_desk&) = delete;

  // Before any other call but stop().
  void start();

  void take(std::string_view processor, const runtime::http_fields& fields, std::string body,
            intake_done done) override;
  std::size_t waiting() const noexcept override;

  // For operators. `done` is called once, from the keeper's thread, and must not block; not at all once the desk stops.
  void list(inbox_query query, inbox_reply<inbox_page> done);
  void find(std::int64_t id, inbox_reply<std::optional<inbox_entry>> done);
  void replay(std::int64_t id, inbox_reply<std::optional<inbox_state>> done);
  void replay_all(inbox_state state, std::string processor, inbox_reply<std::int64_t> done);

  // Refuses what comes from now on, stores what has come, and ends the actors; does not wait for their end.
  void stop();

 private:
  std::shared_ptr<desk_core> core_;
};

// How long until the next attempt, after `attempts` of them: doubles from `first` to `last`.
std::chrono::milliseconds backoff(std::uint32_t attempts, std::chrono::milliseconds first,
                                  std::chrono::milliseconds last) noexcept;

}  // namespace novapay
