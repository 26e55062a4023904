#include "adapters/sandbox/store.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

namespace novapay::sandbox {
namespace {

namespace reported = domain::reported;

// The checks are spelled out: for an IN with a list SQLite makes and drops a temporary table at every insert, which cost
// several times the insert itself.
constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS operation (
  idempotency_key TEXT NOT NULL PRIMARY KEY,
  payment TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'authorize' OR kind = 'confirm' OR kind = 'capture' OR kind = 'refund'
    OR kind = 'cancel'),
  amount_minor INTEGER NOT NULL,
  currency TEXT NOT NULL,
  token TEXT NOT NULL,
  parameters TEXT NOT NULL,
  live INTEGER NOT NULL,
  outcome TEXT CHECK (outcome = 'approved' OR outcome = 'declined' OR outcome = 'needs_action'),
  reference TEXT,
  expires_at_ms INTEGER,
  failure_code TEXT,
  decline_code TEXT,
  failure_message TEXT,
  action_type TEXT,
  action_url TEXT,
  attempts INTEGER NOT NULL,
  executions INTEGER NOT NULL CHECK (executions = (outcome IS NOT NULL)),
  first_attempt_at_ms INTEGER NOT NULL,
  executed_at_ms INTEGER,
  settled_at_ms INTEGER,
  failed_at_ms INTEGER
);

CREATE TABLE IF NOT EXISTS notice (
  id INTEGER PRIMARY KEY,
  idempotency_key TEXT NOT NULL,
  payment TEXT NOT NULL,
  kind TEXT NOT NULL,
  number INTEGER NOT NULL,
  failure_code TEXT,
  decline_code TEXT,
  failure_message TEXT,
  due_at_ms INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  acknowledged_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS notice_open ON notice (next_at_ms) WHERE acknowledged_at_ms IS NULL;

CREATE TABLE IF NOT EXISTS anomaly (
  id INTEGER PRIMARY KEY,
  what TEXT NOT NULL,
  detail TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  payment TEXT NOT NULL,
  at_ms INTEGER NOT NULL
);

CREATE VIEW IF NOT EXISTS payment_sums AS
  SELECT payment, min(currency) AS currency,
    coalesce(sum(amount_minor) FILTER (WHERE charge AND counts), 0) AS authorized_minor,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'capture' AND counts), 0) AS captured_minor,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund' AND counts), 0) AS refunded_minor,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'cancel' AND counts), 0) AS canceled_minor,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'capture' AND outcome = 'approved' AND NOT counts), 0)
      AS capture_failed_minor,
    count(*) FILTER (WHERE charge AND counts) AS charges,
    count(*) FILTER (WHERE kind = 'capture' AND counts) AS captures,
    count(*) FILTER (WHERE kind = 'refund' AND counts) AS refunds,
    count(*) FILTER (WHERE kind = 'cancel' AND counts) AS cancels
  FROM (SELECT *, kind IN ('authorize', 'confirm') AS charge, outcome = 'approved' AND failed_at_ms IS NULL AS counts
        FROM operation WHERE outcome IS NOT NULL)
  GROUP BY payment;

DROP INDEX IF EXISTS operation_by_payment;
CREATE INDEX IF NOT EXISTS operation_stray ON operation (payment) WHERE instr(idempotency_key, payment || ':') <> 1;
)sql";

// A payment's keys begin with its id and a colon, so the index of the keys finds them all: one index less to be written at
// every call. A caller who does otherwise has made a mistake that must not go unseen: his are found by operation_stray.
bool is_stray(std::string_view idempotency_key, std::string_view payment) {
  return !idempotency_key.starts_with(payment) || !idempotency_key.substr(payment.size()).starts_with(':');
}
std::string recall_sql() {
  const auto select = std::string("SELECT ") + operation_columns + ", rowid FROM operation WHERE ";
  return select + "idempotency_key >= ?1 || ':' AND idempotency_key < ?1 || ';' UNION ALL " + select +
         "payment = ?1 AND instr(idempotency_key, payment || ':') <> 1";
}

constexpr const char* put_sql = R"sql(
INSERT INTO operation (idempotency_key, payment, kind, amount_minor, currency, token, parameters, live, outcome,
  reference, expires_at_ms, failure_code, decline_code, failure_message, action_type, action_url, attempts, executions,
  first_attempt_at_ms, executed_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (idempotency_key) DO UPDATE SET token = excluded.token, outcome = excluded.outcome,
  reference = excluded.reference, expires_at_ms = excluded.expires_at_ms, failure_code = excluded.failure_code,
  decline_code = excluded.decline_code, failure_message = excluded.failure_message, action_type = excluded.action_type,
  action_url = excluded.action_url, attempts = excluded.attempts, executions = excluded.executions,
  executed_at_ms = excluded.executed_at_ms
)sql";

std::int64_t in_ms(timestamp at) { return at.time_since_epoch().count(); }
timestamp from_ms(std::int64_t ms) { return timestamp{milliseconds{ms}}; }

std::optional<std::int64_t> in_ms(const std::optional<timestamp>& at) {
  if (!at) return std::nullopt;
  return in_ms(*at);
}

std::optional<timestamp> optional_time(const statement& row, int column) {
  const auto ms = row.optional_integer(column);
  if (!ms) return std::nullopt;
  return from_ms(*ms);
}

domain::operation_kind read_kind(const statement& row, int column) {
  const auto kind = kind_of(row.text(column));
  if (kind == domain::operation_kind{}) throw ledger_error("sandbox ledger: an unknown kind: " + row.text(column));
  return kind;
}

void bind_failure(statement& to, const domain::failure* why) {
  if (why == nullptr)
    to.skip(3);
  else
    to.bind(why->code).bind(why->decline_code).bind(why->message);
}

// outcome, reference, expires_at_ms, failure_code, decline_code, failure_message, action_type, action_url
void bind_result(statement& to, const std::optional<domain::outcome>& result) {
  if (!result) {
    to.skip(8);
  } else if (const auto* approved = std::get_if<reported::approved>(&*result)) {
    to.bind("approved").bind(approved->reference).bind(in_ms(approved->expires_at)).skip(5);
  } else if (const auto* declined = std::get_if<reported::declined>(&*result)) {
    to.bind("declined").skip(2);
    bind_failure(to, &declined->why);
    to.skip(2);
  } else if (const auto* asked = std::get_if<reported::needs_action>(&*result)) {
    to.bind("needs_action").bind(asked->reference).skip(4).bind(asked->action.type).bind(asked->action.url);
  } else {
    throw ledger_error("sandbox ledger: only a definite outcome is stored");
  }
}

std::optional<domain::outcome> read_result(const statement& row, int first) {
  const auto outcome = row.text(first);
  if (outcome == "approved") return reported::approved{row.text(first + 1), optional_time(row, first + 2)};
  if (outcome == "declined") return reported::declined{{row.text(first + 3), row.text(first + 4), row.text(first + 5)}};
  if (outcome == "needs_action")
    return reported::needs_action{{row.text(first + 6), row.text(first + 7)}, row.text(first + 1)};
  return std::nullopt;
}

// Two processes that turn a new file into WAL at once collide without SQLite's own waiting.
void use_wal(database& db) {
  constexpr std::chrono::seconds patience{10};
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    try {
      return db.execute(
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 8000; "
          "PRAGMA cache_size = -16000");
    } catch (const ledger_error& why) {
      if (!why.busy || std::chrono::steady_clock::now() > until) throw;
      std::this_thread::sleep_for(milliseconds{20});
    }
  }
}

database prepared(const std::string& path) {
  database db(path, database::access::read_write);
  use_wal(db);
  const auto version = db.integer("PRAGMA user_version");
  if (version > ledger_version)
    throw ledger_error("sandbox ledger: " + path + " was written by a newer NovaPay (version " +
                       std::to_string(version) + ", this one knows " + std::to_string(ledger_version) + ")");
  if (version < ledger_version) {
    db.execute("BEGIN IMMEDIATE");
    db.execute(schema);
    db.execute(("PRAGMA user_version = " + std::to_string(ledger_version)).c_str());
    db.execute("COMMIT");
  }
  return db;
}

}  // namespace

const char* const operation_columns =
    "idempotency_key, payment, kind, amount_minor, currency, token, parameters, live, outcome, reference, "
    "expires_at_ms, failure_code, decline_code, failure_message, action_type, action_url, attempts, executions, "
    "first_attempt_at_ms, executed_at_ms, settled_at_ms, failed_at_ms";
constexpr int operation_rowid = 22;  // of a statement that adds ", rowid" to them
const char* const notice_columns =
    "id, idempotency_key, payment, kind, number, failure_code, decline_code, failure_message, due_at_ms, next_at_ms, "
    "deliveries, acknowledged_at_ms";
const char* const anomaly_columns = "what, detail, idempotency_key, payment, at_ms";

ledger_entry read_entry(const statement& row) {
  ledger_entry entry;
  entry.idempotency_key = row.text(0);
  entry.payment = row.text(1);
  entry.kind = read_kind(row, 2);
  const auto code = domain::parse_currency(row.text(4));
  if (!code) throw ledger_error("sandbox ledger: an unknown currency: " + row.text(4));
  entry.amount = {row.integer(3), *code};
  entry.token = row.text(5);
  entry.parameters = row.text(6);
  entry.live = row.integer(7) != 0;
  entry.result = read_result(row, 8);
  entry.attempts = static_cast<std::uint32_t>(row.integer(16));
  entry.executions = static_cast<std::uint32_t>(row.integer(17));
  entry.first_attempt_at = from_ms(row.integer(18));
  entry.executed_at = optional_time(row, 19);
  entry.settled_at = optional_time(row, 20);
  entry.failed_at = optional_time(row, 21);
  return entry;
}

ledger_notice read_notice(const statement& row) {
  ledger_notice what;
  what.id = row.integer(0);
  what.idempotency_key = row.text(1);
  what.payment = row.text(2);
  what.what.about = {read_kind(row, 3), static_cast<std::uint32_t>(row.integer(4))};
  if (!row.is_null(5)) what.what.failed = domain::failure{row.text(5), row.text(6), row.text(7)};
  what.due_at = from_ms(row.integer(8));
  what.next_at = from_ms(row.integer(9));
  what.deliveries = static_cast<std::uint32_t>(row.integer(10));
  what.acknowledged_at = optional_time(row, 11);
  return what;
}

anomaly read_anomaly(const statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), from_ms(row.integer(4))};
}

std::unique_ptr<store> store::open(const std::string& path, std::string& error) {
  try {
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    return std::unique_ptr<store>(new store(path));
  } catch (const std::exception& why) {
    error = why.what();
    return nullptr;
  }
}

store::store(const std::string& path)
    : db_(prepared(path)),
      begin_(db_.prepare("BEGIN IMMEDIATE")),
      commit_(db_.prepare("COMMIT")),
      find_(db_.prepare(std::string("SELECT ") + operation_columns + " FROM operation WHERE idempotency_key = ?")),
      recall_(db_.prepare(recall_sql())),
      put_(db_.prepare(put_sql)),
      add_notice_(db_.prepare(
          "INSERT INTO notice (idempotency_key, payment, kind, number, failure_code, decline_code, failure_message, "
          "due_at_ms, next_at_ms, deliveries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)")),
      add_anomaly_(
          db_.prepare("INSERT INTO anomaly (what, detail, idempotency_key, payment, at_ms) VALUES (?, ?, ?, ?, ?)")),
      due_(
          db_.prepare(std::string("SELECT ") + notice_columns +
                      " FROM notice WHERE acknowledged_at_ms IS NULL AND next_at_ms <= ? ORDER BY next_at_ms LIMIT ?")),
      put_off_(db_.prepare("UPDATE notice SET deliveries = ?, next_at_ms = ? WHERE id = ?")),
      settle_(
          db_.prepare("UPDATE operation SET settled_at_ms = ? WHERE idempotency_key = ? AND settled_at_ms IS NULL")),
      fail_(db_.prepare("UPDATE operation SET failed_at_ms = ? WHERE idempotency_key = ? AND failed_at_ms IS NULL")),
      next_due_(db_.prepare("SELECT min(next_at_ms) FROM notice WHERE acknowledged_at_ms IS NULL")),
      acknowledge_(
          db_.prepare("UPDATE notice SET acknowledged_at_ms = ? WHERE id = ? AND acknowledged_at_ms IS NULL")) {}

void store::begin() { begin_.start().run(); }
void store::commit() { commit_.start().run(); }

void store::rollback() noexcept {
  try {
    if (db_.in_transaction()) db_.execute("ROLLBACK");
  } catch (const ledger_error&) {
    // SQLite has rolled back by itself already: there is nothing left to undo.
  }
}

store::recollection store::recall(const std::string& idempotency_key, const std::string& payment) {
  recollection all;
  std::vector<std::pair<std::int64_t, ledger_entry>> found;  // by rowid, that is by arrival
  recall_.start().bind(payment);
  while (recall_.next()) {
    auto entry = read_entry(recall_);
    if (entry.idempotency_key == idempotency_key) all.known = entry;
    if (entry.payment == payment) found.emplace_back(recall_.integer(operation_rowid), std::move(entry));
  }
  if (is_stray(idempotency_key, payment) && !all.known) {
    find_.start().bind(idempotency_key);
    if (find_.next()) all.known = read_entry(find_);
    find_.start();
  }

  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  all.of_payment.reserve(found.size());
  for (auto& [arrived, entry] : found) all.of_payment.push_back(std::move(entry));
  return all;
}

void store::put(const ledger_entry& entry) {
  put_.start()
      .bind(entry.idempotency_key)
      .bind(entry.payment)
      .bind(kind_name(entry.kind))
      .bind(entry.amount.minor)
      .bind(domain::info_of(entry.amount.code).name)
      .bind(entry.token)
      .bind(entry.parameters)
      .bind(std::int64_t{entry.live});
  bind_result(put_, entry.result);
  put_.bind(std::int64_t{entry.attempts})
      .bind(std::int64_t{entry.executions})
      .bind(in_ms(entry.first_attempt_at))
      .bind(in_ms(entry.executed_at))
      .run();
}

void store::add(const ledger_notice& what) {
  add_notice_.start()
      .bind(what.idempotency_key)
      .bind(what.payment)
      .bind(kind_name(what.what.about.kind))
      .bind(std::int64_t{what.what.about.number});
  bind_failure(add_notice_, what.what.failed ? &*what.what.failed : nullptr);
  add_notice_.bind(in_ms(what.due_at)).bind(in_ms(what.next_at)).run();
}

void store::add(const anomaly& what) {
  add_anomaly_.start()
      .bind(what.what)
      .bind(what.detail)
      .bind(what.idempotency_key)
      .bind(what.payment)
      .bind(in_ms(what.at))
      .run();
}

std::vector<ledger_notice> store::take_due(timestamp now, const rules& by, std::size_t limit) {
  std::vector<ledger_notice> due;
  due_.start().bind(in_ms(now)).bind(static_cast<std::int64_t>(limit));
  while (due_.next()) due.push_back(read_notice(due_));

  for (auto& each : due) {
    if (each.deliveries == 0) {
      auto& becomes = each.what.failed ? fail_ : settle_;
      becomes.start().bind(in_ms(now)).bind(each.idempotency_key).run();
    }
    ++each.deliveries;
    each.next_at = now + notice_backoff(by, each.deliveries);
    put_off_.start().bind(std::int64_t{each.deliveries}).bind(in_ms(each.next_at)).bind(each.id).run();
  }
  return due;
}

std::optional<timestamp> store::next_due() {
  next_due_.start();
  if (!next_due_.next()) return std::nullopt;
  const auto at = optional_time(next_due_, 0);
  next_due_.start();
  return at;
}

void store::acknowledge(std::int64_t notice, timestamp now) {
  acknowledge_.start().bind(in_ms(now)).bind(notice).run();
}

}  // namespace novapay::sandbox
