// journal_contract: what the cases of the contract write with.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "runtime/journal.hpp"
#include "tests/contract/benches.hpp"

namespace novapay::test {

using namespace runtime;

inline timestamp at_ms(std::int64_t ms) { return timestamp{std::chrono::milliseconds{ms}}; }
inline const timestamp noon = at_ms(1'790'000'000'000);

inline entity_id entity(std::uint64_t n) { return make_entity_id(noon, placement_hash{}, n); }

// A claim at this offset.
append_entry claim(shard_id shard, std::uint64_t offset, const std::string& payload = "claim");

// The events `sequence`, `sequence` + 1, … of one entity, and its row after them.
append_entry events(shard_id shard, std::uint64_t offset, std::uint64_t epoch, const entity_id& id,
                    std::uint64_t sequence, std::size_t count = 1);

append_status append(journal& log, const std::vector<append_entry>& batch);

// The value of a read that must succeed.
template <class T>
T value_of(read_outcome<T> outcome) {
  INFO(outcome.detail);
  REQUIRE(outcome.value.has_value());
  return std::move(*outcome.value);
}

shard_head head_of(journal& log, shard_id shard);
std::optional<log_record> record_at(journal& log, shard_id shard, std::uint64_t offset);
std::optional<entity_row> row_of(journal& log, const entity_id& id);

}  // namespace novapay::test
