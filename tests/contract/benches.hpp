// benches: a fresh, empty store of each kind for one test case. PostgreSQL takes part when NOVAPAY_TEST_POSTGRES holds a
// connection string ("host=… port=… user=… password=… dbname=…", a superuser's); without it its cases pass empty, or fail
// when NOVAPAY_REQUIRE_POSTGRES=1.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "adapters/memory/inbox.hpp"
#include "adapters/memory/journal.hpp"
#include "adapters/postgres/inbox.hpp"
#include "adapters/postgres/journal.hpp"
#include "adapters/sqlite/inbox.hpp"
#include "adapters/sqlite/journal.hpp"

namespace novapay::test {

class temp_folder {
 public:
  temp_folder();
  ~temp_folder();
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// A schema of its own, dropped at the end.
class temp_schema {
 public:
  temp_schema();
  ~temp_schema();
  static bool available();  // fails the test case when PostgreSQL is required and missing

  const std::string& connection() const { return connection_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::string connection_;
};

std::string admin_connection();

struct memory_bench {
  static bool available() { return true; }
  memory::journal_store store;
  memory::inbox_store inbox;
};

struct sqlite_bench {
  static bool available() { return true; }
  sqlite_bench();
  temp_folder folder;
  sqlite::journal_store store;
  sqlite::inbox_store inbox;
};

struct postgres_bench {
  static bool available() { return temp_schema::available(); }
  postgres_bench();
  temp_schema schema;
  postgres::journal_store store;
  postgres::inbox_store inbox;
};

}  // namespace novapay::test

TYPE_TO_STRING(novapay::test::memory_bench);
TYPE_TO_STRING(novapay::test::sqlite_bench);
TYPE_TO_STRING(novapay::test::postgres_bench);

// One test case for each store: the body sees its type as `bench`, and makes one if it is available.
#define STORE_TEST_CASE(name)                                                               \
  TEST_CASE_TEMPLATE(name, bench, novapay::test::memory_bench, novapay::test::sqlite_bench, \
                     novapay::test::postgres_bench)
