// payment_events: what happened to a payment. Facts: journaled, never changed, replayed for ever. Each has its message in
// actors/proto/payment.proto.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

namespace event {
struct created {
  terms agreed;
  handling handled{};
  friend bool operator==(const created&, const created&) = default;
};
struct authorized {
  operation_id by;
  std::string reference;
  timestamp expires_at{};
  friend bool operator==(const authorized&, const authorized&) = default;
};
struct declined {
  operation_id by;
  failure why;
  friend bool operator==(const declined&, const declined&) = default;
};
struct action_required {
  operation_id by;
  next_action action;
  std::string reference;
  timestamp expires_at{};
  friend bool operator==(const action_required&, const action_required&) = default;
};
struct confirm_requested {
  std::uint32_t number = 0;
  std::string idempotency_key;
  std::map<std::string, std::string> details;
  friend bool operator==(const confirm_requested&, const confirm_requested&) = default;
};
struct confirm_failed {
  std::uint32_t number = 0;
  failure why;
  friend bool operator==(const confirm_failed&, const confirm_failed&) = default;
};
struct capture_requested {
  std::uint32_t number = 0;
  std::string idempotency_key;
  std::optional<std::int64_t> asked_minor;
  std::int64_t amount_minor = 0;
  bool final = false;
  friend bool operator==(const capture_requested&, const capture_requested&) = default;
};
struct captured {
  std::uint32_t number = 0;
  std::string reference;
  friend bool operator==(const captured&, const captured&) = default;
};
struct capture_failed {
  std::uint32_t number = 0;
  failure why;
  bool late = false;
  friend bool operator==(const capture_failed&, const capture_failed&) = default;
};
struct capture_contested {
  std::uint32_t number = 0;
  failure why;
  friend bool operator==(const capture_contested&, const capture_contested&) = default;
};
struct refund_requested {
  std::uint32_t number = 0;
  std::string idempotency_key;
  std::optional<std::int64_t> asked_minor;
  std::int64_t amount_minor = 0;
  std::string reason;
  friend bool operator==(const refund_requested&, const refund_requested&) = default;
};
struct refunded {
  std::uint32_t number = 0;
  std::string reference;
  friend bool operator==(const refunded&, const refunded&) = default;
};
struct refund_failed {
  std::uint32_t number = 0;
  failure why;
  bool late = false;
  friend bool operator==(const refund_failed&, const refund_failed&) = default;
};
struct cancel_requested {
  std::uint32_t number = 0;
  std::string idempotency_key;
  std::string reason;
  // Of an authorization that is not the payment's: where it is and what it is called there. Empty: it is the payment's.
  std::string processor{};
  std::string target_reference{};
  friend bool operator==(const cancel_requested&, const cancel_requested&) = default;
};
struct canceled {
  std::uint32_t number = 0;
  friend bool operator==(const canceled&, const canceled&) = default;
};
struct cancel_failed {
  std::uint32_t number = 0;
  failure why;
  friend bool operator==(const cancel_failed&, const cancel_failed&) = default;
};
struct settled {
  std::uint32_t number = 0;
  std::optional<settlement> figures{};
  friend bool operator==(const settled&, const settled&) = default;
};
struct expired {
  friend bool operator==(const expired&, const expired&) = default;
};
// An approval of what was over: it is released, by a cancel of our own that names it.
struct late_authorization {
  std::string reference;
  operation_id by{};  // number 1 of no kind: written before processors had names
  std::string processor{};
  friend bool operator==(const late_authorization&, const late_authorization&) = default;
};
// About any operation under way:
struct in_doubt {
  operation_id about;
  std::string reason;
  timestamp next_attempt_at{};
  friend bool operator==(const in_doubt&, const in_doubt&) = default;
};
struct deferred {
  operation_id about;
  std::string reason;
  timestamp next_attempt_at{};
  friend bool operator==(const deferred&, const deferred&) = default;
};
struct attempt_started {
  operation_id about;
  friend bool operator==(const attempt_started&, const attempt_started&) = default;
};
struct answer_deferred {
  operation_id about;
  std::string reason;
  friend bool operator==(const answer_deferred&, const answer_deferred&) = default;
};
// The processor reports what by our journal cannot be: for reconciliation. Nothing of the payment changes.
struct break_noted {
  operation_id about;
  std::string reason;             // "settled_after_failure", "unknown_operation", "ambiguous", "other_processor" …
  std::optional<failure> failed;  // as reported
  std::string told{};             // what was said: "settled", "result" …
  std::string processor{};        // who said it; empty: the payment's own
  std::string reference{};        // of the operation, at the processor
  friend bool operator==(const break_noted&, const break_noted&) = default;
};
// The processor has taken it and tells the outcome later; next_attempt_at: when it is asked, should it not.
struct accepted {
  operation_id about;
  std::string reference;
  timestamp next_attempt_at{};
  friend bool operator==(const accepted&, const accepted&) = default;
};
// An authorization that certainly was not executed is asked of the next processor, as authorize `number`.
struct rerouted {
  operation_id from;
  std::string reason;
  std::uint32_t number = 0;
  std::string processor;
  friend bool operator==(const rerouted&, const rerouted&) = default;
};
// The authorization has ended at the processor without our asking.
struct voided {
  std::string reason;  // "expired", "canceled"
  friend bool operator==(const voided&, const voided&) = default;
};
struct disputed {
  dispute what;
  friend bool operator==(const disputed&, const disputed&) = default;
};
// Unknown for so long that an operator should look.
struct flagged {
  operation_id about;
  std::string reason;
  friend bool operator==(const flagged&, const flagged&) = default;
};
struct authorization_expiring {
  timestamp expires_at{};
  friend bool operator==(const authorization_expiring&, const authorization_expiring&) = default;
};
}  // namespace event
using event_type =
    std::variant<event::created, event::authorized, event::declined, event::action_required, event::confirm_requested,
                 event::confirm_failed, event::capture_requested, event::captured, event::capture_failed,
                 event::capture_contested, event::refund_requested, event::refunded, event::refund_failed,
                 event::cancel_requested, event::canceled, event::cancel_failed, event::settled, event::expired,
                 event::late_authorization, event::in_doubt, event::deferred, event::attempt_started,
                 event::answer_deferred, event::break_noted, event::accepted, event::rerouted, event::voided,
                 event::disputed, event::flagged, event::authorization_expiring>;

}  // namespace novapay::domain
