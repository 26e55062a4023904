#include "runtime/log_writer.hpp"

#include <doctest/doctest.h>

#include "runtime/claim_record.hpp"
#include "tests/unit/runtime/log_writer_world.hpp"

using namespace novapay::runtime;
using namespace novapay::test;

TEST_CASE("log_writer/claim: 1024 shards are one look and one append") {
  world w;
  std::vector<shard_id> all;
  for (std::uint16_t i = 0; i < 1024; ++i) all.push_back(shard_id{i});

  const auto claimed = w.writer.claim(all, noon);

  CHECK(claimed.status == committed);
  REQUIRE(claimed.claimed.size() == 1024);
  CHECK(claimed.claimed[5].shard == shard_id{5});
  CHECK(claimed.claimed[5].epoch == 0);
  CHECK(claimed.claimed[5].next_offset == 1);
  CHECK(w.seen->appends == 1);
  CHECK(w.seen->heads_calls == 1);
  CHECK(decode_claim(w.store.log(shard_id{5}).at(0).payload) == claim_record{"node-1", 1, 1});
}

TEST_CASE("log_writer/claim: a shard named twice is claimed once") {
  world w;
  const auto claimed = w.writer.claim(std::vector{a, a}, noon);
  CHECK(claimed.status == committed);
  CHECK(claimed.claimed.size() == 1);
  CHECK(w.store.log(a).size() == 1);
}

TEST_CASE("log_writer/commit: appends of several shards, several of one shard, one batch") {
  world w;
  w.claim({a, b});

  const auto results =
      w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1, 2), event(a, 0, 3, 1), event(a, 0, 1, 2)});

  CHECK(statuses(results) == statuses_t{committed, committed, committed, committed});
  CHECK(w.seen->appends == 2);  // the claim and the batch
  CHECK(w.events(a) == sequences{1, 1, 2});
  CHECK(w.events(b) == sequences{1, 2});
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 3)})) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1, 1, 2, 3});
  CHECK(w.writer.commit({}).empty());
}

TEST_CASE("log_writer/commit: a shard not held under that epoch is fenced without asking the store") {
  world w;
  w.claim({a});

  CHECK(statuses(w.writer.commit(std::vector{event(b, 0, 1, 1), event(a, 7, 2, 1)})) == statuses_t{fenced, fenced});
  CHECK(w.seen->appends == 1);

  w.writer.release(a);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 2, 1)})) == statuses_t{fenced});
}

TEST_CASE("log_writer/commit: the shard that moved is fenced and the rest is committed") {
  world w;
  w.claim({a, b});
  auto other = w.make("node-2");
  REQUIRE(other.claim(std::vector{b}, noon).status == committed);

  const auto results =
      w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1), event(b, 0, 3, 1), event(a, 0, 4, 1)});

  CHECK(statuses(results) == statuses_t{committed, fenced, fenced, committed});
  CHECK(w.events(a) == sequences{1, 1});
  CHECK(w.events(b).empty());
  CHECK(statuses(w.writer.commit(std::vector{event(b, 0, 2, 1)})) == statuses_t{fenced});  // and stays so
  CHECK(statuses(other.commit(std::vector{event(b, 1, 2, 1)})) == statuses_t{committed});
}

TEST_CASE("log_writer/commit: a taken sequence is a conflict of its entity alone") {
  world w;
  w.claim({a, b});
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1, 2), event(b, 0, 2, 1)})) ==
          statuses_t{committed, committed});

  // Entity 1 is at 2. Its third append would leave a gap once the second is refused. Entity 2 goes on from where it is.
  const auto results =
      w.writer.commit(std::vector{event(a, 0, 1, 2), event(b, 0, 2, 2), event(a, 0, 1, 3), event(a, 0, 3, 1)});

  CHECK(statuses(results) == statuses_t{conflict, committed, conflict, committed});
  CHECK(w.events(a) == sequences{1, 2, 1});
  CHECK(w.events(b) == sequences{1, 2});
}

TEST_CASE("log_writer/commit: one sequence twice in a batch is the second one's conflict") {
  world w;
  w.claim({a, b});

  const auto results =
      w.writer.commit(std::vector{event(a, 0, 1, 1), event(a, 0, 1, 1), event(b, 0, 2, 1), event(a, 0, 1, 2)});

  CHECK(statuses(results) == statuses_t{committed, conflict, committed, conflict});
  CHECK(w.seen->appends == 2);
  CHECK(w.events(a) == sequences{1});
}

TEST_CASE("log_writer/commit: what the store rejects does not take the others with it") {
  world w;
  w.claim({a, b});
  auto bad = event(a, 0, 2, 1);
  bad.row.listed.status = "\xff";

  const auto results =
      w.writer.commit(std::vector{event(a, 0, 1, 1), bad, event(a, 0, 2, 2), event(b, 0, 3, 1), event(a, 0, 4, 1)});

  CHECK(statuses(results) == statuses_t{committed, rejected, conflict, committed, committed});
  CHECK(w.events(a) == sequences{1, 1});
  CHECK(w.events(b) == sequences{1});

  auto unsound = event(a, 0, 5, 1);
  unsound.row.version = 2;
  CHECK(statuses(w.writer.commit(std::vector{unsound})) == statuses_t{rejected});
}

TEST_CASE("log_writer/commit: unavailable writes nothing and moves no offset") {
  world w;
  w.claim({a});
  w.store.fail_append(append_fault::unavailable);

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unavailable});
  CHECK_FALSE(w.writer.unresolved());
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1});
}

TEST_CASE("log_writer/unknown: a commit whose answer was lost is found in the log") {
  world w;
  w.claim({a, b});
  w.store.fail_append(append_fault::unknown_applied);

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1)})) ==
        statuses_t{committed, committed});
  CHECK(w.seen->appends == 2);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 2)})) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1, 2});
}

TEST_CASE("log_writer/unknown: a commit that never arrived is tried again") {
  world w;
  w.claim({a});
  w.store.fail_append(append_fault::unknown_lost);

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{committed});
  CHECK(w.seen->appends == 3);
  CHECK(w.events(a) == sequences{1});
}

TEST_CASE("log_writer/unknown: whenever the first try arrives, it counts once") {
  for (std::size_t calls = 1; calls <= 6; ++calls) {
    world w;
    w.claim({a, b});
    w.store.fail_append(append_fault::unknown_applied_late, calls);

    CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1)})) ==
          statuses_t{committed, committed});
    for (std::uint64_t n = 2; n < 6; ++n)
      CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, n)})) == statuses_t{committed});
    w.store.heal();
    CHECK(w.events(a) == sequences{1, 2, 3, 4, 5});
    CHECK(w.events(b) == sequences{1});
  }
}

TEST_CASE("log_writer/unknown: nobody is told either way while the store can't be read") {
  for (const auto fault : {append_fault::unknown_applied, append_fault::unknown_lost}) {
    world w;
    w.claim({a, b});
    w.store.fail_append(fault);
    w.store.fail_reads(3);

    CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unknown});
    CHECK(w.writer.unresolved());
    CHECK_FALSE(w.writer.resolve().has_value());
    // Meanwhile nothing else is written, not even for another shard.
    CHECK(statuses(w.writer.commit(std::vector{event(b, 0, 2, 1)})) == statuses_t{unavailable});
    CHECK(w.events(b).empty());

    const auto results = w.writer.resolve();
    REQUIRE(results.has_value());
    CHECK(statuses(*results) == statuses_t{committed});
    CHECK_FALSE(w.writer.unresolved());
    CHECK_FALSE(w.writer.resolve().has_value());
    CHECK(w.events(a) == sequences{1});
  }
}

TEST_CASE("log_writer/unknown: the next commit resolves the earlier one first and keeps its results") {
  world w;
  w.claim({a});
  w.store.fail_append(append_fault::unknown_lost);
  w.store.fail_reads(1);
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unknown});

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 2, 1)})) == statuses_t{committed});
  CHECK(w.writer.unresolved());
  const auto results = w.writer.resolve();
  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1, 1});
}

TEST_CASE("log_writer/unknown: what was answered at once is not answered again") {
  world w;
  w.claim({a, b});
  auto other = w.make("node-2");
  REQUIRE(other.claim(std::vector{b}, noon).status == committed);
  int tries = 0;
  w.seen->on_append = [&](std::span<const append_entry>) -> std::optional<append_outcome> {
    if (++tries == 2) w.store.fail_append(append_fault::unknown_applied);  // the first one collides with the claim
    if (tries == 2) w.store.fail_reads(1);
    return std::nullopt;
  };
  const auto results =
      w.writer.commit(std::vector{event(b, 0, 1, 1), event(a, 0, 2, 1), event(b, 0, 3, 1), event(a, 0, 4, 1)});
  CHECK(statuses(results) == statuses_t{fenced, unknown, fenced, unknown});

  const auto resolved = w.writer.resolve();
  REQUIRE(resolved.has_value());
  CHECK(statuses(*resolved) == statuses_t{committed, committed});
}

TEST_CASE("log_writer/unknown: results nobody fetched are kept, and nothing is written before they are") {
  world w;
  w.claim({a});
  w.store.fail_append(append_fault::unknown_lost);
  w.store.fail_reads(1);
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unknown});
  w.seen->on_append = [&w](std::span<const append_entry> batch) -> std::optional<append_outcome> {
    if (batch[0].records[0].entity == entity(2)) w.store.fail_append(append_fault::unknown_applied);
    if (batch[0].records[0].entity == entity(2)) w.store.fail_reads(1);
    return std::nullopt;
  };
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 2, 1), event(a, 0, 3, 1)})) == statuses_t{unknown, unknown});

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 4, 1)})) == statuses_t{unavailable});
  const auto first = w.writer.resolve();
  REQUIRE(first.has_value());
  CHECK(statuses(*first) == statuses_t{committed});
  const auto second = w.writer.resolve();
  REQUIRE(second.has_value());
  CHECK(statuses(*second) == statuses_t{committed, committed});
  CHECK_FALSE(w.writer.unresolved());
  CHECK(w.events(a) == sequences{1, 1, 1});
}

TEST_CASE("log_writer/unknown: data the store rejects at the second try was rejected at the first") {
  world w;
  w.claim({a});
  int tries = 0;
  w.seen->on_append = [&](std::span<const append_entry>) {
    return append_outcome{++tries == 1 ? append_status::unknown : append_status::rejected, "scripted"};
  };
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{rejected});
  CHECK_FALSE(w.writer.unresolved());
  w.seen->on_append = nullptr;
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 2, 1)})) == statuses_t{committed});
}

TEST_CASE("log_writer/unknown: two lost commits in one call are enough for it") {
  world w;
  w.claim({a});
  for (int i = 0; i < 3; ++i) w.store.fail_append(append_fault::unknown_lost);

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unknown});
  CHECK(w.seen->appends == 3);  // the claim and two tries
  CHECK_FALSE(w.writer.resolve().has_value());
  const auto results = w.writer.resolve();
  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1});
}

TEST_CASE("log_writer/unknown: a claim that came between proves that the first try did not happen") {
  world w;
  w.claim({a, b});
  w.store.fail_append(append_fault::unknown_lost);
  w.store.fail_reads(1);
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1)})) == statuses_t{unknown, unknown});
  auto other = w.make("node-2");
  REQUIRE(other.claim(std::vector{b}, noon).status == committed);

  const auto results = w.writer.resolve();

  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed, fenced});
  CHECK(w.events(a) == sequences{1});
  CHECK(w.events(b).empty());
}

TEST_CASE("log_writer/unknown: a commit before another's claim counts though the shard is lost") {
  world w;
  w.claim({a, b});
  w.store.fail_append(append_fault::unknown_applied);
  w.store.fail_reads(1);
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1)})) == statuses_t{unknown, unknown});
  auto other = w.make("node-2");
  REQUIRE(other.claim(std::vector{b}, noon).status == committed);

  const auto results = w.writer.resolve();

  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed, committed});
  CHECK(statuses(w.writer.commit(std::vector{event(b, 0, 2, 2)})) == statuses_t{fenced});
  CHECK(w.events(b) == sequences{1});
}

TEST_CASE("log_writer/unknown: a released shard's batch in doubt still ends with the truth") {
  world w;
  w.claim({a});
  w.store.fail_append(append_fault::unknown_applied);
  w.store.fail_reads(1);
  REQUIRE(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unknown});
  w.writer.release(a);

  const auto results = w.writer.resolve();
  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed});
}

TEST_CASE("log_writer/unknown: one by one, the doubt holds up what has not been tried") {
  world w;
  w.claim({a});
  auto bad = event(a, 0, 2, 1);
  bad.row.kind = "\xff";
  // The batch of three is rejected by the journal itself; the first of them alone then is lost.
  w.seen->on_append = [&w](std::span<const append_entry> batch) -> std::optional<append_outcome> {
    if (batch.size() == 1) {
      w.store.fail_append(append_fault::unknown_applied);
      w.store.fail_reads(1);
      w.seen->on_append = nullptr;
    }
    return std::nullopt;
  };

  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), bad, event(a, 0, 3, 1)})) ==
        statuses_t{unknown, unknown, unknown});
  const auto results = w.writer.resolve();
  REQUIRE(results.has_value());
  CHECK(statuses(*results) == statuses_t{committed, rejected, committed});
  CHECK(w.events(a) == sequences{1, 1});
}

TEST_CASE("log_writer/claim: unknown claims are settled by what stands in the log") {
  for (const auto fault : {append_fault::unknown_applied, append_fault::unknown_lost}) {
    world w;
    w.store.fail_append(fault);
    w.claim({a, b});

    CHECK(w.store.log(a).size() == 1);
    CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(b, 0, 2, 1)})) ==
          statuses_t{committed, committed});
  }
}

TEST_CASE("log_writer/claim: another's claim at the place of one in doubt is not taken for ours") {
  world w;
  auto other = w.make("node-2");
  w.seen->on_append = [&](std::span<const append_entry>) -> std::optional<append_outcome> {
    w.seen->on_append = nullptr;
    REQUIRE(other.claim(std::vector{b}, noon).status == committed);
    return append_outcome{append_status::unknown, "lost"};
  };
  const auto claimed = w.writer.claim(std::vector{a, b}, noon);

  REQUIRE(claimed.status == committed);
  CHECK(claimed.claimed.at(0).epoch == 0);
  CHECK(claimed.claimed.at(1).epoch == 1);
  CHECK(statuses(other.commit(std::vector{event(b, 0, 1, 1)})) == statuses_t{fenced});
  CHECK(statuses(w.writer.commit(std::vector{event(b, 1, 1, 1)})) == statuses_t{committed});
}

TEST_CASE("log_writer/claim: one that arrives late costs a record and nothing else") {
  for (std::size_t calls = 1; calls <= 4; ++calls) {
    world w;
    w.store.fail_append(append_fault::unknown_applied_late, calls);
    const auto claimed = w.writer.claim(std::vector{a}, noon);
    REQUIRE(claimed.status == committed);
    const auto epoch = claimed.claimed.at(0).epoch;
    CHECK(claimed.claimed.at(0).next_offset == epoch + 1);

    CHECK(statuses(w.writer.commit(std::vector{event(a, epoch, 1, 1)})) == statuses_t{committed});
    w.store.heal();
    CHECK(w.events(a) == sequences{1});
  }
}

TEST_CASE("log_writer/claim: unknown while the store can't be read, and claiming again works") {
  world w;
  w.store.fail_append(append_fault::unknown_applied);
  w.store.fail_reads(1, 1);  // the heads are read, the settling is not

  CHECK(w.writer.claim(std::vector{a}, noon).status == unknown);
  const auto claimed = w.writer.claim(std::vector{a}, noon);
  REQUIRE(claimed.status == committed);
  CHECK(claimed.claimed.at(0).epoch == 1);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 1, 1, 1)})) == statuses_t{committed});
}

TEST_CASE("log_writer/claim: a store that loses every answer ends the call after two") {
  world w;
  for (int i = 0; i < 10; ++i) w.store.fail_append(append_fault::unknown_lost);
  CHECK(w.writer.claim(std::vector{a, b}, noon).status == unknown);
  CHECK(w.seen->appends == 2);

  world dead;
  dead.store.fail_append(append_fault::unavailable);
  CHECK(dead.writer.claim(std::vector{a}, noon).status == unavailable);
  dead.store.fail_reads(1);
  CHECK(dead.writer.claim(std::vector{a}, noon).status == unavailable);
}

TEST_CASE("log_writer/claim: a busy owner cannot keep others out for ever") {
  world w;
  std::vector<shard_id> all;
  for (std::uint16_t i = 0; i < 64; ++i) all.push_back(shard_id{i});
  auto owner = w.make("node-2");
  REQUIRE(owner.claim(all, noon).status == committed);

  // Before each of our first claims arrives, the owner writes to a few of the shards once more.
  std::uint64_t sequence = 0;
  w.seen->on_append = [&](std::span<const append_entry> batch) -> std::optional<append_outcome> {
    if (batch.size() < 8) return std::nullopt;
    ++sequence;
    owner.commit(std::vector{event(shard_id{3}, 0, 3, sequence), event(shard_id{40}, 0, 40, sequence)});
    return std::nullopt;
  };
  const auto claimed = w.writer.claim(all, noon);

  REQUIRE(claimed.status == committed);
  CHECK(claimed.claimed.size() == 64);
  CHECK(statuses(owner.commit(std::vector{event(shard_id{3}, 0, 3, sequence + 1)})) == statuses_t{fenced});
}

TEST_CASE("log_writer/claim: a log that always moves is given up as unavailable") {
  world w;
  auto thief = w.make("node-2");
  w.seen->on_append = [&](std::span<const append_entry>) -> std::optional<append_outcome> {
    thief.claim(std::vector{a}, noon);
    return std::nullopt;
  };
  const auto claimed = w.writer.claim(std::vector{a}, noon);
  CHECK(claimed.status == unavailable);
  CHECK(w.seen->appends == claim_attempts_max);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{fenced});
}

TEST_CASE("log_writer/claim: claiming again ends what was under way under the old epoch") {
  world w;
  w.claim({a});
  w.claim({a});
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1), event(a, 1, 2, 1)})) == statuses_t{fenced, committed});
}

TEST_CASE("log_writer/commit: a store that only ever collides is given up without a claim to have written") {
  world w;
  w.claim({a});
  w.seen->on_append = [](std::span<const append_entry>) {
    return append_outcome{append_status::collided, "no reason"};
  };
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unavailable});
  CHECK_FALSE(w.writer.unresolved());

  w.store.fail_reads(1);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unavailable});
  CHECK_FALSE(w.writer.unresolved());
}
