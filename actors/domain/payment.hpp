// payment: the life of one payment as pure functions over its state.
//
//                      ┌────────────► failed
//   created ─► authorizing ◄─► requires_action ──► expired, canceled
//              │  ▲    └─► authorized ──► canceled, expired
//              └──┘             └─ captures, refunds, settlements and disputes are inside `authorized`
//            rerouted
//
// Invariants, at every version:
//   sum of captures not failed             ≤ amount       (captured ≤ authorized)
//   sum of refunds not failed              ≤ sum of captures succeeded
//   authorizations that stand              ≤ 1; every other one that a processor tells of is being released by a cancel of ours
// A capture or refund reserves its amount by its `*_requested` event, journaled before anything is sent.
//
// Around each processor call stand two events, the intent and the outcome. Between them the operation is `sending`;
// `in_doubt` when money may have moved and we cannot tell: only the processor's definite answer ends a doubt; `accepted` when the
// processor will tell by itself.
//
// A payment goes down its route (handling): an authorization that certainly was not executed is asked of the next processor, under
// a number and a key of its own; one in doubt waits for the processor it was sent to, for as long as it takes.
// Nothing here reads a clock, calls anybody or throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/payment_commands.hpp"
#include "actors/domain/payment_events.hpp"
#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

enum class refusal_code : std::uint8_t {
  payment_unexpected_state = 1,  // this move is not legal now
  amount_exceeds_capturable,
  amount_exceeds_refundable,
  invalid_amount,          // zero or negative
  idempotency_key_reused,  // same key, other fields; `param` names the first that differs
  too_many_operations,
  not_found,          // there is no such payment
  unknown_operation,  // a processor reports on an operation we never asked for
  no_processor,       // nobody can take the payment
};

struct refusal {
  refusal_code code{};
  std::string message;             // one sentence: what, and what would be legal
  std::string param;               // the field at fault; may be empty
  std::vector<std::string> legal;  // the commands that would be legal now
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

// Who has the payment's authorization, or is asked for it: the name in the last authorize. Empty: the only processor there is.
const std::string& processor_of(const payment& now) noexcept;

// When `command::wake` would do something, if nobody asks before.
std::optional<timestamp> wake_at(const payment& now);

const operation* find(const payment& now, operation_id which) noexcept;

// Do the invariants above hold? Asked of every state that comes from a store.
bool is_sound(const payment& now) noexcept;

// ---- what the merchant sees -------------------------------------------------------------------------------------

enum class status : std::uint8_t {
  pending = 1,
  requires_action,
  processing,
  authorized,
  partially_captured,
  captured,
  settled,
  failed,
  canceled,
  expired
};
std::string_view to_text(status value) noexcept;  // "partially_captured"
std::optional<status> parse_status(std::string_view text) noexcept;

struct summary {
  domain::status status = status::pending;
  std::string processing_reason;  // only with status processing
  std::int64_t amount_capturable = 0;
  std::int64_t amount_captured = 0;        // captures succeeded
  std::int64_t amount_refunded = 0;        // refunds succeeded
  std::int64_t amount_refundable = 0;      // captured, less refunds pending or succeeded
  std::optional<timestamp> next_check_at;  // with status processing: when the processor is asked next
  bool needs_attention = false;            // something under way is flagged
};
summary summarize(const payment& now);

enum class record_status : std::uint8_t { pending = 1, succeeded, failed };
record_status status_of(const operation& what) noexcept;  // of a capture or refund
std::string_view to_text(record_status value) noexcept;
std::string_view to_text(operation_kind value) noexcept;        // "capture"
std::string_view to_text(refusal_code value) noexcept;          // "payment_unexpected_state"
std::string_view to_text(advice value) noexcept;                // "retry_later"
std::string_view to_text(dispute_stage value) noexcept;         // "opened"
std::string_view to_text(on_expiry value) noexcept;             // "capture"
std::string_view to_text(mode value) noexcept;                  // "test"
std::string_view to_text(capture_method value) noexcept;        // "automatic"
std::string_view type_of(const event_type& happened) noexcept;  // "capture_requested"
std::string_view name_of(const news& what) noexcept;            // "settled"

}  // namespace novapay::domain
