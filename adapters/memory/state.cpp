#include "adapters/memory/state.hpp"

#include <algorithm>

#include "runtime/journal_rules.hpp"

namespace novapay::memory {

using namespace runtime;

void journal_store::state::let_arrive() {
  auto waiting = std::exchange(in_flight, {});
  for (auto& late : waiting) {
    if (--late.calls_left == 0)
      apply(late.batch);
    else
      in_flight.push_back(std::move(late));
  }
}

bool journal_store::state::read_fails() {
  if (reads_failing == 0) return false;
  if (reads_passing > 0) {
    --reads_passing;
    return false;
  }
  --reads_failing;
  return true;
}

append_outcome journal_store::state::append(std::span<const append_entry> batch) {
  if (auto why = why_rejected(batch)) return {append_status::rejected, std::move(*why)};
  if (append_faults.empty()) {
    if (apply(batch)) return {};
    return {append_status::collided, "an offset or a sequence is taken"};
  }

  const auto [fault, calls] = append_faults.front();
  append_faults.pop_front();
  switch (fault) {
    case append_fault::unavailable: return {append_status::unavailable, "scripted"};
    case append_fault::unknown_lost: return {append_status::unknown, "scripted: lost"};
    case append_fault::unknown_applied:
      if (!apply(batch)) return {append_status::unknown, "scripted: collided, and the answer was lost"};
      return {append_status::unknown, "scripted: applied"};
    case append_fault::unknown_applied_late:
      in_flight.push_back({{batch.begin(), batch.end()}, std::max<std::size_t>(calls, 1)});
      return {append_status::unknown, "scripted: in flight"};
  }
  return {append_status::unavailable, "no such fault"};
}

bool journal_store::state::apply(std::span<const append_entry> batch) {
  std::set<log_position> offsets;
  std::set<std::pair<entity_id, std::uint64_t>> sequences;
  for (const auto& entry : batch) {
    for (const auto& record : entry.records) {
      const log_position at{record.shard, record.offset};
      if (log.contains(at) || !offsets.insert(at).second) return false;
      if (record.type != record_type::event) continue;
      const std::pair event{record.entity, record.sequence};
      if (events.contains(event) || !sequences.insert(event).second) return false;
    }
  }

  for (const auto& entry : batch) {
    for (const auto& record : entry.records) {
      log.emplace(log_position{record.shard, record.offset}, record);
      if (record.type == record_type::event)
        events.emplace(std::pair{record.entity, record.sequence}, log_position{record.shard, record.offset});
    }
    if (entry.row) {
      auto& stored = rows[entry.row->id] = *entry.row;
      std::ranges::sort(stored.listed.labels);  // as the other stores give them back
    }
    const auto& first = entry.records.front();
    if (entry.key) keys.emplace(*entry.key, stored_key{key_week(first.at), first.entity});
  }
  return true;
}

}  // namespace novapay::memory
