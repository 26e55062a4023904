// world: nodes, their store, their processors and their clients in one thread, moved by one seed.
//
// Every node is a real host on CAF's test scheduler, whose job queue is permuted by the seed. The store is the memory journal,
// the processors the sandbox's simulated ones; all take faults from the seed. A crash cuts the node's journal and processor
// off at that very message, then throws the node away. A failing seed fails again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/hosted_payments.hpp"
#include "adapters/memory/journal.hpp"
#include "runtime/host.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/support/silent_ports.hpp"

namespace novapay::sim {

struct world_settings {
  std::uint64_t seed = 1;
  unsigned shard_bits = 2;
  std::vector<std::string> processors{"sandbox"};  // a payment's route is these, from one of them on
  unsigned accept = 0;                             // of a thousand, see sim_network
  unsigned deny = 0;
  sandbox::sim_faults processor_faults;
  unsigned store_faults = 0;  // of a thousand steps: the next append meets a fault
  runtime::limits bounds;
};

class node;

// What a client was told of one call.
struct told {
  bool answered = false;
  std::optional<answer> ok;
  std::optional<domain::refusal> refused;
  std::optional<trouble_report> trouble;
};
using promise = std::shared_ptr<told>;

class world {
 public:
  explicit world(world_settings settings);
  ~world();

  void start_node();  // it claims every shard, so it fences the one before
  void crash_node();  // the newest one
  void
  keep_owner();  // only the node that claimed last goes on; whichever was started first, that is the log's decision

  promise create(const std::string& key, std::int64_t amount, domain::capture_method method, const std::string& token);
  promise ask(const std::string& payment, domain::command_type what);
  std::optional<std::vector<history_entry>> history(const std::string& payment);  // runs the world until it is there

  void step();  // one message, one processor step, or a little time
  void run(std::size_t steps);
  void settle();       // faults end; time passes until nothing is owed any more
  bool ready() const;  // the one node owns every shard
  bool answered(const promise& what) const { return what->answered; }

  testing::seeded_random& roll() { return roll_; }
  const std::map<std::string, std::shared_ptr<sandbox::memory_ledger>>& ledgers() const { return beyond_->ledgers; }
  memory::journal_store& store() { return *store_; }
  unsigned shard_bits() const { return settings_.shard_bits; }
  domain::timestamp now() const { return clock_.now(); }
  bool log_has(std::string_view part) const { return log_.has(part); }

 private:
  caller someone();
  void advance(std::chrono::milliseconds by);
  void inject();

  world_settings settings_;
  testing::seeded_random roll_;
  testing::seeded_random entropy_;
  testing::fake_clock clock_{std::chrono::milliseconds{1}};
  testing::remembering_log log_;
  testing::silent_metrics metrics_;
  std::shared_ptr<memory::journal_store> store_;
  std::shared_ptr<outside> beyond_;
  sandbox::sim_settings processor_settings_;
  std::vector<std::unique_ptr<node>> nodes_;  // the last one is the newest
  bool calm_ = false;
  friend class node;
};

}  // namespace novapay::sim
