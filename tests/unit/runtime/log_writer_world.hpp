// log_writer_world: a log_writer over a memory store, for its tests.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/memory/journal.hpp"
#include "runtime/log_writer.hpp"

namespace novapay::test {

using namespace runtime;
using memory::append_fault;

inline const timestamp noon{std::chrono::milliseconds{1'790'000'000'000}};

inline entity_id entity(std::uint64_t n) { return make_entity_id(noon, placement_hash{}, n); }

inline pending_append event(shard_id shard, std::uint64_t epoch, std::uint64_t who, std::uint64_t sequence,
                            std::size_t events = 1) {
  pending_append asked;
  asked.shard = shard;
  asked.epoch = epoch;
  asked.entity = entity(who);
  asked.first_sequence = sequence;
  for (std::size_t i = 0; i < events; ++i)
    asked.events.push_back("event " + std::to_string(who) + "/" + std::to_string(sequence + i));
  asked.at = noon;
  asked.row = {asked.entity, shard, "thing", sequence + events - 1, "state", std::nullopt, {}};
  return asked;
}

// Forwards to a journal; counts calls and lets a test answer in its place.
class watched_journal final : public journal {
 public:
  explicit watched_journal(std::unique_ptr<journal> inner) : inner_{std::move(inner)} {}

  std::function<std::optional<append_outcome>(std::span<const append_entry>)> on_append;
  int appends = 0;
  int heads_calls = 0;

  append_outcome append(std::span<const append_entry> batch) override {
    ++appends;
    if (on_append)
      if (auto answer = on_append(batch)) return *answer;
    return inner_->append(batch);
  }
  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    ++heads_calls;
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
};

// One store, a writer over it, and a view of its log.
struct world {
  memory::journal_store store;
  watched_journal* seen = nullptr;
  log_writer writer = make("node-1", &seen);

  log_writer make(const char* node, watched_journal** watched = nullptr) {
    auto log = std::make_unique<watched_journal>(store.open());
    if (watched) *watched = log.get();
    return log_writer{std::move(log), node, 1};
  }

  std::vector<shard_id> claim(std::vector<shard_id> shards) {
    const auto claimed = writer.claim(shards, noon);
    REQUIRE(claimed.status == write_status::committed);
    REQUIRE(claimed.claimed.size() == shards.size());
    return shards;
  }

  // Sequences of the events in a shard's log, in its order.
  std::vector<std::uint64_t> events(shard_id shard) const {
    std::vector<std::uint64_t> found;
    std::uint64_t offset = 0;
    std::uint64_t epoch = 0;
    for (const auto& record : store.log(shard)) {
      CHECK(record.offset == offset++);
      if (record.type == record_type::claim) epoch = record.offset;
      CHECK(record.epoch == epoch);
      if (record.type == record_type::event) found.push_back(record.sequence);
    }
    return found;
  }
};

inline std::vector<write_status> statuses(const std::vector<write_result>& results) {
  std::vector<write_status> all;
  for (const auto& result : results) all.push_back(result.status);
  return all;
}

using statuses_t = std::vector<write_status>;
using sequences = std::vector<std::uint64_t>;

inline constexpr auto committed = write_status::committed;
inline constexpr auto fenced = write_status::fenced;
inline constexpr auto conflict = write_status::conflict;
inline constexpr auto unavailable = write_status::unavailable;
inline constexpr auto unknown = write_status::unknown;
inline constexpr auto rejected = write_status::rejected;

inline constexpr shard_id a{1};
inline constexpr shard_id b{2};

}  // namespace novapay::test
