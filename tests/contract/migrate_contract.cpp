// Migrations of both databases: the same cases, since they share the plan and differ in everything else.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/journal.hpp"
#include "adapters/postgres/migrate.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "tests/contract/benches.hpp"

using namespace novapay::runtime;
using namespace novapay::test;

namespace {

struct sqlite_database {
  static bool available() { return true; }
  temp_folder folder;
  novapay::sqlite::settings where{folder.file("new/folder/journal.db")};
  static std::vector<migration> known() {
    return {novapay::sqlite::migrations().begin(), novapay::sqlite::migrations().end()};
  }
  migration_report migrate(const std::vector<migration>& all) const { return novapay::sqlite::migrate(where, all); }
  std::optional<std::string> check(const std::vector<migration>& all) const {
    return novapay::sqlite::check(where, all);
  }
};

struct postgres_database {
  static bool available() { return temp_schema::available(); }
  temp_schema schema;
  novapay::postgres::settings where{schema.connection()};
  static std::vector<migration> known() {
    return {novapay::postgres::migrations().begin(), novapay::postgres::migrations().end()};
  }
  migration_report migrate(const std::vector<migration>& all) const { return novapay::postgres::migrate(where, all); }
  std::optional<std::string> check(const std::vector<migration>& all) const {
    return novapay::postgres::check(where, all);
  }
};

// These tests go on from a database with one migration, so that what follows has the same names for every store.
std::vector<migration> first_of(std::vector<migration> known) {
  known.resize(1);
  return known;
}

std::vector<migration> and_then(std::vector<migration> known, std::string_view sql) {
  const auto version = known.back().version + 1;
  known.push_back({version, version == 2 ? "0002_more" : "0003_more", sql});
  return known;
}

using names = std::vector<std::string>;

}  // namespace

TYPE_TO_STRING(sqlite_database);
TYPE_TO_STRING(postgres_database);

TEST_CASE_TEMPLATE("migrate: an empty database gets everything, once", database, sqlite_database, postgres_database) {
  if (!database::available()) return;
  database made;
  const auto known = database::known();
  REQUIRE_FALSE(known.empty());
  REQUIRE(made.check(known).has_value());
  CHECK(made.check(known)->find("run `novapay migrate`") != std::string::npos);

  const auto first = made.migrate(known);
  CHECK(first.error == std::nullopt);
  CHECK(first.applied.size() == known.size());
  CHECK(first.applied.front() == "0001_journal");
  CHECK(made.check(known) == std::nullopt);

  const auto again = made.migrate(known);
  CHECK(again.error == std::nullopt);
  CHECK(again.applied.empty());
}

TEST_CASE_TEMPLATE("migrate: older, newer and changed databases say so", database, sqlite_database, postgres_database) {
  if (!database::available()) return;
  database made;
  const auto known = first_of(database::known());
  const auto later = and_then(known, "create table more (x integer);");
  REQUIRE(made.migrate(known).error == std::nullopt);

  CHECK(made.check(later) == "the database is at 0001, this novapay knows 0002: run `novapay migrate`");
  CHECK(made.migrate(later).applied == names{"0002_more"});
  CHECK(made.check(later) == std::nullopt);

  const auto newer = "the database is newer (0002) than this novapay (0001): upgrade novapay";
  CHECK(made.check(known) == newer);
  CHECK(made.migrate(known).error == newer);

  const auto changed = and_then(known, "create table more (x integer, y integer);");
  REQUIRE(made.check(changed).has_value());
  CHECK(made.check(changed)->starts_with("migration 0002 was changed after it was applied (checksum "));
  CHECK(made.migrate(changed).error.has_value());
}

TEST_CASE_TEMPLATE("migrate: one that fails leaves nothing of itself and all before it", database, sqlite_database,
                   postgres_database) {
  if (!database::available()) return;
  database made;
  const auto good = and_then(first_of(database::known()), "create table more (x integer);");
  const auto bad = and_then(good, "create table third (x integer); insert into nowhere values (1);");

  const auto report = made.migrate(bad);
  CHECK(report.applied == names{"0001_journal", "0002_more"});
  REQUIRE(report.error.has_value());
  CHECK(report.error->starts_with("0003_more: "));
  CHECK(report.error->find("nowhere") != std::string::npos);
  CHECK(made.check(good) == std::nullopt);

  const auto mended = and_then(good, "create table third (x integer);");
  CHECK(made.migrate(mended).applied == names{"0003_more"});  // its table was rolled back
}

TEST_CASE_TEMPLATE("migrate: several at once", database, sqlite_database, postgres_database) {
  if (!database::available()) return;
  database made;
  const auto known = database::known();
  std::vector<migration_report> reports(4);
  std::vector<std::thread> nodes;
  for (auto& report : reports) nodes.emplace_back([&] { report = made.migrate(known); });
  for (auto& node : nodes) node.join();

  std::size_t applied = 0;
  for (const auto& report : reports) {
    CHECK(report.error == std::nullopt);
    applied += report.applied.size();
  }
  CHECK(applied == known.size());
  CHECK(made.check(known) == std::nullopt);
}

TEST_CASE("migrate/sqlite: a check makes no file, and what is no database is said to be none") {
  temp_folder folder;
  const novapay::sqlite::settings nowhere{folder.file("none.db")};
  REQUIRE(novapay::sqlite::check(nowhere).has_value());
  CHECK_FALSE(std::filesystem::exists(nowhere.path));
  novapay::sqlite::journal_store store{nowhere};
  CHECK_FALSE(store.open()->heads(std::vector{shard_id{1}}).value.has_value());
  CHECK_FALSE(std::filesystem::exists(nowhere.path));

  const novapay::sqlite::settings text{folder.file("text.db")};
  std::ofstream{text.path} << std::string(4096, 'x');
  CHECK(novapay::sqlite::check(text).has_value());
  CHECK(novapay::sqlite::migrate(text).error.has_value());
}

TEST_CASE("migrate/postgres: a server that isn't there is an error within the deadline") {
  const novapay::postgres::settings nowhere{"host=127.0.0.1 port=1 user=x dbname=x", std::chrono::milliseconds{500}};
  const auto error = novapay::postgres::check(nowhere);
  REQUIRE(error.has_value());
  CHECK(error->starts_with("the database can't be read: "));
  CHECK(novapay::postgres::migrate(nowhere).error.has_value());
}

TEST_CASE("migrate/postgres: entities stored before 0002 are found by reference and label after it") {
  if (!postgres_database::available()) return;
  postgres_database made;
  const auto known = postgres_database::known();
  auto older = first_of(known);
  older.push_back({2, "0002_stored", R"(
    insert into entity values ('01a0c3a5-8e00-0007-0000-000000000001', 7, 'payment', 1, 'state', null, 'm_1/test', 'captured',
                               'order-1', 'usd', 100, '{"channel": "web", "shop": "a\"b"}'))"});
  REQUIRE(made.migrate(older).error == std::nullopt);
  novapay::postgres::connection db{made.where};
  REQUIRE(db.script("delete from schema_migration where version = 2", db.next_deadline()).what ==
          novapay::postgres::fate::done);
  REQUIRE(made.migrate(known).error == std::nullopt);

  auto log = novapay::postgres::journal_store{made.where}.open();
  const auto found = [&](auto change) {
    list_query query;
    query.scope = "m_1/test";
    query.kind = "payment";
    change(query);
    const auto page = log->list(query);
    INFO(page.detail);
    REQUIRE(page.value.has_value());
    return page.value->rows.size();
  };
  CHECK(found([](list_query& query) { query.reference = "order-1"; }) == 1);
  CHECK(found([](list_query& query) { query.reference = "order-2"; }) == 0);
  CHECK(found([](list_query& query) { query.label_key = "channel"; }) == 1);
  CHECK(found([](list_query& query) {
          query.label_key = "shop";
          query.label_value = "a\"b";
        }) == 1);
}
