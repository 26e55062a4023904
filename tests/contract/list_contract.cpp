// Lists against a naive filter over the same few hundred rows: every store gives the same pages.
#include <algorithm>

#include "tests/contract/journal_contract.hpp"

using namespace novapay::test;

namespace {

constexpr std::uint64_t rows_count = 400;
const shard_id home{7};

timestamp born(std::uint64_t n) { return noon + std::chrono::milliseconds{n / 4 * 1000}; }  // four each second
entity_id listed_id(std::uint64_t n) { return make_entity_id(born(n), placement_hash{}, n * 7919 % 1000); }

entity_row listed_row(std::uint64_t n) {
  const std::string statuses[] = {"captured", "captured", "settled", "failed", "processing", "captured", "it's"};
  entity_row row{listed_id(n), home, n % 11 == 0 ? "other" : "payment", 1, "state", std::nullopt, {}};
  row.listed.scope = n % 13 == 0 ? "" : n % 5 == 0 ? "m_2/test" : "m_1/test";
  row.listed.status = statuses[n % 7];
  row.listed.reference = n % 3 == 0 ? "" : n == 31 ? "only" : "order-" + std::to_string(n % 10);
  row.listed.unit = "usd";
  row.listed.amount = static_cast<std::int64_t>(n % 50) * 100 - 200;
  if (n % 2 == 0) row.listed.labels.emplace_back("channel", n % 20 == 6 ? "app" : n % 4 == 0 ? "web" : "a\"b'\\{}");
  if (n % 9 == 0) row.listed.labels.emplace_back("\u00fcml\U0001F600", std::to_string(n % 18));
  std::ranges::sort(row.listed.labels);
  return row;
}

std::vector<entity_row> fill(journal& log) {
  std::vector<entity_row> rows;
  std::vector<append_entry> batch{claim(home, 0)};
  for (std::uint64_t n = 0; n < rows_count; ++n) {
    auto entry = events(home, 1 + n, 0, listed_id(n), 1);
    entry.row = listed_row(n);
    rows.push_back(*entry.row);
    batch.push_back(std::move(entry));
  }
  REQUIRE(append(log, batch) == append_status::committed);

  // Some are changed afterwards, in everything they can be found by that may change.
  batch.clear();
  for (std::uint64_t n = 0; n < rows_count; n += 10) {
    auto entry = events(home, 1 + rows_count + n / 10, 0, listed_id(n), 2);
    auto& row = rows[n];
    row.version = 2;
    row.listed.status = n % 20 == 0 ? "settled" : "failed";
    row.listed.amount += 100;
    entry.row = row;
    batch.push_back(std::move(entry));
  }
  REQUIRE(append(log, batch) == append_status::committed);
  std::ranges::sort(rows, std::greater{}, &entity_row::id);
  return rows;
}

bool fits(const entity_row& row, const list_query& query) {
  const auto created = row.id.created_at();
  const auto label = [&] {
    for (const auto& [key, value] : row.listed.labels)
      if (key == *query.label_key) return !query.label_value || *query.label_value == value;
    return false;
  };
  return row.listed.scope == query.scope && !query.scope.empty() && row.kind == query.kind &&
         (!query.status || *query.status == row.listed.status) &&
         (!query.created_from || created >= *query.created_from) &&
         (!query.created_before || created < *query.created_before) &&
         (!query.amount_from || row.listed.amount >= *query.amount_from) &&
         (!query.amount_to || row.listed.amount <= *query.amount_to) &&
         (!query.reference || row.listed.reference == *query.reference) && (!query.label_key || label());
}

// Every page of a query, one after the other, by its cursor.
std::vector<entity_row> all_pages(journal& log, list_query query) {
  std::vector<entity_row> found;
  for (std::uint64_t pages = 0; pages <= rows_count; ++pages) {
    auto page = value_of(log.list(query));
    CHECK(page.rows.size() <= query.limit);
    CHECK((!page.next || page.rows.size() == query.limit || query.examined < rows_count));
    found.insert(found.end(), page.rows.begin(), page.rows.end());
    if (!page.next) return found;
    if (query.before) REQUIRE(*page.next < *query.before);
    if (!page.rows.empty()) REQUIRE(*page.next <= page.rows.back().id);
    query.before = page.next;
  }
  FAIL("the pages never end");
  return found;
}

list_query query_for(std::string scope, std::string kind = "payment") {
  list_query query;
  query.scope = std::move(scope);
  query.kind = std::move(kind);
  return query;
}

template <class T>
using choices = std::vector<std::optional<T>>;

// The product of what can be asked.
std::vector<list_query> all_queries() {
  const choices<std::string> statuses{{}, "captured", "settled", "processing", "it's", "nothing"};
  const choices<std::pair<int, int>> created{{}, {{0, 1000}}, {{30, 60}}, {{50, 50}}, {{-1000, 20}}};  // seconds
  const choices<std::pair<std::int64_t, std::int64_t>> amounts{
      {}, {{0, INT64_MAX}}, {{INT64_MIN, 100}}, {{500, 500}}, {{9, 1}}};
  const choices<std::string> references{{}, "order-4", "only", ""};
  const choices<std::pair<std::string, std::optional<std::string>>> labels{{},
                                                                           {{"channel", {}}},
                                                                           {{"channel", "a\"b'\\{}"}},
                                                                           {{"channel", "app"}},
                                                                           {{"\u00fcml\U0001F600", "9"}},
                                                                           {{"none", {}}}};

  std::vector<list_query> queries{query_for("m_1/test", "other"), query_for("m_2/test"), query_for(""),
                                  query_for("m_3/test")};
  for (const auto& status : statuses) {
    for (const auto& range : created) {
      for (const auto& amount : amounts) {
        for (const auto& reference : references) {
          for (const auto& label : labels) {
            auto query = query_for("m_1/test");
            query.status = status;
            if (range) query.created_from = noon + std::chrono::seconds{range->first};
            if (range) query.created_before = noon + std::chrono::seconds{range->second};
            if (amount) query.amount_from = amount->first;
            if (amount && amount->second != INT64_MAX) query.amount_to = amount->second;
            query.reference = reference;
            if (label) query.label_key = label->first;
            if (label) query.label_value = label->second;
            queries.push_back(std::move(query));
          }
        }
      }
    }
  }
  return queries;
}

}  // namespace

STORE_TEST_CASE("journal/list: every combination of filters gives what a naive filter gives") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto rows = fill(*log);

  std::size_t found_some = 0;
  for (std::size_t i = 0; const auto& query : all_queries()) {
    CAPTURE(++i);
    std::vector<entity_row> expected;
    std::ranges::copy_if(rows, std::back_inserter(expected), [&](const auto& row) { return fits(row, query); });
    auto asked = query;
    asked.limit = 9;
    const auto found = all_pages(*log, asked);
    CHECK(found == expected);
    found_some += found.empty() ? 0 : 1;
  }
  CHECK(found_some > 300);  // the data would not prove much otherwise
}

STORE_TEST_CASE("journal/list: pages that end because they cost too much lose nothing and repeat nothing") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto rows = fill(*log);

  std::size_t found_some = 0;
  const auto queries = all_queries();
  for (std::size_t i = 0; i < queries.size(); i += 7) {  // 7 divides no number of choices: all of them come up
    CAPTURE(i);
    auto query = queries[i];
    query.limit = 9;
    // As many rows may be fetched as entries of an index looked at here, or a tenth, or one.
    query.examined = i % 3 == 0 ? 150 : i % 3 == 1 ? 40 : 5;
    std::vector<entity_row> expected;
    std::ranges::copy_if(rows, std::back_inserter(expected), [&](const auto& row) { return fits(row, query); });
    const auto found = all_pages(*log, query);
    CHECK(found == expected);
    found_some += found.empty() ? 0 : 1;
  }
  CHECK(found_some > 40);
}

STORE_TEST_CASE("journal/list: a page costs no more than it may, and what few entities have is found at once") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto rows = fill(*log);

  auto query = query_for("m_1/test");
  query.amount_from = 1'000'000;  // nobody
  query.examined = 100;
  const auto page = value_of(log->list(query));
  CHECK(page.rows.empty());
  REQUIRE(page.next.has_value());
  const auto passed = std::ranges::count_if(rows, [&](const auto& row) { return row.id >= *page.next; });
  CHECK(passed >= 100);
  CHECK(passed <= 200);  // those of other scopes and kinds between them

  // Whatever else is asked; the store in memory has no index and looks at everything.
  if (std::is_same_v<bench, memory_bench>) return;
  query = query_for("m_1/test");
  query.reference = "only";
  query.examined = 20;
  CHECK(value_of(log->list(query)).rows.size() == 1);
  CHECK_FALSE(value_of(log->list(query)).next.has_value());
  query.status = "captured";
  query.amount_to = 0;
  CHECK_FALSE(value_of(log->list(query)).next.has_value());
}

STORE_TEST_CASE("journal/list: limits are held between 1 and the maximum, and whether there is more is exact") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto rows = fill(*log);
  auto query = query_for("m_1/test");
  const auto total =
      static_cast<std::size_t>(std::ranges::count_if(rows, [&](const auto& row) { return fits(row, query); }));
  REQUIRE(total > 2 * list_limit_max);

  for (const auto& [asked, given] :
       {std::pair<std::size_t, std::size_t>{0, 1}, {1, 1}, {20, 20}, {100, 100}, {5000, list_limit_max}}) {
    query.limit = asked;
    const auto page = value_of(log->list(query));
    CHECK(page.rows.size() == given);
    CHECK(page.next.has_value());
  }
  query.limit = 100;
  query.created_before = noon + std::chrono::seconds{10};  // fewer than a page
  const auto some = value_of(log->list(query));
  CHECK_FALSE(some.next.has_value());
  query.limit = some.rows.size();
  CHECK_FALSE(value_of(log->list(query)).next.has_value());
  query.limit = some.rows.size() - 1;
  CHECK(value_of(log->list(query)).next.has_value());
}

STORE_TEST_CASE("journal/list: a page is not disturbed by what is created meanwhile") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  fill(*log);
  auto query = query_for("m_1/test");
  query.limit = 5;
  const auto first = value_of(log->list(query));
  query.before = first.rows.back().id;
  const auto second = value_of(log->list(query));

  auto entry = events(home, head_of(*log, home).next_offset, 0, make_entity_id(noon + std::chrono::hours{1}, {}, 1), 1);
  entry.row->kind = "payment";
  entry.row->listed.scope = "m_1/test";
  REQUIRE(append(*log, {entry}) == append_status::committed);

  CHECK(value_of(log->list(query)).rows == second.rows);
  query.before.reset();
  CHECK(value_of(log->list(query)).rows.front() == entry.row);
}

STORE_TEST_CASE("journal/list: what was born weeks and years apart is found alike, newest first") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const std::vector<int> days{0, 1, 5, 6, 7, 12, 13, 40, 41, 400, 401, 1500};
  std::vector<entity_row> rows;
  std::vector<append_entry> batch{claim(home, 0)};
  for (std::size_t i = 0; i < days.size(); ++i) {
    const auto id = make_entity_id(noon - std::chrono::hours{24 * days[i]}, placement_hash{}, i);
    auto entry = events(home, 1 + i, 0, id, 1);
    entry.row->kind = "payment";
    entry.row->listed = {"m_1/test", "captured", "twice", "usd", 100, {{"channel", "web"}}};
    rows.push_back(*entry.row);
    batch.push_back(std::move(entry));
  }
  REQUIRE(append(*log, batch) == append_status::committed);

  auto by_reference = query_for("m_1/test");
  by_reference.reference = "twice";
  auto by_value = query_for("m_1/test");
  by_value.label_key = "channel";
  by_value.label_value = "web";
  auto by_key = query_for("m_1/test");
  by_key.label_key = "channel";
  for (auto query : {by_reference, by_value, by_key}) {
    for (const std::size_t examined : {1000, 30, 1}) {
      query.examined = examined;
      query.limit = 2;
      CHECK(all_pages(*log, query) == rows);
      query.created_from = noon - std::chrono::hours{24 * 41};
      query.created_before = noon - std::chrono::hours{24 * 6};
      CHECK(all_pages(*log, query) == std::vector(rows.begin() + 4, rows.begin() + 9));
      query.created_from.reset();
      query.created_before.reset();
    }
  }
}
