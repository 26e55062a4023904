#include "adapters/postgres/rows.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "adapters/postgres/binary.hpp"
#include "runtime/journal_rules.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

std::string labels_json(const listing& listed) {
  if (listed.labels.empty()) return "{}";
  auto json = nlohmann::json::object();
  for (const auto& [key, value] : listed.labels) json[key] = value;
  return json.dump();
}

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
    labels.add(jsonb_version + labels_json(row->listed));
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

}  // namespace

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
  return parameters;
}

// The inner query finds the page's ids, inside an index where it can; the outer one fetches those rows. Its literal
// conditions name the partial indexes of 0001_journal.sql. It is not prepared: the plan depends on how rare the values are.
list_sql make_list_sql(const list_query& query) {
  list_sql made;
  std::string where = "scope = $1::text and scope <> '' and kind = $2::text";
  made.parameters = {query.scope, query.kind};
  const auto add = [&](const char* condition, std::string value, const char* type) {
    made.parameters.push_back(std::move(value));
    where += std::string{" and "} + condition + " $" + std::to_string(made.parameters.size()) + "::" + type;
  };
  const auto add_bound = [&](const char* condition, const entity_id& id) {
    add(condition, std::string{as_bytes(id)}, "uuid");
  };

  if (query.status) {
    add("status =", *query.status, "text");
    if (*query.status != "captured" && *query.status != "settled")
      where += " and status not in ('captured', 'settled')";
  }
  if (query.created_from) add_bound("id >=", first_entity_id_at(*query.created_from));
  if (query.created_before) add_bound("id <", first_entity_id_at(*query.created_before));
  if (query.before) add_bound("id <", *query.before);
  if (query.amount_from) add("amount_minor >=", big_endian(*query.amount_from), "bigint");
  if (query.amount_to) add("amount_minor <=", big_endian(*query.amount_to), "bigint");
  if (query.reference) {
    add("reference =", *query.reference, "text");
    if (!query.reference->empty()) where += " and reference <> ''";
  }
  if (query.label_key) {
    where += " and labels <> '{}'";
    if (query.label_value)
      add("labels @>", jsonb_version + labels_json({{}, {}, {}, {}, 0, {{*query.label_key, *query.label_value}}}),
          "jsonb");
    else
      add("labels ?", *query.label_key, "text");
  }
  const auto limit = std::clamp<std::size_t>(query.limit, 1, list_limit_max) + 1;
  made.sql =
      "select id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels from "
      "(select id from entity where " +
      where + " order by id desc limit " + std::to_string(limit) + ") page join entity using (id) order by id desc";
  return made;
}

}  // namespace novapay::postgres
