#include "adapters/postgres/migrate.hpp"

#include <vector>

#include "adapters/postgres/binary.hpp"
#include "adapters/postgres/connection.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

// Held by the session, so that a node that dies while migrating lets go of it.
constexpr const char* lock_sql =
    "select pg_advisory_lock(hashtext('novapay schema_migration'), hashtext(current_schema()))";

constexpr const char* table_sql =
    "create table if not exists schema_migration (version integer primary key, name text not null, "
    "checksum bigint not null, applied_at timestamptz not null default now())";

constexpr const char* partitions_sql =
    "select make_key_partition(floor(extract(epoch from now()) / 604800)::integer + n) from generate_series(0, 1) n";

struct applied_list {
  std::vector<applied_migration> rows;
  std::optional<std::string> error;
};

applied_list read_applied(connection& db, deadline until) {
  auto present = db.run_once("select to_regclass('schema_migration') is not null", {}, until);
  if (present.what != fate::done) return {{}, std::move(present.detail)};
  if (present.rows.bytes(0, 0) != std::string_view{"\1", 1}) return {};

  auto rows = db.run_once("select version, name, checksum from schema_migration order by version", {}, until);
  if (rows.what != fate::done) return {{}, std::move(rows.detail)};
  applied_list found;
  for (int i = 0; i < rows.rows.size(); ++i)
    found.rows.push_back({static_cast<unsigned>(rows.rows.number(i, 0)), std::string{rows.rows.bytes(i, 1)},
                          static_cast<std::uint64_t>(rows.rows.number(i, 2))});
  return found;
}

// The file and its row in schema_migration, in one transaction. Names and numbers are ours: nothing needs quoting.
std::optional<std::string> apply_one(connection& db, const migration& next, deadline until) {
  const auto checksum = std::to_string(static_cast<std::int64_t>(migration_checksum(next.sql)));
  auto sql = "begin;\n" + std::string{next.sql} + "\n;insert into schema_migration (version, name, checksum) values (" +
             std::to_string(next.version) + ", '" + std::string{next.name} + "', " + checksum + "); commit;";
  auto done = db.script(sql, until);
  if (done.what == fate::done) return std::nullopt;
  db.close();  // a failed transaction may still be open
  return std::string{next.name} + ": " + done.detail;
}

}  // namespace

migration_report migrate(const settings& where) { return migrate(where, migrations()); }

migration_report migrate(const settings& where, std::span<const migration> known) {
  migration_report report;
  connection db{{where.connection, std::chrono::milliseconds{migration_timeout}, migration_connect_timeout}};
  const auto run = [&](const char* sql) {
    auto done = db.script(sql, db.next_deadline());
    if (done.what != fate::done) report.error = std::move(done.detail);
    return done.what == fate::done;
  };
  if (!run(lock_sql) || !run(table_sql)) return report;

  auto applied = read_applied(db, db.next_deadline());
  if (applied.error) {
    report.error = std::move(applied.error);
    return report;
  }
  const auto plan = plan_migrations(known, applied.rows);
  report.error = plan.error;
  for (const auto& next : plan.to_apply) {
    report.error = apply_one(db, next, db.next_deadline());
    if (report.error) return report;
    report.applied.emplace_back(next.name);
  }
  if (!report.error) run(partitions_sql);
  return report;
}

std::optional<std::string> check(const settings& where) { return check(where, migrations()); }

std::optional<std::string> check(const settings& where, std::span<const migration> known) {
  connection db{where};
  auto applied = read_applied(db, db.next_deadline());
  if (applied.error) return "the database can't be read: " + *applied.error;
  return check_migrations(known, applied.rows);
}

}  // namespace novapay::postgres
