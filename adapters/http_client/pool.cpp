#include "adapters/http_client/pool.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <utility>

namespace novapay::adapters::http_client {
namespace {

using runtime::call_fate;

// Beyond this libcurl's searches show; below it multi handles only cost memory.
constexpr std::size_t calls_per_shard_wanted = 128;

constexpr std::array fates{call_fate::never_sent, call_fate::refused, call_fate::answered, call_fate::may_be_executed};

std::size_t rounded_up(std::size_t what, std::size_t by) { return (what + by - 1) / by; }

}  // namespace

// What libcurl calls.
struct pool::callbacks {
  static int socket(void*, curl_socket_t which, int what, void* user, void*) {
    auto& concerns = *static_cast<shard*>(user);
    const std::uint32_t events = what == CURL_POLL_IN      ? std::uint32_t{EPOLLIN}
                                 : what == CURL_POLL_OUT   ? std::uint32_t{EPOLLOUT}
                                 : what == CURL_POLL_INOUT ? std::uint32_t{EPOLLIN | EPOLLOUT}
                                                           : 0;
    concerns.home->sockets_.want(which, events, &concerns);
    return 0;
  }
  static int timer(void*, long in_ms, void* user) {
    auto& concerns = *static_cast<shard*>(user);
    if (in_ms < 0)
      concerns.due.reset();
    else
      concerns.due = std::chrono::steady_clock::now() + std::chrono::milliseconds{in_ms};
    return 0;
  }
};

pool::pool(std::string name, pool_settings settings, sockets& all, runtime::metrics& metrics)
    : name_{std::move(name)},
      settings_{std::move(settings)},
      sockets_{all},
      in_flight_{metrics.level("novapay_http_client_calls_in_flight", "Outgoing calls under way.", {{"pool", name_}})},
      queued_{metrics.level("novapay_http_client_calls_queued", "Outgoing calls that wait for one to end.",
                            {{"pool", name_}})},
      seconds_{metrics.spread("novapay_http_client_call_duration_seconds",
                              "From an outgoing call's beginning, its time in the queue included, to its end.",
                              runtime::duration_buckets_seconds(), {{"pool", name_}})} {
  if (settings_.calls_max == 0 || settings_.connections_max == 0 || settings_.connecting_max == 0)
    throw std::invalid_argument("HTTP client: a bound of pool '" + name_ + "' is 0");
  for (const auto fate : fates)
    ended_.push_back(&metrics.count("novapay_http_client_calls_total",
                                    "Outgoing calls by what the other side may have done.",
                                    {{"pool", name_}, {"fate", std::string{to_text(fate)}}}));
  make_shards();
}

pool::~pool() {
  for (const auto& each : shards_) curl_multi_cleanup(static_cast<CURLM*>(each->multi));
}

bool pool::admit() noexcept {
  if (admitted_.fetch_add(1, std::memory_order_relaxed) < settings_.calls_max + settings_.queue_max) return true;
  admitted_.fetch_sub(1, std::memory_order_relaxed);
  ended_.front()->add();  // never_sent
  return false;
}

void pool::left(call_fate fate, std::chrono::microseconds took) {
  admitted_.fetch_sub(1, std::memory_order_relaxed);
  ended_[static_cast<std::size_t>(fate) - 1]->add();
  seconds_.observe(static_cast<double>(took.count()) / 1e6);
}

void pool::make_shards() {
  const auto count = std::min(rounded_up(settings_.calls_max, calls_per_shard_wanted), settings_.connections_max);
  calls_per_shard_ = rounded_up(settings_.calls_max, count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& made = shards_.emplace_back(std::make_unique<shard>());
    made->home = this;
    made->multi = curl_multi_init();
    if (!made->multi) throw std::bad_alloc{};
    auto* multi = static_cast<CURLM*>(made->multi);
    const auto connections = static_cast<long>(settings_.connections_max / count);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &callbacks::socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, made.get());
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &callbacks::timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, made.get());
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
  }
}

void pool::add(call& which) {
  waiting_.push_back(&which);
  queued_.add(1);
}

bool pool::turn(deadlines& all, const call_ended& ended) {
  bool more = begin_waiting(all, ended);
  more = run_due() || more;
  for (const auto& each : shards_)
    if (each->touched) more = reap(*each, ended) || more;
  return more;
}

// The first with room: connections are kept where they are used again soon.
shard* pool::with_room() {
  const auto found =
      std::find_if(shards_.begin(), shards_.end(), [&](const auto& each) { return each->calls < calls_per_shard_; });
  return found == shards_.end() ? nullptr : found->get();
}

bool pool::begin_waiting(deadlines& all, const call_ended& ended) {
  bool some = false;
  while (!waiting_.empty() && under_way_ < settings_.calls_max && connecting_ < settings_.connecting_max) {
    auto& which = *waiting_.front();
    auto* on = with_room();
    if (!on) break;
    waiting_.pop_front();
    queued_.add(-1);
    some = true;
    try {
      begin(which, *on, all, ended);
    } catch (const std::bad_alloc&) { ended(which, {call_fate::never_sent, "connect_failed", "out of memory"}, {}); }
  }
  return some;
}

void pool::begin(call& which, shard& on, deadlines& all, const call_ended& ended) {
  if (idle_.empty()) {
    transfers_.push_back(std::make_unique<transfer>(settings_, memory_, sockets_, connecting_));
    idle_.push_back(transfers_.back().get());
  }
  auto& by = *idle_.back();
  if (!by.begin(which) ||
      curl_multi_add_handle(static_cast<CURLM*>(on.multi), static_cast<CURL*>(by.handle())) != CURLM_OK) {
    by.end(CURLE_OUT_OF_MEMORY);
    return ended(which, {call_fate::never_sent, "connect_failed", "out of memory"}, {});
  }
  idle_.pop_back();
  which.on = &on;
  which.by = &by;
  ++on.calls;
  ++under_way_;
  in_flight_.add(1);
  const auto connected_by = std::chrono::steady_clock::now() +
                            std::min<std::chrono::milliseconds>(which.what.connect_timeout, std::chrono::hours{24});
  if (connected_by < which.ends_at) {
    all.erase(*which.deadline);
    which.deadline = all.emplace(connected_by, &which);
  }
}

void pool::socket_ready(shard& which, int socket, std::uint32_t epoll_events) {
  int what = 0;
  if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) what |= CURL_CSELECT_IN;
  if (epoll_events & EPOLLOUT) what |= CURL_CSELECT_OUT;
  if (epoll_events & EPOLLERR) what |= CURL_CSELECT_ERR;
  int running = 0;
  curl_multi_socket_action(static_cast<CURLM*>(which.multi), socket, what, &running);
  which.touched = true;
}

bool pool::run_due() {
  bool some = false;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& each : shards_) {
    if (!each->due || *each->due > now) continue;
    each->due.reset();
    int running = 0;
    curl_multi_socket_action(static_cast<CURLM*>(each->multi), CURL_SOCKET_TIMEOUT, 0, &running);
    each->touched = some = true;
  }
  return some;
}

bool pool::reap(shard& which, const call_ended& ended) {
  which.touched = false;
  bool some = false;
  int left = 0;
  auto* multi = static_cast<CURLM*>(which.multi);
  while (const auto* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const int code = message->data.result;
    auto& by = transfer::of(message->easy_handle);
    if (code == CURLE_OK) by.keep_socket();
    over(by, code, ended);
    some = true;
  }
  return some;
}

void pool::over(transfer& by, int curl_code, const call_ended& ended) {
  auto& which = *by.current();
  leave_shard(which);
  auto found = by.end(curl_code);
  auto answer = found.fate == call_fate::answered ? by.take_answer() : runtime::http_response{};
  idle_.push_back(&by);
  ended(which, std::move(found), std::move(answer));
}

void pool::leave_shard(call& which) {
  curl_multi_remove_handle(static_cast<CURLM*>(which.on->multi), static_cast<CURL*>(which.by->handle()));
  --which.on->calls;
  --under_way_;
  in_flight_.add(-1);
}

void pool::stop(call& which, const char* reason, const call_ended& ended) {
  if (!which.by) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &which));
    queued_.add(-1);
    return ended(which, {call_fate::never_sent, reason ? reason : "queue_timeout", "it waited for others to end"}, {});
  }
  leave_shard(which);
  auto found = which.by->end(CURLE_OPERATION_TIMEDOUT);
  idle_.push_back(which.by);
  if (reason) {
    found.reason = reason;
    found.detail = found.fate == call_fate::never_sent ? "it had no connection yet" : "it was under way";
  }
  ended(which, std::move(found), {});
}

std::optional<instant> pool::next_due() const {
  std::optional<instant> next;
  for (const auto& each : shards_)
    if (each->due && (!next || *each->due < *next)) next = each->due;
  return next;
}

void pool::close() {
  for (const auto& each : shards_) {
    curl_multi_cleanup(static_cast<CURLM*>(each->multi));
    each->multi = nullptr;
  }
  shards_.clear();
  idle_.clear();
  transfers_.clear();
}

}  // namespace novapay::adapters::http_client
