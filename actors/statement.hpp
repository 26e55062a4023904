// statement: what a processor itself says happened, fetched page by page: its lists, to compare with our journal (reconciliation), and what
// it paid out (settlement). Pages are asked for one at a time, so whoever works on them sets the pace and can stop or go on later: `next`
// is all that is needed for it.
//
// Threads: `fetch` returns at once; `done` is called exactly once, from a thread of the adapter or from within `fetch`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/payment.hpp"

namespace novapay {

struct statement_failure {
  bool retryable = false;  // the same page may be had later; otherwise asking again is pointless
  std::string reason;      // "processor_timeout", "processor_credentials"
};

enum class line_status : std::uint8_t { succeeded = 1, pending, failed };

// One operation in the processor's books. An authorization that was captured has two lines.
struct statement_line {
  std::string payment;  // "pay_…"; empty: names none of ours
  // Number 0: the processor does not say which. A cancel is only known to have happened.
  domain::operation_id operation{};
  // Of the operation; 0 for a cancel. What we cannot express is 0 without a currency: see `raw_amount`.
  domain::money amount{};
  std::string raw_amount;  // "12345 usd": as the processor has it
  line_status status = line_status::succeeded;
  std::string reference;  // the processor's id of the operation
  domain::timestamp at{};
};

struct statement_page {
  std::vector<statement_line> lines;
  std::string next;  // where the next page begins; empty: this was the last
};
using statement_result = std::variant<statement_page, statement_failure>;

// What may be concluded from what a statement does not list: each adapter of one says it.
struct statement_traits {
  bool lists_holds = true;       // authorizations and cancels
  bool dated_by_payment = true;  // captures and cancels stand with their authorization; otherwise each has its own date
  bool later =
      false;  // lines are written days after the operation: all that there are must be read, whatever their date
  // After this long an operation is listed. Of a later statement: counted back from its newest line.
  std::chrono::milliseconds lag{0};
};

// Lines of payments and refunds that were created in [from, to), as they stand now: a capture comes with its payment, whenever it was made.
class processor_statement {
 public:
  virtual ~processor_statement() = default;
  // `at`: empty for the first page, then each page's `next`.
  virtual void fetch(domain::timestamp from, domain::timestamp to, std::string at,
                     std::function<void(statement_result)> done) = 0;
};

// What a payout or a settlement report says of one payment.
struct settlement_item {
  std::string payment;  // "pay_…"; empty: names none of ours
  domain::notice what;
};
struct settlement_page {
  std::vector<settlement_item> items;
  // Rows that are about no payment or are not understood, for operators: "txn_… stripe_fee".
  std::vector<std::string> others;
  std::string next;  // empty: this was the last
};
using settlement_result = std::variant<settlement_page, statement_failure>;

class processor_settlement {
 public:
  virtual ~processor_settlement() = default;
  // `report`: as webhook_item::report has it. The same report may be fetched again: its notices are the same.
  virtual void fetch(std::string report, std::string at, std::function<void(settlement_result)> done) = 0;
};

}  // namespace novapay
