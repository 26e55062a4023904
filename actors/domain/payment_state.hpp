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
// A call that certainly was not executed is made again after 1 s, 2 s, 4 s …
inline constexpr std::chrono::milliseconds retry_first{1s};
inline constexpr std::chrono::milliseconds retry_longest{1h};
// Inquiries into an unknown outcome go on for as long as it takes, at a pace by the operation's age: 1 s, 2 s, 4 s … at most
// inquiry_longest_when_young apart while it is young, then a quarter of its age, at most retry_longest. So an outage of a minute
// is over for everybody within seconds, and one of a day costs no storm.
inline constexpr std::chrono::milliseconds inquiry_young{10min};
inline constexpr std::chrono::milliseconds inquiry_longest_when_young{15s};
// What a processor has accepted it tells about by itself: it is asked after this, then as long again as the operation is old.
inline constexpr std::chrono::milliseconds accepted_first{1h};
inline constexpr std::chrono::milliseconds accepted_longest{6h};
// A call that certainly was not executed is given up after this many attempts.
inline constexpr std::uint32_t deferred_attempts_max = 6;
// The customer has this long for 3-D Secure; an authorization without a date of its own lapses after this.
inline constexpr std::chrono::milliseconds action_window{24h};
inline constexpr std::chrono::milliseconds authorization_window{24h * 7};
// Captures, refunds and the like of one payment, failed ones included.
inline constexpr std::size_t operations_max = 2000;
inline constexpr std::size_t breaks_max = 16;
inline constexpr std::size_t disputes_max = 16;
// An operation whose outcome is unknown for this long is flagged for an operator; it is checked all the same.
inline constexpr std::chrono::milliseconds flag_after{24h};

enum class mode : std::uint8_t { test = 1, live };
enum class capture_method : std::uint8_t { automatic = 1, manual };

// What the merchant is advised to do about a failure.
enum class advice : std::uint8_t {
  none = 0,        // no advice: not a decline
  retry_later,     // the same method may work another time
  other_method,    // ask the customer for another payment method, or for correct data
  contact_issuer,  // the cardholder must act: authenticate, call the bank
  do_not_retry,    // never this method again
};

struct failure {
  std::string code;          // "card_declined", "processor_unavailable", "authentication_failed", "expired_card" …
  std::string decline_code;  // unified over processors: "insufficient_funds"; may be empty
  std::string message;       // one sentence for the merchant
  domain::advice advice = advice::none;
  std::string raw{};  // the processor's own codes, as received: "card_declined/insufficient_funds", "12"; may be empty
  friend bool operator==(const failure&, const failure&) = default;
};

struct next_action {
  std::string type;  // "redirect": send the customer to `url`; "wait": nothing to do but wait
  std::string url;   // empty for "wait"
  friend bool operator==(const next_action&, const next_action&) = default;
};

// What becomes of what is not captured when the authorization is about to lapse.
enum class on_expiry : std::uint8_t { nothing = 0, capture, cancel };

// How NovaPay handles a payment, by its merchant's settings at the time it was created. Not part of the request: a repetition is
// not compared with it.
struct handling {
  std::vector<std::string> route;  // names of processors, the first is tried first; never empty in a new payment
  std::string rule;                // the routing rule that chose it
  domain::on_expiry expiring = on_expiry::nothing;
  std::chrono::milliseconds expiring_lead{0};  // this long before the authorization lapses; 0: nobody is told
  friend bool operator==(const handling&, const handling&) = default;
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
  std::string token;  // "tok_visa": a stand-in, never a card number; good at every processor without one in `tokens`
  std::map<std::string, std::string> tokens;  // by processor: {"stripe": "pm_…", "adyen": "…"}
  std::string brand;                          // "visa"; may be empty: not told
  std::string country;                        // of the method's issuer, ISO 3166 alpha 2 in upper case; may be empty
  std::string customer;                       // the merchant's name for its customer; may be empty
  std::string return_url;                     // where the customer's browser goes after an action; may be empty
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
  accepted,  // the processor has taken it and will tell the outcome by itself
};

// What a processor paid out for a capture.
struct settlement {
  std::string payout;  // the processor's id of the payout or batch
  std::int64_t net_minor = 0;
  std::int64_t fee_minor = 0;
  std::string unit;  // currency of both, lower case; empty: not told
  friend bool operator==(const settlement&, const settlement&) = default;
};

enum class dispute_stage : std::uint8_t { inquiry = 1, opened, under_review, won, lost };

struct dispute {
  std::string id;  // the processor's
  dispute_stage stage = dispute_stage::opened;
  std::int64_t amount_minor = 0;
  std::string reason;                   // "fraudulent"; the processor's word
  std::optional<timestamp> respond_by;  // evidence is due
  timestamp at{};                       // of the latest news
  friend bool operator==(const dispute&, const dispute&) = default;
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
  std::string processor;                     // the name of the one that is asked; empty in payments older than routing
  std::string processor_reference;
  std::string target_reference;  // cancel: the authorization it releases, if it is not the payment's
  std::optional<failure> why_failed;
  bool failed_late = false;                    // the processor had approved it before
  std::optional<failure> contested;            // capture: reported failed after its money was refunded
  bool settled = false;                        // capture
  std::optional<domain::settlement> paid_out;  // capture: what it was settled with, if told
  bool rerouted = false;               // authorize: certainly not executed, and asked of another processor since
  bool flagged = false;                // in doubt or unanswered for so long that an operator should look; still checked
  std::uint64_t answered_version = 0;  // the client's answer is the payment at this version; 0: not yet
  friend bool operator==(const operation&, const operation&) = default;
};

// What a processor said that by our journal cannot be: said once for each operation and reference.
struct noted_break {
  operation_id about;     // number 0: the processor did not name it
  std::string reference;  // the processor's; may be empty
  friend bool operator==(const noted_break&, const noted_break&) = default;
};

enum class stage : std::uint8_t { none = 0, authorizing, requires_action, authorized, failed, canceled, expired };

struct payment {
  terms agreed;
  domain::handling handled;
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
  bool expiring_noted = false;        // that the authorization is about to lapse has been said
  std::vector<dispute> disputes;      // at most disputes_max
  std::vector<noted_break> breaks;    // at most breaks_max
  friend bool operator==(const payment&, const payment&) = default;
};

}  // namespace novapay::domain
