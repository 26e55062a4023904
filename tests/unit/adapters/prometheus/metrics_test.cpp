#include "adapters/prometheus/metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <thread>
#include <vector>

using novapay::adapters::prometheus_metrics;

namespace {
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("metrics/exposition: counters, gauges and histograms in the text format") {
  prometheus_metrics metrics;
  auto& created = metrics.count("novapay_payments_total", "payments", {{"status", "captured"}, {"mode", "test"}});
  created.add();
  created.add(2);
  created.add(-5);
  metrics.count("novapay_payments_total", "payments", {{"mode", "live"}, {"status", "cap\"tured\n"}}).add();
  auto& depth = metrics.level("novapay_queue_depth", "waiting");
  depth.set(7);
  depth.add(-2);
  auto& seconds = metrics.spread("novapay_request_seconds", "time", {0.25, 1});
  for (const double value : {0.125, 0.25, 0.5, 3.0, std::nan("")}) seconds.observe(value);

  const auto text = metrics.exposition();

  CHECK(has_line(text, "# HELP novapay_payments_total payments"));
  CHECK(has_line(text, "# TYPE novapay_payments_total counter"));
  CHECK(has_line(text, "novapay_payments_total{mode=\"test\",status=\"captured\"} 3"));
  CHECK(has_line(text, "novapay_payments_total{mode=\"live\",status=\"cap\\\"tured\\n\"} 1"));
  CHECK(has_line(text, "# TYPE novapay_queue_depth gauge"));
  CHECK(has_line(text, "novapay_queue_depth 5"));
  CHECK(has_line(text, "# TYPE novapay_request_seconds histogram"));
  CHECK(has_line(text, "novapay_request_seconds_bucket{le=\"0.25\"} 2"));
  CHECK(has_line(text, "novapay_request_seconds_bucket{le=\"1\"} 3"));
  CHECK(has_line(text, "novapay_request_seconds_bucket{le=\"+Inf\"} 4"));
  CHECK(has_line(text, "novapay_request_seconds_count 4"));
  CHECK(has_line(text, "novapay_request_seconds_sum 3.875"));
}

TEST_CASE("metrics/series: the same name and labels give the same series, in whichever order") {
  prometheus_metrics metrics;
  auto& one = metrics.count("a_total", "", {{"x", "1"}, {"y", "2"}});
  CHECK(&one == &metrics.count("a_total", "", {{"y", "2"}, {"x", "1"}}));
  CHECK(&one != &metrics.count("a_total", "", {{"x", "1"}}));
}

TEST_CASE("metrics/series: mistakes in the wiring are refused") {
  prometheus_metrics metrics;
  metrics.count("a_total", "");
  metrics.spread("b_seconds", "", {1, 2});
  CHECK_THROWS_AS(metrics.level("a_total", ""), std::invalid_argument);
  CHECK_THROWS_AS(metrics.spread("b_seconds", "", {1, 3}), std::invalid_argument);
  CHECK_THROWS_AS(metrics.spread("c_seconds", "", {2, 1}), std::invalid_argument);
  CHECK_THROWS_AS(metrics.count("no-dashes", ""), std::invalid_argument);
  CHECK_THROWS_AS(metrics.count("d_total", "", {{"1x", ""}}), std::invalid_argument);
}

TEST_CASE("metrics/series: nothing is lost between threads") {
  prometheus_metrics metrics;
  auto& counter = metrics.count("n_total", "");
  auto& histogram = metrics.spread("n_seconds", "", {1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter.add();
        histogram.observe(0.5);
        if (i % 1000 == 0) metrics.exposition();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(has_line(metrics.exposition(), "n_total 40000"));
  CHECK(has_line(metrics.exposition(), "n_seconds_bucket{le=\"1\"} 40000"));
  CHECK(has_line(metrics.exposition(), "n_seconds_sum 20000"));
}
