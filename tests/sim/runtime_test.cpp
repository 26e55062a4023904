// The runtime by itself, with a counter as its only kind: activation, crashes, quarantine, load, timers, fencing.
#include <doctest/doctest.h>

#include <functional>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "adapters/memory/journal.hpp"
#include "runtime/host.hpp"
#include "tests/sim/counter_kind.hpp"
#include "tests/support/silent_ports.hpp"

using namespace novapay;
using namespace novapay::runtime;
using namespace novapay::sim;

namespace {

struct test_config : caf::actor_system_config {
  test_config() { set("scheduler.policy", caf::atom("testing")); }
};

struct bench {
  novapay::testing::fake_clock clock;
  novapay::testing::seeded_random random{7};
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  std::shared_ptr<memory::journal_store> store = std::make_shared<memory::journal_store>();
  test_config config;
  caf::actor_system system{config};
  std::string died;
  std::unique_ptr<host> node;
  const counter_functions counter;

  explicit bench(limits bounds = {}) {
    node = begin(bounds);
    run();
  }
  ~bench() {
    node->stop();
    run();
    system.await_actors_before_shutdown(false);
  }
  std::unique_ptr<host> begin(limits bounds = {}) {
    host_settings how;
    how.shard_bits = 0;
    how.incarnation = random.next();
    how.bounds = bounds;
    how.detached = false;
    auto made = std::make_unique<host>(
        system, how, host_ports{clock, random, log, metrics, store},
        std::vector<std::shared_ptr<const entity_kind>>{std::make_shared<typed_kind<counter_functions>>(counter)},
        [this](const std::string& why) { died = why; });
    made->start();
    return made;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {}
  }
  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= std::chrono::milliseconds{50}) {
      clock.advance(std::chrono::milliseconds{50});
      scheduler().advance_time(std::chrono::milliseconds{50});
      run();
    }
  }
  // Sends without running: the answer is there after run().
  std::shared_ptr<std::optional<reply>> send(const std::string& command, entity_id to, const std::string& key = {}) {
    auto got = std::make_shared<std::optional<reply>>();
    runtime::ask job;
    job.what.kind = "counter";
    job.what.entity = to;
    job.what.command = command;
    job.what.deadline = clock.now() + std::chrono::seconds{25};
    job.what.scope = "a/test";
    job.what.creation_key = key;
    job.who = responder([got](reply with) { *got = std::move(with); });
    node->route(std::move(job));
    return got;
  }
  reply ask(const std::string& command, entity_id to, const std::string& key = {}) {
    const auto got = send(command, to, key);
    run();
    REQUIRE(got->has_value());
    return **got;
  }
  entity_id make(const std::string& key) {
    const auto made = ask("add 1", {}, key);
    REQUIRE(made.status == reply_status::ok);
    return made.entity;
  }
};

}  // namespace

TEST_CASE("runtime/create: one key makes one entity, also after it has left memory") {
  bench b;
  const auto id = b.make("k");
  CHECK(b.ask("add 2", {}, "k").entity == id);
  b.pass(limits{}.idle_after + std::chrono::seconds{3});
  CHECK(b.ask("get", id).body == "3 0");
  CHECK(b.make("other") != id);
}

TEST_CASE("runtime/create: callers under one key that is still being looked up share one entity") {
  bench b;
  std::vector<std::shared_ptr<std::optional<reply>>> got;
  for (int i = 0; i < 50; ++i) got.push_back(b.send("add 1", {}, "k"));
  b.run();
  for (const auto& one : got) {
    REQUIRE(one->has_value());
    CHECK((*one)->status == reply_status::ok);
    CHECK((*one)->entity == (*got.front())->entity);
  }
  CHECK(b.ask("get", (*got.front())->entity).body == "50 0");
}

TEST_CASE("runtime/read: an unknown entity and another scope's are not found") {
  bench b;
  const auto id = b.make("k");
  CHECK(b.ask("get", make_entity_id(b.clock.now(), id.placement(), 99)).status == reply_status::not_found);
  auto got = std::make_shared<std::optional<reply>>();
  runtime::ask job;
  job.what = {"counter", id, "get", b.clock.now() + std::chrono::seconds{1}, "", "b/test", "", ""};
  job.who = responder([got](reply with) { *got = std::move(with); });
  b.node->route(std::move(job));
  b.run();
  CHECK((*got)->status == reply_status::not_found);
}

TEST_CASE("runtime/rest: an entity at rest says the same, and works on where it was") {
  const typed_kind<counter_functions> kind{counter_functions{}};
  const entity_id id = make_entity_id({}, placement_hash{1}, 2);
  const auto one = kind.make(id, shard_id{0});
  for (const auto* command : {"add 3", "add 4"}) {
    one->decide(command, {});
    one->commit();
  }
  const auto before = one->encoded_state();
  for (int i = 0; i < 2; ++i) {
    one->rest();
    CHECK(one->encoded_state() == before);
  }
  CHECK(one->version() == 2);
  CHECK(one->owed().empty());
  CHECK(one->encoded_state() == before);
  one->rest();
  CHECK(one->decide("add 5", {}).row.version == 3);
  one->commit();
  CHECK(one->encoded_state() == "12 0");

  bench b;  // and so it is in a host, where those unused for a while are told to rest
  const auto hosted = b.make("k");
  b.pass(rest_after * 2);
  CHECK(b.ask("get", hosted).body == "1 0");
  b.pass(rest_after * 2);
  CHECK(b.ask("add 4", hosted).body == "5 0");
}

TEST_CASE("runtime/crash: an entity that throws comes back from the journal at the next command") {
  bench b;
  const auto id = b.make("k");
  CHECK(b.ask("boom", id).status == reply_status::internal);
  CHECK(b.ask("add 4", id).status == reply_status::ok);
  CHECK(b.ask("get", id).body == "5 0");
}

TEST_CASE("runtime/crash: one that keeps throwing is quarantined until the operator releases it") {
  bench b;
  const auto id = b.make("k");
  for (std::size_t i = 0; i < crashes_max; ++i) CHECK(b.ask("boom", id).status == reply_status::internal);
  CHECK(b.ask("get", id).status == reply_status::quarantined);
  REQUIRE(b.node->held().list().size() == 1);
  CHECK(b.node->held().list().front().id == id);
  CHECK(b.node->held().release(id));
  CHECK(b.ask("get", id).body == "1 0");
}

TEST_CASE("runtime/crash: crashes far apart do not add up to a quarantine") {
  bench b;
  const auto id = b.make("k");
  for (std::size_t i = 0; i < 2 * crashes_max; ++i) {
    CHECK(b.ask("boom", id).status == reply_status::internal);
    b.pass(crash_window);
  }
  CHECK(b.ask("get", id).body == "1 0");
}

TEST_CASE("runtime/crash: stored state that cannot be read is refused, then quarantined; others are served") {
  bench b;
  const auto id = b.make("k");
  const auto other = b.make("other");
  CHECK(b.ask("poison", id).status == reply_status::ok);
  b.pass(limits{}.idle_after + std::chrono::seconds{3});
  for (std::size_t i = 0; i < crashes_max; ++i) CHECK(b.ask("get", id).status == reply_status::internal);
  CHECK(b.ask("get", id).status == reply_status::quarantined);
  CHECK(b.ask("get", other).body == "1 0");
}

TEST_CASE("runtime/load: what an entity cannot queue is refused as overloaded, and what was admitted is done") {
  limits bounds;
  bounds.commands_per_entity = 5;
  bench b(bounds);
  const auto id = b.make("k");
  std::vector<std::shared_ptr<std::optional<reply>>> got;
  for (int i = 0; i < 20; ++i) got.push_back(b.send("add 1", id));
  b.run();
  int done = 0;
  int refused = 0;
  for (const auto& one : got) {
    REQUIRE(one->has_value());
    done += (*one)->status == reply_status::ok;
    refused += (*one)->status == reply_status::overloaded;
  }
  CHECK(done + refused == 20);
  CHECK(done >= 6);  // one being appended, five waiting
  CHECK(refused > 0);
  CHECK(b.ask("get", id).body == std::to_string(1 + done) + " 0");
}

TEST_CASE("runtime/load: a shard admits so many commands, and as many again when they are answered") {
  limits bounds;
  bounds.commands_per_shard = 8;
  bench b(bounds);
  const auto id = b.make("k");
  for (int round = 0; round < 3; ++round) {
    std::vector<std::shared_ptr<std::optional<reply>>> got;
    for (int i = 0; i < 12; ++i) got.push_back(b.send("get", make_entity_id(b.clock.now(), id.placement(), 1)));
    b.run();
    int refused = 0;
    for (const auto& one : got) refused += (*one)->status == reply_status::overloaded;
    CHECK(refused == 4);
  }
}

TEST_CASE("runtime/load: a command is in hand from its routing until it is durable or refused") {
  bench b;
  const auto id = b.make("k");
  CHECK(b.node->commands_in_hand() == 0);
  for (const auto* command : {"add 1", "add 2", "get", "refuse", "boom"}) b.send(command, id);
  b.send("add 1", {}, "other");
  b.send("get", make_entity_id(b.clock.now(), id.placement(), 99));  // is looked for, and not found
  CHECK(b.node->commands_in_hand() == 7);
  b.run();
  CHECK(b.node->commands_in_hand() == 0);
  b.send("nap 100", id);
  b.run();
  b.pass(std::chrono::seconds{1});  // woken: that was nobody's command
  CHECK(b.node->commands_in_hand() == 0);
}

TEST_CASE("runtime/waited: the outside's time ends when its answer arrives; on its way and in the journal it is ours") {
  using namespace std::chrono_literals;
  bench b;
  const auto id = b.make("k");
  const auto later = [&](std::chrono::milliseconds by) { b.scheduler().advance_time(by); };
  const auto got = b.send("call 2", id);
  later(7ms);  // before the intent is durable: ours, and nobody outside has been asked
  b.run();
  for (std::size_t call = 0; call < 2; ++call) {
    REQUIRE(b.counter.calls->size() == call + 1);
    later(100ms);
    b.counter.calls->back()("done");
    later(40ms);  // it has arrived, and is not yet durable
    CHECK_FALSE(got->has_value());
    b.run();
  }
  REQUIRE(got->has_value());
  CHECK((*got)->waited == 200ms);
}

TEST_CASE("runtime/load: work not begun by its deadline is dropped") {
  bench b;
  const auto id = b.make("k");
  const auto late = b.send("add 1", id);
  b.clock.advance(std::chrono::seconds{26});
  b.run();
  REQUIRE(late->has_value());
  CHECK((*late)->status == reply_status::deadline_exceeded);
  CHECK(b.ask("get", id).body == "1 0");
}

TEST_CASE("runtime/passivation: a cap bounds how many stay in memory, and nothing is lost by it") {
  limits bounds;
  bounds.live_entities_per_shard = 3;
  bench b(bounds);
  std::vector<entity_id> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(b.make("k" + std::to_string(i)));
  CHECK(b.system.registry().running() < 15);
  for (int i = 0; i < 20; ++i) CHECK(b.ask("add 1", ids[i]).status == reply_status::ok);
  for (int i = 0; i < 20; ++i) CHECK(b.ask("get", ids[i]).body == "2 0");
}

TEST_CASE("runtime/timers: an entity that left memory is woken when its time has come, once") {
  bench b;
  const auto id = b.make("k");
  CHECK(b.ask("nap 120000", id).status == reply_status::ok);
  b.pass(std::chrono::seconds{100});
  CHECK(b.ask("get", id).body.starts_with("1 "));
  b.pass(std::chrono::seconds{40});
  CHECK(b.ask("get", id).body == "1001 0");
}

TEST_CASE("runtime/store: while it is away commands are refused, and served when it is back") {
  bench b;
  const auto id = b.make("k");
  b.store->fail_append(memory::append_fault::unavailable);
  CHECK(b.ask("add 1", id).status == reply_status::store_unavailable);
  CHECK(b.node->ready());  // one failure may be the connection's: the probe that followed went well
  CHECK(b.ask("add 1", id).status == reply_status::ok);
  CHECK(b.ask("get", id).body == "2 0");
}

TEST_CASE("runtime/store: one that goes on failing is met with probes only, and serves again once a probe is taken") {
  bench b;
  const auto id = b.make("k");
  constexpr int fails = 4;  // of which the last two are probes every store_probe_every
  for (int i = 0; i < fails; ++i) b.store->fail_append(memory::append_fault::unavailable);
  CHECK(b.ask("add 1", id).status == reply_status::store_unavailable);
  CHECK_FALSE(b.node->ready());
  CHECK(b.node->store().trouble().starts_with("writing: "));
  for (int i = 0; i < 50; ++i) {
    CHECK(b.ask("add 1", id).status == reply_status::store_unavailable);
    CHECK(b.ask("add 1", {}, "new" + std::to_string(i)).status == reply_status::store_unavailable);
  }
  CHECK(b.ask("get", id).body == "1 0");  // what is in memory can be read
  CHECK_FALSE(b.node->ready());           // those came nowhere near the store: its faults are not used up
  b.pass(store_probe_every * (fails - 1));
  CHECK(b.node->ready());
  CHECK(b.ask("add 1", id).body == "2 0");
  CHECK(b.make("new") != id);
}

TEST_CASE("runtime/store: while it cannot be read, who needs it is refused at once, and served when it is back") {
  bench b;
  const auto id = b.make("k");
  b.pass(limits{}.idle_after + std::chrono::seconds{3});
  CHECK(b.ask("get", id).status == reply_status::ok);
  b.store->fail_reads(1'000'000);
  b.pass(timer_every * 4);
  CHECK_FALSE(b.node->ready());
  CHECK(b.ask("get", make_entity_id(b.clock.now(), id.placement(), 99)).status == reply_status::store_unavailable);
  CHECK(b.ask("add 1", {}, "new").status == reply_status::store_unavailable);
  b.store->heal();
  b.pass(timer_every * 2);
  CHECK(b.node->ready());
  CHECK(b.ask("add 1", {}, "new").status == reply_status::ok);
}

TEST_CASE("runtime/store: nobody waits long for a store that is away, and what was under way is done when it is back") {
  bench b;
  const auto id = b.make("k");
  b.store->fail_append(memory::append_fault::unknown_applied);
  b.store->fail_reads(1'000'000);
  const auto doubtful = b.send("add 5", id);
  const auto behind = b.send("add 7", id);
  b.pass(store_patience / 2);
  CHECK_FALSE(doubtful->has_value());
  b.pass(store_patience);
  REQUIRE(doubtful->has_value());
  CHECK((*doubtful)->status == reply_status::store_unknown);
  REQUIRE(behind->has_value());
  CHECK((*behind)->status == reply_status::store_unavailable);
  CHECK(b.ask("add 9", id).status == reply_status::store_unavailable);
  b.store->heal();
  b.pass(std::chrono::seconds{1});
  CHECK(b.ask("get", id).body == "6 0");
}

TEST_CASE("runtime/store: an unknown commit is answered only when the log has said which it was") {
  for (const auto fault : {memory::append_fault::unknown_applied, memory::append_fault::unknown_lost}) {
    bench b;
    const auto id = b.make("k");
    b.store->fail_append(fault);
    b.store->fail_reads(1);
    const auto got = b.send("add 5", id);
    b.run();
    b.pass(std::chrono::seconds{1});
    REQUIRE(got->has_value());
    const auto sum = b.ask("get", id).body;
    CHECK(sum == ((*got)->status == reply_status::ok ? "6 0" : "1 0"));
  }
}

TEST_CASE("runtime/fencing: the node that claimed last serves; the other answers unavailable and is not ready") {
  bench b;
  const auto id = b.make("k");
  auto second = b.begin();
  b.run();
  CHECK(second->ready());
  CHECK(b.ask("add 1", id).status == reply_status::unavailable);
  CHECK(b.ask("get", id).status == reply_status::unavailable);
  CHECK_FALSE(b.node->ready());
  std::swap(b.node, second);
  CHECK(b.ask("get", id).body == "1 0");
  second->stop();
  b.run();
}

TEST_CASE("runtime/responder: one that is dropped unanswered says so, one that is answered twice says it once") {
  int told = 0;
  reply_status last{};
  const auto count = [&](const reply& with) {
    ++told;
    last = with.status;
  };
  { const responder dropped(count); }
  CHECK(told == 1);
  CHECK(last == reply_status::outcome_unknown);
  {
    const responder twice(count);
    twice.fail(reply_status::overloaded);
    twice.fail(reply_status::internal);
  }
  CHECK(told == 2);
  CHECK(last == reply_status::overloaded);
}
