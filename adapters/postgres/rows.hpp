// rows: between the port's values and PostgreSQL's columns. Internal to this adapter; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
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

// The parameters of the append statement: arrays of the records (8), the rows (12) and the keys (4). Records go by shard
// and rows by id, so that two nodes in each other's way wait for one another in one order.
std::vector<std::string> append_parameters(std::span<const runtime::append_entry> batch);

// A list's statement and its binary parameters.
struct list_sql {
  std::string sql;
  std::vector<std::string> parameters;
};
list_sql make_list_sql(const runtime::list_query& query);

}  // namespace novapay::postgres
