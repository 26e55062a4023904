// http_metrics: the requests' series. A series is looked up in the registry, under its lock, the first time it is
// used, and never again.
#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "gateway/routes.hpp"
#include "runtime/metrics.hpp"

namespace novapay::gateway {

class http_metrics {
 public:
  explicit http_metrics(runtime::metrics& registry);

  void begin() { in_flight_.add(1); }
  void end() { in_flight_.add(-1); }
  void count(route what, int status);  // 100 to 599
  void observe(route what, std::chrono::nanoseconds took);

 private:
  static constexpr int status_min = 100, statuses = 500;

  runtime::metrics& registry_;
  runtime::gauge& in_flight_;
  std::array<runtime::histogram*, routes_count> durations_{};
  std::array<std::array<std::atomic<runtime::counter*>, statuses>, routes_count> requests_{};
};

}  // namespace novapay::gateway
