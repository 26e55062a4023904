// The whole store, page by page: everything once, in order, whatever lies on the border of two pages.
#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "adapters/postgres/scan.hpp"
#include "adapters/sqlite/scan.hpp"
#include "tests/contract/journal_contract.hpp"

using namespace novapay::test;

namespace {

std::unique_ptr<journal_scan> scan_of(const sqlite_bench& made) {
  return novapay::sqlite::open_scan({made.folder.file("journal.db"), std::chrono::seconds{20}});
}
std::unique_ptr<journal_scan> scan_of(const postgres_bench& made) {
  return novapay::postgres::open_scan({made.schema.connection(), std::chrono::seconds{20}});
}

// All pages; each but the last is full.
template <class Row, class Fetch, class Position>
std::vector<Row> everything(Fetch fetch, Position position_of) {
  std::vector<Row> all;
  while (true) {
    auto page = value_of(all.empty() ? fetch(std::nullopt) : fetch(position_of(all.back())));
    if (page.empty()) return all;
    CHECK(page.size() <= scan_page_max);
    all.insert(all.end(), page.begin(), page.end());
  }
}

constexpr std::uint64_t entities = scan_page_max + 44;  // two events each: borders fall between entities and within
const shard_id first{0};
const shard_id last{65535};

std::vector<append_entry> stored() {
  std::vector<append_entry> batch{claim(first, 0), claim(last, 0)};
  for (std::uint64_t n = 0; n < entities; ++n) {
    const auto shard = n % 3 == 0 ? last : first;
    const auto before = shard == last ? n / 3 : n - (n + 2) / 3;
    auto entry = events(shard, 1 + 2 * before, 0, entity(n + 1), 1, 2);
    entry.row->listed = {"m_1/test", "pending", "order", "eur", static_cast<std::int64_t>(n), {{"a", "1"}}};
    if (n % 2 == 0) entry.row->wake_at = noon;
    batch.push_back(std::move(entry));
  }
  return batch;
}

}  // namespace

TEST_CASE_TEMPLATE("journal/scan: everything once, in order", bench, sqlite_bench, postgres_bench) {
  if (!bench::available()) return;
  bench made;
  const auto batch = stored();
  REQUIRE(append(*made.store.open(), batch) == append_status::committed);
  const auto scan = scan_of(made);

  auto log = everything<log_record>([&](auto after) { return scan->log(after); },
                                    [](const auto& one) {
                                      return std::optional{log_position{one.shard, one.offset}};
                                    });
  REQUIRE(log.size() == 2 + 2 * entities);
  CHECK(std::is_sorted(log.begin(), log.end(), [](const auto& a, const auto& b) {
    return std::pair{a.shard, a.offset} < std::pair{b.shard, b.offset};
  }));
  CHECK(log.front() == batch[0].records[0]);
  auto event = batch[3].records[0];
  event.payload.clear();  // events are read by `events`
  CHECK(log[1] == event);

  const auto seen = everything<log_record>([&](auto after) { return scan->events(after); },
                                           [](const auto& one) {
                                             return std::optional{event_position{one.entity, one.sequence}};
                                           });
  REQUIRE(seen.size() == 2 * entities);
  for (std::uint64_t n = 0; n < entities; ++n)
    for (std::size_t i = 0; i < 2; ++i) CHECK(seen[2 * n + i] == batch[2 + n].records[i]);

  const auto rows = everything<entity_row>([&](auto after) { return scan->rows(after); },
                                           [](const auto& one) { return std::optional{one.id}; });
  REQUIRE(rows.size() == entities);
  for (std::uint64_t n = 0; n < entities; ++n) CHECK(rows[n] == batch[2 + n].row);
}

TEST_CASE_TEMPLATE("journal/scan: an empty store has no pages", bench, sqlite_bench, postgres_bench) {
  if (!bench::available()) return;
  const bench made;
  const auto scan = scan_of(made);
  CHECK(value_of(scan->log(std::nullopt)).empty());
  CHECK(value_of(scan->events(std::nullopt)).empty());
  CHECK(value_of(scan->rows(std::nullopt)).empty());
}

TEST_CASE("journal/scan: a store that is not there is an outcome, not an exception") {
  const temp_folder empty;
  const auto scan = novapay::sqlite::open_scan({empty.file("none.db"), std::chrono::seconds{1}});
  const auto read = scan->rows(std::nullopt);
  CHECK_FALSE(read.value);
  CHECK_FALSE(read.detail.empty());
}
