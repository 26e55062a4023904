// behaviour: what a call does to the ledger and what it is answered, as pure functions. The sandbox processor (threads,
// SQLite) and the simulated one (steps, memory) both do what these say.
//
// The key rule: one idempotency key executes at most once. The same key again gives the stored result; the same key with
// other parameters is declined with `idempotency_error`. What was never executed stores no result (as at Stripe, whose
// rate limiter sits before its idempotency layer), so the next attempt is a fresh one.
//
// Lenient on money on purpose: an over-capture, an over-refund or a second charge is executed and noted as an anomaly, so
// that a bug of ours shows in the ledger instead of being refused away.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/payment.hpp"
#include "actors/processor.hpp"

namespace novapay::sandbox {

using domain::timestamp;
using std::chrono::milliseconds;

struct rules {
  milliseconds slow_delay{1500};
  milliseconds very_slow_delay{8000};
  milliseconds answer_timeout{1000};  // when an answer is lost, the call ends as unknown after this
  milliseconds settle_after{10'000};  // a capture's settlement is reported after this; 0: never
  milliseconds late_failure_after{5'000};
  milliseconds notice_retry{1'000};           // doubled after each delivery that is not acknowledged …
  milliseconds notice_retry_longest{60'000};  // … up to this
  milliseconds authorization_valid{std::chrono::hours{7 * 24}};
  std::string action_url_base = "https://sandbox.invalid/3ds/";  // the reference is appended
};

// One idempotency key in the ledger.
struct ledger_entry {
  std::string idempotency_key;
  std::string payment;  // "pay_…"
  domain::operation_kind kind{};
  domain::money amount{};
  std::string token;       // of the authorization it belongs to
  std::string parameters;  // canonical text of the call, compared when the key comes again
  bool live = false;
  std::uint32_t attempts = 0;
  std::uint32_t executions = 0;           // 0 or 1
  std::optional<domain::outcome> result;  // approved, declined or needs_action; nullopt: never executed
  timestamp first_attempt_at{};
  std::optional<timestamp> executed_at;
  std::optional<timestamp> settled_at;  // capture: when its settlement was reported
  std::optional<timestamp> failed_at;   // capture, refund: when its late failure was reported; counts no more
};

// What the sandbox tells later of a capture or a refund.
struct later_news {
  domain::operation_id about;
  std::optional<domain::failure> failed;  // nullopt: the capture is settled
};
domain::notice to_notice(const later_news& what);

struct ledger_notice {
  std::int64_t id = 0;
  std::string idempotency_key;  // of the capture or refund
  std::string payment;
  later_news what;
  timestamp due_at{};
  timestamp next_at{};  // when it is delivered next
  std::uint32_t deliveries = 0;
  std::optional<timestamp> acknowledged_at;
};

// What should never happen, if we are right. `what` is one of: idempotency_error, unknown_payment, invalid_amount,
// currency_mismatch, second_charge, charge_after_cancel, over_capture, capture_after_cancel, over_refund. (A refund of a
// capture that has failed since is none: it may have been sent before we could know.)
struct anomaly {
  std::string what;
  std::string detail;
  std::string idempotency_key;
  std::string payment;
  timestamp at{};
};

// Effective money of one payment: approved, and not reported failed since. Sums stop at the ends of int64.
struct payment_sums {
  std::string payment;
  domain::currency currency{};
  std::int64_t authorized_minor = 0;
  std::int64_t captured_minor = 0;
  std::int64_t refunded_minor = 0;
  std::int64_t canceled_minor = 0;
  std::int64_t capture_failed_minor = 0;  // accepted, then reported failed
  std::uint32_t charges = 0;              // authorizations approved, by themselves or by a confirm: 1 is right
  std::uint32_t captures = 0;
  std::uint32_t refunds = 0;
  std::uint32_t cancels = 0;
};
payment_sums sum_up(std::span<const ledger_entry> of_one_payment);

struct verdict {
  ledger_entry entry;  // to be stored in place of the known one
  bool store = true;   // false: the ledger keeps what it has
  domain::outcome answer;
  milliseconds delay{0};               // before the answer
  std::vector<ledger_notice> notices;  // to be queued
  std::vector<anomaly> anomalies;
};

// `known` is the ledger's entry under the call's key, or nullptr. `of_payment` are all entries of the call's payment.
verdict judge(const processor_call& call, const ledger_entry* known, std::span<const ledger_entry> of_payment,
              const rules& by, timestamp now);

// Until the next delivery, after so many.
milliseconds notice_backoff(const rules& by, std::uint32_t deliveries) noexcept;

// "pay_…:capture:2" → 2; a key without a number is 1. How a notice names its operation.
std::uint32_t number_in(std::string_view idempotency_key) noexcept;

std::string_view kind_name(domain::operation_kind kind) noexcept;  // "authorize"
domain::operation_kind kind_of(std::string_view name) noexcept;

// A number that looks random, from one that does not (splitmix64): the adapter's only source of variation.
std::uint64_t scatter(std::uint64_t seed) noexcept;

}  // namespace novapay::sandbox
