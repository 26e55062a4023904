#include "adapters/memory/inbox.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <ranges>
#include <utility>

namespace novapay::memory {

using runtime::read_outcome;

struct inbox_store::state {
  std::mutex mutex;
  std::map<std::int64_t, inbox_entry> entries;
  std::int64_t last_id = 0;
  std::size_t writes_failing = 0;
  inbox_status failing_with = inbox_status::unavailable;
  bool failing_applied = false;
  std::size_t reads_failing = 0;

  bool read_fails() { return reads_failing > 0 && reads_failing-- > 0; }
};

namespace {

constexpr const char* scripted = "scripted fault";

inbox_line line_of(const inbox_entry& one) {
  return {one.id, one.processor, one.received_at, one.state, one.detail, one.attempts, one.next_attempt_at};
}

void reopen(inbox_entry& one, domain::timestamp now) {
  one.state = inbox_state::received;
  one.detail = "replayed";
  one.attempts = 0;
  one.next_attempt_at = now;
}

class memory_inbox final : public webhook_inbox {
 public:
  explicit memory_inbox(std::shared_ptr<inbox_store::state> shared) : shared_{std::move(shared)} {}

  inbox_written write(std::span<const inbox_entry> fresh, std::span<const inbox_mark> marks) override {
    const std::scoped_lock lock{shared_->mutex};
    const bool fails = shared_->writes_failing > 0 && shared_->writes_failing-- > 0;
    if (fails && !shared_->failing_applied) return {shared_->failing_with, scripted, {}};
    inbox_written written;
    for (auto one : fresh) {
      one.id = ++shared_->last_id;
      one.attempts = 0;
      if (one.state == inbox_state::rejected && one.body.size() > rejected_body_kept_max)
        one.body.resize(rejected_body_kept_max);
      if (one.state == inbox_state::applied) one.detail.clear();
      written.ids.push_back(one.id);
      shared_->entries.emplace(one.id, std::move(one));
    }
    for (const auto& mark : marks) {
      const auto found = shared_->entries.find(mark.id);
      if (found == shared_->entries.end() || found->second.state == inbox_state::applied) continue;
      auto& one = found->second;
      const bool closes = mark.state == inbox_state::applied;
      one.state = mark.state;
      one.detail = closes ? std::string{} : mark.detail;
      one.attempts = closes ? 0 : mark.attempts;
      one.next_attempt_at = closes ? std::nullopt : mark.next_attempt_at;
    }
    if (fails) return {shared_->failing_with, scripted, {}};
    return written;
  }

  read_outcome<std::vector<inbox_entry>> due(domain::timestamp until, std::size_t limit) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    std::vector<inbox_entry> found;
    for (const auto& [id, one] : shared_->entries)
      if (one.next_attempt_at && *one.next_attempt_at <= until) found.push_back(one);
    std::ranges::stable_sort(found, {}, [](const auto& one) { return *one.next_attempt_at; });
    if (found.size() > limit) found.resize(limit);
    return {std::move(found), {}};
  }

  read_outcome<inbox_page> list(const inbox_query& query) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    const auto limit = std::clamp<std::size_t>(query.limit, 1, inbox_page_max);
    inbox_page page;
    for (const auto& [id, one] : shared_->entries | std::views::reverse) {
      if (query.before && id >= *query.before) continue;
      if (query.state && one.state != *query.state) continue;
      if (!query.processor.empty() && one.processor != query.processor) continue;
      if (page.lines.size() == limit) {
        page.next = page.lines.back().id;
        break;
      }
      page.lines.push_back(line_of(one));
    }
    return {std::move(page), {}};
  }

  read_outcome<std::optional<inbox_entry>> find(std::int64_t id) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    const auto found = shared_->entries.find(id);
    return {found == shared_->entries.end() ? std::nullopt : std::optional{found->second}, {}};
  }

  read_outcome<std::vector<inbox_count>> counts() override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    std::map<inbox_state, inbox_count> by_state;
    for (const auto& [id, one] : shared_->entries) {
      if (one.state == inbox_state::applied) continue;
      auto& count = by_state.try_emplace(one.state, inbox_count{one.state, 0, one.received_at}).first->second;
      count.entries += 1;
      count.oldest = std::min(count.oldest, one.received_at);
    }
    std::vector<inbox_count> found;
    for (const auto& [state, count] : by_state) found.push_back(count);
    return {std::move(found), {}};
  }

  read_outcome<std::optional<inbox_state>> replay(std::int64_t id, domain::timestamp now) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    const auto found = shared_->entries.find(id);
    if (found == shared_->entries.end()) return {std::optional<inbox_state>{}, {}};
    const auto was = found->second.state;
    if (was != inbox_state::rejected) reopen(found->second, now);
    return {std::optional{was}, {}};
  }

  read_outcome<std::int64_t> replay_all(inbox_state state, const std::string& processor,
                                        domain::timestamp now) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    std::int64_t count = 0;
    if (state == inbox_state::applied || state == inbox_state::rejected) return {count, {}};
    for (auto& [id, one] : shared_->entries) {
      if (one.state != state || (!processor.empty() && one.processor != processor)) continue;
      reopen(one, now);
      ++count;
    }
    return {count, {}};
  }

  read_outcome<bool> purge(const inbox_retention& keep, domain::timestamp now) override {
    const std::scoped_lock lock{shared_->mutex};
    if (shared_->read_fails()) return {std::nullopt, scripted};
    auto forged = std::ranges::count(shared_->entries | std::views::values, inbox_state::rejected, &inbox_entry::state);
    std::size_t removed = 0;
    std::erase_if(shared_->entries, [&](const auto& item) {
      const auto& one = item.second;
      const bool is_forged = one.state == inbox_state::rejected;
      const bool old = one.received_at < now - (is_forged ? keep.rejected : keep.handled);
      const bool goes =
          removed < purged_max && (is_forged ? old || forged > keep.rejected_max : old && !one.next_attempt_at);
      if (goes && is_forged) --forged;
      removed += goes ? 1 : 0;
      return goes;
    });
    return {removed >= purged_max, {}};
  }

 private:
  std::shared_ptr<inbox_store::state> shared_;
};

}  // namespace

inbox_store::inbox_store() : state_{std::make_shared<state>()} {}
inbox_store::~inbox_store() = default;

std::unique_ptr<webhook_inbox> inbox_store::open() { return std::make_unique<memory_inbox>(state_); }

void inbox_store::fail_writes(std::size_t count, inbox_status status, bool applied) {
  const std::scoped_lock lock{state_->mutex};
  state_->writes_failing = count;
  state_->failing_with = status;
  state_->failing_applied = applied;
}

void inbox_store::fail_reads(std::size_t count) {
  const std::scoped_lock lock{state_->mutex};
  state_->reads_failing = count;
}

}  // namespace novapay::memory
