#include "actors/measured_processor.hpp"

#include <utility>

#include "runtime/crash_point.hpp"

namespace novapay {

measured_processor::measured_processor(processor& through, const std::string& name, const runtime::clock& time,
                                       runtime::metrics& registry)
    : through_(through),
      time_(time),
      in_flight_(registry.level("novapay_processor_requests_in_flight", "Calls a processor has not answered",
                                {{"processor", name}})),
      notices_(registry.count("novapay_processor_notices_total", "Settlements and late failures a processor told of",
                              {{"processor", name}})) {
  static constexpr std::array<const char*, outcomes> names{"approved", "declined",     "needs_action",
                                                           "unknown",  "not_executed", "accepted"};
  for (std::size_t operation = 0; operation < operations; ++operation) {
    const auto kind = static_cast<domain::operation_kind>(operation + 1);
    const std::string label(domain::to_text(kind));
    seconds_[operation] =
        &registry.spread("novapay_processor_request_duration_seconds", "Time of a processor's answer",
                         runtime::duration_buckets_seconds(), {{"processor", name}, {"operation", label}});
    for (std::size_t outcome = 0; outcome < outcomes; ++outcome)
      counts_[operation][outcome] =
          &registry.count("novapay_processor_requests_total", "Calls to a processor, by what it answered",
                          {{"processor", name}, {"operation", label}, {"outcome", names[outcome]}});
  }
}

void measured_processor::send(processor_call call, processor_done done) {
  const auto operation = static_cast<std::size_t>(call.operation) - 1;
  in_flight_.add(1);
  passing(runtime::crash_point::processor_before);
  through_.send(std::move(call),
                [this, operation, began = time_.now(), done = std::move(done)](domain::outcome answer) {
                  passing(runtime::crash_point::processor_after);
                  in_flight_.add(-1);
                  counts_.at(operation).at(answer.index())->add(1);
                  seconds_.at(operation)->observe(std::chrono::duration<double>(time_.now() - began).count());
                  done(std::move(answer));
                  passing(runtime::crash_point::outcome_after);
                });
  passing(runtime::crash_point::processor_sent);
}

void measured_processor::listen(notice_sink sink) {
  through_.listen([this, sink = std::move(sink)](processor_notice told) {
    notices_.add(1);
    sink(std::move(told));
  });
}

}  // namespace novapay
