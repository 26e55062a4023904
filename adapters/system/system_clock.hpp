// system_clock: the machine's wall clock.
#pragma once

#include "runtime/clock.hpp"

namespace novapay::adapters {

class system_clock final : public runtime::clock {
 public:
  runtime::timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace novapay::adapters
