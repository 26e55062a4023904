// ledger: what the sandbox "charged", read only. The truth that tests compare NovaPay against; safe to read while
// processors write. Not for production code paths: it reads the whole file.
//
// The file is SQLite (WAL) and may be read directly. Times are milliseconds since 1970, amounts minor units, currencies
// lower case, kinds authorize | confirm | capture | refund | cancel. NULL: has not happened.
//
//   operation     idempotency_key (primary key), payment, kind, amount_minor, currency, token, parameters, live,
//                 outcome (approved | declined | needs_action; NULL: never executed), reference, expires_at_ms,
//                 failure_code, decline_code, failure_message, action_type, action_url, attempts, executions (0 or 1),
//                 first_attempt_at_ms, executed_at_ms, settled_at_ms, failed_at_ms (late failure); rowid: in order of arrival
//   payment_sums  view, a row for each payment with an executed operation: payment, currency, authorized_minor,
//                 captured_minor, refunded_minor, canceled_minor, capture_failed_minor, charges, captures, refunds,
//                 cancels; approved and not failed since. `charges` is how often the customer was charged: 1 is right
//   notice        id, idempotency_key, payment, kind, number, failure_code (NULL: settled), decline_code,
//                 failure_message, due_at_ms, next_at_ms, deliveries, acknowledged_at_ms
//   anomaly       id, what, detail, idempotency_key, payment, at_ms: what should never have been asked (behaviour.hpp)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sandbox/behaviour.hpp"

namespace novapay::sandbox {

// Of each table. More than any test writes; past it the newest are left out and `truncated` is set.
inline constexpr std::size_t ledger_rows_max = 1'000'000;

struct ledger_contents {
  std::vector<ledger_entry> operations;  // in order of arrival
  std::vector<payment_sums> payments;    // in order of their first operation
  std::vector<ledger_notice> notices;
  std::vector<anomaly> anomalies;
  bool truncated = false;
};

// nullopt: `error` says why the file cannot be read.
std::optional<ledger_contents> read_ledger(const std::string& path, std::string& error);

// {"operations": […], "payments": […], "notices": […], "anomalies": […], "truncated": false}, or {"error": "…"}.
std::string ledger_json(const std::string& path);

}  // namespace novapay::sandbox
