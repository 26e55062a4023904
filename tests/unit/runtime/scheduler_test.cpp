#include "runtime/scheduler.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

using namespace novapay::runtime;

namespace {

// Nobody's turn: what the queue hands on.
struct token final : caf::resumable {
  resume_result resume(caf::execution_unit*, std::size_t) override { return done; }
  void intrusive_ptr_add_ref_impl() override {}
  void intrusive_ptr_release_impl() override {}
};

}  // namespace

TEST_CASE("runtime/scheduler: as many threads work as there is work for, also after all of them slept") {
  constexpr int threads = 3, rounds = 2000;
  scheduling::queue jobs(nullptr);
  token work, end;
  std::barrier all(threads);  // each round needs all threads at once: with one asleep too many it never ends
  std::atomic<int> done{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&] {
      while (jobs.pop() == &work) {
        all.arrive_and_wait();
        ++done;
      }
    });
  for (int round = 1; round <= rounds; ++round) {
    for (int i = 0; i < threads; ++i) jobs.push(&work);
    while (done < round * threads) std::this_thread::yield();
  }
  for (int i = 0; i < threads; ++i) jobs.push(&end);
  for (auto& one : workers) one.join();
  CHECK(done == rounds * threads);
  CHECK(jobs.try_pop() == nullptr);
}

// The library's mailboxes are not compiled for the thread sanitizer, which takes what goes through them for races.
#ifndef __SANITIZE_THREAD__

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

#endif
