#include "tests/contract/benches.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/migrate.hpp"
#include "adapters/sqlite/migrate.hpp"

namespace novapay::test {

namespace {

std::string unique_name() {
  static std::atomic<unsigned> made{0};
  return "novapay_test_" + std::to_string(getpid()) + "_" + std::to_string(++made);
}

void administer(const std::string& sql) {
  postgres::connection admin{{admin_connection(), std::chrono::seconds{20}}};
  const auto done = admin.script(sql, admin.next_deadline());
  if (done.what != postgres::fate::done) throw std::runtime_error{sql + ": " + done.detail};
}

template <class Report>
void require_applied(const Report& report) {
  if (report.error) throw std::runtime_error{*report.error};
}

}  // namespace

temp_folder::temp_folder() : path_{std::filesystem::temp_directory_path() / unique_name()} {
  std::filesystem::create_directories(path_);
}

temp_folder::~temp_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string admin_connection() {
  const char* text = std::getenv("NOVAPAY_TEST_POSTGRES");
  return text ? text : "";
}

bool temp_schema::available() {
  if (!admin_connection().empty()) return true;
  const char* required = std::getenv("NOVAPAY_REQUIRE_POSTGRES");
  if (required && std::string{required} == "1")
    FAIL("NOVAPAY_REQUIRE_POSTGRES=1, but NOVAPAY_TEST_POSTGRES is not set");
  return false;
}

temp_schema::temp_schema()
    : name_{unique_name()}, connection_{admin_connection() + " options='-c search_path=" + name_ + "'"} {
  administer("create schema " + name_);
}

temp_schema::~temp_schema() {
  try {
    administer("drop schema " + name_ + " cascade");
  } catch (const std::exception& error) { MESSAGE("left behind: ", error.what()); }
}

sqlite_bench::sqlite_bench() : store{{folder.file("journal.db")}}, inbox{{folder.file("journal.db")}} {
  require_applied(sqlite::migrate({folder.file("journal.db")}));
}

postgres_bench::postgres_bench()
    : store{{schema.connection(), std::chrono::seconds{20}}}, inbox{{schema.connection(), std::chrono::seconds{20}}} {
  require_applied(postgres::migrate({schema.connection()}));
}

}  // namespace novapay::test
