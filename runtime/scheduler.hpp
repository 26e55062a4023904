// scheduler: hands actors that have mail to a few threads, in the order in which they got it. CAF's coordinator with a queue and a
// worker of our own, since those of the library pay for each turn of an actor with a dynamic_cast and a locked look-up for a log that
// nobody writes, with a list node, and with waking every thread there is.
//
// A thread is woken only when none is on its way already; who arrives and finds more work than its own wakes the next. So a burst of
// messages, as after a commit, wakes as many threads as it keeps busy.
//
// Handlers must not block: with as many threads as handlers that do, nothing else runs.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

#include <caf/all.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace novapay::runtime {

// One queue for all threads. Bounded by the number of actors: each is in it once at most.
class scheduling {
 public:
  class queue {
   public:
    explicit queue(caf::scheduler::abstract_coordinator*) {}
    void push(caf::resumable* job);
    caf::resumable* pop();      // waits for one
    caf::resumable* try_pop();  // nullptr: there is none

   private:
    bool should_wake() noexcept;  // the lock is held; who is told so must notify

    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<caf::resumable*> jobs_;
    std::size_t idle_ = 0;  // threads that wait
    bool waking_ = false;   // one of them has been notified and has not looked yet
  };

  // What caf::scheduler::coordinator asks of a policy.
  using coordinator_data = queue;
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
  };
  template <class Coordinator>
  void central_enqueue(Coordinator* to, caf::resumable* job) {
    to->data().push(job);
  }
  template <class Worker, class Function>
  void foreach_resumable(Worker*, Function) {}  // workers keep nothing to themselves
  template <class Coordinator, class Function>
  void foreach_central_resumable(Coordinator* of, Function what) {
    while (auto* job = of->data().try_pop()) what(job);
  }
};

// For caf::actor_system_config::module_factories.
caf::actor_system::module* make_scheduler(caf::actor_system& system);

}  // namespace novapay::runtime

// One thread. The queue's jobs are references that are its own until the job's turn ends.
template <>
class caf::scheduler::worker<novapay::runtime::scheduling> : public caf::execution_unit {
 public:
  using coordinator_ptr = coordinator<novapay::runtime::scheduling>*;
  using policy_data = novapay::runtime::scheduling::worker_data;

  worker(std::size_t id, coordinator_ptr parent, const policy_data&, std::size_t throughput);
  void start();
  void external_enqueue(resumable* job);
  void exec_later(resumable* job) override;
  std::thread& get_thread() { return thread_; }

 private:
  void run();

  const coordinator_ptr parent_;
  const std::size_t throughput_;  // messages an actor may take in one turn
  std::thread thread_;
};
