#include "runtime/migration_plan.hpp"

#include <doctest/doctest.h>

using namespace novapay::runtime;

namespace {

const migration first{1, "0001_first", "create table a (x int)"};
const migration second{2, "0002_second", "create table b (x int)"};
const migration third{3, "0003_third", "create table c (x int)"};
const std::vector<migration> known{first, second, third};

applied_migration applied(const migration& m) { return {m.version, std::string{m.name}, migration_checksum(m.sql)}; }

}  // namespace

TEST_CASE("migration_plan/plan: an empty database needs all, a current one nothing") {
  const auto all = plan_migrations(known, {});
  REQUIRE_FALSE(all.error.has_value());
  REQUIRE(all.to_apply.size() == 3);
  CHECK(all.to_apply.front().name == "0001_first");
  CHECK(check_migrations(known, {}) == "the database is empty: run `novapay migrate`");

  const std::vector<applied_migration> current{applied(first), applied(second), applied(third)};
  CHECK(plan_migrations(known, current).to_apply.empty());
  CHECK_FALSE(check_migrations(known, current).has_value());
}

TEST_CASE("migration_plan/plan: an older database needs the rest") {
  const std::vector<applied_migration> older{applied(first), applied(second)};

  const auto plan = plan_migrations(known, older);
  REQUIRE(plan.to_apply.size() == 1);
  CHECK(plan.to_apply.front().version == 3);
  CHECK(check_migrations(known, older) == "the database is at 0002, this novapay knows 0003: run `novapay migrate`");
}

TEST_CASE("migration_plan/plan: a newer database is refused") {
  const std::vector<applied_migration> newer{applied(first), applied(second), applied(third), {4, "0004_later", 1}};

  const auto* expected = "the database is newer (0004) than this novapay (0003): upgrade novapay";
  CHECK(plan_migrations(known, newer).error == expected);
  CHECK(check_migrations(known, newer) == expected);
}

TEST_CASE("migration_plan/plan: a changed or missing migration is refused") {
  auto changed = std::vector<applied_migration>{applied(first), applied(second)};
  changed[1].checksum ^= 1;
  REQUIRE(plan_migrations(known, changed).error.has_value());
  CHECK(
      plan_migrations(known, changed).error->starts_with("migration 0002 was changed after it was applied (checksum "));
  CHECK(plan_migrations(known, changed).to_apply.empty());

  const std::vector<applied_migration> gap{applied(first), applied(third)};
  REQUIRE(check_migrations(known, gap).has_value());
  CHECK(check_migrations(known, gap)->starts_with("migration 0002 is missing"));
}

TEST_CASE("migration_plan/checksum: is FNV-1a and never changes") {
  CHECK(migration_checksum("") == 0xcbf29ce484222325ULL);
  CHECK(migration_checksum("a") == 0xaf63dc4c8601ec8cULL);
}
