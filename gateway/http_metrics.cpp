#include "gateway/http_metrics.hpp"

#include <algorithm>

namespace novapay::gateway {

http_metrics::http_metrics(runtime::metrics& registry)
    : registry_{registry},
      in_flight_{
          registry.level("novapay_http_requests_in_flight", "Requests that have come and are not yet answered.")} {
  for (std::size_t at = 0; at < routes_count; ++at)
    durations_[at] = &registry.spread("novapay_http_request_duration_seconds", "From the request's head to its answer.",
                                      runtime::duration_buckets_seconds(),
                                      {{"route", std::string{path_label(static_cast<route>(at))}}});
}

void http_metrics::count(route what, int status) {
  const auto code = std::clamp(status, status_min, status_min + statuses - 1);
  auto& cached = requests_[static_cast<std::size_t>(what)][static_cast<std::size_t>(code - status_min)];
  auto* series = cached.load(std::memory_order_acquire);
  if (series == nullptr) {  // two threads may both look it up: they find the same series
    series = &registry_.count("novapay_http_requests_total", "Requests answered.",
                              {{"method", std::string{method_label(what)}},
                               {"route", std::string{path_label(what)}},
                               {"status", std::to_string(code)}});
    cached.store(series, std::memory_order_release);
  }
  series->add();
}

void http_metrics::observe(route what, std::chrono::nanoseconds took) {
  durations_[static_cast<std::size_t>(what)]->observe(std::chrono::duration<double>(took).count());
}

}  // namespace novapay::gateway
