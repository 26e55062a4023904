// random: entropy as a port, so that a simulation replays from its seed. Thread-safe, never throws.
#pragma once

#include <cstdint>

namespace novapay::runtime {

class random_source {
 public:
  virtual ~random_source() = default;
  virtual std::uint64_t next() = 0;  // 64 uniform bits
};

}  // namespace novapay::runtime
