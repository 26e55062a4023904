// spill: records put aside by the million and read back part by part, so that memory holds one part at a time. A port: where they lie
// is an adapter's affair.
//
// One thread at a time, no call throws. Records with the same key are in the same part; within it they keep their order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/journal.hpp"

namespace novapay::runtime {

class spill {
 public:
  virtual ~spill() = default;
  virtual std::size_t parts() const = 0;
  // What went wrong, for an operator; empty: nothing.
  virtual std::string put(std::string_view key, std::string_view record) = 0;
  // Everything in one part, which is then forgotten.
  virtual read_outcome<std::vector<std::string>> take(std::size_t part) = 0;
};

}  // namespace novapay::runtime
