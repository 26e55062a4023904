// journal_rules: what every journal adapter holds its data to, so that the stores refuse and forget alike.
//
// Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/journal.hpp"

namespace novapay::runtime {

// Bytes of each text that stands in an index: PostgreSQL refuses an index entry over 2704 bytes, and two of them
// share one with an id.
inline constexpr std::size_t indexed_text_max = 1000;
static_assert(2 * indexed_text_max + 64 < 2704);

// Why no store would take this batch, or nullopt: texts are UTF-8 without NUL, numbers fit a signed 64-bit column, an
// entry's records are contiguous in one shard, label keys are unique. Adapters answer `rejected` before sending anything.
std::optional<std::string> why_rejected(std::span<const append_entry> batch);

bool is_storable_text(std::string_view text) noexcept;  // UTF-8 (no surrogates, nothing overlong), no NUL

// The partition of a creation key: whole weeks since 1970, by its record's time.
std::int64_t key_week(timestamp at) noexcept;

// Partitions before this week hold nothing that is still kept.
std::int64_t first_kept_key_week(timestamp now) noexcept;

}  // namespace novapay::runtime
