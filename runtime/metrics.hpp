// metrics: counters, gauges and histograms as a port. Series are made once, at wiring time, and live as long as
// the registry; updating one is thread-safe, lock-free and never throws. Names follow Prometheus:
// novapay_<subsystem>_<what>_<unit>[_total]. Labels have few values, never ids.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace novapay::runtime {

class counter {
 public:
  virtual ~counter() = default;
  virtual void add(double n = 1) = 0;
};
class gauge {
 public:
  virtual ~gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double n) = 0;
};
class histogram {
 public:
  virtual ~histogram() = default;
  virtual void observe(double value) = 0;
};

using metric_labels = std::vector<std::pair<std::string, std::string>>;

class metrics {
 public:
  virtual ~metrics() = default;
  // The same name and labels give the same series. Thread-safe, but takes a lock: keep the reference.
  virtual counter& count(const std::string& name, const std::string& help, const metric_labels& labels = {}) = 0;
  virtual gauge& level(const std::string& name, const std::string& help, const metric_labels& labels = {}) = 0;
  virtual histogram& spread(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                            const metric_labels& labels = {}) = 0;
};

inline const std::vector<double>& duration_buckets_seconds() {  // OpenTelemetry's HTTP advice, with two finer steps
  static const std::vector<double> buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1,
                                           0.25,  0.5,    0.75,  1,    2.5,   5,    7.5,   10};
  return buckets;
}

}  // namespace novapay::runtime
