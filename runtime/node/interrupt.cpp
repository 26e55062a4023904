#include "runtime/node/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

namespace novapay::node {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

interrupt::interrupt() {
  const auto set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  watcher_ = std::thread([this] { watch(); });
}

interrupt::~interrupt() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (!happened_) ::kill(::getpid(), SIGTERM);  // ends the watcher's sigwait: everybody else has it blocked
  }
  changed_.notify_all();
  watcher_.join();
}

bool interrupt::happened() const {
  const std::lock_guard lock(mutex_);
  return happened_;
}

void interrupt::watch() {
  const auto set = stop_signals();
  int got = 0;
  ::sigwait(&set, &got);
  std::unique_lock lock(mutex_);
  if (ending_) return;
  happened_ = true;
  changed_.notify_all();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // the second one finds no handler
  changed_.wait(lock, [this] { return ending_; });
}

}  // namespace novapay::node
