// The log_writer over real stores: fencing, unknown commits, and two owners in each other's way.
#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "runtime/limits.hpp"
#include "runtime/log_writer.hpp"
#include "tests/contract/journal_contract.hpp"

using namespace novapay::test;

namespace {

const shard_id a{3};
const shard_id b{900};

pending_append asked(shard_id shard, std::uint64_t epoch, const entity_id& id, std::uint64_t sequence,
                     std::string payload = "event") {
  pending_append made{shard, epoch, id, sequence, {std::move(payload)}, noon, {}, std::nullopt};
  made.row = entity_row{id, shard, "thing", sequence, "state", std::nullopt, {}};
  return made;
}

std::vector<write_status> statuses(const std::vector<write_result>& results) {
  std::vector<write_status> all;
  for (const auto& result : results) all.push_back(result.status);
  return all;
}

using statuses_t = std::vector<write_status>;

// Loses the answer of the next append, executed or not: what no store can be asked to do by itself.
class lossy_journal final : public journal {
 public:
  enum class loss { none, answer, request };
  explicit lossy_journal(std::unique_ptr<journal> inner, loss& next) : inner_{std::move(inner)}, next_{next} {}

  append_outcome append(std::span<const append_entry> batch) override {
    const auto lost = std::exchange(next_, loss::none);
    if (lost == loss::request) return {append_status::unknown, "the request was lost"};
    auto outcome = inner_->append(batch);
    if (lost == loss::answer) return {append_status::unknown, "the answer was lost"};
    return outcome;
  }
  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    return inner_->heads(shards);
  }
  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) override {
    return inner_->read_at(where);
  }
  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    return inner_->load(ids);
  }
  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key> keys) override {
    return inner_->find_keys(keys);
  }
  read_outcome<std::vector<entity_id>> due(timestamp until, std::size_t limit) override {
    return inner_->due(until, limit);
  }
  read_outcome<list_page> list(const list_query& query) override { return inner_->list(query); }
  read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after, std::size_t limit) override {
    return inner_->history(id, after, limit);
  }
  append_outcome maintain(timestamp now) override { return inner_->maintain(now); }

 private:
  std::unique_ptr<journal> inner_;
  loss& next_;
};

// One shard's whole log; its offsets have no gap and every epoch is that of the claim before it.
std::vector<log_record> whole_log(journal& log, shard_id shard) {
  std::vector<log_position> where;
  for (std::uint64_t offset = 0; offset < head_of(log, shard).next_offset; ++offset) where.push_back({shard, offset});
  std::vector<log_record> records;
  std::uint64_t epoch = 0;
  for (auto& found : value_of(log.read_at(where))) {
    REQUIRE(found.has_value());
    if (found->type == record_type::claim) epoch = found->offset;
    CHECK(found->epoch == epoch);
    records.push_back(std::move(*found));
  }
  return records;
}

}  // namespace

STORE_TEST_CASE("writer/claim: a second owner fences the first, shard by shard") {
  if (!bench::available()) return;
  bench made;
  log_writer first{made.store.open(), "node-1", 1};
  log_writer second{made.store.open(), "node-2", 1};
  REQUIRE(first.claim(std::vector{a, b}, noon).status == write_status::committed);
  REQUIRE(statuses(first.commit(std::vector{asked(a, 0, entity(1), 1), asked(b, 0, entity(2), 1)})) ==
          statuses_t{write_status::committed, write_status::committed});

  const auto claimed = second.claim(std::vector{b}, noon);
  REQUIRE(claimed.status == write_status::committed);
  CHECK(claimed.claimed.at(0).epoch == 2);
  CHECK(claimed.claimed.at(0).next_offset == 3);

  CHECK(statuses(first.commit(
            std::vector{asked(a, 0, entity(1), 2), asked(b, 0, entity(2), 2), asked(a, 0, entity(3), 1)})) ==
        statuses_t{write_status::committed, write_status::fenced, write_status::committed});
  CHECK(statuses(second.commit(std::vector{asked(b, 2, entity(2), 2, "by the second")})) ==
        statuses_t{write_status::committed});
  auto log = made.store.open();
  CHECK(record_at(*log, b, 3)->payload == "by the second");
  CHECK(whole_log(*log, a).size() == 4);
}

STORE_TEST_CASE("writer/commit: a stale entity is a conflict, the others are committed") {
  if (!bench::available()) return;
  bench made;
  log_writer writer{made.store.open(), "node-1", 1};
  REQUIRE(writer.claim(std::vector{a}, noon).status == write_status::committed);
  REQUIRE(statuses(writer.commit(std::vector{asked(a, 0, entity(1), 1)})) == statuses_t{write_status::committed});

  CHECK(statuses(writer.commit(std::vector{asked(a, 0, entity(2), 1), asked(a, 0, entity(1), 1)})) ==
        statuses_t{write_status::committed, write_status::conflict});
  auto bad = asked(a, 0, entity(3), 1);
  bad.row.kind = "\xff";
  CHECK(statuses(writer.commit(std::vector{bad, asked(a, 0, entity(2), 2)})) ==
        statuses_t{write_status::rejected, write_status::committed});
}

STORE_TEST_CASE("writer/probe: stands in the log of a shard, and belongs to no entity and to nobody's history") {
  if (!bench::available()) return;
  bench made;
  log_writer writer{made.store.open(), "node-1", 1};
  REQUIRE(writer.claim(std::vector{a}, noon).status == write_status::committed);
  for (int i = 0; i < 2; ++i) CHECK(writer.probe(noon).status == write_status::committed);
  CHECK(statuses(writer.commit(std::vector{asked(a, 0, entity(1), 1)})) == statuses_t{write_status::committed});

  auto log = made.store.open();
  const auto records = whole_log(*log, a);
  REQUIRE(records.size() == 1 + 2 * probe_records + 1);
  CHECK(records[1].type == record_type::probe);
  CHECK(value_of(log->history(entity_id{}, 0, 100)).empty());
  CHECK(head_of(*log, a).epoch == 0);
}

STORE_TEST_CASE("writer/claim: 1024 shards, then again by another") {
  if (!bench::available()) return;
  bench made;
  std::vector<shard_id> all;
  for (std::uint16_t i = 0; i < 1024; ++i) all.push_back(shard_id{i});
  log_writer first{made.store.open(), "node-1", 1};
  log_writer second{made.store.open(), "node-2", 1};
  CHECK(first.claim(all, noon).status == write_status::committed);
  const auto claimed = second.claim(all, noon);
  CHECK(claimed.status == write_status::committed);
  CHECK(claimed.claimed.size() == 1024);
  CHECK(std::ranges::all_of(claimed.claimed, [](const auto& head) { return head.epoch == 1; }));
}

STORE_TEST_CASE("writer/unknown: the log says whether a lost commit happened") {
  if (!bench::available()) return;
  for (const auto loss : {lossy_journal::loss::answer, lossy_journal::loss::request}) {
    bench made;
    auto next = lossy_journal::loss::none;
    log_writer writer{std::make_unique<lossy_journal>(made.store.open(), next), "node-1", 1};
    next = loss;
    REQUIRE(writer.claim(std::vector{a, b}, noon).status == write_status::committed);
    next = loss;
    CHECK(statuses(writer.commit(std::vector{asked(a, 0, entity(1), 1), asked(b, 0, entity(2), 1)})) ==
          statuses_t{write_status::committed, write_status::committed});
    CHECK(statuses(writer.commit(std::vector{asked(a, 0, entity(1), 2)})) == statuses_t{write_status::committed});
    auto log = made.store.open();
    CHECK(whole_log(*log, a).size() == 3);
    CHECK(whole_log(*log, b).size() == 2);
  }
}

// Two owners take three shards from each other for as long as it takes, and write whatever they believe to be theirs.
STORE_TEST_CASE("writer/race: two owners never fork a log") {
  if (!bench::available()) return;
  constexpr int commits_wanted = 60;  // by each owner
  constexpr int rounds_max = 3000;
  constexpr int claim_every = 5;  // though nothing was lost: so that even a fast owner meets the other
  bench made;
  const std::vector<shard_id> shards{shard_id{1}, shard_id{2}, shard_id{3}};
  std::atomic<int> done{0};
  std::vector<std::string> acknowledged[2];

  const auto own = [&](int me) {
    log_writer writer{made.store.open(), "node-" + std::to_string(me), 1};
    std::map<shard_id, std::uint64_t> epochs;
    int commits = 0;
    for (int round = 0; round < rounds_max && done < 2; ++round) {
      if (epochs.size() < shards.size() || round % claim_every == 0)
        for (const auto& head : writer.claim(shards, noon).claimed) epochs[head.shard] = head.epoch;
      std::vector<pending_append> batch;
      for (const auto& [shard, epoch] : epochs) {
        const auto n = static_cast<std::uint64_t>(me * 1'000'000 + round * 10) + static_cast<std::uint64_t>(shard);
        batch.push_back(asked(shard, epoch, entity(n), 1, std::to_string(n)));
      }
      const auto results = writer.commit(batch);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (results[i].status == write_status::committed) acknowledged[me].push_back(batch[i].events[0]);
        if (results[i].status == write_status::committed && ++commits == commits_wanted) ++done;
        if (results[i].status == write_status::fenced) epochs.erase(batch[i].shard);
      }
    }
  };
  std::thread other{own, 0};
  own(1);
  other.join();

  CHECK(done == 2);
  auto log = made.store.open();
  std::vector<std::string> found;
  std::size_t claims = 0;
  for (const auto shard : shards) {
    for (const auto& record : whole_log(*log, shard)) {
      if (record.type == record_type::event) found.push_back(record.payload);
      claims += record.type == record_type::claim ? 1 : 0;
    }
  }
  CHECK(claims > 6);
  acknowledged[0].insert(acknowledged[0].end(), acknowledged[1].begin(), acknowledged[1].end());
  std::ranges::sort(acknowledged[0]);
  std::ranges::sort(found);
  CHECK(found == acknowledged[0]);
}
