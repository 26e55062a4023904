// server: an HTTP/1.1 listener (runtime/http.hpp) on Boost.Beast.
//
// Threads: settings.threads io threads; a connection belongs to one of them for life. The handler runs on that thread
// and must not block. `respond` may be called from any thread, also after stop() and after the server is gone (then
// nothing happens). One request of a connection is handled at a time: RFC 9112 (9.3.2) forbids more for requests that
// change something; pipelined ones wait in the socket, and their answers leave in their order.
// Errors: what a client does wrong is refused through the renderer, and the connection is closed, after `Connection:
// close` and a short time in which the client can still read the answer. Only `overloaded` by a request leaves it
// usable: over requests_in_flight_max, or where `admits` says no. That is decided by the head; the body is thrown away.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/http.hpp"

namespace novapay::adapters::http {

struct http_server_settings {
  std::string address = "127.0.0.1";  // an IP address: "0.0.0.0", "::"
  std::uint16_t port = 0;             // 0: any free one
  std::size_t threads = 1;

  std::size_t head_bytes_max = std::size_t{16} * 1024;   // request line and fields → 431
  std::size_t body_bytes_max = std::size_t{256} * 1024;  // → 413
  std::size_t connections_max = 10'000;               // → the longest unused one is closed, or the new one gets 503
  std::size_t requests_in_flight_max = 4096;          // handled at once, over all connections → 503
  std::size_t requests_per_connection_max = 100'000;  // then closed, so that load balancers can spread anew

  // Each is a total, not begun anew by a byte that arrives. They are watched by a sweep: late by at most a quarter.
  std::chrono::milliseconds head_timeout{
      10'000};  // from the first byte (of a new connection: from its beginning) → 408
  std::chrono::milliseconds body_timeout{20'000};  // from the end of the head → 408
  std::chrono::milliseconds idle_timeout{75'000};  // between two requests: closed without a word
  std::chrono::milliseconds answer_timeout{
      60'000};  // for the handler → 500: a bug, since handlers have bounds of their own
  std::chrono::milliseconds write_timeout{20'000};  // for a client to take what was answered: cut off
  std::chrono::milliseconds give_way_after{
      1000};  // over connections_max: one that has only waited for its client for so long is closed for a new one
};

class http_server {
 public:
  http_server(http_server_settings settings, runtime::http_handler handler, runtime::http_refusal_renderer render,
              runtime::http_admission admits = nullptr);  // nullptr: everything, up to requests_in_flight_max
  ~http_server();                                         // stop({})
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  // Once. Throws std::runtime_error: address in use, not an address, not permitted.
  void start();

  // The port it listens on, after start().
  std::uint16_t port() const noexcept;

  // Stops accepting, closes idle connections, lets requests under way finish, cuts off what remains after `grace`.
  // Returns when all io threads have ended. A second call does nothing. Not from a handler.
  void stop(std::chrono::milliseconds grace);

  std::size_t connections() const noexcept;
  std::size_t requests_in_flight() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace novapay::adapters::http
