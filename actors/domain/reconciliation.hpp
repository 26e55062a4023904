// reconciliation: our journal against what a processor lists, one payment at a time. Pure: who reads both sides, and in which order
// payments come, is somebody else's affair (actors/reconcile.hpp).
//
// Each item of a side that lies in the period must have its counterpart on the other side, wherever that lies: so a payment that
// crosses midnight is found twice and missed never, and periods that touch cover everything. What the processor may not have listed yet
// (`complete_until`) and what changed while both sides were read (`shown_until`) is counted apart, as awaited; it is no difference.
//
// Which operation a line means: by the processor's reference, by our number, by amount, or as the only one left. So only the last is a
// guess, and it can only turn a missing and an extra one into one with another amount.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/domain/payment.hpp"

namespace novapay::domain {

enum class standing : std::uint8_t { done = 1, failed, open };

// One of our operations at that processor. Confirms are part of their authorize.
struct booked {
  operation_id id;
  money amount{};  // 0 for a cancel
  standing stands = standing::open;
  std::string reference;  // the processor's id of it; of a cancel: of what it released; may be empty
  std::string reason;     // why it is open or has failed: "processor_timeout"; may be empty
  timestamp requested_at{};
  timestamp last_attempt_at{};
};
struct payment_books {
  timestamp created_at{};
  timestamp updated_at{};
  bool holds = false;  // we still could capture
  std::vector<booked> operations;
};
// `nameless`: operations older than routing, which name no processor, are this one's too.
payment_books books_of(const payment& now, std::string_view processor, bool nameless);

// One line of the processor's books.
struct listed {
  operation_id id{};  // number 0: not told
  money amount{};     // 0 for a cancel; a currency we do not know is currency{}
  std::string raw_amount;
  standing stands = standing::done;
  std::string reference;
  timestamp at{};  // the epoch: not told, belongs to every period
};

struct reconciliation_scope {
  timestamp from{};  // the period, [from, to)
  timestamp to{};
  bool lists_holds = true;       // authorizations and cancels stand in the statement
  bool dated_by_payment = true;  // captures and cancels are listed with their authorization, whenever they were made
  timestamp complete_until{};    // what was last attempted by then would be listed
  timestamp shown_until{};       // listed lines are at least as new as that
};

enum class difference_kind : std::uint8_t {
  missing = 1,    // done with us, not listed
  extra,          // listed as done, and we know nothing of it
  duplicate,      // an operation of ours is done there more often than once
  amount,         // done on both sides, with other amounts or currencies
  contradiction,  // one side says done, the other says failed
  doubt,          // listed as done, and we do not know yet
};
inline constexpr std::size_t difference_kinds = 6;
std::string_view to_text(difference_kind value) noexcept;  // "missing"

struct difference {
  difference_kind kind{};
  std::string payment;  // "pay_…"; empty: the line names none of ours
  operation_id about;   // number 0: not told
  std::optional<money> ours;
  std::optional<money> theirs;  // nullopt: not listed, or in a currency we do not know
  std::string raw_amount;       // of theirs, as the processor has it
  std::string our_reference;
  std::string their_reference;
  timestamp at{};   // listed at; of what is missing: requested at
  std::string why;  // one sentence
  friend bool operator==(const difference&, const difference&) = default;
};

// Of compared pairs and of what has no counterpart; a sum past int64 stays at its end.
struct side_totals {
  std::uint64_t count = 0;
  std::int64_t minor = 0;
  friend bool operator==(const side_totals&, const side_totals&) = default;
};
struct operation_totals {
  side_totals ours;  // done with us
  side_totals theirs;
  std::uint64_t matched = 0;
  friend bool operator==(const operation_totals&, const operation_totals&) = default;
};

struct reconciliation_report {
  std::uint64_t payments = 0;   // compared
  std::uint64_t matched = 0;    // operations
  std::uint64_t under_way = 0;  // open with us, and not done there
  std::uint64_t awaited = 0;    // done with us, and not to be expected in the statement yet; or changed meanwhile
  std::uint64_t released = 0;   // authorizations there that we do not hold, canceled again: no money is held by them
  std::array<std::uint64_t, difference_kinds> differences{};
  std::map<std::pair<operation_kind, currency>, operation_totals> totals;

  std::uint64_t of(difference_kind kind) const noexcept { return differences[static_cast<std::size_t>(kind) - 1]; }
  std::uint64_t differing() const noexcept;
  bool clean() const noexcept { return differing() == 0; }
};

class reconciliation {
 public:
  reconciliation(const reconciliation_scope& scope, std::function<void(difference)> found)
      : scope_(scope), found_(std::move(found)) {}

  // Everything both sides have of one payment. `ours`: nullptr: we have no such payment. `payment` may be empty: a line of its own then.
  void compare(const std::string& payment, const payment_books* ours, std::vector<listed> theirs);

  const reconciliation_report& report() const noexcept { return report_; }

 private:
  const reconciliation_scope scope_;
  const std::function<void(difference)> found_;
  reconciliation_report report_;
};

}  // namespace novapay::domain
