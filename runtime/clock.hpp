// clock: the wall clock as a port, so that simulation owns time.
//
// Unit: milliseconds since the Unix epoch, UTC. Implementations are thread-safe and never throw.
#pragma once

#include <chrono>

namespace novapay::runtime {

using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

class clock {
 public:
  virtual ~clock() = default;
  virtual timestamp now() const = 0;
};

}  // namespace novapay::runtime
