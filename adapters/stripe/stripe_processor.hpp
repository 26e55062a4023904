// stripe_processor: Stripe behind the processor port. What is asked of it and what its answers mean is decided by pure parts
// (conversation.hpp); here they are given a clock, connections and bounds.
//
// Bounds: `in_flight_max` calls at once (more end "processor_busy"), `requests_max` HTTP calls for each, one after the other, all within
// `call_timeout`. Waiting for a lock of Stripe's or for a lost answer is not done here: such calls end `unknown` or `not_executed`, and the
// payment sends them again.
//
// Threads: `done` is called on the HTTP client's thread, or from within send() for what ends at once. The destructor does not wait: calls
// under way go on while the client lives, and answer.
//
// It tells by itself only that a capture released what it did not take; everything else comes by webhook.
#pragma once

#include <memory>

#include "actors/processor.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/clock.hpp"
#include "runtime/http_client.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::stripe {

class stripe_processor final : public processor {
 public:
  // All outlive this, and every call that is under way.
  stripe_processor(settings how, runtime::http_client& client, const runtime::clock& time, runtime::log& log,
                   runtime::metrics& registry);
  ~stripe_processor() override;

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace novapay::stripe
