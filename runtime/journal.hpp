// journal: the durable truth as a port. Adapters: sqlite, postgres, memory; one contract suite.
//
// Each shard is a log with one writer. Its key is (shard, offset), and that key is the fence: the
// owner alone knows the next offset, so whoever appends after having lost the shard collides.
// An entity's own events carry a sequence (1, 2, 3, …), unique per entity: the second fence.
//
// The entity's row (its state and the columns it is listed by) is written in the same transaction
// as its events, so a list never lags behind an answer.
//
// A `journal` is one connection. Calls block and must come from one thread at a time: they belong
// in detached actors (log_writer_actor, log_reader_actor). No call throws. Every call has a deadline
// of its own (`call_timeout` of the adapter's settings), past which it reports `unavailable` or, if a commit
// was under way, `unknown`. A lost connection is made anew by the next call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/entity_id.hpp"

namespace novapay::runtime {

enum class record_type : std::uint8_t {
  claim = 1,
  event = 2,
  probe = 3,  // means nothing: written to learn whether a store that failed takes writes again
};

// One line of a shard's log.
struct log_record {
  shard_id shard{};
  std::uint64_t offset = 0;  // 0 is the first
  std::uint64_t epoch = 0;   // offset of the claim under which it was written (a claim's own offset)
  record_type type = record_type::event;
  entity_id entity;            // all zero for a claim and a probe
  std::uint64_t sequence = 0;  // per entity, from 1; 0 for a claim and a probe
  timestamp at{};
  std::string payload;  // versioned protobuf; opaque here

  friend bool operator==(const log_record&, const log_record&) = default;
};

// What an entity can be found by. Plain columns, never parsed by the runtime. Status and amount may change; scope,
// reference and labels stay those of the entity's first row, so that a store need index them only once.
struct listing {
  std::string scope;  // who may see it: "merchant/mode". Empty: not listed
  std::string status;
  std::string reference;  // the client's own name for it; may be empty
  std::string unit;       // currency code
  std::int64_t amount = 0;
  std::vector<std::pair<std::string, std::string>> labels;  // metadata

  friend bool operator==(const listing&, const listing&) = default;
};

// An entity's row, replaced as a whole by every append.
struct entity_row {
  entity_id id;
  shard_id shard{};
  std::string kind;           // "payment", …
  std::uint64_t version = 0;  // sequence of the last event in `state`
  std::string state;          // versioned protobuf; opaque here
  std::optional<timestamp> wake_at;
  listing listed;

  friend bool operator==(const entity_row&, const entity_row&) = default;
};

// The key under which a client created an entity. Kept 30 days, partitioned by week.
struct creation_key {
  std::string scope;
  std::string key;
  friend auto operator<=>(const creation_key&, const creation_key&) = default;
};

// One entity's share of a batch: contiguous offsets in one shard, the row after them.
struct append_entry {
  std::vector<log_record> records;  // at least one; claims and probes come without row and key
  std::optional<entity_row> row;
  std::optional<creation_key> key;  // only with the entity's first event
};

enum class append_status : std::uint8_t {
  committed,    // durable
  collided,     // some (shard, offset) or (entity, sequence) was taken; nothing was written
  unavailable,  // certainly nothing was written: no connection, refused, disk full
  unknown,      // the connection was lost, or the deadline passed, while committing
  rejected,     // the store refuses this data itself (a constraint or encoding); nothing was written
};

// `detail` is for the operator's log: never parsed, never shown to a client.
struct append_outcome {
  append_status status = append_status::committed;
  std::string detail;
};

// What a read gives: a value, or why there is none.
template <class T>
struct read_outcome {
  std::optional<T> value;
  std::string detail;  // set when there is no value
};

struct log_position {
  shard_id shard{};
  std::uint64_t offset = 0;
  friend auto operator<=>(const log_position&, const log_position&) = default;
};

struct shard_head {
  shard_id shard{};
  std::uint64_t next_offset = 0;  // 0: the log is empty
  std::uint64_t epoch = 0;        // of the last claim; 0 if there is none
};

inline constexpr std::size_t list_limit_max = 100;

// What one page may cost: entries of an index that are looked at for it; a tenth of that where each entry's row has to be
// fetched to be judged. About ten milliseconds either way, however many entities there are.
inline constexpr std::size_t list_examined_max = 10'000;
inline constexpr std::size_t list_rows_fetched_part = 10;

// All set filters hold at once. Newest first, ties by id.
struct list_query {
  std::string scope;
  std::string kind;
  std::optional<std::string> status;
  std::optional<timestamp> created_from;    // inclusive
  std::optional<timestamp> created_before;  // exclusive
  std::optional<std::int64_t> amount_from;  // inclusive
  std::optional<std::int64_t> amount_to;    // inclusive
  std::optional<std::string> reference;
  std::optional<std::string> label_key;      // has this metadata key …
  std::optional<std::string> label_value;    // … with this value (needs label_key)
  std::optional<entity_id> before;           // the cursor: ids strictly smaller
  std::size_t limit = 20;                    // 1 to list_limit_max
  std::size_t examined = list_examined_max;  // the page's cost, at most; at least 1
};

// `next` is the cursor for what comes after; without it this was the last page. A filter that few of very many entities
// pass may use up `examined` first: then the page is short, even empty, and `next` goes on from there.
struct list_page {
  std::vector<entity_row> rows;
  std::optional<entity_id> next;
};

class journal {
 public:
  virtual ~journal() = default;

  // All or nothing, in one transaction and one round trip. The records of one shard are contiguous and
  // ascending within the batch; the caller has filled in every offset and epoch.
  virtual append_outcome append(std::span<const append_entry> batch) = 0;

  // The heads of these shards, in the order asked.
  virtual read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) = 0;

  // What stands at these positions, in the order asked; nullopt where the log ends before.
  virtual read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) = 0;

  // The rows of these entities, in the order asked; nullopt for an unknown one.
  virtual read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) = 0;

  // The entities these keys made, in the order asked; nullopt for an unknown key.
  virtual read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key> keys) = 0;

  // Entities of any shard whose wake_at is at or before `until`, the longest due first.
  virtual read_outcome<std::vector<entity_id>> due(timestamp until, std::size_t limit) = 0;

  virtual read_outcome<list_page> list(const list_query& query) = 0;

  // One entity's events with sequence > `after`, ascending.
  virtual read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after,
                                                        std::size_t limit) = 0;

  // Makes the key partitions that will be needed soon and drops the ones past retention. Cheap to repeat;
  // several nodes may call it at once.
  virtual append_outcome maintain(timestamp now) = 0;
};

inline constexpr std::chrono::hours creation_key_retention{30 * 24};

// Opens connections. Thread-safe. Opening is lazy: `open` never fails, the first call connects.
class journal_store {
 public:
  virtual ~journal_store() = default;
  virtual std::unique_ptr<journal> open() = 0;
};

}  // namespace novapay::runtime
