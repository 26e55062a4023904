// metrics: runtime/metrics.hpp, written out in Prometheus' text format by prometheus-cpp.
//
// The series are our own atomics: prometheus-cpp 1.0 locks a mutex for each observation of a histogram.
#pragma once

#include <memory>
#include <string>

#include "runtime/metrics.hpp"

namespace novapay::adapters {

class prometheus_metrics final : public runtime::metrics {
 public:
  prometheus_metrics();
  ~prometheus_metrics() override;

  // Throw std::invalid_argument: a name or label Prometheus does not allow, a name used for two kinds or two sets of
  // buckets, buckets that do not rise.
  runtime::counter& count(const std::string& name, const std::string& help,
                          const runtime::metric_labels& labels = {}) override;
  runtime::gauge& level(const std::string& name, const std::string& help,
                        const runtime::metric_labels& labels = {}) override;
  runtime::histogram& spread(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                             const runtime::metric_labels& labels = {}) override;

  // All series, as "text/plain; version=0.0.4". Thread-safe.
  std::string exposition() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace novapay::adapters
