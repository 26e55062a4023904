// entity: what the runtime needs of one kind of thing it hosts. A kind gives five pure functions over its own state,
// commands and events (decide, evolve, owed, wake_at, summary) and their encoding; typed_entity.hpp makes an `entity` of them.
//
// An entity object belongs to one actor and is used by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/journal.hpp"

namespace novapay::runtime {

// Hands the encoded outcome command of an outside call back. Callable once, from any thread.
using deliver = std::function<void(std::string command)>;

// A call to the outside that the state still owes. `key` never changes for its intent.
struct owed_call {
  std::string key;
  std::function<void(deliver)> start;  // returns at once
};

// An operation whose client may be answered, and the state its answer shows.
struct answered_operation {
  std::uint64_t operation = 0;
  std::uint64_t version = 0;
  std::string state;
};

// What one command leads to. `refused` excludes events.
struct verdict {
  std::optional<std::string> refused;        // the kind's encoded refusal
  std::vector<std::string> events;           // encoded, in order; empty: nothing changes
  std::uint64_t operation = 0;               // the caller's answer is this operation's; 0: the state as it is
  entity_row row;                            // after the events, if there are any
  std::vector<answered_operation> answered;  // by these events, if somebody may be waiting
};

class entity {
 public:
  virtual ~entity() = default;

  // Decides and keeps what was decided until `commit` or the next `decide`. May throw on a command that cannot be decoded.
  virtual verdict decide(const std::string& command, timestamp now) = 0;
  // The events of the last verdict are durable: the state moves on.
  virtual void commit() = 0;
  // Not needed for a while: keeps itself as small as it can. Nothing that was decided waits for its commit.
  virtual void rest() = 0;

  virtual std::vector<owed_call> owed() const = 0;
  // The version at which an operation was answered; 0: it is still open.
  virtual std::uint64_t answered_at(std::uint64_t operation) const = 0;
  virtual std::uint64_t version() const = 0;
  virtual std::string encoded_state() const = 0;
  virtual entity_row row() const = 0;            // of the present state, as an append would write it
  virtual const std::string& scope() const = 0;  // of its listing; empty before the first event
};

// Thread-safe; lives as long as the runtime.
class entity_kind {
 public:
  virtual ~entity_kind() = default;
  virtual const std::string& name() const = 0;
  virtual std::unique_ptr<entity> make(const entity_id& id, shard_id shard) const = 0;
  // Throws std::runtime_error when the stored state cannot be read (damaged, or written by a newer version).
  virtual std::unique_ptr<entity> load(const entity_row& row) const = 0;
  // The encoded state after these events, the first of which is the entity's first. Throws as load does.
  virtual std::string replay(const entity_id& id, const std::vector<log_record>& events) const = 0;
  virtual std::string resume_command()
      const = 0;  // "calls you owe may have been sent by an earlier life"; leads to events
  virtual std::string wake_command() const = 0;   // "your wake_at has come"
  virtual std::string query_command() const = 0;  // "answer your state"
};

}  // namespace novapay::runtime
