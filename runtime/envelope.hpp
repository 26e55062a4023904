// envelope: one command for one entity, as it travels: to a shard of this node as it is, to another node as protobuf.
//
// `command` is the kind's own versioned encoding; the runtime never reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"
#include "runtime/entity_id.hpp"

namespace novapay::runtime {

struct envelope {
  std::string kind;
  entity_id entity;  // all zero for a creation: the shard makes the id
  std::string command;
  timestamp deadline{};      // work not begun by then is dropped with `deadline_exceeded`
  std::string trace;         // request id, for the log
  std::string scope;         // the entity must be listed under it, or it is `not_found`; empty: no check
  std::string creation_key;  // not empty: create under this key in `scope`, or find what it made
  std::string call;          // not empty: the outcome of the owed call of this key

  friend bool operator==(const envelope&, const envelope&) = default;
};

placement_hash placement_of(const envelope& what) noexcept;

inline constexpr std::uint32_t envelope_format = 1;
std::string encode(const envelope& what);
// nullopt: not an envelope, or of a format this version does not know. `call` does not travel.
std::optional<envelope> decode_envelope(std::string_view bytes);

}  // namespace novapay::runtime
