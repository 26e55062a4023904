// client: outgoing HTTP calls (runtime/http_client.hpp) on libcurl's multi interface, over HTTP/1.1: each call under way has a connection
// for itself.
//
// Threads: one of the client's own runs every call; `done` is called there and must neither block nor throw. Names are looked up on
// libcurl's threads, so nothing waits for them. `send` and `cancel` take a lock for a moment.
// Ownership: `metrics` is kept and must outlive the client. The destructor ends every call ("shut_down") and returns when the last `done`
// has; `send` and `cancel` must not be called any more, except from a `done`, where `send` is refused.
//
// What is promised of a request: it is written to a connection at most once. libcurl repeats requests by itself where a kept-alive
// connection turns out to be dead, which is stopped before a byte of the repetition leaves; the call then ends as `may_be_executed`.
// An answer counts as one only if its end is known: by its length or its chunks, never by the connection's end alone.
// Certificates and names are always verified. Redirects are answers. The environment's proxies are not looked at.
// A detail is a text of libcurl's or of ours, never one of the request or of the answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "runtime/http_client.hpp"
#include "runtime/metrics.hpp"

namespace novapay::adapters::http_client {

// Bounds of the calls of one name.
struct pool_settings {
  std::size_t calls_max = 256;   // under way at once; further ones wait in a queue
  std::size_t queue_max = 1024;  // so many; further ones are never_sent, "too_many_calls"
  std::size_t connecting_max =
      64;  // calls that have no connection yet, at once: no herd of look-ups and handshakes after a restart

  std::size_t connections_max =
      256;  // open at once: fewer than calls_max and calls wait for one until their connect_timeout

  // A connection unused for so long is not used again. Should be shorter than the server's patience: a request that meets a connection's
  // end is in doubt.
  std::chrono::seconds idle_timeout{30};
  std::chrono::seconds lookup_lifetime{60};  // a name's addresses are asked for anew after

  std::string ca_file;  // PEM: the only roots that are trusted; empty: the system's
  std::string proxy;    // "http://proxy:3128"; empty: none, whatever the environment says
};

class client final : public runtime::http_client {
 public:
  // Calls name one of `pools`; those that name another are never_sent, "bad_request". Throws std::invalid_argument (a bound that is 0),
  // std::runtime_error (no kernel resources, a ca_file that cannot be read).
  client(const std::map<std::string, pool_settings>& pools, runtime::metrics& metrics);
  ~client() override;
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  runtime::call_id send(runtime::outgoing_call what, runtime::call_done done) override;
  void cancel(runtime::call_id which) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace novapay::adapters::http_client
