// messages: what the runtime's actors send each other inside a node. None of these travels: between nodes goes the envelope.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <caf/all.hpp>

#include "runtime/entity.hpp"
#include "runtime/envelope.hpp"
#include "runtime/in_hand.hpp"
#include "runtime/journal.hpp"
#include "runtime/log_writer.hpp"
#include "runtime/responder.hpp"

namespace novapay::runtime {

// A command for an entity, with who waits for the answer. Internal ones (outcomes, wake-ups, notices) are not refused for load.
struct ask {
  envelope what;
  responder who;
  bool internal = false;
  in_hand counted = {};
  caf::actor_clock::time_point told_at = {};  // of an outcome: when it arrived from outside
};

// shard → entity
struct passivate {};
struct rest {};  // unused for a while: be small
struct shard_lost {
  std::string why;
};

// entity → shard
enum class departure : std::uint8_t { passivated, crashed, conflict, fenced };
struct departed {
  entity_id id;
  departure why{};
  std::string detail;
};
struct still_busy {
  entity_id id;
};

// entity → writer → entity; shard or host → writer
struct append_request {
  pending_append what;
  caf::actor from;
};
struct append_done {
  write_result result;
};
struct append_in_doubt {};  // it is not known when that append's outcome will be: nobody should wait for it
struct claim_request {
  std::vector<shard_id> shards;
  std::function<void(claim_result)> done;
};
struct maintenance_request {};
struct stop_request {};  // commit what has arrived, then end

// host → shard
struct claimed {
  std::uint64_t epoch = 0;
};
struct epoch_seen {
  std::uint64_t epoch = 0;
};  // of the log's last record: a later one than ours fences the shard

// shard → reader → shard. `epoch` tells answers of an earlier claim.
struct load_request {
  entity_id id;
  std::uint64_t epoch = 0;
  caf::actor from;
};
struct load_done {
  entity_id id;
  std::uint64_t epoch = 0;
  bool failed = false;
  std::optional<entity_row> row;
  std::string detail;
};
struct key_request {
  creation_key key;
  std::uint64_t epoch = 0;
  caf::actor from;
};
struct key_done {
  creation_key key;
  std::uint64_t epoch = 0;
  bool failed = false;
  std::optional<entity_id> found;
  std::string detail;
};

// Any one read, run in the reader's thread; what it calls must not block.
struct read_request {
  std::function<void(journal&)> run;
};

using flush_atom = caf::atom_constant<caf::atom("flush")>;
using sweep_atom = caf::atom_constant<caf::atom("sweep")>;
using retry_atom = caf::atom_constant<caf::atom("retry")>;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

}  // namespace novapay::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::passivate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::rest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::shard_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::departed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::still_busy)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::stop_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::epoch_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::append_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::append_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::append_in_doubt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::claim_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::maintenance_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::claimed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::load_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::load_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::key_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::key_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::read_request)
