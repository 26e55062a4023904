// processor_set: a node's processors under their configured names, each operation behind a circuit breaker of its own.
//
// A call goes to the processor it names. While its breaker is open it is answered `not_executed` "circuit_open" at once, from within
// `send`: a new payment is rerouted or deferred by that, and one in doubt asks again later. A name that is not configured (any more) is
// answered `not_executed` "processor_not_configured".
//
// Threads: all functions may be called from any thread. Lifetime: the processors, clock, log and metrics outlive this.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/circuit_breaker.hpp"
#include "actors/domain/routing.hpp"
#include "actors/processor.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay {

struct processor_member {
  std::string name;
  processor* through = nullptr;
  bool live = false;
  std::vector<std::string> currencies{};  // empty: all
  bool any_mode = false;
  // False: its breakers are held closed, as if by an operator. For what is in this process and out of order only when this process is.
  bool guarded = true;
};

struct breaker_view {
  std::string processor;
  domain::operation_kind operation{};
  domain::breaker_state state{};
  domain::breaker_override overridden{};
  std::uint64_t times_opened = 0;
};

class processor_set final : public processor {
 public:
  // `members` is not empty and its names differ. A call without a name (of a payment older than routing) is for the first one.
  processor_set(std::vector<processor_member> members, const domain::breaker_settings& by, const runtime::clock& time,
                runtime::log& logger, runtime::metrics& registry);
  ~processor_set() override;

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

  std::vector<domain::processor_standing> standings() const;
  std::vector<breaker_view> breakers() const;
  // The operator's word on one operation or, without one, on all of a processor. False: there is no such processor.
  bool override_breaker(std::string_view name, std::optional<domain::operation_kind> operation,
                        domain::breaker_override word);

 private:
  struct guarded;
  guarded* find(std::string_view name) const noexcept;

  const runtime::clock& time_;
  runtime::log& logger_;
  std::vector<std::unique_ptr<guarded>> members_;
};

// What an outcome says about the processor's health.
domain::call_health health_of(const domain::outcome& answer) noexcept;

}  // namespace novapay
