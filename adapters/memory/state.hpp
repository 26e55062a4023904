// state: what all journals of one memory store share. Every function needs the mutex held.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "adapters/memory/journal.hpp"

namespace novapay::memory {

struct journal_store::state {
  struct scripted_fault {
    append_fault fault;
    std::size_t calls;
  };
  struct late_batch {
    std::vector<runtime::append_entry> batch;
    std::size_t calls_left;
  };
  struct stored_key {
    std::int64_t week;
    runtime::entity_id entity;
  };

  std::mutex mutex;
  std::map<runtime::log_position, runtime::log_record> log;
  std::map<std::pair<runtime::entity_id, std::uint64_t>, runtime::log_position> events;  // the second fence
  std::map<runtime::entity_id, runtime::entity_row> rows;
  std::multimap<runtime::creation_key, stored_key> keys;

  std::deque<scripted_fault> append_faults;
  std::size_t reads_passing = 0;
  std::size_t reads_failing = 0;
  std::vector<late_batch> in_flight;

  // Counts a call: what was in flight for long enough arrives.
  void let_arrive();
  bool read_fails();

  runtime::append_outcome append(std::span<const runtime::append_entry> batch);

  // All or nothing; false: collided.
  bool apply(std::span<const runtime::append_entry> batch);
};

}  // namespace novapay::memory
