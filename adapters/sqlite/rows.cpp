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

}  // namespace novapay::sqlite
