#include "adapters/adyen/report.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "adapters/adyen/amounts.hpp"
#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/refusals.hpp"

namespace novapay::adyen {
namespace {

using domain::operation_id;
using domain::operation_kind;
namespace reported = domain::reported;
namespace told = domain::told;

constexpr auto types = std::to_array<type_rule>({
    {"Settled", row_means::settled, 1},
    {"Refunded", row_means::refunded, -1},
    {"RefundedReversed", row_means::refund_reversed, 1},
    {"Chargeback", row_means::disputed, -1},
    {"ChargebackReversed", row_means::dispute_won, 1},
    {"SecondChargeback", row_means::dispute_lost, -1},
    {"MerchantPayout", row_means::payout, 0},
    {"Fee", row_means::other, 0},
    {"MiscCosts", row_means::other, 0},
    {"DepositCorrection", row_means::other, 0},
    {"InvoiceDeduction", row_means::other, 0},
    {"BalanceTransfer", row_means::other, 0},
    {"ReserveAdjustment", row_means::other, 0},
    {"PaymentCost", row_means::other, 0},
    {"CashManagement", row_means::other, 0},
});

struct column_name {
  std::string_view name;
  std::size_t columns::*place;
  bool needed;
};
constexpr auto names = std::to_array<column_name>({
    {"Psp Reference", &columns::payment, true},
    {"Merchant Reference", &columns::merchant_reference, true},
    {"Type", &columns::type, true},
    {"Modification Reference", &columns::modification, true},
    {"Gross Currency", &columns::gross_currency, true},
    {"Gross Debit (GC)", &columns::gross_debit, true},
    {"Gross Credit (GC)", &columns::gross_credit, true},
    {"Net Currency", &columns::net_currency, true},
    {"Net Debit (NC)", &columns::net_debit, true},
    {"Net Credit (NC)", &columns::net_credit, true},
    {"Batch Number", &columns::batch, true},
    {"Merchant Account", &columns::account, false},
    {"Creation Date", &columns::created, false},
    {"TimeZone", &columns::zone, false},
    {"Exchange Rate", &columns::rate, false},
    {"Commission (NC)", &columns::commission, false},
    {"Markup (NC)", &columns::markup, false},
    {"Scheme Fees (NC)", &columns::scheme_fees, false},
    {"Interchange (NC)", &columns::interchange, false},
    {"Modification Merchant Reference", &columns::modification_reference, false},
});

std::string_view at(const std::vector<std::string>& record, std::size_t place) {
  return place < record.size() ? std::string_view{record[place]} : std::string_view{};
}

std::optional<domain::money> difference(std::string_view credit, std::string_view debit, std::string_view currency) {
  const auto to = from_major(credit, currency);
  const auto from = from_major(debit, currency);
  return to && from ? domain::subtract(*to, *from) : std::nullopt;
}

double number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && std::isfinite(value) && value > 0 ? value : 0;
}

std::int64_t without_sign(std::int64_t value) { return value < 0 ? -value : value; }

// What the payment's amount comes to in the currency of settlement, in its minor units; nullopt: the rate is not told.
std::optional<double> converted(const report_row& row) {
  const auto gross = static_cast<double>(without_sign(row.gross->minor));
  if (row.gross->code == row.net->code) return gross;
  if (row.rate <= 0) return std::nullopt;
  const auto exponent = [](domain::money of) { return static_cast<int>(domain::info_of(of.code).exponent); };
  return gross * row.rate * std::pow(10.0, exponent(*row.net) - exponent(*row.gross));
}

std::string_view currency_name(domain::money amount) { return domain::info_of(amount.code).name; }

std::string our_payment(const report_row& row) {
  auto payment = payment_in(row.modification_reference);
  return payment.empty() ? payment_in(row.merchant_reference) : payment;
}

operation_id operation_of(const report_row& row, operation_kind kind) {
  const auto named = parse_reference(row.modification_reference);
  return named && named->operation.kind == kind ? named->operation : operation_id{kind, 0};
}

domain::dispute dispute_of(const report_row& row, domain::dispute_stage stage) {
  domain::dispute out;
  out.id = row.modification;
  out.stage = stage;
  out.amount_minor = row.gross ? without_sign(row.gross->minor) : 0;
  out.at = row.created.value_or(domain::timestamp{});
  return out;
}

told::settled settled_by(const report_row& row) {
  told::settled out;
  const auto change = balance_change(row);
  if (change && row.fee && row.net)
    out.figures = domain::settlement{row.batch, *change, row.fee->minor, std::string(currency_name(*row.net))};
  return out;
}

}  // namespace

std::span<const type_rule> type_rules() { return types; }

std::optional<columns> columns_of(const std::vector<std::string>& header) {
  columns where{};
  for (const auto& [name, place, needed] : names) {
    where.*place = columns::none;
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (header[i] != name) continue;
      if (where.*place != columns::none) return std::nullopt;
      where.*place = i;
    }
    if (needed && where.*place == columns::none) return std::nullopt;
  }
  return where;
}

std::optional<report_row> read_row(const columns& where, const std::vector<std::string>& record, remarks& odd) {
  const auto last = std::max({where.payment, where.merchant_reference, where.type, where.modification,
                              where.gross_credit, where.gross_debit, where.net_credit, where.net_debit, where.batch});
  if (record.size() <= last) return std::nullopt;
  report_row row;
  row.payment = at(record, where.payment);
  row.merchant_reference = at(record, where.merchant_reference);
  row.type = at(record, where.type);
  row.modification = at(record, where.modification);
  row.modification_reference = at(record, where.modification_reference);
  row.account = at(record, where.account);
  row.batch = at(record, where.batch);
  const auto gross_currency = at(record, where.gross_currency);
  const auto net_currency = at(record, where.net_currency);
  if (!gross_currency.empty())
    row.gross = difference(at(record, where.gross_credit), at(record, where.gross_debit), gross_currency);
  row.net = difference(at(record, where.net_credit), at(record, where.net_debit), net_currency);
  row.fee = from_major({}, net_currency);
  for (const auto place : {where.commission, where.markup, where.scheme_fees, where.interchange}) {
    const auto part = from_major(at(record, place), net_currency);
    row.fee = row.fee && part ? domain::add(*row.fee, *part) : std::nullopt;
  }
  row.rate = number_in(at(record, where.rate));
  row.created = parse_report_date(at(record, where.created), at(record, where.zone));
  if (rule_of(row) == nullptr) remark(odd, "report type", row.type);
  if (!row.created && !at(record, where.created).empty())
    remark(odd, "report date", std::string(at(record, where.created)) + " " + std::string(at(record, where.zone)));
  if (!row.net || (!gross_currency.empty() && !row.gross) || !row.fee) remark(odd, "report amount", identity_of(row));
  return row;
}

const type_rule* rule_of(const report_row& row) noexcept {
  const auto found = std::find_if(types.begin(), types.end(), [&](const auto& each) { return each.type == row.type; });
  return found == types.end() ? nullptr : &*found;
}

std::optional<std::int64_t> balance_change(const report_row& row) {
  if (!row.net || row.net->minor == INT64_MIN) return std::nullopt;
  const auto* rule = rule_of(row);
  if (rule == nullptr || rule->direction == 0 || !row.gross || row.gross->minor == INT64_MIN || !row.fee)
    return row.net->minor;
  const auto gross = converted(row);
  if (!gross) return row.net->minor;
  // Of the two signs the one that gross and fees come closer to.
  const auto expected = rule->direction * *gross - static_cast<double>(row.fee->minor);
  const auto size = without_sign(row.net->minor);
  return expected < 0 ? -size : size;
}

bool adds_up(const report_row& row) {
  const auto* rule = rule_of(row);
  if (rule == nullptr || rule->direction == 0 || !row.gross || !row.net || !row.fee) return true;
  if (row.gross->code != row.net->code) return true;
  const auto change = balance_change(row);
  if (!change) return true;
  const domain::money gross{rule->direction * without_sign(row.gross->minor), row.gross->code};
  const auto left = domain::subtract(gross, *row.fee);
  return left && left->minor == *change;
}

std::string identity_of(const report_row& row) {
  return row.batch + "/" + row.type + "/" + row.payment + "/" + row.modification;
}

std::string line_of(const report_row& row) {
  std::string out = "batch " + row.batch + " " + row.type;
  for (const auto* part : {&row.payment, &row.modification, &row.modification_reference})
    if (!part->empty()) out += " " + part->substr(0, 100);
  if (row.net) out += " " + std::to_string(row.net->minor) + " " + std::string(currency_name(*row.net));
  return out;
}

std::optional<settlement_item> item_of(const report_row& row, const std::string& processor) {
  const auto* rule = rule_of(row);
  if (rule == nullptr) return std::nullopt;
  settlement_item item;
  item.payment = our_payment(row);
  if (item.payment.empty()) return std::nullopt;
  auto& what = item.what;
  what.processor = processor;
  what.reference = row.modification;
  const auto about = [&](operation_kind kind) {
    what.about = operation_of(row, kind);
    if (row.gross && row.gross->minor != INT64_MIN) what.amount_minor = without_sign(row.gross->minor);
  };
  const auto disputed = [&](domain::dispute_stage stage) {
    what.about = {operation_kind::capture, 0};
    what.reference = row.payment;
    what.what = told::disputed{dispute_of(row, stage)};
  };
  switch (rule->means) {
    case row_means::settled:
      about(operation_kind::capture);
      what.what = settled_by(row);
      return item;
    case row_means::refunded:
      about(operation_kind::refund);
      what.what = told::result{reported::approved{row.modification, {}}};
      return item;
    case row_means::refund_reversed:
      about(operation_kind::refund);
      what.what = told::failed{modification_failure(operation_kind::refund, row.type)};
      return item;
    case row_means::disputed: disputed(domain::dispute_stage::opened); return item;
    case row_means::dispute_won: disputed(domain::dispute_stage::won); return item;
    case row_means::dispute_lost: disputed(domain::dispute_stage::lost); return item;
    case row_means::payout:
    case row_means::other: break;
  }
  return std::nullopt;
}

std::optional<statement_line> statement_of(const report_row& row) {
  const auto* rule = rule_of(row);
  if (rule == nullptr) return std::nullopt;
  const bool capture = rule->means == row_means::settled;
  const bool refund = rule->means == row_means::refunded || rule->means == row_means::refund_reversed;
  if (!capture && !refund) return std::nullopt;
  statement_line line;
  line.payment = our_payment(row);
  line.operation = operation_of(row, capture ? operation_kind::capture : operation_kind::refund);
  line.status = rule->means == row_means::refund_reversed ? line_status::failed : line_status::succeeded;
  line.reference = row.modification;
  line.at = row.created.value_or(domain::timestamp{});
  if (row.gross && row.gross->minor != INT64_MIN) {
    line.amount = {without_sign(row.gross->minor), row.gross->code};
    line.raw_amount = std::to_string(line.amount.minor) + " " + std::string(currency_name(line.amount));
  }
  return line;
}

}  // namespace novapay::adyen
