#include "runtime/scheduler.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

using namespace novapay::runtime;

namespace {

struct scheduled : caf::actor_system_config {
  explicit scheduled(std::size_t threads) {
    module_factories.emplace_back(make_scheduler);
    set("scheduler.max-threads", threads);
    set("scheduler.max-throughput", std::size_t{3});
  }
};

// Passes a number around a ring, one less each time.
caf::behavior ring_member(caf::event_based_actor* self, std::shared_ptr<std::vector<caf::actor>> ring, std::size_t next,
                          std::shared_ptr<std::atomic<int>> arrived) {
  return {[=](int left) {
    if (left == 0) {
      ++*arrived;
    } else {
      self->send((*ring)[next], left - 1);
    }
  }};
}

// Holds its thread until everybody else has come as well.
caf::behavior meets_others(caf::event_based_actor*, std::shared_ptr<std::barrier<>> all,
                           std::shared_ptr<std::atomic<int>> done) {
  return {[=](int) {
    all->arrive_and_wait();
    ++*done;
  }};
}

}  // namespace

TEST_CASE("runtime/scheduler: every message is taken, and nobody waits for a thread that sleeps") {
  scheduled with(3);
  const auto arrived = std::make_shared<std::atomic<int>>(0);
  constexpr std::size_t members = 50;
  constexpr int tokens = 200, steps = 500;
  {
    caf::actor_system system(with);
    auto ring = std::make_shared<std::vector<caf::actor>>(members);
    for (std::size_t i = 0; i < members; ++i)
      (*ring)[i] = system.spawn(ring_member, ring, (i * 7 + 1) % members, arrived);
    for (int i = 0; i < tokens; ++i) caf::anon_send((*ring)[static_cast<std::size_t>(i) % members], steps);
    while (*arrived < tokens) std::this_thread::yield();
    for (const auto& one : *ring) caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    ring->clear();
  }
  CHECK(*arrived == tokens);
}

TEST_CASE("runtime/scheduler: as many threads work as there is work for, also after all of them slept") {
  constexpr std::size_t threads = 3;
  constexpr int rounds = 2000;
  scheduled with(threads);
  caf::actor_system system(with);
  // Each round needs all threads at once: with one asleep too many it never ends.
  const auto all = std::make_shared<std::barrier<>>(static_cast<std::ptrdiff_t>(threads));
  const auto done = std::make_shared<std::atomic<int>>(0);
  std::vector<caf::actor> actors;
  for (std::size_t i = 0; i < threads; ++i) actors.push_back(system.spawn(meets_others, all, done));
  for (int round = 1; round <= rounds; ++round) {
    for (const auto& one : actors) caf::anon_send(one, round);
    while (*done < round * static_cast<int>(threads)) std::this_thread::yield();
  }
  CHECK(*done == rounds * static_cast<int>(threads));
  for (const auto& one : actors) caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
}

TEST_CASE("runtime/scheduler: a node that stops with mail on its way ends, and what is left is let go") {
  for (int i = 0; i < 50; ++i) {
    const auto taken = std::make_shared<std::atomic<int>>(0);
    {
      scheduled with(2);
      caf::actor_system system(with);
      const auto sink = system.spawn(ring_member, std::make_shared<std::vector<caf::actor>>(), 0, taken);
      for (int k = 0; k < 100; ++k) caf::anon_send(sink, 0);
      caf::anon_send_exit(sink, caf::exit_reason::kill);
    }
    CHECK(*taken <= 100);
    CHECK(taken.use_count() == 1);
  }
}
