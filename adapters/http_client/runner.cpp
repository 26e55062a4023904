#include "adapters/http_client/runner.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace novapay::adapters::http_client {
namespace {

// So often what can be done at once is looked for again before sockets have their turn.
constexpr int turns_max = 4;

}  // namespace

runner::runner(const std::map<std::string, pool_settings>& pools, runtime::metrics& metrics)
    : ended_{[this](call& which, verdict found, runtime::http_response answer) {
        finish(which, std::move(found), std::move(answer));
      }} {
  for (const auto& [name, settings] : pools)
    pools_.emplace(name, std::make_unique<pool>(name, settings, sockets_, metrics));
}

pool* runner::pool_of(std::string_view name) const {
  const auto found = pools_.find(name);
  return found == pools_.end() ? nullptr : found->second.get();
}

bool runner::give(command& what) {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    if (closed_) return false;
    first = commands_.empty();
    commands_.push_back(std::move(what));
  }
  if (first) sockets_.ring();
  return true;
}

bool runner::start(std::unique_ptr<call>& which) {
  command what{std::move(which), 0};
  if (give(what)) return true;
  which = std::move(what.start);
  return false;
}

void runner::cancel(runtime::call_id which) {
  command what{nullptr, which};
  give(what);
}

void runner::close() {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  sockets_.ring();
}

bool runner::take_commands() {
  bool closed = false;
  {
    const std::lock_guard lock{mutex_};
    taken_.swap(commands_);
    closed = closed_;
  }
  for (auto& each : taken_) take(std::move(each));
  taken_.clear();
  return !closed;
}

void runner::take(command what) {
  if (what.start) {
    auto& which = *what.start;
    which.deadline = deadlines_.emplace(which.ends_at, &which);
    calls_.emplace(which.id, std::move(what.start));
    which.home->add(which);
  } else if (const auto found = calls_.find(what.cancel); found != calls_.end()) {
    found->second->home->stop(*found->second, "canceled", ended_);
  }
}

void runner::run() {
  for (;;) {
    const bool rung = sockets_.wait(wait_ms(), [](shard& concerns, int socket, std::uint32_t events) {
      concerns.home->socket_ready(concerns, socket, events);
    });
    if (rung && !take_commands()) break;
    more_ = true;
    for (int turns = 0; more_ && turns < turns_max; ++turns) {
      more_ = false;
      for (const auto& [name, each] : pools_) more_ = each->turn(deadlines_, ended_) || more_;
    }
    expire();
  }
  while (!calls_.empty()) {
    auto& which = *calls_.begin()->second;
    which.home->stop(which, "shut_down", ended_);
  }
  for (const auto& [name, each] : pools_) each->close();
}

int runner::wait_ms() const {
  if (more_) return 0;
  std::optional<instant> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  for (const auto& [name, each] : pools_)
    if (const auto due = each->next_due(); due && (!next || *due < *next)) next = due;
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

void runner::expire() {
  const auto now = std::chrono::steady_clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto& which = *deadlines_.begin()->second;
    if (which.by && which.by->begun() && now < which.ends_at) {  // it had its connection in time
      deadlines_.erase(deadlines_.begin());
      which.deadline = deadlines_.emplace(which.ends_at, &which);
    } else {
      which.home->stop(which, nullptr, ended_);
    }
  }
}

void runner::finish(call& which, verdict found, runtime::http_response answer) noexcept {
  const auto mine = calls_.extract(which.id);
  deadlines_.erase(*which.deadline);
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - which.sent_at);
  which.home->left(found.fate, took);
  which.done({found.fate, std::move(answer), found.reason, std::move(found.detail), took});
}

}  // namespace novapay::adapters::http_client
