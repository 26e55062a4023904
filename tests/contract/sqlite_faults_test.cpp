// What the disk and other processes can do to the embedded store.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "runtime/log_writer.hpp"
#include "tests/contract/journal_contract.hpp"

using namespace novapay::test;
namespace sqlite = novapay::sqlite;

namespace {

const shard_id home{5};

// Files of this process can't grow past a size: writing further is an I/O error, as on a failing disk.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~file_size_limit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

append_entry large(std::uint64_t offset, std::uint64_t sequence) {
  auto entry = events(home, offset, 0, entity(1), sequence);
  entry.records[0].payload = std::string(1'000'000, 'x');
  return entry;
}

}  // namespace

TEST_CASE("sqlite/faults: another writer's lock is `unavailable` after the deadline, and reads go on meanwhile") {
  sqlite_bench made;
  sqlite::journal_store hasty{{made.folder.file("journal.db"), std::chrono::milliseconds{100}}};
  auto log = hasty.open();
  REQUIRE(append(*log, {claim(home, 0)}) == append_status::committed);

  sqlite::connection other{{made.folder.file("journal.db")}};
  REQUIRE_FALSE(other.begin_call().has_value());
  REQUIRE_FALSE(other.run("begin immediate").has_value());
  CHECK(append(*log, {events(home, 1, 0, entity(1), 1)}) == append_status::unavailable);
  CHECK(head_of(*log, home).next_offset == 1);
  other.roll_back();
  CHECK(append(*log, {events(home, 1, 0, entity(1), 1)}) == append_status::committed);
}

TEST_CASE("sqlite/faults: an I/O error while committing is `unknown`, and the writer resolves it by reading") {
  sqlite_bench made;
  auto log = made.store.open();
  REQUIRE(append(*log, {claim(home, 0), events(home, 1, 0, entity(1), 1)}) == append_status::committed);
  {
    const file_size_limit full{600'000};
    CHECK(append(*log, {large(2, 2)}) == append_status::unknown);
    CHECK(record_at(*log, home, 2) == std::nullopt);
  }
  CHECK(append(*log, {large(2, 2)}) == append_status::committed);

  log_writer writer{made.store.open(), "node-1", 1};
  const auto epoch = writer.claim(std::vector{home}, noon).claimed.at(0).epoch;
  pending_append asked{home, epoch, entity(2), 1, {std::string(2'000'000, 'y')}, noon, {}, std::nullopt};
  asked.row = entity_row{entity(2), home, "thing", 1, "state", std::nullopt, {}};
  {
    const file_size_limit full{2'500'000};
    CHECK(writer.commit(std::vector{asked}).at(0).status == write_status::unknown);
  }
  const auto resolved = writer.resolve();
  REQUIRE(resolved.has_value());
  CHECK(resolved->at(0).status == write_status::committed);
  CHECK(value_of(log->history(entity(2), 0, 10)).size() == 1);
}

TEST_CASE("sqlite/faults: a schema that isn't there is `unavailable`") {
  temp_folder folder;
  std::ofstream{folder.file("empty.db")};
  sqlite::journal_store store{{folder.file("empty.db")}};
  auto log = store.open();
  CHECK(append(*log, {claim(home, 0)}) == append_status::unavailable);
  CHECK_FALSE(log->heads(std::vector{home}).value.has_value());
}

TEST_CASE("sqlite/faults: a query past its deadline ends") {
  sqlite_bench made;
  sqlite::connection db{{made.folder.file("journal.db"), std::chrono::milliseconds{50}}};
  REQUIRE_FALSE(db.begin_call().has_value());
  const auto error = db.run("with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n");
  REQUIRE(error.has_value());
  CHECK(error->detail == "interrupted");
}

TEST_CASE("sqlite/settings: every connection syncs each commit to the disk") {
  sqlite_bench made;
  sqlite::connection db{{made.folder.file("journal.db")}};
  REQUIRE_FALSE(db.begin_call().has_value());
  for (const auto& [sql, expected] : {std::pair{"pragma synchronous", "2"}, std::pair{"pragma journal_mode", "wal"}}) {
    auto [query, error] = db.prepare(sql);
    REQUIRE(query.has_value());
    REQUIRE(query->step());
    CHECK(query->bytes(0) == expected);
  }
}
