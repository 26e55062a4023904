// http_client: outgoing HTTP calls as a port. What a caller may conclude from a call that failed is the point of it: `fate` says
// whether the other side may have acted on the request, and everything above decides on that, never on a library's error code.
//
// Threads: `send` returns at once and may be called from any thread; `done` is called exactly once, from the client's own thread
// (or from within `send` for what it refuses at once), and must not block. `cancel` may be called from any thread.
//
// Every call ends: by its answer, by its deadlines, by `cancel` or by the client's destruction.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace novapay::runtime {

// What the other side may have done with the request.
enum class call_fate : std::uint8_t {
  never_sent =
      1,  // not one byte of it left this process: over our bound, canceled while queued, no address, no connection in time
  refused,          // the other side turned it away unseen: connection refused, TLS failed
  answered,         // a complete answer arrived: `response` is set
  may_be_executed,  // sent at least in part, and no complete answer: timeout, reset, truncated, canceled while under way
};
std::string_view to_text(call_fate value) noexcept;  // "may_be_executed"

struct outgoing_call {
  std::string method;  // "POST"
  std::string url;     // "https://api.stripe.com/v1/refunds"
  http_fields fields;  // without host, content-length, connection and the like: "bad_request"
  std::string body;
  std::string pool;  // calls of one name share a bound and connections: "stripe"
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds total_timeout{30'000};  // from `send` to the end of the answer, time in the queue included
  std::size_t answer_bytes_max = 4 * 1024 * 1024;   // a longer answer counts as truncated
};

struct call_result {
  call_fate fate = call_fate::never_sent;
  http_response response;  // when answered; field names in lower case
  // When not answered, one of: never_sent "bad_url", "bad_request", "too_many_calls", "queue_timeout", "dns_failed", "connect_failed",
  // "connect_timeout"; refused "connect_refused", "tls_failed"; may_be_executed "timeout", "connection_lost",
  // "truncated", "malformed", "answer_too_large"; either of never_sent and may_be_executed: "canceled", "shut_down".
  std::string reason;
  std::string detail;  // for the log; never a secret
  std::chrono::microseconds took{0};
};

using call_done = std::function<void(call_result)>;
using call_id = std::uint64_t;  // never 0

class http_client {
 public:
  virtual ~http_client() = default;
  virtual call_id send(outgoing_call what, call_done done) = 0;
  // The call ends at once: `never_sent` if it had no connection yet, `may_be_executed` otherwise. Unknown or ended ids are ignored.
  virtual void cancel(call_id which) = 0;
};

}  // namespace novapay::runtime
