// running_server: a listener on a free port, with handlers for its tests.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/server.hpp"
#include "tests/unit/adapters/http/raw_client.hpp"

namespace novapay::test {

using adapters::http::http_server;
using adapters::http::http_server_settings;
using runtime::http_handler;
using runtime::http_refusal;
using runtime::http_request;
using runtime::http_respond;
using runtime::http_response;

inline int status_of(http_refusal why) {
  switch (why) {
    case http_refusal::malformed: return 400;
    case http_refusal::head_too_large: return 431;
    case http_refusal::body_too_large: return 413;
    case http_refusal::timeout: return 408;
    case http_refusal::overloaded: return 503;
    case http_refusal::expectation_failed: return 417;
    case http_refusal::version: return 505;
    case http_refusal::not_implemented: return 501;
    case http_refusal::internal: break;
  }
  return 500;
}

inline http_response render(http_refusal why, std::string_view detail) {
  return {status_of(why), {{"Content-Type", "text/plain"}}, std::string{detail}};
}

// Answers with what was asked: method, target, body.
inline void echo(http_request request, http_respond respond) {
  respond({200, {{"X-Remote", request.remote}}, request.method + " " + request.target + " " + request.body});
}

// Keeps what it is given until the test answers it.
struct held {
  http_handler handler() {
    return [this](http_request request, http_respond respond) {
      const std::lock_guard lock{mutex};
      waiting.emplace_back(std::move(request), std::move(respond));
      arrived.notify_all();
    };
  }
  std::pair<http_request, http_respond> next() {
    std::unique_lock lock{mutex};
    if (!arrived.wait_for(lock, patience, [&] { return !waiting.empty(); })) throw std::runtime_error("no request");
    auto first = std::move(waiting.front());
    waiting.erase(waiting.begin());
    return first;
  }
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<std::pair<http_request, http_respond>> waiting;
};

struct running {
  explicit running(http_handler handler = echo, http_server_settings settings = {})
      : server{std::move(settings), std::move(handler), render} {
    server.start();
  }
  raw_client client() const { return raw_client{server.port()}; }
  http_server server;
};

inline std::string post(const std::string& body, const std::string& fields = {}) {
  return "POST /p HTTP/1.1\r\nHost: x\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}
inline const std::string get = "GET /g HTTP/1.1\r\nHost: x\r\n\r\n";

// Waits for a count of the server's to arrive at a value.
template <class Count>
bool becomes(Count count, std::size_t value) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (count() != value) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace novapay::test
