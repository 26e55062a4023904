// context: what every actor of one host shares. Made by host.cpp before the first actor and constant afterwards.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "runtime/clock.hpp"
#include "runtime/entity.hpp"
#include "runtime/limits.hpp"
#include "runtime/log.hpp"
#include "runtime/messages.hpp"
#include "runtime/metrics.hpp"
#include "runtime/random.hpp"
#include "runtime/store_health.hpp"

namespace novapay::runtime {

// Entities that keep crashing: shown to the operator, and released by them. Thread-safe.
class quarantine {
 public:
  struct entry {
    entity_id id;
    std::string detail;
  };
  void add(const entity_id& id, std::string detail);
  bool holds(const entity_id& id) const;
  bool release(const entity_id& id);  // false: it was not in there
  std::vector<entry> list() const;

 private:
  std::atomic<std::size_t> count_{0};
  mutable std::mutex mutex_;
  std::map<entity_id, std::string> held_;
};

struct runtime_metrics {
  explicit runtime_metrics(metrics& registry);
  histogram& batch_appends;
  histogram& commit_seconds;
  gauge& writer_queue;
  gauge& live_entities;
  counter& activations;
  counter& passivations;
  counter& entity_crashes;
  counter& overloaded;
  counter& fenced;
  counter& unknown_commits;
  counter& timers_fired;
};

struct context {
  context(clock& now, random_source& entropy, log& lines, limits limit, metrics& registry, unsigned bits);

  clock& time;
  random_source& random;
  log& logger;
  limits bounds;
  runtime_metrics series;
  store_health store;
  quarantine held;
  std::map<std::string, std::shared_ptr<const entity_kind>> kinds;
  std::function<void(ask)> route;                           // to the shard that owns it
  std::function<void(shard_id, std::uint64_t)> tell_shard;  // the epoch its log was seen to have
  caf::actor writer;
  caf::actor loader;                       // activations and key look-ups, batched
  caf::actor reader;                       // timers, repetitions, fences
  caf::actor lister;                       // lists and histories: a slow one delays nobody else
  std::vector<std::atomic<bool>> claimed;  // by shard: does it hold its log?

  std::int64_t claimed_count() const noexcept;
};
using shared_context = std::shared_ptr<context>;

}  // namespace novapay::runtime
