#include "runtime/scheduler.hpp"

#include <utility>

namespace novapay::runtime {

bool scheduling::queue::should_wake() noexcept { return idle_ > 0 && !jobs_.empty() && !std::exchange(waking_, true); }

void scheduling::queue::push(caf::resumable* job) {
  std::unique_lock held(lock_);
  jobs_.push_back(job);
  const bool wake = should_wake();
  held.unlock();
  if (wake) changed_.notify_one();
}

caf::resumable* scheduling::queue::pop() {
  std::unique_lock held(lock_);
  while (jobs_.empty()) {
    ++idle_;
    changed_.wait(held);
    --idle_;
    waking_ = false;
  }
  auto* job = jobs_.front();
  jobs_.pop_front();
  const bool wake = should_wake();
  held.unlock();
  if (wake) changed_.notify_one();
  return job;
}

caf::resumable* scheduling::queue::try_pop() {
  const std::lock_guard held(lock_);
  if (jobs_.empty()) return nullptr;
  auto* job = jobs_.front();
  jobs_.pop_front();
  return job;
}

caf::actor_system::module* make_scheduler(caf::actor_system& system) {
  return caf::scheduler::coordinator<scheduling>::make(system, {});
}

}  // namespace novapay::runtime

namespace caf::scheduler {

using novapay::runtime::scheduling;

worker<scheduling>::worker(std::size_t, coordinator_ptr parent, const policy_data&, std::size_t throughput)
    : execution_unit(&parent->system()), parent_(parent), throughput_(throughput) {}

void worker<scheduling>::start() {
  thread_ = std::thread{[this] {
    detail::set_thread_name("caf.multiplexer");
    system().thread_started();
    run();
    system().thread_terminates();
  }};
}

void worker<scheduling>::external_enqueue(resumable* job) { parent_->data().push(job); }
void worker<scheduling>::exec_later(resumable* job) { parent_->data().push(job); }

void worker<scheduling>::run() {
  for (;;) {
    auto* job = parent_->data().pop();
    switch (job->resume(this, throughput_)) {
      case resumable::resume_later: parent_->data().push(job); break;
      case resumable::awaiting_message: intrusive_ptr_release(job); break;
      case resumable::done: intrusive_ptr_release(job); break;
      case resumable::shutdown_execution_unit: return;
    }
  }
}

}  // namespace caf::scheduler
