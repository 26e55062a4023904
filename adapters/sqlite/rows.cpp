#include "adapters/sqlite/rows.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace novapay::sqlite {

using namespace runtime;

namespace {

constexpr int labels_column = 11;

std::vector<std::pair<std::string, std::string>> parse_labels(const std::string& json) {
  std::vector<std::pair<std::string, std::string>> labels;
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) return labels;
  for (const auto& [key, value] : parsed.items())
    if (value.is_string()) labels.emplace_back(key, value.get<std::string>());
  return labels;  // sorted by key: nlohmann keeps objects in a std::map
}

// Collects conditions in the order of their parameters.
struct conditions {
  std::string sql;
  std::vector<list_sql::parameter> parameters;

  void add(const char* condition) { sql.append(sql.empty() ? " where " : " and ").append(condition); }
  void text(const char* condition, const std::string& value) {
    add(condition);
    parameters.push_back({value, 0, list_sql::parameter::text});
  }
  void blob(const char* condition, const entity_id& id) {
    add(condition);
    parameters.push_back({std::string{as_blob(id)}, 0, list_sql::parameter::blob});
  }
  void integer(const char* condition, std::int64_t value) {
    add(condition);
    parameters.push_back({{}, value, list_sql::parameter::integer});
  }
};

}  // namespace

entity_id read_id(const statement& row, int column) {
  entity_id id;
  const auto bytes = row.bytes(column);
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.bytes.size()), id.bytes.begin());
  return id;
}

log_record read_record(const statement& row) {
  log_record record;
  record.shard = static_cast<shard_id>(row.number(0));
  record.offset = static_cast<std::uint64_t>(row.number(1));
  record.epoch = static_cast<std::uint64_t>(row.number(2));
  record.type = static_cast<record_type>(row.number(3));
  record.entity = read_id(row, 4);
  record.sequence = static_cast<std::uint64_t>(row.number(5));
  record.at = timestamp{std::chrono::milliseconds{row.number(6)}};
  record.payload = row.bytes(7);
  return record;
}

entity_row read_entity(const statement& row) {
  entity_row entity;
  entity.id = read_id(row, 0);
  entity.shard = static_cast<shard_id>(row.number(1));
  entity.kind = row.bytes(2);
  entity.version = static_cast<std::uint64_t>(row.number(3));
  entity.state = row.bytes(4);
  if (!row.is_null(5)) entity.wake_at = timestamp{std::chrono::milliseconds{row.number(5)}};
  entity.listed.scope = row.bytes(6);
  entity.listed.status = row.bytes(7);
  entity.listed.reference = row.bytes(8);
  entity.listed.unit = row.bytes(9);
  entity.listed.amount = row.number(10);
  entity.listed.labels = parse_labels(row.bytes(labels_column));
  return entity;
}

std::string labels_json(const listing& listed) {
  if (listed.labels.empty()) return "{}";
  auto json = nlohmann::json::object();
  for (const auto& [key, value] : listed.labels) json[key] = value;
  return json.dump();
}

// The literal conditions name the partial indexes of 0001_journal.sql: SQLite uses one only if its WHERE is repeated.
list_sql make_list_sql(const list_query& query) {
  const bool by_label = query.label_key && query.label_value;
  conditions where;
  if (by_label) {  // "cross join" keeps the order of the tables: labels first
    where.text("entity_label.scope = ?", query.scope);
    where.text("entity_label.key = ?", *query.label_key);
    where.text("entity_label.value = ?", *query.label_value);
  }
  where.text("entity.scope = ?", query.scope);
  where.add("entity.scope <> ''");
  where.text("entity.kind = ?", query.kind);
  if (query.status) {
    where.text("entity.status = ?", *query.status);
    if (*query.status != "captured" && *query.status != "settled")
      where.add("entity.status not in ('captured', 'settled')");
  }
  if (query.reference) {
    where.text("entity.reference = ?", *query.reference);
    if (!query.reference->empty()) where.add("entity.reference <> ''");
  }
  if (query.label_key && !by_label)
    where.text("exists (select 1 from entity_label where entity_id = entity.id and key = ?)", *query.label_key);
  if (query.amount_from) where.integer("entity.amount_minor >= ?", *query.amount_from);
  if (query.amount_to) where.integer("entity.amount_minor <= ?", *query.amount_to);
  const auto id = [&](const char* of_label, const char* of_entity, const entity_id& bound) {
    where.blob(by_label ? of_label : of_entity, bound);
  };
  if (query.created_from) id("entity_label.entity_id >= ?", "entity.id >= ?", first_entity_id_at(*query.created_from));
  if (query.created_before)
    id("entity_label.entity_id < ?", "entity.id < ?", first_entity_id_at(*query.created_before));
  if (query.before) id("entity_label.entity_id < ?", "entity.id < ?", *query.before);

  const std::string from =
      by_label ? " from entity_label cross join entity on entity.id = entity_label.entity_id" : " from entity";
  const std::string order =
      by_label ? " order by entity_label.entity_id desc limit ?" : " order by entity.id desc limit ?";
  where.parameters.push_back({{},
                              static_cast<std::int64_t>(std::clamp<std::size_t>(query.limit, 1, list_limit_max) + 1),
                              list_sql::parameter::integer});
  return {std::string{"select "} + entity_columns + from + where.sql + order, std::move(where.parameters)};
}

}  // namespace novapay::sqlite
