#include "adapters/prometheus/metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace novapay::adapters {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;
using runtime::metric_labels;

constexpr auto relaxed = std::memory_order_relaxed;

class series {
 public:
  virtual ~series() = default;
  virtual void collect(ClientMetric& into) const = 0;
};

class counter_series final : public series, public runtime::counter {
 public:
  void add(double n) override {
    if (n > 0) value_.fetch_add(n, relaxed);  // a counter never falls; NaN is not added either
  }
  void collect(ClientMetric& into) const override { into.counter.value = value_.load(relaxed); }

 private:
  std::atomic<double> value_{0};
};

class gauge_series final : public series, public runtime::gauge {
 public:
  void set(double value) override { value_.store(value, relaxed); }
  void add(double n) override { value_.fetch_add(n, relaxed); }
  void collect(ClientMetric& into) const override { into.gauge.value = value_.load(relaxed); }

 private:
  std::atomic<double> value_{0};
};

class histogram_series final : public series, public runtime::histogram {
 public:
  explicit histogram_series(const std::vector<double>& buckets) : buckets_{buckets}, counts_(buckets.size() + 1) {}

  void observe(double value) override {
    if (std::isnan(value)) return;
    const auto bucket = std::lower_bound(buckets_.begin(), buckets_.end(), value) - buckets_.begin();  // value ≤ bound
    counts_[static_cast<std::size_t>(bucket)].fetch_add(1, relaxed);
    sum_.fetch_add(value, relaxed);
  }
  void collect(ClientMetric& into) const override {
    auto& out = into.histogram;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      out.sample_count += counts_[i].load(relaxed);
      const bool last = i == buckets_.size();
      out.bucket.push_back({out.sample_count, last ? std::numeric_limits<double>::infinity() : buckets_[i]});
    }
    out.sample_sum = sum_.load(relaxed);
  }

 private:
  const std::vector<double> buckets_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

struct family {
  MetricType type{};
  std::string help;
  std::vector<double> buckets;
  std::map<metric_labels, std::unique_ptr<series>> members;
};

void check(const std::string& name, const metric_labels& labels) {
  if (!prometheus::CheckMetricName(name)) throw std::invalid_argument("not a metric's name: " + name);
  for (const auto& [label, value] : labels)
    if (!prometheus::CheckLabelName(label) || label == "le")
      throw std::invalid_argument("not a label's name: " + label);
}

}  // namespace

struct prometheus_metrics::impl {
  template <class Series, class... Args>
  Series& find(MetricType type, const std::string& name, const std::string& help, metric_labels labels,
               const std::vector<double>& buckets, const Args&... args) {
    check(name, labels);
    std::sort(labels.begin(), labels.end());
    const std::lock_guard lock{mutex};
    auto [place, is_new] = families.try_emplace(name);
    auto& found = place->second;
    if (is_new) {
      found.type = type;
      found.help = help;
      found.buckets = buckets;
    } else if (found.type != type || found.buckets != buckets) {
      throw std::invalid_argument("one name for two kinds of metric: " + name);
    }
    auto& member = found.members[std::move(labels)];
    if (!member) member = std::make_unique<Series>(args...);
    return static_cast<Series&>(*member);
  }

  mutable std::mutex mutex;
  std::map<std::string, family> families;
};

prometheus_metrics::prometheus_metrics() : impl_{std::make_unique<impl>()} {}
prometheus_metrics::~prometheus_metrics() = default;

runtime::counter& prometheus_metrics::count(const std::string& name, const std::string& help,
                                            const metric_labels& labels) {
  return impl_->find<counter_series>(MetricType::Counter, name, help, labels, {});
}

runtime::gauge& prometheus_metrics::level(const std::string& name, const std::string& help,
                                          const metric_labels& labels) {
  return impl_->find<gauge_series>(MetricType::Gauge, name, help, labels, {});
}

runtime::histogram& prometheus_metrics::spread(const std::string& name, const std::string& help,
                                               const std::vector<double>& buckets, const metric_labels& labels) {
  if (std::adjacent_find(buckets.begin(), buckets.end(), std::greater_equal<>{}) != buckets.end())
    throw std::invalid_argument("buckets do not rise: " + name);
  return impl_->find<histogram_series>(MetricType::Histogram, name, help, labels, buckets, buckets);
}

std::string prometheus_metrics::exposition() const {
  std::vector<prometheus::MetricFamily> collected;
  {
    const std::lock_guard lock{impl_->mutex};
    for (const auto& [name, each] : impl_->families) {
      auto& out = collected.emplace_back();
      out.name = name;
      out.help = each.help;
      out.type = each.type;
      for (const auto& [labels, member] : each.members) {
        auto& metric = out.metric.emplace_back();
        for (const auto& [label, value] : labels) metric.label.push_back({label, value});
        member->collect(metric);
      }
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer{}.Serialize(text, collected);
  return std::move(text).str();
}

}  // namespace novapay::adapters
