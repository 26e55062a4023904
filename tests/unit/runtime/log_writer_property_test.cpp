#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "tests/unit/runtime/log_writer_world.hpp"

using namespace novapay::runtime;
using namespace novapay::test;

namespace {

// A small generator of our own, so that a seed replays on every library.
struct dice {
  std::uint64_t state;
  std::uint64_t roll(std::uint64_t sides) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % sides;
  }
};

// One owner of a shard: what it was told is durable, and how far it believes its entities are.
struct believer {
  log_writer writer;
  std::array<std::optional<std::uint64_t>, 3> epoch{};
  std::vector<pending_append> waiting;  // in doubt
};

}  // namespace

TEST_CASE("log_writer/property: whatever fails and whoever claims, logs never fork and answers hold") {
  constexpr int seeds = 400;
  constexpr int steps = 120;
  for (int seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    dice die{static_cast<std::uint64_t>(seed) * 0x9e3779b97f4a7c15ULL};
    world w;
    believer owners[] = {{w.make("node-1"), {}, {}}, {w.make("node-2"), {}, {}}};
    std::vector<std::string> acknowledged;
    std::vector<std::string> refused;  // must never be found
    std::uint64_t fresh = 0;

    const auto note = [&](believer& owner, const std::vector<pending_append>& batch,
                          const std::vector<write_result>& results) {
      REQUIRE(results.size() == batch.size());
      std::vector<pending_append> open;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (results[i].status == unknown)
          open.push_back(batch[i]);
        else if (results[i].status == committed)
          acknowledged.push_back(batch[i].events.front());
        else
          refused.push_back(batch[i].events.front());
        if (results[i].status == fenced) owner.epoch[static_cast<std::size_t>(batch[i].shard)].reset();
      }
      return open;
    };

    for (int step = 0; step < steps; ++step) {
      auto& owner = owners[die.roll(2)];
      const auto what = die.roll(10);
      if (what == 0) {
        const auto fault = static_cast<append_fault>(die.roll(4));
        w.store.fail_append(fault, 1 + die.roll(12));
      } else if (what == 1) {
        w.store.fail_reads(1 + die.roll(3), die.roll(3));
      } else if (what == 2) {
        std::vector<shard_id> some;
        for (std::uint16_t s = 0; s < 3; ++s)
          if (die.roll(2)) some.push_back(shard_id{s});
        for (const auto s : some) owner.epoch[static_cast<std::size_t>(s)].reset();
        for (const auto& head : owner.writer.claim(some, noon).claimed)
          owner.epoch[static_cast<std::size_t>(head.shard)] = head.epoch;
      } else if (what == 3 && owner.waiting.empty()) {
        if (owner.writer.probe(noon).status == write_status::unknown)
          while (!owner.writer.resolve()) {}  // faults are used up
      } else {
        if (!owner.waiting.empty()) {
          if (const auto results = owner.writer.resolve()) {
            CHECK(note(owner, owner.waiting, *results).empty());
            owner.waiting.clear();
          }
          continue;
        }
        std::vector<pending_append> batch;
        for (std::uint16_t s = 0; s < 3; ++s) {
          if (!owner.epoch[s]) continue;
          const auto n = die.roll(3);
          for (std::uint64_t k = 0; k < n; ++k) {
            // Mostly new entities; sometimes one whose first event another append may have written already.
            const auto who = die.roll(4) == 0 && fresh > 0 ? 1 + die.roll(fresh) : ++fresh;
            auto asked = event(shard_id{s}, *owner.epoch[s], who * 4 + s, 1);
            asked.events.front() =
                "unique " + std::to_string(seed) + "/" + std::to_string(step) + "/" + std::to_string(batch.size());
            batch.push_back(std::move(asked));
          }
        }
        owner.waiting = note(owner, batch, owner.writer.commit(batch));
        CHECK(owner.writer.unresolved() == !owner.waiting.empty());
      }
    }
    w.store.heal();
    w.store.fail_reads(0);
    for (auto& owner : owners) {
      if (owner.waiting.empty()) continue;
      const auto results = owner.writer.resolve();
      REQUIRE(results.has_value());
      CHECK(note(owner, owner.waiting, *results).empty());
    }

    std::vector<std::string> found;
    for (std::uint16_t s = 0; s < 3; ++s) {
      w.events(shard_id{s});  // checks offsets and epochs
      for (const auto& record : w.store.log(shard_id{s}))
        if (record.type == record_type::event) found.push_back(record.payload);
    }
    std::ranges::sort(found);
    std::ranges::sort(acknowledged);
    CHECK(found == acknowledged);  // every answer is durable, every event was answered for, each exactly once
    std::ranges::sort(refused);
    std::vector<std::string> both;
    std::ranges::set_intersection(found, refused, std::back_inserter(both));
    CHECK(both.empty());
  }
}
