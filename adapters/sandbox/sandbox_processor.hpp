// sandbox_processor: a payment processor that charges nobody but remembers whom it would have charged, in a SQLite
// file of its own (ledger.hpp). What it does with a call: behaviour.hpp; which token does what: tokens.hpp.
//
// One thread does it all: it takes whatever is queued, commits it in one transaction and only then answers, so an answer
// given is in the ledger. A crash of the process loses nothing (WAL, synchronous=NORMAL). Several processes may share
// one file; each delivers whatever notices are due, its own or another's.
//
// `done` is called on that thread, as is the notice sink; the refusals "processor_busy" and "processor_shutdown" of a call
// that was never queued come from within send(). When the ledger cannot be written, calls end `not_executed`
// ("processor_unavailable"), or `unknown` if it was the commit that failed.
//
// The destructor answers what is still open: `unknown` "processor_shutdown" if the key has been executed, `not_executed`
// otherwise. No send() may be under way by then; `acknowledge` may be called at any time, even after.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "actors/processor.hpp"
#include "adapters/sandbox/behaviour.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace novapay::sandbox {

struct settings {
  std::string ledger_path = "data/sandbox.db";
  rules behaviour;
  milliseconds latency{0};              // added to each answer: exponential, this mean, at most four times it
  std::size_t in_flight_max = 10'000;   // calls not yet answered
  std::size_t batch_max = 512;          // calls in one transaction
  std::size_t notices_batch_max = 256;  // notices handed out between two batches
  milliseconds notice_poll{500};        // how often the ledger is asked for due notices, at least
  std::function<void()> on_thread;      // what the thread does first; nullptr: nothing
};

class sandbox_processor final : public processor {
 public:
  // nullptr: `error` says why the ledger cannot be opened. `clock` dates the ledger and decides when notices are due;
  // both outlive the processor.
  static std::unique_ptr<sandbox_processor> open(const settings& how, const runtime::clock& clock, runtime::log& log,
                                                 std::string& error);
  ~sandbox_processor() override;

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

 private:
  struct inbox;
  class worker;
  sandbox_processor(std::shared_ptr<inbox> in, std::unique_ptr<worker> by, std::size_t in_flight_max);

  const std::size_t in_flight_max_;
  std::shared_ptr<inbox> inbox_;  // shared with the notices that are out
  std::unique_ptr<worker> worker_;
  std::thread thread_;
};

}  // namespace novapay::sandbox
