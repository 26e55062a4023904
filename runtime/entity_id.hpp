// entity_id: 128 bits that say when an entity was born and in which shard it lives.
//
//   bytes 0-5   milliseconds since 1970, big endian: ids sort by time, so index inserts stay local
//   bytes 6-7   placement hash: its leading bits are the shard, so doubling the shards moves no id
//   bytes 8-15  random
//
// Text form: 26 characters of Crockford base 32, lower case (no i, l, o, u). A kind's prefix such as
// "pay_" is added and taken off by the code that knows the kind.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"

namespace novapay::runtime {

inline constexpr std::size_t entity_id_text_size = 26;

enum class placement_hash : std::uint16_t {};
enum class shard_id : std::uint16_t {};

struct entity_id {
  std::array<std::uint8_t, 16> bytes{};

  friend constexpr auto operator<=>(const entity_id&, const entity_id&) noexcept = default;

  timestamp created_at() const noexcept;
  placement_hash placement() const noexcept;
};

entity_id make_entity_id(timestamp at, placement_hash where, std::uint64_t random) noexcept;

// The smallest id born at `at`: the bound for "created since" over a time-ordered key.
entity_id first_entity_id_at(timestamp at) noexcept;

std::string to_text(const entity_id& id);
std::optional<entity_id> parse_entity_id(std::string_view text) noexcept;  // exactly 26 characters

// Stable across processes and versions: FNV-1a over the parts (each closed by a zero byte), mixed.
placement_hash place(std::string_view scope, std::string_view key) noexcept;

// `shard_bits` is log2 of the number of shards, 0 to 16.
shard_id shard_of(placement_hash where, unsigned shard_bits) noexcept;

}  // namespace novapay::runtime

template <>
struct std::hash<novapay::runtime::entity_id> {
  std::size_t operator()(const novapay::runtime::entity_id& id) const noexcept;
};
