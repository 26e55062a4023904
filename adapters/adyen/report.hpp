// report: the rows of a settlement detail report. Columns are found by name, never by place; amounts are in major units, debit or credit.
//
// Which column is filled is not the same in all of Adyen's samples: there are reports whose settled payments stand under debit. So what a
// row did to the balance is taken from its type, its gross amount and its fees, and the columns only where these do not tell.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/statement.hpp"
#include "adapters/adyen/names.hpp"

namespace novapay::adyen {

enum class row_means : std::uint8_t {
  settled = 1,      // a capture is paid
  refunded,         // a refund is taken from the balance
  refund_reversed,  // it has come back
  disputed,
  dispute_won,
  dispute_lost,
  payout,  // what the rows add up to
  other,   // about no payment: fees, corrections, transfers
};
struct type_rule {
  std::string_view type;
  row_means means;
  int direction;  // of the gross amount: 1 to us, -1 from us, 0 either
};
std::span<const type_rule> type_rules();

struct columns {
  static constexpr std::size_t none = SIZE_MAX;
  std::size_t payment, merchant_reference, type, modification, gross_currency, gross_debit, gross_credit, net_currency,
      net_debit, net_credit, batch;
  // These may be absent.
  std::size_t account = none, created = none, zone = none, rate = none, commission = none, markup = none,
              scheme_fees = none, interchange = none, modification_reference = none;
};
// nullopt: no settlement detail report, or a column twice.
std::optional<columns> columns_of(const std::vector<std::string>& header);

struct report_row {
  std::string payment;             // Adyen's reference of it
  std::string merchant_reference;  // ours of the payment
  std::string type;
  std::string modification;            // Adyen's reference of the capture, the refund, the dispute
  std::string modification_reference;  // ours of it
  std::string account;
  std::string batch;
  std::optional<domain::money> gross;  // as the columns have it: credit less debit
  std::optional<domain::money> net;    // likewise, in the currency of settlement
  std::optional<domain::money>
      fee;          // Commission, or Markup, Scheme Fees and Interchange; in the currency of settlement
  double rate = 0;  // of settlement for gross; 0: not told
  std::optional<domain::timestamp> created;
};
// nullopt: of another width than its header.
std::optional<report_row> read_row(const columns& where, const std::vector<std::string>& record, remarks& odd);

const type_rule* rule_of(const report_row& row) noexcept;  // nullptr: a type nobody here knows

// What the row did to our balance, positive if to us. nullopt: its net amount cannot be read.
std::optional<std::int64_t> balance_change(const report_row& row);
// Gross less fees is net, as far as it can be checked (one currency).
bool adds_up(const report_row& row);

// The same row, whenever its report is made again.
std::string identity_of(const report_row& row);  // "42/Settled/NVPAYAUTH0000001/NVPAYCAPT0000001"
std::string line_of(const report_row& row);      // for operators: "batch 42 Fee Transaction Fees March 2026 -24 eur"

// What it says of a payment; nullopt: nothing.
std::optional<settlement_item> item_of(const report_row& row, const std::string& processor);
// What it says of an operation, for reconciliation; nullopt: nothing.
std::optional<statement_line> statement_of(const report_row& row);

}  // namespace novapay::adyen
