// A store of vectors, made sound and then spoilt in one place at a time: each is found, and only that.
#include "runtime/verify.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "runtime/claim_record.hpp"
#include "tests/sim/counter_kind.hpp"

using namespace novapay::runtime;

namespace {

const timestamp noon{std::chrono::milliseconds{1'790'000'000'000}};
const shard_id low{3};
const shard_id high{900};

entity_id thing(std::uint64_t n) { return make_entity_id(noon, placement_hash{}, n); }

std::shared_ptr<const entity_kind> counter() {
  return std::make_shared<typed_kind<novapay::sim::counter_functions>>(novapay::sim::counter_functions{});
}

// What is stored. Order does not matter: the scan sorts, as an index would.
struct contents {
  std::vector<log_record> log;
  std::vector<entity_row> rows;

  void claim(shard_id shard) {
    const auto at = next(shard);
    log.push_back({shard, at, at, record_type::claim, {}, 0, noon, encode(claim_record{"node", 1, at + 1})});
  }
  // An event "add", and the row after it.
  void add(shard_id shard, const entity_id& id, std::int64_t amount) {
    auto row = std::find_if(rows.begin(), rows.end(), [&id](const auto& one) { return one.id == id; });
    if (row == rows.end()) row = rows.insert(rows.end(), entity_row{id, shard, "counter", 0, "0 0", {}, {}});
    const auto sum = row->listed.amount + amount;
    *row = {id,
            shard,
            "counter",
            row->version + 1,
            std::to_string(sum) + " 0",
            {},
            {"a/test", "counting", "", "", sum, {}}};
    log.push_back(
        {shard, next(shard), epoch(shard), record_type::event, id, row->version, noon, std::to_string(amount)});
  }
  std::uint64_t next(shard_id shard) const {
    return static_cast<std::uint64_t>(
        std::count_if(log.begin(), log.end(), [shard](const auto& one) { return one.shard == shard; }));
  }
  std::uint64_t epoch(shard_id shard) const {
    std::uint64_t latest = 0;
    for (const auto& one : log)
      if (one.shard == shard && one.type == record_type::claim) latest = one.offset;
    return latest;
  }
  log_record& record(shard_id shard, std::uint64_t offset) {
    return *std::find_if(log.begin(), log.end(),
                         [&](const auto& one) { return one.shard == shard && one.offset == offset; });
  }
};

contents sound() {
  contents made;
  made.claim(low);
  made.claim(high);
  for (std::int64_t n = 1; n <= 5; ++n) made.add(low, thing(1), n);
  made.add(high, thing(2), 7);
  made.claim(high);
  made.add(high, thing(2), 8);
  made.add(high, thing(3), 9);
  return made;
}

// Two rows a page, so that every stream has several.
template <class Row, class Key, class After>
read_outcome<std::vector<Row>> page(std::vector<Row> all, Key key, const After& after) {
  std::sort(all.begin(), all.end(), [&key](const auto& a, const auto& b) { return key(a) < key(b); });
  std::vector<Row> found;
  for (auto& one : all)
    if (found.size() < 2 && (!after || key(one) > *after)) found.push_back(one);
  return {std::move(found), {}};
}

class fake_scan final : public journal_scan {
 public:
  explicit fake_scan(const contents& stored) : stored_(stored) {}
  read_outcome<std::vector<log_record>> log(std::optional<log_position> after) override {
    return page(
        stored_.log,
        [](const auto& one) {
          return log_position{one.shard, one.offset};
        },
        after);
  }
  read_outcome<std::vector<log_record>> events(std::optional<event_position> after) override {
    auto all = stored_.log;
    std::erase_if(all, [](const auto& one) { return one.type == record_type::claim; });
    const auto key = [](const auto& one) { return std::pair{one.entity, one.sequence}; };
    return page(std::move(all), key, after ? std::optional{std::pair{after->entity, after->sequence}} : std::nullopt);
  }
  read_outcome<std::vector<entity_row>> rows(std::optional<entity_id> after) override {
    if (failing) return {std::nullopt, "the disk is gone"};
    return page(
        stored_.rows, [](const auto& one) { return one.id; }, after);
  }
  bool failing = false;

 private:
  const contents& stored_;
};

// Reads again. What verify does not ask of it, it cannot do.
class fake_journal final : public journal {
 public:
  explicit fake_journal(const contents& stored) : stored_(stored) {}
  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    const auto found = std::find_if(stored_.rows.begin(), stored_.rows.end(),
                                    [&ids](const auto& one) { return one.id == ids.front(); });
    return {{{found == stored_.rows.end() ? std::nullopt : std::optional{*found}}}, {}};
  }
  read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after, std::size_t limit) override {
    std::vector<log_record> found;
    for (const auto& one : stored_.log)
      if (one.type == record_type::event && one.entity == id && one.sequence > after) found.push_back(one);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    if (found.size() > limit) found.resize(limit);
    return {std::move(found), {}};
  }
  append_outcome append(std::span<const append_entry>) override { return {append_status::unavailable, "read only"}; }
  append_outcome maintain(timestamp) override { return {append_status::unavailable, "read only"}; }
  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id>) override { return {}; }
  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position>) override { return {}; }
  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key>) override { return {}; }
  read_outcome<std::vector<entity_id>> due(timestamp, std::size_t) override { return {}; }
  read_outcome<list_page> list(const list_query&) override { return {}; }

 private:
  const contents& stored_;
};

struct verified {
  std::vector<finding> found;
  verify_outcome outcome;
};

verified run(const contents& streamed, const contents& read_again) {
  fake_scan scan(streamed);
  fake_journal fresh(read_again);
  verified made;
  made.outcome = verify(
      {scan, fresh, {counter()}, [&made](const finding& one) { made.found.push_back(one); }, [](const auto&) {}});
  CHECK_FALSE(made.outcome.broken_off);
  CHECK(made.outcome.counts.findings == made.found.size());
  return made;
}

// Exactly one finding, about this entity, that says so.
void finds(const contents& stored, const entity_id& about, const std::string& saying) {
  const auto made = run(stored, stored);
  REQUIRE(made.found.size() == 1);
  CAPTURE(made.found[0].what);
  CHECK(made.found[0].entity == about);
  CHECK(made.found[0].what.find(saying) != std::string::npos);
}

void finds_at(const contents& stored, log_position at, const std::string& saying) {
  const auto made = run(stored, stored);
  REQUIRE_FALSE(made.found.empty());
  CAPTURE(made.found[0].what);
  CHECK(made.found[0].at == at);
  CHECK(made.found[0].what.find(saying) != std::string::npos);
}

}  // namespace

TEST_CASE("verify: a sound store, and what was counted") {
  const auto made = run(sound(), sound());

  CHECK(made.found.empty());
  CHECK(made.outcome.counts.shards == 2);
  CHECK(made.outcome.counts.records == 11);
  CHECK(made.outcome.counts.entities == 3);
  CHECK(made.outcome.counts.events == 8);
}

TEST_CASE("verify: an empty store is sound") { CHECK(run({}, {}).outcome.counts.records == 0); }

TEST_CASE("verify: a row that is not what its history gives") {
  auto stored = sound();
  auto& row = stored.rows[0];
  SUBCASE("state") {
    row.state = "16 0";
    finds(stored, thing(1), "state differs");
  }
  SUBCASE("amount") {
    row.listed.amount = 14;
    finds(stored, thing(1), "amount is \"14\", by its history \"15\"");
  }
  SUBCASE("status") {
    row.listed.status = "done";
    finds(stored, thing(1), "status is \"done\"");
  }
  SUBCASE("scope") {
    row.listed.scope = "b/test";
    finds(stored, thing(1), "scope is \"b/test\"");
  }
  SUBCASE("reference") {
    row.listed.reference = "x";
    finds(stored, thing(1), "reference is \"x\"");
  }
  SUBCASE("unit") {
    row.listed.unit = "eur";
    finds(stored, thing(1), "unit is \"eur\"");
  }
  SUBCASE("labels") {
    row.listed.labels = {{"a", "b"}};
    finds(stored, thing(1), "labels is \"a=b;\"");
  }
  SUBCASE("a timer that nothing asks for") {
    row.wake_at = noon;
    finds(stored, thing(1), "wake_at is \"1790000000000\", by its history \"none\"");
  }
  SUBCASE("an event with another payload") {
    stored.record(low, 2).payload = "3";
    const auto made = run(stored, stored);
    CHECK(made.found.size() == 2);  // the state and the amount
  }
  SUBCASE("a state that cannot be read") {
    row.state = "poison";
    finds(stored, thing(1), "cannot be replayed: the stored state cannot be read");
  }
  SUBCASE("a kind of another version") {
    row.kind = "abacus";
    finds(stored, thing(1), "of kind \"abacus\"");
  }
}

TEST_CASE("verify: rows and histories that do not belong together") {
  auto stored = sound();
  SUBCASE("a row older than its history") {
    stored.rows[0].version = 4;
    stored.rows[0].state = "10 0";
    stored.rows[0].listed.amount = 10;
    finds(stored, thing(1), "its row is version 4, its history ends with 5");
  }
  SUBCASE("a row newer than its history") {
    stored.rows[0].version = 6;
    finds(stored, thing(1), "its row is version 6, its history has 5 events");
  }
  SUBCASE("no row") {
    stored.rows.erase(stored.rows.begin() + 1);
    finds(stored, thing(2), "a history of 2 events and no row");
  }
  SUBCASE("no history") {
    stored.rows.push_back({thing(9), high, "counter", 1, "1 0", {}, {"a/test", "counting", "", "", 1, {}}});
    finds(stored, thing(9), "a row and no history");
  }
  SUBCASE("a history with a gap") {
    stored.record(low, 5).sequence = 6;
    stored.rows[0].version = 6;
    finds(stored, thing(1), "a gap: event 6 where 5 was next");
  }
  SUBCASE("a history that forks") {
    stored.record(low, 5).sequence = 4;
    stored.rows[0].version = 4;
    const auto made = run(stored, stored);
    REQUIRE(made.found.size() == 1);
    CHECK(made.found[0].what.find("a fork: event 4 where 5 was next") != std::string::npos);
  }
  SUBCASE("a history in two shards") {
    stored.rows[0].shard = high;
    finds(stored, thing(1), "event 1 is in shard 3, its row in 900");
  }
}

TEST_CASE("verify: logs with gaps, forks and writers that were not the owner") {
  auto stored = sound();
  SUBCASE("a gap") {
    for (auto& one : stored.log)
      if (one.shard == low && one.offset > 3) one.offset += 1;
    finds_at(stored, {low, 5}, "a gap: offset 5 where 4 was next");
  }
  SUBCASE("a fork") {
    stored.record(low, 4).offset = 3;
    finds_at(stored, {low, 5}, "a gap");  // two at 3: whichever comes second, 4 is missing
  }
  SUBCASE("an append under an older claim") {
    stored.record(high, 3).epoch = 0;
    finds_at(stored, {high, 3}, "written under epoch 0, but the latest claim is 2");
  }
  SUBCASE("a log that begins without a claim") {
    stored.record(low, 0) = {low, 0, 0, record_type::event, thing(1), 1, noon, "0"};
    finds_at(stored, {low, 0}, "does not begin with a claim");
  }
  SUBCASE("a claim with another's epoch") {
    stored.record(high, 2).epoch = 0;
    finds_at(stored, {high, 2}, "a claim whose epoch is 0");
  }
  SUBCASE("a claim that cannot be read") {
    stored.record(high, 2).payload = "mine";
    finds_at(stored, {high, 2}, "cannot be read");
  }
  SUBCASE("a claim that names an entity") {
    stored.record(high, 2).entity = thing(1);
    finds_at(stored, {high, 2}, "names an entity");
  }
}

TEST_CASE("verify: what is written while it reads is no finding") {
  auto later = sound();
  later.add(low, thing(1), 6);
  later.add(high, thing(4), 1);

  SUBCASE("rows were read before") {
    auto streamed = later;
    streamed.rows = sound().rows;
    CHECK(run(streamed, later).found.empty());
  }
  SUBCASE("events were read before") {
    auto streamed = sound();
    streamed.rows = later.rows;
    CHECK(run(streamed, later).found.empty());
  }
}

TEST_CASE("verify: a store that cannot be read to its end says so") {
  const auto stored = sound();
  fake_scan scan(stored);
  scan.failing = true;
  fake_journal fresh(stored);
  const auto outcome = verify({scan, fresh, {counter()}, [](const finding&) {}, [](const auto&) {}});
  CHECK(outcome.broken_off == "the disk is gone");
  CHECK(outcome.counts.records == 11);
}
