// measured_processor: a processor that counts what another one answers, by operation and outcome, and how long it took.
#pragma once

#include <array>
#include <string>

#include "actors/processor.hpp"
#include "runtime/clock.hpp"
#include "runtime/metrics.hpp"

namespace novapay {

class measured_processor final : public processor {
 public:
  // All outlive this. `name` is the label: "sandbox", "stripe".
  measured_processor(processor& through, const std::string& name, const runtime::clock& time,
                     runtime::metrics& registry);

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

 private:
  static constexpr std::size_t operations = 5;
  static constexpr std::size_t outcomes = std::variant_size_v<domain::outcome>;

  processor& through_;
  const runtime::clock& time_;
  std::array<std::array<runtime::counter*, outcomes>, operations> counts_{};
  std::array<runtime::histogram*, operations> seconds_{};
  runtime::gauge& in_flight_;
  runtime::counter& notices_;
};

}  // namespace novapay
