// payments: what the gateway (and later an internal service) asks of payments, typed.
//
// Every call returns at once; `done` is called exactly once, from a thread of the actor system, and must not block. Calls
// to one payment are decided in the order they arrive. `deadline` bounds how long the caller cares: work not begun by then is
// dropped with `deadline_exceeded` (nothing was done).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/payment.hpp"
#include "actors/domain/routing.hpp"
#include "runtime/journal.hpp"

namespace novapay {

// Why there is no answer by a payment. The first four and `store_unavailable`: nothing was done, the same call may be repeated.
enum class trouble : std::uint8_t {
  overloaded = 1,     // a bounded queue is full
  unavailable,        // the shard is moving, or the node is stopping
  deadline_exceeded,  // not begun in time
  quarantined,        // this payment keeps failing; an operator looks at it
  outcome_unknown,    // it may or may not have been done: repeat it with the same idempotency key
  internal,           // a bug: logged with the request id
  store_unavailable,  // the store is out of reach or takes no writes: nothing was done, it may be repeated
  store_unknown,      // as outcome_unknown, because the store is out of reach or takes no writes
};

struct answer {
  domain::payment payment;                        // at the version of the answer
  std::optional<domain::operation_id> operation;  // what was asked for, if it was an operation
  bool replayed = false;                          // an idempotent repetition: the first answer again
  std::chrono::microseconds processor_time{0};    // of this call's wait, spent at the processor; 0 for replays
};

struct trouble_report {
  trouble what{};
  std::string detail;  // for the log
};

using reply = std::variant<answer, domain::refusal, trouble_report>;
using reply_handler = std::function<void(reply)>;

struct payment_page {
  std::vector<domain::payment> payments;
  bool has_more = false;
  std::string next_cursor;  // id text of the last one that was looked at ("pay_…"); empty without more
};
using page_reply = std::variant<payment_page, trouble_report>;

struct history_entry {
  std::uint64_t sequence = 0;
  domain::timestamp at{};
  domain::event_type what;
};
using history_reply = std::variant<std::vector<history_entry>, trouble_report>;

// What became of a processor's notice.
enum class notice_fate : std::uint8_t {
  applied = 1,      // in the journal, or it says nothing new
  unknown_payment,  // we have no such payment (yet)
  refused,          // the payment cannot have meant it
  not_taken,        // nobody could look at it now: tell it again
};
using notice_done = std::function<void(notice_fate, std::string detail)>;

// Who asks: every payment is seen only within its scope.
struct caller {
  std::string merchant;
  domain::mode mode = domain::mode::test;
  std::string request_id;
  std::chrono::system_clock::time_point deadline{};
};

inline constexpr std::size_t history_entries_max = 10'000;

class payments {
 public:
  virtual ~payments() = default;

  // `asked.id` is empty: the payment's id is made where its shard lives. merchant, mode and idempotency_key are set.
  virtual void create(const caller& who, domain::terms asked, reply_handler done) = 0;

  // Where such a payment would go now, and why. Nothing is done. From within the call.
  virtual domain::route_choice explain_route(const domain::terms& asked) = 0;

  // confirm, capture, cancel, refund or query on an existing payment. `id` is "pay_…", any text: what is not an id
  // of this caller's answers the refusal `not_found`.
  virtual void ask(const caller& who, const std::string& id, domain::command_type what, reply_handler done) = 0;

  // The customer's browser is back from an action, sent by a bank's page: with nobody's API key, by the payment's id alone. If the
  // payment requires an action it is confirmed with `details` (a repetition repeats nothing); otherwise nothing is done. The
  // answer is the payment as it stands then. Of `who` only request_id and deadline count.
  using return_details = std::map<std::string, std::string>;
  virtual void customer_returned(const caller& who, const std::string& id, return_details details,
                                 reply_handler done) = 0;

  // Newest first. `query.scope` and `query.kind` are filled in here. `cursor`: a next_cursor, or empty.
  virtual void list(const caller& who, runtime::list_query query, std::function<void(page_reply)> done) = 0;
  // The payment made under this key: a page of one, or of none.
  virtual void find_by_key(const caller& who, std::string idempotency_key, std::function<void(page_reply)> done) = 0;
  // Checks first that the payment is the caller's: the refusal not_found comes as an empty history.
  virtual void history(const caller& who, const std::string& id, std::function<void(history_reply)> done) = 0;
};

// "pay_" + 26 characters ⇄ id. nullopt for anything else.
std::string payment_id_text(const runtime::entity_id& id);
std::optional<runtime::entity_id> parse_payment_id(std::string_view text) noexcept;

}  // namespace novapay
