// period_world: a store of vectors that can be scanned and read, with pages of two and a count of what was read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/journal.hpp"
#include "runtime/journal_scan.hpp"

namespace novapay::runtime::testing {

class period_world final : public journal_scan, public journal {
 public:
  std::vector<log_record> records;
  std::vector<entity_row> entities;
  std::string failing;  // every read says so
  std::uint64_t pages = 0;

  void add(shard_id shard, record_type type, const entity_id& id, timestamp at) {
    const auto next = static_cast<std::uint64_t>(
        std::count_if(records.begin(), records.end(), [shard](const auto& one) { return one.shard == shard; }));
    records.push_back({shard, next, 0, type, id, 1, at, {}});
  }

  read_outcome<std::vector<log_record>> log(std::optional<log_position> after) override {
    if (!failing.empty()) return {std::nullopt, failing};
    ++pages;
    auto all = records;
    const auto place = [](const log_record& one) { return log_position{one.shard, one.offset}; };
    std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    std::vector<log_record> found;
    for (auto& one : all)
      if (found.size() < 2 && (!after || place(one) > *after)) found.push_back(one);
    return {std::move(found), {}};
  }
  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    std::vector<shard_head> found;
    for (const auto shard : shards)
      found.push_back({shard,
                       static_cast<std::uint64_t>(std::count_if(
                           records.begin(), records.end(), [shard](const auto& one) { return one.shard == shard; })),
                       0});
    return {std::move(found), {}};
  }
  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) override {
    std::vector<std::optional<log_record>> found;
    for (const auto& at : where) {
      const auto one = std::find_if(records.begin(), records.end(), [&at](const auto& each) {
        return each.shard == at.shard && each.offset == at.offset;
      });
      found.push_back(one == records.end() ? std::nullopt : std::optional{*one});
    }
    return {std::move(found), {}};
  }
  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    if (!failing.empty()) return {std::nullopt, failing};
    std::vector<std::optional<entity_row>> found;
    for (const auto& id : ids) {
      const auto row = std::find_if(entities.begin(), entities.end(), [&id](const auto& one) { return one.id == id; });
      found.push_back(row == entities.end() ? std::nullopt : std::optional{*row});
    }
    return {std::move(found), {}};
  }

  // What is not asked of it, it cannot do.
  read_outcome<std::vector<log_record>> events(std::optional<event_position>) override { return {}; }
  read_outcome<std::vector<entity_row>> rows(std::optional<entity_id>) override { return {}; }
  append_outcome append(std::span<const append_entry>) override { return {append_status::unavailable, "read only"}; }
  append_outcome maintain(timestamp) override { return {append_status::unavailable, "read only"}; }
  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key>) override { return {}; }
  read_outcome<std::vector<entity_id>> due(timestamp, std::size_t) override { return {}; }
  read_outcome<list_page> list(const list_query&) override { return {}; }
  read_outcome<std::vector<log_record>> history(const entity_id&, std::uint64_t, std::size_t) override { return {}; }
};

}  // namespace novapay::runtime::testing
