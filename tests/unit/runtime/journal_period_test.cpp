// Which entities a period's logs name: against a look at every record, with clocks that disagree.
#include "runtime/journal_period.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "tests/unit/runtime/period_world.hpp"

using namespace novapay::runtime;
using namespace novapay::runtime::testing;
using namespace std::chrono_literals;

namespace {

const timestamp noon{std::chrono::milliseconds{1'790'000'000'000}};

entity_id thing(std::uint64_t n) { return make_entity_id(noon, placement_hash{}, n); }

std::set<entity_id> walked(period_world& world, timestamp from, timestamp to) {
  std::set<entity_id> found;
  const auto failed = walk_period({world, world,
                                   [&found](const entity_id& id) {
                                     found.insert(id);
                                     return std::optional<std::string>{};
                                   },
                                   [](std::uint64_t) { return std::optional<std::string>{}; }},
                                  from, to);
  CHECK_FALSE(failed);
  return found;
}

}  // namespace

TEST_CASE("period: everything in it, nothing else, however the clocks of the owners differ") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 roll(seed);
    period_world world;
    std::uint64_t number = 0;
    for (const std::uint16_t shard : {0, 1, 7, 65'535}) {
      auto at = noon - 3h;
      for (auto left = roll() % 60; left > 0; --left) {
        at += std::chrono::minutes{roll() % 10};
        const auto wrong = std::chrono::seconds{roll() % 600};  // two of them differ by less than log_disorder_max
        const auto type = roll() % 8 == 0 ? record_type::claim : record_type::event;
        world.add(shard_id{shard}, type, thing(++number), at + wrong);
      }
    }
    const auto from = noon - std::chrono::minutes{roll() % 180};
    const auto to = from + std::chrono::minutes{1 + roll() % 120};
    std::set<entity_id> expected;
    for (const auto& one : world.records)
      if (one.type == record_type::event && one.at >= from && one.at < to) expected.insert(one.entity);
    CHECK(walked(world, from, to) == expected);
  }
}

TEST_CASE("period: costs what happened in it") {
  period_world world;
  for (int n = 0; n < 4000; ++n)
    world.add(shard_id{3}, record_type::event, thing(static_cast<std::uint64_t>(n)), noon + n * 1min);
  CHECK(walked(world, noon + 2000min, noon + 2010min).size() == 10);
  CHECK(world.pages < 30);  // two records each; ten minutes before and after are read as well
}

TEST_CASE("period: an empty store, a store that fails, and being stopped") {
  period_world world;
  CHECK(walked(world, noon, noon + 1h).empty());
  world.add(shard_id{3}, record_type::event, thing(1), noon);
  const auto ends = [&world](std::optional<std::string> at_found, std::optional<std::string> at_progress) {
    return walk_period(
        {world, world, [&](const entity_id&) { return at_found; }, [&](std::uint64_t) { return at_progress; }}, noon,
        noon + 1h);
  };
  CHECK(ends("full", std::nullopt) == "full");
  CHECK(ends(std::nullopt, "interrupted") == "interrupted");
  world.failing = "the disk is gone";
  CHECK(ends(std::nullopt, std::nullopt) == "the disk is gone");
}
