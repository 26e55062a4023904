// pool: the calls of one name: those that wait, those under way, their connections. For the client's thread, `admit` excepted.
//
// A pool has several multi handles of libcurl's, shards: libcurl looks through all connections of a host for a free one at each call, and
// through all of a multi handle's at each end, which at 2,000 connections costs more than the call itself.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http_client/client.hpp"
#include "adapters/http_client/sockets.hpp"
#include "adapters/http_client/transfer.hpp"
#include "runtime/http_client.hpp"
#include "runtime/metrics.hpp"

namespace novapay::adapters::http_client {

class pool;
using instant = std::chrono::steady_clock::time_point;
using deadlines = std::multimap<instant, struct call*>;

struct call {
  runtime::call_id id = 0;
  runtime::outgoing_call what;
  runtime::call_done done;
  pool* home = nullptr;
  instant sent_at;
  instant ends_at;                              // total_timeout
  std::optional<deadlines::iterator> deadline;  // the next one: to have a connection, then to have the answer
  shard* on = nullptr;                          // with `by`: under way; else it waits
  transfer* by = nullptr;
};

struct shard {
  void* multi = nullptr;  // CURLM
  pool* home = nullptr;
  std::size_t calls = 0;
  std::optional<instant> due;  // when libcurl wants to be called
  bool touched = false;        // libcurl has worked since its ends were looked at
};

// A call of `pool` is over, and has left it.
using call_ended = std::function<void(call&, verdict, runtime::http_response)>;

class pool {
 public:
  // Throws std::invalid_argument: a bound of 0.
  pool(std::string name, pool_settings settings, sockets& all, runtime::metrics& metrics);
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  // Any thread. Whether there is room for one more, which is taken with true and given back by `left`.
  bool admit() noexcept;
  void left(runtime::call_fate fate, std::chrono::microseconds took);

  void add(call& which);  // to those that wait
  // Begins calls that wait, as bounds allow, lets libcurl work where its time has come, and reports what ended. True: there may be more to
  // do at once.
  bool turn(deadlines& all, const call_ended& ended);
  void socket_ready(shard& which, int socket, std::uint32_t epoll_events);
  // Ends it now. `reason`: instead of the timeout's.
  void stop(call& which, const char* reason, const call_ended& ended);

  std::optional<instant> next_due() const;
  void close();  // all connections; no call is left. On the client's thread, before it ends.

 private:
  struct callbacks;
  void begin(call& which, shard& on, deadlines& all, const call_ended& ended);
  bool begin_waiting(deadlines& all, const call_ended& ended);
  bool run_due();
  bool reap(shard& which, const call_ended& ended);
  void over(transfer& by, int curl_code, const call_ended& ended);
  void leave_shard(call& which);
  shard* with_room();
  void make_shards();

  const std::string name_;
  const pool_settings settings_;
  sockets& sockets_;
  std::atomic<std::size_t> admitted_{0};

  std::deque<call*> waiting_;
  std::size_t under_way_ = 0;
  std::size_t connecting_ = 0;
  std::size_t calls_per_shard_ = 0;
  shared_memory memory_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::vector<std::unique_ptr<transfer>> transfers_;
  std::vector<transfer*> idle_;

  runtime::gauge& in_flight_;
  runtime::gauge& queued_;
  runtime::histogram& seconds_;
  std::vector<runtime::counter*> ended_;  // by fate
};

}  // namespace novapay::adapters::http_client
