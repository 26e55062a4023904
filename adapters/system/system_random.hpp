// system_random: the kernel's random generator, good enough for keys. Each thread draws a few hundred numbers at a
// time; a number is wiped when it is given out; a forked child never gives out what its parent had drawn.
#pragma once

#include "runtime/random.hpp"

namespace novapay::adapters {

class system_random final : public runtime::random_source {
 public:
  std::uint64_t next() override;  // ends the process if the kernel has no randomness to give: nothing is safe then
};

}  // namespace novapay::adapters
