// interrupt: Ctrl-C and SIGTERM for commands that take long: the work under way is broken off where it can say how far it came. A second
// one ends the process at once.
//
// Made before any other thread is: they inherit that these signals are not theirs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace novapay::node {

class interrupt {
 public:
  interrupt();
  ~interrupt();
  interrupt(const interrupt&) = delete;
  interrupt& operator=(const interrupt&) = delete;

  bool happened() const;

  // For what other threads bring: `change` something, `wait` until it is so. False: interrupted before.
  template <class Change>
  void change(Change what) {
    {
      const std::lock_guard lock(mutex_);
      what();
    }
    changed_.notify_all();
  }
  template <class Ready>
  bool wait(Ready ready) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return happened_ || ready(); });
    return ready();
  }
  // False: interrupted before it was over.
  bool pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return happened_; });
  }

 private:
  void watch();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool happened_ = false;
  bool ending_ = false;
  std::thread watcher_;
};

}  // namespace novapay::node
