// payment: the life of one payment as pure functions over its state.
//
//                      ┌────────────► failed
//   created ─► authorizing ◄─► requires_action ──► expired, canceled
//                      └─► authorized ──► canceled, expired
//                               └─ captures, refunds and settlements are operations inside `authorized`
//
// Invariants, at every version:
//   sum of captures not failed             ≤ amount       (captured ≤ authorized)
//   sum of refunds not failed              ≤ sum of captures succeeded
// A capture or refund reserves its amount by its `*_requested` event, journaled before anything is sent.
//
// Around each processor call stand two events, the intent and the outcome. Between them the operation is `sending`;
// `in_doubt` when money may have moved and we cannot tell: only the processor's definite answer ends a doubt.
// Nothing here reads a clock, calls anybody or throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/money.hpp"

namespace novapay::domain {

using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using namespace std::chrono_literals;

// How long a client waits for a processor before it is told `processing`.
inline constexpr std::chrono::milliseconds answer_wait{5s};
// A call whose outcome never came back (the process died) is sent again, under its key, after this.
inline constexpr std::chrono::milliseconds resend_after{30s};
// Inquiries into an unknown outcome: 1 s, 2 s, 4 s … up to this, for as long as it takes.
inline constexpr std::chrono::milliseconds retry_first{1s};
inline constexpr std::chrono::milliseconds retry_longest{1h};
// A call that certainly was not executed is given up after this many attempts.
inline constexpr std::uint32_t deferred_attempts_max = 6;
// The customer has this long for 3-D Secure; an authorization without a date of its own lapses after this.
inline constexpr std::chrono::milliseconds action_window{24h};
inline constexpr std::chrono::milliseconds authorization_window{24h * 7};
// Captures, refunds and the like of one payment, failed ones included.
inline constexpr std::size_t operations_max = 2000;

enum class mode : std::uint8_t { test = 1, live };
enum class capture_method : std::uint8_t { automatic = 1, manual };

struct failure {
  std::string code;          // "card_declined", "processor_unavailable", "authentication_failed", "expired_card" …
  std::string decline_code;  // the issuer's reason: "insufficient_funds"; may be empty
  std::string message;       // one sentence for the merchant
  friend bool operator==(const failure&, const failure&) = default;
};

struct next_action {
  std::string type;  // "redirect"
  std::string url;
  friend bool operator==(const next_action&, const next_action&) = default;
};

// What merchant and customer agreed on. Never changes.
struct terms {
  std::string id;               // "pay_…"
  std::string merchant;         // "mrc_…"
  domain::mode mode = mode::test;
  std::string idempotency_key;
  money amount{};
  domain::capture_method capture = capture_method::automatic;
  std::string method_type;      // "card"
  std::string token;            // "tok_visa": a stand-in, never a card number
  std::string reference;
  std::string description;
  std::string statement_descriptor;
  std::map<std::string, std::string> metadata;
  friend bool operator==(const terms&, const terms&) = default;
};

enum class operation_kind : std::uint8_t { authorize = 1, confirm, capture, refund, cancel };

struct operation_id {
  operation_kind kind{};
  std::uint32_t number = 1;  // from 1, per kind
  friend auto operator<=>(const operation_id&, const operation_id&) = default;
};

enum class progress : std::uint8_t {
  sending = 1,  // the intent is journaled; the call is owed or under way
  deferred,     // certainly not executed (busy, rate limited, unreachable): again at next_attempt_at
  in_doubt,     // may have been executed: inquiry at next_attempt_at
  needs_action, // authorize or confirm: the customer must act
  succeeded,
  failed,
};

struct operation {
  operation_id id;
  std::string idempotency_key;                // the client's; empty for what NovaPay does by itself
  std::optional<std::int64_t> asked_minor;    // amount as the client gave it; nullopt: "the rest"
  std::int64_t amount_minor = 0;              // reserved; 0 for cancel
  bool final = false;                         // capture: nothing more will be captured
  std::string reason;                         // refund, cancel
  std::map<std::string, std::string> action_details;  // confirm
  domain::progress progress = progress::sending;
  bool doubted = false;                       // some attempt may have been executed; stays set
  bool slow = false;                          // the client's wait ran out before the outcome
  std::string doubt_reason;                   // of in_doubt, deferred or slow: "processor_timeout"
  std::uint32_t attempts = 1;
  timestamp requested_at{};
  timestamp attempted_at{};
  std::optional<timestamp> next_attempt_at;   // deferred, in_doubt
  std::string processor_reference;
  std::optional<failure> why_failed;
  bool failed_late = false;                   // the processor had approved it before
  std::optional<failure> contested;           // capture: reported failed after its money was refunded
  bool settled = false;                       // capture
  std::uint64_t answered_version = 0;         // the client's answer is the payment at this version; 0: not yet
  friend bool operator==(const operation&, const operation&) = default;
};

enum class stage : std::uint8_t { none = 0, authorizing, requires_action, authorized, failed, canceled, expired };

struct payment {
  terms agreed;
  domain::stage stage = stage::none;
  std::uint64_t version = 0;               // events applied
  timestamp created_at{};
  timestamp updated_at{};
  std::vector<operation> operations;       // in the order asked; the first is authorize
  std::string processor_reference;         // the processor's id of the authorization
  std::optional<next_action> action;       // while requires_action
  std::optional<timestamp> expires_at;     // of the authorization, or of the customer's action
  std::optional<failure> last_failure;
  bool authorization_lapsed = false;       // partly captured, the rest has expired
  friend bool operator==(const payment&, const payment&) = default;
};

// ---- what can be asked ------------------------------------------------------------------------------------------

// What a processor answered to one call.
namespace reported {
struct approved {                            // authorized, captured, refunded or canceled, by the call's kind
  std::string reference;
  std::optional<timestamp> expires_at;       // of an authorization
};
struct declined { failure why; };            // a definite no
struct needs_action { next_action action; std::string reference; };
struct unknown { std::string reason; };      // money may have moved: "processor_timeout", "connection_lost"
struct not_executed { std::string reason; }; // certainly nothing happened: "rate_limited", "processor_unavailable"
}  // namespace reported
using outcome =
    std::variant<reported::approved, reported::declined, reported::needs_action, reported::unknown, reported::not_executed>;

// What a processor tells later, by itself.
struct notice {
  operation_id about;                        // a capture or a refund
  std::optional<failure> failed;             // a late failure; nullopt: the capture is settled
};

namespace command {
struct create { terms asked; };
struct confirm { std::string idempotency_key; std::map<std::string, std::string> details; };
struct capture { std::string idempotency_key; std::optional<std::int64_t> amount_minor; bool final = false; };
struct cancel { std::string idempotency_key; std::string reason; };
struct refund { std::string idempotency_key; std::optional<std::int64_t> amount_minor; std::string reason; };
struct query {};                             // answers the state as it is
struct wake {};                              // wake_at has come
struct resume {};                            // the process that may have sent what is `sending` is gone
struct report { operation_id about; domain::outcome outcome; };
struct notify { domain::notice what; };
}  // namespace command
using command_type = std::variant<command::create, command::confirm, command::capture, command::cancel, command::refund,
                                  command::query, command::wake, command::resume, command::report, command::notify>;

// ---- what happened ----------------------------------------------------------------------------------------------

namespace event {
struct created { terms agreed; friend bool operator==(const created&, const created&) = default; };
struct authorized { operation_id by; std::string reference; timestamp expires_at{}; friend bool operator==(const authorized&, const authorized&) = default; };
struct declined { operation_id by; failure why; friend bool operator==(const declined&, const declined&) = default; };
struct action_required { operation_id by; next_action action; std::string reference; timestamp expires_at{}; friend bool operator==(const action_required&, const action_required&) = default; };
struct confirm_requested { std::uint32_t number = 0; std::string idempotency_key; std::map<std::string, std::string> details; friend bool operator==(const confirm_requested&, const confirm_requested&) = default; };
struct confirm_failed { std::uint32_t number = 0; failure why; friend bool operator==(const confirm_failed&, const confirm_failed&) = default; };
struct capture_requested { std::uint32_t number = 0; std::string idempotency_key; std::optional<std::int64_t> asked_minor; std::int64_t amount_minor = 0; bool final = false; friend bool operator==(const capture_requested&, const capture_requested&) = default; };
struct captured { std::uint32_t number = 0; std::string reference; friend bool operator==(const captured&, const captured&) = default; };
struct capture_failed { std::uint32_t number = 0; failure why; bool late = false; friend bool operator==(const capture_failed&, const capture_failed&) = default; };
struct capture_contested { std::uint32_t number = 0; failure why; friend bool operator==(const capture_contested&, const capture_contested&) = default; };
struct refund_requested { std::uint32_t number = 0; std::string idempotency_key; std::optional<std::int64_t> asked_minor; std::int64_t amount_minor = 0; std::string reason; friend bool operator==(const refund_requested&, const refund_requested&) = default; };
struct refunded { std::uint32_t number = 0; std::string reference; friend bool operator==(const refunded&, const refunded&) = default; };
struct refund_failed { std::uint32_t number = 0; failure why; bool late = false; friend bool operator==(const refund_failed&, const refund_failed&) = default; };
struct cancel_requested { std::uint32_t number = 0; std::string idempotency_key; std::string reason; friend bool operator==(const cancel_requested&, const cancel_requested&) = default; };
struct canceled { std::uint32_t number = 0; friend bool operator==(const canceled&, const canceled&) = default; };
struct cancel_failed { std::uint32_t number = 0; failure why; friend bool operator==(const cancel_failed&, const cancel_failed&) = default; };
struct settled { std::uint32_t number = 0; friend bool operator==(const settled&, const settled&) = default; };
struct expired { friend bool operator==(const expired&, const expired&) = default; };
struct late_authorization { std::string reference; friend bool operator==(const late_authorization&, const late_authorization&) = default; };
// About any operation under way:
struct in_doubt { operation_id about; std::string reason; timestamp next_attempt_at{}; friend bool operator==(const in_doubt&, const in_doubt&) = default; };
struct deferred { operation_id about; std::string reason; timestamp next_attempt_at{}; friend bool operator==(const deferred&, const deferred&) = default; };
struct attempt_started { operation_id about; friend bool operator==(const attempt_started&, const attempt_started&) = default; };
struct answer_deferred { operation_id about; std::string reason; friend bool operator==(const answer_deferred&, const answer_deferred&) = default; };
}  // namespace event
using event_type =
    std::variant<event::created, event::authorized, event::declined, event::action_required, event::confirm_requested,
                 event::confirm_failed, event::capture_requested, event::captured, event::capture_failed,
                 event::capture_contested, event::refund_requested, event::refunded, event::refund_failed,
                 event::cancel_requested, event::canceled, event::cancel_failed, event::settled, event::expired,
                 event::late_authorization, event::in_doubt, event::deferred, event::attempt_started, event::answer_deferred>;

// ---- the functions ----------------------------------------------------------------------------------------------

enum class refusal_code : std::uint8_t {
  payment_unexpected_state = 1,  // this move is not legal now
  amount_exceeds_capturable,
  amount_exceeds_refundable,
  invalid_amount,                // zero or negative
  idempotency_key_reused,        // same key, other fields; `param` names the first that differs
  too_many_operations,
  not_found,                     // there is no such payment
  unknown_operation,             // a processor reports on an operation we never asked for
};

struct refusal {
  refusal_code code{};
  std::string message;              // one sentence: what, and what would be legal
  std::string param;                // the field at fault; may be empty
  std::vector<std::string> legal;   // the commands that would be legal now
  friend bool operator==(const refusal&, const refusal&) = default;
};

struct decision {
  std::vector<event_type> events;         // in order; empty: nothing changes
  std::optional<refusal> refused;         // then there are no events
  std::optional<operation_id> operation;  // the caller's answer is this operation's; nullopt: the state as it is
};

decision decide(const payment& now, const command_type& asked, timestamp at);

// Total: an event is a fact. The same function live and on replay. Sets `answered_version` of what it answers.
payment evolve(payment now, const event_type& happened, timestamp at);

// The calls that are `sending`: to be started unless under way, each under its fixed key.
std::vector<operation_id> owed(const payment& now);
std::string processor_key(const payment& now, operation_id which);  // "pay_…:capture:1"

// When `command::wake` would do something, if nobody asks before.
std::optional<timestamp> wake_at(const payment& now);

const operation* find(const payment& now, operation_id which) noexcept;

// ---- what the merchant sees -------------------------------------------------------------------------------------

enum class status : std::uint8_t {
  pending = 1, requires_action, processing, authorized, partially_captured, captured, settled, failed, canceled, expired
};
std::string_view to_text(status value) noexcept;                 // "partially_captured"
std::optional<status> parse_status(std::string_view text) noexcept;

struct summary {
  domain::status status = status::pending;
  std::string processing_reason;          // only with status processing
  std::int64_t amount_capturable = 0;
  std::int64_t amount_captured = 0;       // captures succeeded
  std::int64_t amount_refunded = 0;       // refunds succeeded
  std::int64_t amount_refundable = 0;     // captured, less refunds pending or succeeded
};
summary summarize(const payment& now);

enum class record_status : std::uint8_t { pending = 1, succeeded, failed };
record_status status_of(const operation& what) noexcept;         // of a capture or refund
std::string_view to_text(record_status value) noexcept;
std::string_view to_text(operation_kind value) noexcept;         // "capture"
std::string_view to_text(refusal_code value) noexcept;           // "payment_unexpected_state"
std::string_view to_text(mode value) noexcept;                   // "test"
std::string_view to_text(capture_method value) noexcept;         // "automatic"
std::string_view type_of(const event_type& happened) noexcept;   // "capture_requested"

}  // namespace novapay::domain
