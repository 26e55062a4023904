// adyen_processor: Adyen behind the processor port. What is asked of it and what its answers mean is decided by pure parts (requests.hpp,
// answers.hpp); here they are given a clock, connections and bounds.
//
// Adyen cannot be asked what became of a call: an inquiry is the same request again, under the same key, for as long as Adyen surely
// remembers it. After that nothing is sent, because it would be executed a second time: such calls end `unknown` with "key_expired", and a
// notification, a settlement report or an operator must tell.
//
// Bounds: `in_flight_max` calls at once (more end "processor_busy"), one HTTP call for each, within `request_timeout`.
//
// Threads: `done` is called on the HTTP client's thread, or from within send() for what ends at once. The destructor does not wait: calls
// under way go on while the client lives, and answer.
//
// It tells nothing by itself: notices come by webhook.
#pragma once

#include <memory>

#include "actors/processor.hpp"
#include "adapters/adyen/settings.hpp"
#include "runtime/clock.hpp"
#include "runtime/http_client.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::adyen {

// Whether Adyen may have forgotten the call's key, and would execute it again.
bool key_may_be_forgotten(const processor_call& call, domain::timestamp now, milliseconds key_life);

class adyen_processor final : public processor {
 public:
  // All outlive this, and every call that is under way.
  adyen_processor(settings how, runtime::http_client& client, const runtime::clock& time, runtime::log& log,
                  runtime::metrics& registry);
  ~adyen_processor() override;

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

}  // namespace novapay::adyen
