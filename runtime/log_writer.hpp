// log_writer: turns appends of many entities into batches the journal can fence.
//
// It knows every claimed shard's next offset and epoch, because it alone writes there. On a collision it
// reads the log to learn which shards have moved, answers `fenced` to those and appends the rest again. After
// an unknown commit it reads the log at the expected offsets: what stands there under our own epoch
// is ours (nobody else writes under it, and we never try other records at an offset before the first try
// is resolved), so the batch happened; if nothing stands there the same records are tried again at the same
// offsets, and a collision with our own epoch then means that the first try arrived after all.
//
// Synchronous and single-threaded: the actor around it (log_writer_actor) owns it in a thread of its own. No
// clock but the one passed in, no sleep: what can't be resolved now stays unresolved and is resolved first
// by the next call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/journal.hpp"

namespace novapay::runtime {

// What an entity wants durable. `epoch` is the claim under which the entity's state was read.
struct pending_append {
  shard_id shard{};
  std::uint64_t epoch = 0;
  entity_id entity;
  std::uint64_t first_sequence = 0;
  std::vector<std::string> events;  // payloads, at least one
  timestamp at{};
  entity_row row;
  std::optional<creation_key> key;
};

enum class write_status : std::uint8_t {
  committed,
  fenced,       // another owner has the shard, or it is not claimed under this epoch
  conflict,     // (entity, sequence) is taken though the shard is ours: the entity must be read again
  unavailable,  // nothing was written
  unknown,      // still unresolved when this call ended: nobody may be told either way; see `resolve`
  rejected,     // the store refuses the data; nothing was written
};

struct write_result {
  write_status status = write_status::committed;
  std::string detail;
};

struct claim_result {
  write_status status = write_status::committed;  // committed, unavailable or unknown
  std::string detail;
  std::vector<shard_head> claimed;  // epoch and next offset of each, when committed
};

class log_writer {
 public:
  // `incarnation` names this run of this node in its claim records.
  log_writer(std::unique_ptr<journal> log, std::string node, std::uint64_t incarnation);
  ~log_writer();

  // Appends a claim record to every shard in one batch; a shard whose head moved meanwhile is read and tried
  // again (at most `claim_attempts_max` times).
  claim_result claim(std::span<const shard_id> shards, timestamp at);

  // One result for each append, in order. If an earlier batch is unresolved it is resolved first; while it cannot
  // be, everything else is answered `unavailable`.
  std::vector<write_result> commit(std::vector<pending_append> batch);

  // Looks at the unresolved batch again. nullopt: there is none or it is still unresolved; otherwise one final result
  // for each append that was answered `unknown`, in their order (the batch's others had theirs from `commit`).
  bool unresolved() const noexcept;
  std::optional<std::vector<write_result>> resolve();

  // Appends records that mean nothing (record_type::probe) to a shard it holds: does the store take writes? While an earlier
  // batch is unresolved, `unavailable`; `unknown` if this one is: then `resolve` must be called before the next.
  write_result probe(timestamp at);

  // Forgets a shard: later appends to it are fenced. For a hand-over.
  void release(shard_id shard);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

inline constexpr int claim_attempts_max = 5;

}  // namespace novapay::runtime
