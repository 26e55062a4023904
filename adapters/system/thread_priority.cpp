#include "adapters/system/thread_priority.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace novapay::adapters {

void run_after_the_others() noexcept {
  constexpr int steps = 10, lowest = 19;
  const auto self = static_cast<id_t>(::gettid());  // on Linux a priority belongs to the thread
  const int now = ::getpriority(PRIO_PROCESS, self);
  // Lowering needs no rights. Should it fail all the same, threads share as they did.
  (void)::setpriority(PRIO_PROCESS, self, std::min(now + steps, lowest));
}

}  // namespace novapay::adapters
