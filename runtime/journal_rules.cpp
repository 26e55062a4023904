#include "runtime/journal_rules.hpp"

#include <algorithm>
#include <limits>

namespace novapay::runtime {

namespace {

constexpr std::uint64_t number_max = std::numeric_limits<std::int64_t>::max();

// Bytes that follow this first byte of a UTF-8 sequence, or -1.
int following(std::uint8_t first) noexcept {
  if (first < 0x80) return 0;
  if (first < 0xc2) return -1;  // a continuation, or overlong
  if (first < 0xe0) return 1;
  if (first < 0xf0) return 2;
  return first < 0xf5 ? 3 : -1;
}

// The second byte's range excludes overlong forms, surrogates and what is past U+10FFFF.
bool second_fits(std::uint8_t first, std::uint8_t second) noexcept {
  switch (first) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second < 0xa0;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second < 0x90;
    default: return true;
  }
}

std::optional<std::string> text_fault(const char* name, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return std::string{name} + " is longer than " + std::to_string(bytes_max) + " bytes";
  if (!is_storable_text(text)) return std::string{name} + " is not UTF-8 without NUL";
  return std::nullopt;
}

std::optional<std::string> record_fault(const log_record& record, const log_record& first, std::size_t nth) {
  if (record.offset > number_max || record.epoch > number_max || record.sequence > number_max)
    return "a record's number exceeds 63 bits";
  if (record.shard != first.shard || record.offset != first.offset + nth)
    return "an entry's records are not contiguous";
  if (record.type == record_type::event && record.sequence == 0) return "an event has no sequence";
  if (record.type != record_type::event && record.entity != entity_id{}) return "a claim or probe names an entity";
  return std::nullopt;
}

std::optional<std::string> labels_fault(const listing& listed) {
  auto keys = std::vector<std::string_view>{};
  for (const auto& [key, value] : listed.labels) {
    if (auto fault = text_fault("a label's key", key, indexed_text_max)) return fault;
    if (auto fault = text_fault("a label's value", value, indexed_text_max)) return fault;
    keys.push_back(key);
  }
  std::ranges::sort(keys);
  if (std::ranges::adjacent_find(keys) != keys.end()) return "a label's key stands twice";
  return std::nullopt;
}

std::optional<std::string> row_fault(const entity_row& row) {
  if (row.version > number_max) return "a row's version exceeds 63 bits";
  const std::pair<const char*, const std::string&> texts[] = {{"kind", row.kind},
                                                              {"scope", row.listed.scope},
                                                              {"status", row.listed.status},
                                                              {"reference", row.listed.reference},
                                                              {"unit", row.listed.unit}};
  std::size_t bytes = 0;
  for (const auto& [name, text] : texts) {
    if (auto fault = text_fault(name, text, indexed_text_max)) return fault;
    bytes += text.size();
  }
  if (bytes > 2 * indexed_text_max) return "a row's texts are too long for an index";
  return labels_fault(row.listed);
}

std::optional<std::string> entry_fault(const append_entry& entry) {
  if (entry.records.empty()) return "an entry has no record";
  for (std::size_t i = 0; i < entry.records.size(); ++i)
    if (auto fault = record_fault(entry.records[i], entry.records.front(), i)) return fault;

  const bool bare = entry.records.front().type != record_type::event;
  if (bare && (entry.row || entry.key)) return "a claim or probe comes without row and key";
  if (entry.row)
    if (auto fault = row_fault(*entry.row)) return fault;
  if (!entry.key) return std::nullopt;
  if (auto fault = text_fault("a key's scope", entry.key->scope, indexed_text_max)) return fault;
  return text_fault("a key", entry.key->key, indexed_text_max);
}

std::int64_t week_of(std::chrono::milliseconds since_epoch) noexcept {
  return std::chrono::floor<std::chrono::weeks>(since_epoch).count();
}

}  // namespace

bool is_storable_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<std::uint8_t>(text[i]);
    const int more = following(first);
    if (first == 0 || more < 0 || text.size() - i <= static_cast<std::size_t>(more)) return false;
    for (int k = 1; k <= more; ++k)
      if ((static_cast<std::uint8_t>(text[i + static_cast<std::size_t>(k)]) & 0xc0) != 0x80) return false;
    if (more > 0 && !second_fits(first, static_cast<std::uint8_t>(text[i + 1]))) return false;
    i += 1 + static_cast<std::size_t>(more);
  }
  return true;
}

std::optional<std::string> why_rejected(std::span<const append_entry> batch) {
  for (const auto& entry : batch)
    if (auto fault = entry_fault(entry)) return fault;
  return std::nullopt;
}

std::int64_t key_week(timestamp at) noexcept { return week_of(at.time_since_epoch()); }

std::int64_t first_kept_key_week(timestamp now) noexcept {
  return week_of(now.time_since_epoch() - creation_key_retention);
}

}  // namespace novapay::runtime
