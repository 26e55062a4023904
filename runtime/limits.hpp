// limits: every bound of the runtime, by name. A config file may change the ones in `limits`.
#pragma once

#include <chrono>
#include <cstddef>

namespace novapay::runtime {

using namespace std::chrono_literals;

struct limits {
  std::size_t commands_per_shard = 1024;      // admitted and unanswered; over it: `overloaded`
  std::size_t commands_per_entity = 512;      // waiting while an append is under way; over it: `overloaded`
  std::size_t live_entities_per_shard = 64;   // over it the longest idle one leaves memory
  std::chrono::milliseconds idle_after{30s};  // an entity unused for this long leaves memory
};

// A batch is whatever arrived while the last one was committed, up to:
inline constexpr std::size_t batch_appends_max = 512;
inline constexpr std::size_t batch_bytes_max = 4u << 20;
inline constexpr std::size_t batch_reads_max = 512;
inline constexpr std::size_t writer_queue_max = 16'384;  // appends that wait while a commit is unresolved

// While the store is out of reach: how often an unresolved commit, a claim or an outcome's append is tried again.
inline constexpr std::chrono::milliseconds resolve_every{100ms};
inline constexpr std::chrono::milliseconds claim_retry_every{500ms};
inline constexpr std::chrono::milliseconds outcome_retry_every{500ms};

// While the store fails it is asked only this often whether it works again; a write that takes this long is taken for one that
// fails. A probe fills a page of any store, so that it does not fit into what is left of the last one on a full disk.
inline constexpr std::chrono::milliseconds store_probe_every{200ms};
inline constexpr std::chrono::milliseconds store_stall_max{3s};
inline constexpr std::chrono::milliseconds store_patience{
    2s};  // of clients whose command is on its way when the store fails
inline constexpr std::size_t probe_records = 8;
inline constexpr std::size_t probe_record_bytes = 1000;

// An entity unused for this long rests: it stays, and takes as little memory as it can.
inline constexpr std::chrono::milliseconds rest_after{2s};

// A shard's sweeper: idle entities, lapsed deadlines. Shards whose time comes within the same step are woken together: with a moment
// for each, a busy node's timer thread would wake a thousand times a second.
inline constexpr std::chrono::milliseconds sweep_every{1s};
inline constexpr std::chrono::milliseconds sweep_step{10};

// An entity that crashes this often within the window is quarantined.
inline constexpr std::size_t crashes_max = 3;
inline constexpr std::chrono::milliseconds crash_window{60s};

// The timekeeper asks the store this often for what is due, so many at a time, and gives a woken entity so long before it
// is woken again.
inline constexpr std::chrono::milliseconds timer_every{250ms};
inline constexpr std::size_t timer_batch_max = 1000;
inline constexpr std::chrono::milliseconds rewake_after{5s};
inline constexpr std::chrono::milliseconds wake_patience{
    10s};  // then the next batch is asked for, whatever is unanswered
// Right after claiming, what will be due this soon is woken at once: it may owe calls that a crash cut off.
inline constexpr std::chrono::milliseconds recovery_horizon{60s};

// How often the log's heads are read to learn of shards that have another owner: bounds how long a fenced node can answer reads
// from what it holds in memory.
inline constexpr std::chrono::milliseconds fence_check_every{2s};

// Keys of creations each shard remembers, so that repetitions soon after need no read.
inline constexpr std::size_t remembered_keys_max = 128;

// An entity's events read for one replay.
inline constexpr std::size_t replay_events_max = 10'000;

inline constexpr std::chrono::hours maintenance_every{6};

}  // namespace novapay::runtime
