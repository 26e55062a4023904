// rows: between the port's values and SQLite's columns. Internal to this adapter.
#pragma once

#include <string>

#include "adapters/sqlite/connection.hpp"
#include "runtime/journal.hpp"

namespace novapay::sqlite {

// The columns, in the order the readers below expect them.
inline constexpr const char* record_columns = "shard, \"offset\", epoch, type, entity_id, sequence, at_ms, payload";
inline constexpr const char* entity_columns =
    "entity.id, entity.shard, entity.kind, entity.version, entity.state, entity.wake_at_ms, entity.scope, "
    "entity.status, "
    "entity.reference, entity.unit, entity.amount_minor, entity.labels";

runtime::log_record read_record(const statement& row);
runtime::entity_row read_entity(const statement& row);
runtime::entity_id read_id(const statement& row, int column);

// A JSON object of strings, keys sorted.
std::string labels_json(const runtime::listing& listed);

inline std::string_view as_blob(const runtime::entity_id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}
inline std::int64_t as_ms(runtime::timestamp at) { return at.time_since_epoch().count(); }

}  // namespace novapay::sqlite
