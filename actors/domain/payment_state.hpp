// payment_state: where a payment stands: its terms, its operations and the bounds of its life. Values only; what moves them
// is in payment.hpp.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
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
inline constexpr std::size_t breaks_max = 16;

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
  std::string id;        // "pay_…"
  std::string merchant;  // "mrc_…"
  domain::mode mode = mode::test;
  std::string idempotency_key;
  money amount{};
  domain::capture_method capture = capture_method::automatic;
  std::string method_type;  // "card"
  std::string token;        // "tok_visa": a stand-in, never a card number
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
  sending = 1,   // the intent is journaled; the call is owed or under way
  deferred,      // certainly not executed (busy, rate limited, unreachable): again at next_attempt_at
  in_doubt,      // may have been executed: inquiry at next_attempt_at
  needs_action,  // authorize or confirm: the customer must act
  succeeded,
  failed,
};

struct operation {
  operation_id id;
  std::string idempotency_key;                        // the client's; empty for what NovaPay does by itself
  std::optional<std::int64_t> asked_minor;            // amount as the client gave it; nullopt: "the rest"
  std::int64_t amount_minor = 0;                      // reserved; 0 for cancel
  bool final = false;                                 // capture: nothing more will be captured
  std::string reason;                                 // refund, cancel
  std::map<std::string, std::string> action_details;  // confirm
  domain::progress progress = progress::sending;
  bool doubted = false;      // some attempt may have been executed; stays set
  bool slow = false;         // the client's wait ran out before the outcome
  std::string doubt_reason;  // of in_doubt, deferred or slow: "processor_timeout"
  std::uint32_t attempts = 1;
  timestamp requested_at{};
  timestamp attempted_at{};
  std::optional<timestamp> next_attempt_at;  // deferred, in_doubt
  std::string processor_reference;
  std::optional<failure> why_failed;
  bool failed_late = false;            // the processor had approved it before
  std::optional<failure> contested;    // capture: reported failed after its money was refunded
  bool settled = false;                // capture
  std::uint64_t answered_version = 0;  // the client's answer is the payment at this version; 0: not yet
  friend bool operator==(const operation&, const operation&) = default;
};

enum class stage : std::uint8_t { none = 0, authorizing, requires_action, authorized, failed, canceled, expired };

struct payment {
  terms agreed;
  domain::stage stage = stage::none;
  std::uint64_t version = 0;  // events applied
  timestamp created_at{};
  timestamp updated_at{};
  std::vector<operation> operations;    // in the order asked; the first is authorize
  std::string processor_reference;      // the processor's id of the authorization
  std::optional<next_action> action;    // while requires_action
  std::optional<timestamp> expires_at;  // of the authorization, or of the customer's action
  std::optional<failure> last_failure;
  bool authorization_lapsed = false;  // partly captured, the rest has expired
  std::vector<operation_id> breaks;   // reported by the processor and impossible by our journal; at most breaks_max
  friend bool operator==(const payment&, const payment&) = default;
};

}  // namespace novapay::domain
