// calls: what the client's tests share: a client over one pool, and calls whose ends are waited for.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http_client/client.hpp"
#include "tests/support/silent_ports.hpp"
#include "tests/unit/adapters/http_client/bad_server.hpp"

namespace novapay::test {

using adapters::http_client::client;
using adapters::http_client::pool_settings;
using runtime::call_fate;
using runtime::call_result;
using runtime::outgoing_call;
using namespace std::chrono_literals;

inline constexpr auto long_enough = 20s;  // for whatever has to happen at all

// A call under way.
struct pending {
  runtime::call_id id = 0;
  std::future<call_result> result;
  bool ended() { return result.wait_for(0s) == std::future_status::ready; }
  call_result get() {
    if (result.wait_for(long_enough) != std::future_status::ready) throw std::runtime_error("a call did not end");
    return result.get();
  }
};

struct caller {
  explicit caller(pool_settings settings = {}) : http{{{"p", std::move(settings)}}, metrics} {}

  pending send(outgoing_call what) {
    auto promise = std::make_shared<std::promise<call_result>>();
    pending out{0, promise->get_future()};
    out.id = http.send(std::move(what), [promise](call_result result) { promise->set_value(std::move(result)); });
    return out;
  }
  call_result get(outgoing_call what) { return send(std::move(what)).get(); }

  testing::silent_metrics metrics;
  client http;
};

inline outgoing_call post(std::string url, std::string body = "amount=1", runtime::http_fields fields = {}) {
  outgoing_call out;
  out.method = "POST";
  out.url = std::move(url);
  out.body = std::move(body);
  out.fields = std::move(fields);
  out.pool = "p";
  out.connect_timeout = out.total_timeout = 1min;  // on a slow machine, too, a test ends by what it is about
  return out;
}

// The result with a total timeout that lets the call get far enough: it is doubled while the result is `too_early`.
inline call_result given_time(outgoing_call what, const std::function<bool(const call_result&)>& too_early,
                              const std::function<call_result(const outgoing_call&)>& run) {
  for (;; what.total_timeout *= 2) {
    auto result = run(what);
    if (!too_early(result) || what.total_timeout > long_enough) return result;
  }
}

inline void check(const call_result& result, call_fate fate, std::string_view reason) {
  CAPTURE(result.detail);
  CHECK(to_text(result.fate) == to_text(fate));
  CHECK(result.reason == reason);
}

// Something that happens once, waited for by another thread.
class event {
 public:
  void happens() {
    if (!done_.exchange(true)) promise_.set_value();
  }
  bool wait() { return future_.wait_for(long_enough) == std::future_status::ready; }

 private:
  std::atomic<bool> done_{false};
  std::promise<void> promise_;
  std::shared_future<void> future_{promise_.get_future().share()};
};

}  // namespace novapay::test
