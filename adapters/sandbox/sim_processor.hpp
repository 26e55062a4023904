// sim_processor: the sandbox for simulation. No thread, no file, no time of its own: send() only queues, and nothing happens
// until step(random) lets one thing happen, chosen by that number: a request arrives, an answer arrives, a request or an
// answer is lost, a request arrives twice or long after it was given up, a notice is delivered (perhaps once more).
// The same calls and the same numbers give the same run.
//
// Several processors (one for each node) may share one memory_ledger, as processes share the sandbox's file: the world
// behind them. When a node dies call sever(): its answers are forgotten, its requests are still on the wire.
//
// Everything here runs on the simulation's one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/processor.hpp"
#include "adapters/sandbox/behaviour.hpp"
#include "runtime/clock.hpp"

namespace novapay::sandbox {

// What the SQLite ledger is to the sandbox, in memory.
class memory_ledger {
 public:
  const std::deque<ledger_entry>& operations() const noexcept { return operations_; }  // in order of arrival
  const std::deque<ledger_notice>& notices() const noexcept { return notices_; }       // id is index + 1
  const std::vector<anomaly>& anomalies() const noexcept { return anomalies_; }

  const ledger_entry* find(const std::string& idempotency_key) const;
  std::vector<ledger_entry> of_payment(const std::string& payment) const;
  payment_sums sums(const std::string& payment) const { return sum_up(of_payment(payment)); }

  verdict weigh(const processor_call& call, const rules& by, timestamp now) const;
  void apply(const verdict& what);

  std::vector<std::int64_t> due(timestamp now) const;  // open notices, the longest due first
  std::optional<timestamp> next_due() const;
  ledger_notice take(std::int64_t notice, const rules& by, timestamp now);  // counts as a delivery
  void acknowledge(std::int64_t notice, timestamp now);
  void queue(ledger_notice what);

 private:
  std::deque<ledger_entry> operations_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_payment_;
  std::deque<ledger_notice> notices_;
  std::set<std::pair<timestamp, std::int64_t>> open_;  // not acknowledged, by next_at
  std::vector<anomaly> anomalies_;
};

// Of a thousand. A call is hit by at most one of the first five.
struct sim_faults {
  unsigned lose_request = 0;        // never executed, ends unknown
  unsigned lose_answer = 0;         // executed, ends unknown
  unsigned late_request = 0;        // ends unknown, and is executed afterwards, whenever a later step says so
  unsigned repeat_request = 0;      // arrives twice
  unsigned busy = 0;                // not executed, "rate_limited"
  unsigned repeat_notice = 0;       // delivered once more, although acknowledged
  unsigned fail_capture_later = 0;  // of captures approved: a late failure instead of a settlement
  unsigned fail_refund_later = 0;
};

struct sim_settings {
  rules behaviour;
  sim_faults faults;
  std::size_t in_flight_max = 10'000;  // over it send() answers not_executed "processor_busy" at once
};

class sim_processor final : public processor {
 public:
  // `clock` outlives the processor.
  sim_processor(const sim_settings& how, const runtime::clock& clock, std::shared_ptr<memory_ledger> ledger);

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

  std::size_t pending() const;               // what a step could let happen now
  std::optional<timestamp> next_at() const;  // when the next thing becomes possible; nullopt: nothing ever will
  void step(std::uint64_t random);           // does nothing while pending() is 0
  void sever();                              // the node died: until listen() nobody hears

  const memory_ledger& ledger() const noexcept { return *ledger_; }

 private:
  struct flight {  // one call under way
    processor_call call;
    processor_done done;                    // empty: nobody waits for it
    std::optional<domain::outcome> answer;  // nullopt: the request is still on the wire
    timestamp ready_at{};
  };
  void arrive(flight now, std::uint64_t random);
  void deliver(std::int64_t notice, std::uint64_t random);
  verdict execute(const processor_call& call, std::uint64_t random);
  void answer(flight now, domain::outcome outcome, milliseconds delay);

  const sim_settings how_;
  const runtime::clock& clock_;
  const std::shared_ptr<memory_ledger> ledger_;
  std::vector<flight> flights_;
  notice_sink sink_;
};

}  // namespace novapay::sandbox
