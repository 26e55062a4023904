#include "adapters/postgres/rows.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "adapters/postgres/binary.hpp"
#include "runtime/journal_rules.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

std::vector<std::pair<std::string, std::string>> parse_labels(std::string_view jsonb) {
  std::vector<std::pair<std::string, std::string>> labels;
  if (jsonb.empty() || jsonb.front() != jsonb_version) return labels;
  const auto parsed = nlohmann::json::parse(jsonb.substr(1), nullptr, false);
  if (!parsed.is_object()) return labels;
  for (const auto& [key, value] : parsed.items())
    if (value.is_string()) labels.emplace_back(key, value.get<std::string>());
  return labels;  // sorted by key: nlohmann keeps objects in a std::map
}

void add_records(std::span<const append_entry> batch, std::vector<std::string>& parameters) {
  std::vector<const append_entry*> entries;
  for (const auto& entry : batch) entries.push_back(&entry);
  std::ranges::stable_sort(entries, {}, [](const append_entry* e) { return e->records.front().shard; });

  binary_array shard{oid::int4}, offset{oid::int8}, epoch{oid::int8}, type{oid::int2}, entity{oid::uuid},
      sequence{oid::int8}, at_ms{oid::int8}, payload{oid::bytea};
  for (const auto* entry : entries) {
    for (const auto& record : entry->records) {
      shard.add_integer(static_cast<std::int32_t>(record.shard));
      offset.add_integer(static_cast<std::int64_t>(record.offset));
      epoch.add_integer(static_cast<std::int64_t>(record.epoch));
      type.add_integer(static_cast<std::int16_t>(record.type));
      entity.add(as_bytes(record.entity));
      sequence.add_integer(static_cast<std::int64_t>(record.sequence));
      at_ms.add_integer(as_ms(record.at));
      payload.add(record.payload);
    }
  }
  for (const auto* array : {&shard, &offset, &epoch, &type, &entity, &sequence, &at_ms, &payload})
    parameters.push_back(array->take());
}

void add_rows(std::span<const append_entry> batch, std::vector<std::string>& parameters) {
  std::map<entity_id, const entity_row*> rows;  // one statement may write a row only once: the last one counts
  for (const auto& entry : batch)
    if (entry.row) rows[entry.row->id] = &*entry.row;

  binary_array id{oid::uuid}, shard{oid::int4}, kind{oid::text}, version{oid::int8}, state{oid::bytea}, wake{oid::int8},
      scope{oid::text}, status{oid::text}, reference{oid::text}, unit{oid::text}, amount{oid::int8}, labels{oid::jsonb};
  for (const auto& [key, row] : rows) {
    id.add(as_bytes(row->id));
    shard.add_integer(static_cast<std::int32_t>(row->shard));
    kind.add(row->kind);
    version.add_integer(static_cast<std::int64_t>(row->version));
    state.add(row->state);
    if (row->wake_at)
      wake.add_integer(as_ms(*row->wake_at));
    else
      wake.add_null();
    scope.add(row->listed.scope);
    status.add(row->listed.status);
    reference.add(row->listed.reference);
    unit.add(row->listed.unit);
    amount.add_integer(row->listed.amount);
    labels.add(labels_jsonb(row->listed.labels));
  }
  for (const auto* array :
       {&id, &shard, &kind, &version, &state, &wake, &scope, &status, &reference, &unit, &amount, &labels})
    parameters.push_back(array->take());
}

void add_keys(std::span<const append_entry> batch, std::vector<std::string>& parameters) {
  binary_array week{oid::int4}, scope{oid::text}, key{oid::text}, entity{oid::uuid};
  for (const auto& entry : batch) {
    if (!entry.key) continue;
    const auto& first = entry.records.front();
    week.add_integer(static_cast<std::int32_t>(key_week(first.at)));
    scope.add(entry.key->scope);
    key.add(entry.key->key);
    entity.add(as_bytes(first.entity));
  }
  for (const auto* array : {&week, &scope, &key, &entity}) parameters.push_back(array->take());
}

// What an entity is found by comes once, with its first event: it never changes.
void add_terms(std::span<const append_entry> batch, std::vector<std::string>& parameters) {
  binary_array key{oid::text}, era{oid::int4}, value{oid::text}, entity{oid::uuid};
  for (const auto& entry : batch) {
    if (!entry.row || entry.records.front().sequence != 1 || entry.row->listed.scope.empty()) continue;
    const auto& row = *entry.row;
    const auto add = [&](std::string_view name, std::string_view text) {
      key.add(name);
      era.add_integer(era_of(row.id.created_at()));
      value.add(text);
      entity.add(as_bytes(row.id));
    };
    if (!row.listed.reference.empty()) add(reference_term(row.listed.scope, row.kind), row.listed.reference);
    for (const auto& [label, text] : row.listed.labels) add(label_term(row.listed.scope, row.kind, label), text);
  }
  for (const auto* array : {&key, &era, &value, &entity}) parameters.push_back(array->take());
}

}  // namespace

std::string labels_jsonb(const std::vector<std::pair<std::string, std::string>>& labels) {
  if (labels.empty()) return std::string{jsonb_version} + "{}";
  auto json = nlohmann::json::object();
  for (const auto& [key, value] : labels) json[key] = value;
  return jsonb_version + json.dump();
}

std::int32_t era_of(timestamp at) noexcept {
  const auto last = std::int64_t{std::numeric_limits<std::int32_t>::max()};
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(as_ms(at) >> era_bits, 0, last));
}

std::string reference_term(std::string_view scope, std::string_view kind) {
  return std::string{scope}.append("\n").append(kind).append("\nreference");
}

std::string label_term(std::string_view scope, std::string_view kind, std::string_view label) {
  return std::string{scope}.append("\n").append(kind).append("\nlabel\n").append(label);
}

entity_id read_id(const result_rows& rows, int row, int column) {
  entity_id id;
  const auto bytes = rows.bytes(row, column);
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.bytes.size()), id.bytes.begin());
  return id;
}

log_record read_record(const result_rows& rows, int row, int column) {
  log_record record;
  record.shard = static_cast<shard_id>(rows.number(row, column));
  record.offset = static_cast<std::uint64_t>(rows.number(row, column + 1));
  record.epoch = static_cast<std::uint64_t>(rows.number(row, column + 2));
  record.type = static_cast<record_type>(rows.number(row, column + 3));
  record.entity = read_id(rows, row, column + 4);
  record.sequence = static_cast<std::uint64_t>(rows.number(row, column + 5));
  record.at = timestamp{std::chrono::milliseconds{rows.number(row, column + 6)}};
  record.payload = rows.bytes(row, column + 7);
  return record;
}

entity_row read_entity(const result_rows& rows, int row, int column) {
  entity_row entity;
  entity.id = read_id(rows, row, column);
  entity.shard = static_cast<shard_id>(rows.number(row, column + 1));
  entity.kind = rows.bytes(row, column + 2);
  entity.version = static_cast<std::uint64_t>(rows.number(row, column + 3));
  entity.state = rows.bytes(row, column + 4);
  if (!rows.is_null(row, column + 5))
    entity.wake_at = timestamp{std::chrono::milliseconds{rows.number(row, column + 5)}};
  entity.listed.scope = rows.bytes(row, column + 6);
  entity.listed.status = rows.bytes(row, column + 7);
  entity.listed.reference = rows.bytes(row, column + 8);
  entity.listed.unit = rows.bytes(row, column + 9);
  entity.listed.amount = rows.number(row, column + 10);
  entity.listed.labels = parse_labels(rows.bytes(row, column + 11));
  return entity;
}

std::vector<std::string> append_parameters(std::span<const append_entry> batch) {
  std::vector<std::string> parameters;
  add_records(batch, parameters);
  add_rows(batch, parameters);
  add_keys(batch, parameters);
  add_terms(batch, parameters);
  return parameters;
}

}  // namespace novapay::postgres
