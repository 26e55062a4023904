// rows: between the port's values and PostgreSQL's columns. Internal to this adapter; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/postgres/connection.hpp"
#include "runtime/journal.hpp"

namespace novapay::postgres {

inline std::int64_t as_ms(runtime::timestamp at) { return at.time_since_epoch().count(); }
inline std::string_view as_bytes(const runtime::entity_id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

runtime::entity_id read_id(const result_rows& rows, int row, int column);

// Columns shard, "offset", epoch, type, entity_id, sequence, at_ms, payload, from `column` on.
runtime::log_record read_record(const result_rows& rows, int row, int column);

// Columns id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels.
runtime::entity_row read_entity(const result_rows& rows, int row, int column);

// The parameters of the append statement: arrays of the records (8), the rows (12), the keys (4) and the terms (4). Records
// go by shard and rows by id, so that two nodes in each other's way wait for one another in one order.
std::vector<std::string> append_parameters(std::span<const runtime::append_entry> batch);

std::string labels_jsonb(const std::vector<std::pair<std::string, std::string>>& labels);

// entity_term: what an entity is found by, hashed by the server. The names of its keys; two that are spelt alike do no
// harm, for whoever finds an entity looks at its row as well.
std::string reference_term(std::string_view scope, std::string_view kind);
std::string label_term(std::string_view scope, std::string_view kind, std::string_view label);

// Terms are filed by the time of birth in steps of 2^29 ms, six days: see 0002_terms.sql.
inline constexpr int era_bits = 29;
std::int32_t era_of(runtime::timestamp at) noexcept;

}  // namespace novapay::postgres
