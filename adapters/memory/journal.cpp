#include "adapters/memory/journal.hpp"

#include <algorithm>
#include <ranges>

#include "adapters/memory/state.hpp"
#include "runtime/journal_rules.hpp"

namespace novapay::memory {

using namespace runtime;

namespace {

bool has_label(const entity_row& row, const list_query& query) {
  return std::ranges::any_of(row.listed.labels, [&](const auto& label) {
    return label.first == *query.label_key && (!query.label_value || label.second == *query.label_value);
  });
}

bool matches(const entity_row& row, const list_query& query) {
  const auto& listed = row.listed;
  if (listed.scope != query.scope || row.kind != query.kind) return false;
  if (query.status && listed.status != *query.status) return false;
  if (query.created_from && row.id < first_entity_id_at(*query.created_from)) return false;
  if (query.created_before && row.id >= first_entity_id_at(*query.created_before)) return false;
  if (query.amount_from && listed.amount < *query.amount_from) return false;
  if (query.amount_to && listed.amount > *query.amount_to) return false;
  if (query.reference && listed.reference != *query.reference) return false;
  if (query.label_key && !has_label(row, query)) return false;
  return !query.before || row.id < *query.before;
}

class memory_journal final : public journal {
 public:
  explicit memory_journal(std::shared_ptr<journal_store::state> shared) : shared_{std::move(shared)} {}

  append_outcome append(std::span<const append_entry> batch) override {
    const std::scoped_lock lock{shared_->mutex};
    shared_->let_arrive();
    return shared_->append(batch);
  }

  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    return read<std::vector<shard_head>>([&](auto& found) {
      for (const auto shard : shards) {
        const auto next = shared_->log.lower_bound({static_cast<shard_id>(static_cast<unsigned>(shard) + 1), 0});
        const bool last_shard = static_cast<std::uint16_t>(shard) == 0xffff;  // the next one wraps around
        auto end = last_shard ? shared_->log.end() : next;
        if (end == shared_->log.begin() || (--end)->first.shard != shard)
          found.push_back({shard, 0, 0});
        else
          found.push_back({shard, end->first.offset + 1, end->second.epoch});
      }
    });
  }

  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) override {
    return read<std::vector<std::optional<log_record>>>([&](auto& found) {
      for (const auto& at : where) found.push_back(look_up(shared_->log, at));
    });
  }

  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    return read<std::vector<std::optional<entity_row>>>([&](auto& found) {
      for (const auto& id : ids) found.push_back(look_up(shared_->rows, id));
    });
  }

  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key> keys) override {
    return read<std::vector<std::optional<entity_id>>>([&](auto& found) {
      for (const auto& key : keys) {
        std::optional<entity_id> newest;
        const auto [from, to] = shared_->keys.equal_range(key);
        for (const auto& [name, stored] : std::ranges::subrange(from, to))
          newest = std::max(newest, std::optional{stored.entity});
        found.push_back(newest);
      }
    });
  }

  read_outcome<std::vector<entity_id>> due(timestamp until, std::size_t limit) override {
    return read<std::vector<entity_id>>([&](auto& found) {
      std::vector<std::pair<timestamp, entity_id>> waiting;
      for (const auto& [id, row] : shared_->rows)
        if (row.wake_at && *row.wake_at <= until) waiting.emplace_back(*row.wake_at, id);
      std::ranges::sort(waiting);
      for (const auto& [at, id] : waiting | std::views::take(limit)) found.push_back(id);
    });
  }

  read_outcome<list_page> list(const list_query& query) override {
    return read<list_page>([&](list_page& page) {
      if (query.scope.empty()) return;
      const auto limit = std::clamp<std::size_t>(query.limit, 1, list_limit_max);
      auto left = std::max<std::size_t>(query.examined, 1);
      for (const auto& [id, row] : shared_->rows | std::views::reverse) {
        if (query.before && id >= *query.before) continue;
        if (matches(row, query)) {
          if (page.rows.size() == limit) {
            page.next = page.rows.back().id;
            return;
          }
          page.rows.push_back(row);
        }
        if (--left == 0) {
          page.next = id;
          return;
        }
      }
    });
  }

  read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after, std::size_t limit) override {
    return read<std::vector<log_record>>([&](auto& found) {
      for (auto at = shared_->events.upper_bound({id, after}); at != shared_->events.end(); ++at) {
        if (at->first.first != id || found.size() == limit) return;
        found.push_back(shared_->log.at(at->second));
      }
    });
  }

  append_outcome maintain(timestamp now) override {
    const std::scoped_lock lock{shared_->mutex};
    shared_->let_arrive();
    std::erase_if(shared_->keys, [&](const auto& key) { return key.second.week < first_kept_key_week(now); });
    return {};
  }

 private:
  template <class Map>
  static std::optional<typename Map::mapped_type> look_up(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }

  template <class T, class Fill>
  read_outcome<T> read(Fill fill) {
    const std::scoped_lock lock{shared_->mutex};
    shared_->let_arrive();
    if (shared_->read_fails()) return {std::nullopt, "scripted"};
    read_outcome<T> outcome{T{}, {}};
    fill(*outcome.value);
    return outcome;
  }

  std::shared_ptr<journal_store::state> shared_;
};

}  // namespace

journal_store::journal_store() : state_{std::make_shared<state>()} {}
journal_store::~journal_store() = default;

std::unique_ptr<runtime::journal> journal_store::open() { return std::make_unique<memory_journal>(state_); }

void journal_store::fail_append(append_fault fault, std::size_t calls) {
  const std::scoped_lock lock{state_->mutex};
  state_->append_faults.push_back({fault, calls});
}

void journal_store::fail_reads(std::size_t count, std::size_t passing) {
  const std::scoped_lock lock{state_->mutex};
  state_->reads_failing = count;
  state_->reads_passing = passing;
}

void journal_store::heal() {
  const std::scoped_lock lock{state_->mutex};
  state_->append_faults.clear();
  state_->reads_failing = 0;
  for (const auto& late : std::exchange(state_->in_flight, {})) state_->apply(late.batch);
}

std::vector<log_record> journal_store::log(shard_id shard) const {
  const std::scoped_lock lock{state_->mutex};
  std::vector<log_record> records;
  for (auto at = state_->log.lower_bound({shard, 0}); at != state_->log.end() && at->first.shard == shard; ++at)
    records.push_back(at->second);
  return records;
}

}  // namespace novapay::memory
