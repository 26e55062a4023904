// host: the runtime of one node, put together. One node is a cluster of one: commands go through the same router, shards and
// fences as they will with many.
//
// Threads: every public function may be called from any thread once `start` has returned.
// Ownership: the actor system, the ports and the store outlive the host. `stop` is called before any of them goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include "runtime/context.hpp"

namespace novapay::runtime {

inline constexpr unsigned shard_bits_default = 10;  // 1024 shards
inline constexpr unsigned shard_bits_max = 12;

// A shard that dies this often within crash_window ends the process: what cannot be mended must be seen.
inline constexpr std::size_t shard_restarts_max = 5;

struct host_settings {
  std::string node = "node-1";
  std::uint64_t incarnation = 0;  // random, new for every run
  unsigned shard_bits = shard_bits_default;
  limits bounds;
  bool detached = true;  // false: no threads of our own, for CAF's test scheduler
};

struct host_ports {
  clock& time;
  random_source& random;
  log& logger;
  metrics& registry;
  std::shared_ptr<journal_store> store;
};

struct host_core;

class host {
 public:
  // `fatal` is called when something has died that cannot be restarted: the process should end.
  host(caf::actor_system& system, host_settings settings, host_ports ports,
       std::vector<std::shared_ptr<const entity_kind>> kinds, std::function<void(std::string)> fatal);
  ~host();
  host(const host&) = delete;
  host& operator=(const host&) = delete;

  // Spawns the actors and begins to claim every shard; claiming is tried again until the store is there.
  void start();

  // To the shard that owns it. The answer goes to `job.who`.
  void route(ask job) const;
  // A read on a connection of its own, in that thread; must not block. False: the node is starting or stopping, and `run` is
  // dropped. It is also dropped uncalled when the node stops meanwhile.
  bool read(std::function<void(journal&)> run) const;

  bool ready() const noexcept;  // every shard is claimed, and the store works
  const store_health& store() const noexcept;
  std::int64_t shards_claimed() const noexcept;
  std::int64_t shards_total() const noexcept;
  // Commands of clients, and outcomes of calls, that are neither durable nor refused yet (in_hand.hpp).
  std::size_t commands_in_hand() const noexcept;
  quarantine& held() const noexcept;

  // Refuses new commands, ends the actors and waits for their end. Answers still owed come as `outcome_unknown` or `unavailable`.
  void stop();

 private:
  std::shared_ptr<host_core> impl_;
};

}  // namespace novapay::runtime
