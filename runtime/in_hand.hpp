// in_hand: counts what this node still has to do itself. A command holds one from its routing until it is durable or refused; while
// its call is at the processor it holds none, so a slow processor does not pass for a busy node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace novapay::runtime {

using in_hand_counter = std::shared_ptr<std::atomic<std::int64_t>>;

class in_hand {
 public:
  in_hand() = default;  // counts nothing
  explicit in_hand(in_hand_counter counter) : counter_(std::move(counter)) { add(1); }
  in_hand(const in_hand& other) : counter_(other.counter_) { add(1); }
  in_hand(in_hand&& other) noexcept : counter_(std::move(other.counter_)) {}
  in_hand& operator=(in_hand other) noexcept {
    counter_.swap(other.counter_);
    return *this;
  }
  ~in_hand() { add(-1); }

 private:
  void add(std::int64_t by) noexcept {
    if (counter_) counter_->fetch_add(by, std::memory_order_relaxed);
  }
  in_hand_counter counter_;
};

}  // namespace novapay::runtime
