#include "adapters/sandbox/ledger.hpp"

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "adapters/sandbox/store.hpp"

namespace novapay::sandbox {
namespace {

using json = nlohmann::ordered_json;
namespace reported = domain::reported;

template <class Row>
void read_all(const database& from, const std::string& sql, std::vector<Row>& into, Row (*read)(const statement&),
              bool& truncated) {
  auto rows = from.prepare(sql);
  while (rows.next()) {
    if (into.size() == ledger_rows_max) {
      truncated = true;
      return;
    }
    into.push_back(read(rows));
  }
}

std::vector<payment_sums> sums_of(const std::vector<ledger_entry>& operations) {
  std::vector<std::vector<ledger_entry>> grouped;
  std::unordered_map<std::string, std::size_t> where;
  for (const auto& each : operations) {
    if (!each.result) continue;
    const auto [at, fresh] = where.try_emplace(each.payment, grouped.size());
    if (fresh) grouped.emplace_back();
    grouped[at->second].push_back(each);
  }
  std::vector<payment_sums> sums;
  sums.reserve(grouped.size());
  for (const auto& each : grouped) sums.push_back(sum_up(each));
  return sums;
}

json optional_ms(const std::optional<timestamp>& at) {
  return at ? json(at->time_since_epoch().count()) : json(nullptr);
}

void add_failure(json& to, const domain::failure& why) {
  to["failure_code"] = why.code;
  to["decline_code"] = why.decline_code;
  to["failure_message"] = why.message;
}

void add_result(json& to, const domain::outcome& result) {
  if (const auto* approved = std::get_if<reported::approved>(&result)) {
    to["outcome"] = "approved";
    to["reference"] = approved->reference;
    to["expires_at_ms"] = optional_ms(approved->expires_at);
  } else if (const auto* declined = std::get_if<reported::declined>(&result)) {
    to["outcome"] = "declined";
    add_failure(to, declined->why);
  } else if (const auto* asked = std::get_if<reported::needs_action>(&result)) {
    to["outcome"] = "needs_action";
    to["reference"] = asked->reference;
    to["action_type"] = asked->action.type;
    to["action_url"] = asked->action.url;
  }
}

json to_json(const ledger_entry& entry) {
  json to{{"idempotency_key", entry.idempotency_key},
          {"payment", entry.payment},
          {"kind", kind_name(entry.kind)},
          {"amount_minor", entry.amount.minor},
          {"currency", domain::info_of(entry.amount.code).name},
          {"token", entry.token},
          {"live", entry.live},
          {"outcome", nullptr}};
  if (entry.result) add_result(to, *entry.result);
  to["attempts"] = entry.attempts;
  to["executions"] = entry.executions;
  to["first_attempt_at_ms"] = entry.first_attempt_at.time_since_epoch().count();
  to["executed_at_ms"] = optional_ms(entry.executed_at);
  to["settled_at_ms"] = optional_ms(entry.settled_at);
  to["failed_at_ms"] = optional_ms(entry.failed_at);
  return to;
}

json to_json(const payment_sums& sums) {
  return {{"payment", sums.payment},
          {"currency", domain::info_of(sums.currency).name},
          {"authorized_minor", sums.authorized_minor},
          {"captured_minor", sums.captured_minor},
          {"refunded_minor", sums.refunded_minor},
          {"canceled_minor", sums.canceled_minor},
          {"capture_failed_minor", sums.capture_failed_minor},
          {"charges", sums.charges},
          {"captures", sums.captures},
          {"refunds", sums.refunds},
          {"cancels", sums.cancels}};
}

json to_json(const ledger_notice& what) {
  json to{{"id", what.id},
          {"idempotency_key", what.idempotency_key},
          {"payment", what.payment},
          {"kind", kind_name(what.what.about.kind)},
          {"number", what.what.about.number}};
  if (what.what.failed) add_failure(to, *what.what.failed);
  to["due_at_ms"] = what.due_at.time_since_epoch().count();
  to["next_at_ms"] = what.next_at.time_since_epoch().count();
  to["deliveries"] = what.deliveries;
  to["acknowledged_at_ms"] = optional_ms(what.acknowledged_at);
  return to;
}

json to_json(const anomaly& what) {
  return {{"what", what.what},
          {"detail", what.detail},
          {"idempotency_key", what.idempotency_key},
          {"payment", what.payment},
          {"at_ms", what.at.time_since_epoch().count()}};
}

template <class Row>
json list_of(const std::vector<Row>& rows) {
  auto list = json::array();
  for (const auto& each : rows) list.push_back(to_json(each));
  return list;
}

}  // namespace

std::optional<ledger_contents> read_ledger(const std::string& path, std::string& error) {
  try {
    database from(path, database::access::read_only);
    if (const auto version = from.integer("PRAGMA user_version"); version < 1 || version > ledger_version)
      throw ledger_error("sandbox ledger: " + path + " has version " + std::to_string(version) + ", not " +
                         std::to_string(ledger_version));
    ledger_contents all;
    from.execute("BEGIN");  // one snapshot of all three
    const auto select = [](const char* columns, const char* rest) { return std::string("SELECT ") + columns + rest; };
    read_all(from, select(operation_columns, " FROM operation ORDER BY rowid"), all.operations, read_entry,
             all.truncated);
    read_all(from, select(notice_columns, " FROM notice ORDER BY id"), all.notices, read_notice, all.truncated);
    read_all(from, select(anomaly_columns, " FROM anomaly ORDER BY id"), all.anomalies, read_anomaly, all.truncated);
    all.payments = sums_of(all.operations);
    return all;
  } catch (const std::exception& why) {
    error = why.what();
    return std::nullopt;
  }
}

std::string ledger_json(const std::string& path) {
  std::string error;
  const auto all = read_ledger(path, error);
  json to;
  if (!all) {
    to["error"] = error;
  } else {
    to["operations"] = list_of(all->operations);
    to["payments"] = list_of(all->payments);
    to["notices"] = list_of(all->notices);
    to["anomalies"] = list_of(all->anomalies);
    to["truncated"] = all->truncated;
  }
  // What a caller sent as text may be any bytes.
  return to.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace novapay::sandbox
