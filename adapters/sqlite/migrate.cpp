#include "adapters/sqlite/migrate.hpp"

#include <filesystem>
#include <system_error>
#include <vector>

#include "adapters/sqlite/connection.hpp"

namespace novapay::sqlite {

using namespace runtime;

namespace {

constexpr const char* table_sql =
    "create table if not exists schema_migration (version integer primary key, name text not null, "
    "checksum integer not null, applied_at text not null) strict";

struct applied_list {
  std::vector<applied_migration> rows;
  maybe_error error;
};

applied_list read_applied(connection& db) {
  auto [tables, no_tables] =
      db.prepare("select 1 from sqlite_master where type = 'table' and name = 'schema_migration'");
  if (!tables) return {{}, no_tables};
  const bool present = tables->step();
  if (tables->error()) return {{}, tables->error()};
  if (!present) return {};

  auto [rows, error] = db.prepare("select version, name, checksum from schema_migration order by version");
  if (!rows) return {{}, error};
  applied_list found;
  while (rows->step())
    found.rows.push_back(
        {static_cast<unsigned>(rows->number(0)), rows->bytes(1), static_cast<std::uint64_t>(rows->number(2))});
  found.error = rows->error();
  return found;
}

maybe_error apply_one(connection& db, const migration& next) {
  if (auto error = db.script(std::string{next.sql})) return error;
  auto [insert, error] = db.prepare("insert into schema_migration values (?, ?, ?, datetime('now'))");
  if (!insert) return error;
  insert->bind(1, next.version);
  insert->bind_text(2, next.name);
  insert->bind(3, static_cast<std::int64_t>(migration_checksum(next.sql)));
  return insert->run();
}

// One migration in one transaction, after another process may have done some: plans anew under the lock.
// nullopt: nothing (more) was done; the report says whether for an error.
std::optional<std::string> step(connection& db, std::span<const migration> known, migration_report& report) {
  const auto failed = [&](const sql_error& error) -> std::optional<std::string> {
    db.roll_back();
    report.error = error.detail;
    return std::nullopt;
  };
  if (auto error = db.begin_call(open_mode::create)) return failed(*error);
  db.lift_deadline();  // a migration of a large file takes its time; waiting for the lock stays bounded
  if (auto error = db.run("begin immediate")) return failed(*error);
  if (auto error = db.script(table_sql)) return failed(*error);
  const auto applied = read_applied(db);
  if (applied.error) return failed(*applied.error);
  const auto plan = plan_migrations(known, applied.rows);
  if (plan.error) return failed({0, *plan.error});
  if (plan.to_apply.empty()) {
    db.roll_back();
    return std::nullopt;
  }
  const auto& next = plan.to_apply.front();
  if (auto error = apply_one(db, next)) return failed({error->code, std::string{next.name} + ": " + error->detail});
  if (auto error = db.run("commit")) return failed({error->code, std::string{next.name} + ": " + error->detail});
  return std::string{next.name};
}

}  // namespace

migration_report migrate(const settings& where) { return migrate(where, migrations()); }

migration_report migrate(const settings& where, std::span<const migration> known) {
  migration_report report;
  const auto folder = std::filesystem::path{where.path}.parent_path();
  std::error_code failed;
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) {
    report.error = "cannot make the folder " + folder.string() + ": " + failed.message();
    return report;
  }
  connection db{where};
  while (auto name = step(db, known, report)) report.applied.push_back(std::move(*name));
  return report;
}

std::optional<std::string> check(const settings& where) { return check(where, migrations()); }

std::optional<std::string> check(const settings& where, std::span<const migration> known) {
  std::error_code failed;
  if (!std::filesystem::exists(where.path, failed))
    return "there is no database at " + where.path + ": name the serving node's folder with --data, or run `novapay migrate`";
  connection db{where};
  if (auto error = db.begin_call()) return error->detail;
  const auto applied = read_applied(db);
  if (applied.error) return where.path + ": " + applied.error->detail;
  return check_migrations(known, applied.rows);
}

}  // namespace novapay::sqlite
