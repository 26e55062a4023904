#include "tests/contract/journal_contract.hpp"

#include <algorithm>
#include <cstdint>

namespace novapay::test {

append_entry claim(shard_id shard, std::uint64_t offset, const std::string& payload) {
  append_entry entry;
  entry.records.push_back({shard, offset, offset, record_type::claim, {}, 0, noon, payload});
  return entry;
}

append_entry events(shard_id shard, std::uint64_t offset, std::uint64_t epoch, const entity_id& id,
                    std::uint64_t sequence, std::size_t count) {
  append_entry entry;
  for (std::size_t i = 0; i < count; ++i)
    entry.records.push_back({shard, offset + i, epoch, record_type::event, id, sequence + i, noon,
                             "event " + std::to_string(sequence + i)});
  entry.row = entity_row{
      id, shard, "thing", sequence + count - 1, "state " + std::to_string(sequence + count - 1), std::nullopt, {}};
  return entry;
}

append_status append(journal& log, const std::vector<append_entry>& batch) {
  const auto outcome = log.append(batch);
  INFO(outcome.detail);
  CHECK((outcome.status == append_status::committed || !outcome.detail.empty()));
  return outcome.status;
}

shard_head head_of(journal& log, shard_id shard) { return value_of(log.heads(std::vector{shard})).at(0); }

std::optional<log_record> record_at(journal& log, shard_id shard, std::uint64_t offset) {
  return value_of(log.read_at(std::vector{log_position{shard, offset}})).at(0);
}

std::optional<entity_row> row_of(journal& log, const entity_id& id) {
  return value_of(log.load(std::vector{id})).at(0);
}

}  // namespace novapay::test

using namespace novapay::test;

namespace {

const shard_id a{0};
const shard_id b{1023};
const shard_id c{65535};

}  // namespace

STORE_TEST_CASE("journal/append: what was committed is read back from another connection") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  auto entry = events(a, 1, 0, entity(1), 1, 3);
  entry.row->wake_at = noon + std::chrono::seconds{5};
  entry.row->listed = {"m_1/test", "pending", "order 7", "usd", -5, {{"a", "1"}, {"b", "2"}}};

  CHECK(append(*log, {claim(a, 0), entry, claim(c, 0), events(c, 1, 0, entity(2), 1)}) == append_status::committed);

  auto other = made.store.open();
  const auto heads = value_of(other->heads(std::vector{c, b, a}));
  REQUIRE(heads.size() == 3);
  CHECK(heads[0].shard == c);
  CHECK(heads[0].next_offset == 2);
  CHECK(heads[1].next_offset == 0);
  CHECK(heads[1].epoch == 0);
  CHECK(heads[2].next_offset == 4);
  CHECK(record_at(*other, a, 0) == claim(a, 0).records[0]);
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(record_at(*other, a, 1 + i) == entry.records[i]);
  CHECK(record_at(*other, a, 4) == std::nullopt);
  CHECK(record_at(*other, b, 0) == std::nullopt);
  CHECK(row_of(*other, entity(1)) == entry.row);
  CHECK(row_of(*other, entity(2)).has_value());
  CHECK(row_of(*other, entity(3)) == std::nullopt);
  CHECK(value_of(other->load(std::vector{entity(3), entity(1), entity(1)})).at(2) == entry.row);
}

STORE_TEST_CASE("journal/append: an empty batch and empty questions are fine") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  CHECK(append(*log, {}) == append_status::committed);
  CHECK(value_of(log->heads({})).empty());
  CHECK(value_of(log->read_at({})).empty());
  CHECK(value_of(log->load({})).empty());
  CHECK(value_of(log->find_keys({})).empty());
  CHECK(value_of(log->due(noon, 10)).empty());
}

STORE_TEST_CASE("journal/append: the entity's row is replaced as a whole") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  auto first = events(a, 1, 0, entity(1), 1);
  first.row->wake_at = noon;
  first.row->listed = {"m_1/test", "pending", "ref", "usd", 100, {{"a", "1"}}};
  REQUIRE(append(*log, {claim(a, 0), first}) == append_status::committed);

  auto second = events(a, 2, 0, entity(1), 2, 2);
  second.row->kind = "other";
  second.row->listed = {"m_2/live", "captured", "", "eur", 7, {}};
  auto third = events(a, 4, 0, entity(1), 4);  // the same entity twice in a batch: the last row counts
  third.row->listed = second.row->listed;
  REQUIRE(append(*log, {second, third}) == append_status::committed);

  CHECK(row_of(*log, entity(1)) == third.row);
  CHECK(value_of(log->due(noon, 10)).empty());
}

STORE_TEST_CASE("journal/append: a taken offset collides and writes nothing") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  REQUIRE(append(*log, {claim(a, 0), claim(b, 0), events(a, 1, 0, entity(1), 1)}) == append_status::committed);
  const auto before = row_of(*log, entity(1));

  auto keyed = events(b, 1, 0, entity(3), 1);
  keyed.key = creation_key{"m_1", "key"};
  CHECK(append(*log, {keyed, events(a, 1, 0, entity(2), 1)}) == append_status::collided);
  CHECK(append(*log, {events(a, 1, 0, entity(1), 1)}) == append_status::collided);
  CHECK(append(*log, {events(a, 0, 0, entity(1), 2)}) == append_status::collided);
  CHECK(append(*log, {claim(a, 1)}) == append_status::collided);

  CHECK(head_of(*log, a).next_offset == 2);
  CHECK(head_of(*log, b).next_offset == 1);
  CHECK(row_of(*log, entity(1)) == before);
  CHECK(row_of(*log, entity(3)) == std::nullopt);
  CHECK(value_of(log->find_keys(std::vector{creation_key{"m_1", "key"}})).at(0) == std::nullopt);
  CHECK(append(*log, {keyed}) == append_status::committed);  // and the connection goes on
}

STORE_TEST_CASE("journal/append: a taken sequence collides, in whichever shard") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  REQUIRE(append(*log, {claim(a, 0), claim(b, 0), events(a, 1, 0, entity(1), 1, 2)}) == append_status::committed);

  CHECK(append(*log, {events(a, 3, 0, entity(1), 2)}) == append_status::collided);
  CHECK(append(*log, {events(b, 1, 0, entity(1), 1)}) == append_status::collided);
  CHECK(append(*log, {events(b, 1, 0, entity(2), 1), events(b, 2, 0, entity(2), 1)}) == append_status::collided);
  CHECK(head_of(*log, b).next_offset == 1);
  CHECK(append(*log, {events(a, 3, 0, entity(1), 3)}) == append_status::committed);
}

STORE_TEST_CASE("journal/append: data no store can hold is rejected") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  auto bad = events(a, 1, 0, entity(1), 1);
  bad.row->listed.reference = std::string("nul\0", 4);

  CHECK(append(*log, {claim(a, 0), bad}) == append_status::rejected);
  CHECK(head_of(*log, a).next_offset == 0);
}

STORE_TEST_CASE("journal/heads: the last record's epoch is the shard's") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  REQUIRE(append(*log, {claim(a, 0), events(a, 1, 0, entity(1), 1, 5)}) == append_status::committed);
  CHECK(head_of(*log, a).epoch == 0);

  REQUIRE(append(*log, {claim(a, 6, "second")}) == append_status::committed);
  CHECK(head_of(*log, a).next_offset == 7);
  CHECK(head_of(*log, a).epoch == 6);
  REQUIRE(append(*log, {events(a, 7, 6, entity(1), 6)}) == append_status::committed);
  CHECK(head_of(*log, a).epoch == 6);
  CHECK(record_at(*log, a, 6)->payload == "second");

  std::vector<append_entry> claims;
  std::vector<shard_id> all;
  for (std::uint16_t i = 100; i < 1124; ++i) {
    claims.push_back(claim(shard_id{i}, 0));
    all.push_back(shard_id{i});
  }
  REQUIRE(append(*log, claims) == append_status::committed);
  const auto heads = value_of(log->heads(all));
  REQUIRE(heads.size() == 1024);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    CHECK(heads[i].shard == all[i]);
    CHECK(heads[i].next_offset == 1);
  }
}

STORE_TEST_CASE("journal/due: whoever waits longest comes first") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto waiting = [](std::uint64_t offset, std::uint64_t who, std::optional<timestamp> wake_at) {
    auto entry = events(a, offset, 0, entity(who), 1);
    entry.row->wake_at = wake_at;
    return entry;
  };
  REQUIRE(append(*log, {claim(a, 0), waiting(1, 1, noon + std::chrono::milliseconds{3}), waiting(2, 2, std::nullopt),
                        waiting(3, 3, noon), waiting(4, 4, noon - std::chrono::hours{100}), waiting(5, 5, at_ms(-7)),
                        waiting(6, 6, noon), waiting(7, 7, noon + std::chrono::milliseconds{1})}) ==
          append_status::committed);

  using ids = std::vector<entity_id>;
  CHECK(value_of(log->due(noon, 10)) == ids{entity(5), entity(4), entity(3), entity(6)});
  CHECK(value_of(log->due(noon, 3)) == ids{entity(5), entity(4), entity(3)});
  CHECK(value_of(log->due(noon + std::chrono::milliseconds{1}, 10)).back() == entity(7));
  CHECK(value_of(log->due(at_ms(-8), 10)).empty());

  auto done = events(a, 8, 0, entity(5), 2);
  REQUIRE(append(*log, {done}) == append_status::committed);
  CHECK(value_of(log->due(noon, 1)) == ids{entity(4)});
}

STORE_TEST_CASE("journal/history: one entity's events, ascending, from where one left off") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  REQUIRE(append(*log, {claim(a, 0), events(a, 1, 0, entity(1), 1, 2), events(a, 3, 0, entity(2), 1),
                        events(a, 4, 0, entity(1), 3, 2)}) == append_status::committed);

  const auto sequences = [&](std::uint64_t after, std::size_t limit) {
    std::vector<std::uint64_t> found;
    for (const auto& record : value_of(log->history(entity(1), after, limit))) {
      CHECK(record.entity == entity(1));
      CHECK(record == record_at(*log, a, record.offset));
      found.push_back(record.sequence);
    }
    return found;
  };
  using list = std::vector<std::uint64_t>;
  CHECK(sequences(0, 100) == list{1, 2, 3, 4});
  CHECK(sequences(0, 2) == list{1, 2});
  CHECK(sequences(2, 2) == list{3, 4});
  CHECK(sequences(4, 2).empty());
  CHECK(value_of(log->history(entity(9), 0, 10)).empty());
  CHECK(value_of(log->history(entity_id{}, 0, 10)).empty());  // claims are nobody's
}

STORE_TEST_CASE("journal/keys: lead to their entity, and are dropped by week after 30 days") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  const auto keyed = [](std::uint64_t offset, std::uint64_t who, timestamp at, creation_key key) {
    auto entry = events(a, offset, 0, entity(who), 1);
    entry.records[0].at = at;
    entry.key = std::move(key);
    return entry;
  };
  const std::vector<creation_key> keys{{"m_1", "old"},  {"m_1", "new"}, {"m_2", "new"},
                                       {"m_1", "none"}, {"", ""},       {"'", "\\\"{},"}};
  const auto find = [&] { return value_of(log->find_keys(keys)); };
  REQUIRE(log->maintain(noon).status == append_status::committed);
  REQUIRE(append(*log, {claim(a, 0), keyed(1, 1, noon - std::chrono::hours{24 * 31}, keys[0]),
                        keyed(2, 2, noon, keys[1]), keyed(3, 3, noon, keys[2]), keyed(4, 4, noon, keys[4]),
                        keyed(5, 5, noon, keys[5])}) == append_status::committed);

  using found = std::vector<std::optional<entity_id>>;
  CHECK(find() == found{entity(1), entity(2), entity(3), std::nullopt, entity(4), entity(5)});

  // 30 days after the old key only its week as a whole may go.
  REQUIRE(log->maintain(noon - std::chrono::hours{24}).status == append_status::committed);
  CHECK(find()[0] == entity(1));
  REQUIRE(log->maintain(noon + std::chrono::hours{24 * 6}).status == append_status::committed);
  REQUIRE(log->maintain(noon + std::chrono::hours{24 * 6}).status == append_status::committed);
  CHECK(find() == found{std::nullopt, entity(2), entity(3), std::nullopt, entity(4), entity(5)});
  REQUIRE(log->maintain(noon + creation_key_retention).status == append_status::committed);
  CHECK(find()[1] == entity(2));
  REQUIRE(log->maintain(noon + creation_key_retention + std::chrono::hours{24 * 8}).status == append_status::committed);
  CHECK(find()[1] == std::nullopt);
  CHECK(row_of(*log, entity(2)).has_value());  // the entity stays

  // A week nobody made a place for beforehand, and one whose place was dropped: both just work.
  CHECK(append(*log, {keyed(6, 6, noon + std::chrono::hours{24 * 365}, keys[3]),
                      keyed(7, 7, noon, {"m_1", "again"})}) == append_status::committed);
  CHECK(find()[3] == entity(6));
}

STORE_TEST_CASE("journal/append: bytes and texts come back as they went in") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::vector<std::string> texts{"",           " ",
                                       "'",          "\"",
                                       "\\",         "\\x41",
                                       "{}",         "{\"a\":1}",
                                       "NULL",       "null",
                                       "a,b",        "\u00e9\u4e2d",
                                       "\U0001F600", "line\nbreak\ttab\r",
                                       "%_",         "$1",
                                       "\x01\x7f",   std::string(900, 'x')};
  std::vector<append_entry> batch{claim(a, 0)};
  std::uint64_t offset = 1;
  for (const auto& text : texts) {
    auto entry = events(a, offset, 0, entity(offset), 1);
    entry.records[0].payload = text;
    entry.row->state = every_byte + text;
    entry.row->kind = text.substr(0, 20);
    entry.row->listed = {"m'\"\\{}", text, "", "usd", INT64_MIN, {{"", text}, {text.empty() ? "k" : text, "\"'\\{},"}}};
    std::ranges::sort(entry.row->listed.labels);
    entry.key = creation_key{"scope", text};
    ++offset;
    batch.push_back(std::move(entry));
  }
  batch[1].records[0].payload = every_byte;
  batch[2].records[0].payload = std::string(100'000, '\0');
  batch[3].row->listed.amount = INT64_MAX;
  REQUIRE(append(*log, batch) == append_status::committed);

  auto other = made.store.open();
  for (std::size_t i = 1; i < batch.size(); ++i) {
    CAPTURE(i);
    CHECK(record_at(*other, a, i) == batch[i].records[0]);
    CHECK(row_of(*other, entity(i)) == batch[i].row);
    CHECK(value_of(other->find_keys(std::vector{*batch[i].key})).at(0) == entity(i));
  }
}

STORE_TEST_CASE("journal/append: a large batch over many shards") {
  if (!bench::available()) return;
  bench made;
  auto log = made.store.open();
  std::vector<append_entry> batch;
  for (std::uint16_t s = 0; s < 500; ++s) {
    const shard_id shard{static_cast<std::uint16_t>(65535 - s * 7)};
    batch.push_back(claim(shard, 0));
    for (std::uint64_t i = 0; i < 4; ++i) batch.push_back(events(shard, 1 + i, 0, entity(s * 10U + i), 1));
  }
  REQUIRE(append(*log, batch) == append_status::committed);
  CHECK(head_of(*log, shard_id{65535}).next_offset == 5);
  CHECK(row_of(*log, entity(4993)).has_value());
}
