#include "runtime/node/reconcile_report.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include "gateway/time_text.hpp"
#include "runtime/node/section.hpp"

namespace novapay::node {
namespace {

using domain::difference;
using domain::difference_kind;

constexpr std::array kinds{difference_kind::missing, difference_kind::extra,         difference_kind::duplicate,
                           difference_kind::amount,  difference_kind::contradiction, difference_kind::doubt};
static_assert(kinds.size() == domain::difference_kinds);

std::string name_of(domain::currency code) {
  return code == domain::currency{} ? "?" : std::string(domain::info_of(code).name);
}

std::string operation_of(const difference& what) {
  const std::string kind{domain::to_text(what.about.kind)};
  return what.about.number == 0 ? kind : kind + ":" + std::to_string(what.about.number);
}

std::string amount_text(domain::money amount) {
  return amount.code == domain::currency{} ? std::to_string(amount.minor) : domain::to_text(amount);
}

// Of a cancel there is no amount, only that there is one.
std::string side_text(const difference& what, const std::optional<domain::money>& amount, bool there,
                      const std::string& raw) {
  if (!there) return "-";
  if (what.about.kind == domain::operation_kind::cancel) return "canceled";
  return amount ? amount_text(*amount) : raw;
}

bool listed(const difference& what) { return what.theirs || !what.raw_amount.empty() || !what.their_reference.empty(); }

std::string day_text(domain::timestamp at) { return at == domain::timestamp{} ? "-" : gateway::to_rfc3339(at); }

class table {
 public:
  explicit table(std::vector<std::string> head, std::vector<bool> right = {}) : right_(std::move(right)) {
    right_.resize(head.size());
    add(std::move(head));
  }
  void add(std::vector<std::string> row) {
    widths_.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }
  void print(std::ostream& to) const {
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string blanks(widths_[i] - row[i].size(), ' ');
        line += right_[i] ? blanks + row[i] : row[i] + blanks;
        line += "  ";
      }
      line.erase(line.find_last_not_of(' ') + 1);
      to << line << "\n";
    }
  }

 private:
  std::vector<bool> right_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

config_json money_json(const std::optional<domain::money>& amount, const std::string& reference,
                       const std::string& raw) {
  if (!amount && reference.empty() && raw.empty()) return nullptr;
  config_json out;
  if (amount) {
    out["amount"] = amount->minor;
    out["currency"] = name_of(amount->code);
  } else {
    out["amount"] = nullptr;
    out["currency"] = nullptr;
  }
  if (!raw.empty()) out["raw"] = raw;
  out["reference"] = reference;
  return out;
}

config_json side_json(const domain::side_totals& side) { return {{"count", side.count}, {"amount", side.minor}}; }

}  // namespace

void print_table(std::ostream& to, const reconcile_result& what) {
  const auto& report = what.report;
  to << what.processor << " from " << gateway::to_rfc3339(what.from) << " to " << gateway::to_rfc3339(what.to) << "\n";
  if (!report.totals.empty()) {
    table sums({"operation", "currency", "matched", "ours", "theirs", "our amount", "their amount"},
               {false, false, true, true, true, true, true});
    for (const auto& [key, of] : report.totals)
      sums.add({std::string(domain::to_text(key.first)), name_of(key.second), std::to_string(of.matched),
                std::to_string(of.ours.count), std::to_string(of.theirs.count),
                amount_text({of.ours.minor, key.second}), amount_text({of.theirs.minor, key.second})});
    to << "\n";
    sums.print(to);
  }
  if (!what.differences.empty()) {
    table found({"difference", "payment", "operation", "ours", "theirs", "at", "their reference", "what"});
    for (const auto& each : what.differences)
      found.add({std::string(domain::to_text(each.kind)), each.payment.empty() ? "-" : each.payment, operation_of(each),
                 side_text(each, each.ours, each.ours.has_value(), {}),
                 side_text(each, each.theirs, listed(each), each.raw_amount), day_text(each.at),
                 each.their_reference.empty() ? "-" : each.their_reference, each.why});
    to << "\n";
    found.print(to);
    if (what.not_shown() > 0) to << "and " << what.not_shown() << " more\n";
  }
  to << "\n"
     << report.payments << " payments compared with " << what.lines << " lines: " << report.matched
     << " operations matched, " << report.under_way << " under way, " << report.awaited << " not listed yet, "
     << report.released << " released\n";
  if (report.clean()) {
    to << "no difference\n";
    return;
  }
  to << report.differing() << (report.differing() == 1 ? " difference:" : " differences:");
  const char* comma = " ";
  for (const auto kind : kinds) {
    if (report.of(kind) == 0) continue;
    to << comma << report.of(kind) << " " << domain::to_text(kind);
    comma = ", ";
  }
  to << "\n";
}

void print_json(std::ostream& to, const reconcile_result& what) {
  const auto& report = what.report;
  config_json out;
  out["object"] = "reconciliation";
  out["processor"] = what.processor;
  out["from"] = gateway::to_rfc3339(what.from);
  out["to"] = gateway::to_rfc3339(what.to);
  out["clean"] = report.clean();
  out["payments"] = report.payments;
  out["lines"] = what.lines;
  out["matched"] = report.matched;
  out["under_way"] = report.under_way;
  out["not_listed_yet"] = report.awaited;
  out["released"] = report.released;
  out["totals"] = config_json::array();
  for (const auto& [key, of] : report.totals)
    out["totals"].push_back({{"operation", domain::to_text(key.first)},
                             {"currency", name_of(key.second)},
                             {"matched", of.matched},
                             {"ours", side_json(of.ours)},
                             {"theirs", side_json(of.theirs)}});
  for (const auto kind : kinds) out["counts"][std::string(domain::to_text(kind))] = report.of(kind);
  out["differences"] = config_json::array();
  for (const auto& each : what.differences) {
    config_json one;
    one["kind"] = domain::to_text(each.kind);
    one["payment"] = each.payment.empty() ? config_json(nullptr) : config_json(each.payment);
    one["operation"] = operation_of(each);
    one["ours"] = each.ours ? money_json(each.ours, each.our_reference, {}) : config_json(nullptr);
    one["theirs"] = money_json(each.theirs, each.their_reference, each.raw_amount);
    one["at"] = each.at == domain::timestamp{} ? config_json(nullptr) : config_json(gateway::to_rfc3339(each.at));
    one["why"] = each.why;
    out["differences"].push_back(std::move(one));
  }
  out["not_shown"] = what.not_shown();
  // What the processor calls things need not be UTF-8.
  to << out.dump(2, ' ', false, config_json::error_handler_t::replace) << "\n";
}

}  // namespace novapay::node
