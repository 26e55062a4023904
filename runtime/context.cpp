#include "runtime/context.hpp"

#include <algorithm>
#include <utility>

namespace novapay::runtime {

void quarantine::add(const entity_id& id, std::string detail) {
  const std::lock_guard lock(mutex_);
  held_[id] = std::move(detail);
  count_ = held_.size();
}

bool quarantine::holds(const entity_id& id) const {
  if (count_.load(std::memory_order_relaxed) == 0) return false;  // the ordinary case takes no lock
  const std::lock_guard lock(mutex_);
  return held_.contains(id);
}

bool quarantine::release(const entity_id& id) {
  const std::lock_guard lock(mutex_);
  const bool was_held = held_.erase(id) > 0;
  count_ = held_.size();
  return was_held;
}

std::vector<quarantine::entry> quarantine::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<entry> all;
  for (const auto& [id, detail] : held_) all.push_back({id, detail});
  return all;
}

context::context(clock& now, random_source& entropy, log& lines, limits limit, metrics& registry, unsigned bits)
    : time(now),
      random(entropy),
      logger(lines),
      bounds(limit),
      series(registry),
      store(now, lines, registry),
      claimed(std::size_t{1} << bits) {}

std::int64_t context::claimed_count() const noexcept {
  return std::count_if(claimed.begin(), claimed.end(), [](const auto& held_now) { return held_now.load(); });
}

runtime_metrics::runtime_metrics(metrics& registry)
    : batch_appends(registry.spread("novapay_journal_batch_appends", "Appends in one commit",
                                    {1, 2, 4, 8, 16, 32, 64, 128, 256, 512})),
      commit_seconds(
          registry.spread("novapay_journal_commit_duration_seconds", "Time of one commit", duration_buckets_seconds())),
      writer_queue(registry.level("novapay_journal_queue_appends", "Appends waiting for the next commit")),
      live_entities(registry.level("novapay_entities_live", "Entities in memory")),
      activations(registry.count("novapay_entities_activations_total", "Entities brought into memory")),
      passivations(registry.count("novapay_entities_passivations_total", "Idle entities that left memory")),
      entity_crashes(registry.count("novapay_entities_crashes_total", "Entities dropped after an exception")),
      overloaded(registry.count("novapay_commands_overloaded_total", "Commands refused by a full queue")),
      fenced(registry.count("novapay_shards_fenced_total", "Shards lost to another owner")),
      unknown_commits(
          registry.count("novapay_journal_unknown_commits_total", "Commits whose outcome had to be looked up")),
      timers_fired(registry.count("novapay_timers_fired_total", "Entities woken at their wake_at")) {}

}  // namespace novapay::runtime
