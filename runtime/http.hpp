// http: plain request and response values, the port between a listener (an adapter) and who answers.
//
// Ownership: a handler gets the request by value and exactly one `respond`, which it calls once, from any thread,
// now or later. If every copy of `respond` is destroyed uncalled the listener answers 500 itself.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace novapay::runtime {

using http_fields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct http_request {
  std::string method;  // "GET", upper case as sent
  std::string target;  // path and query as sent: "/v1/payments?limit=3"
  http_fields fields;
  std::string body;
  std::string remote;                                 // "127.0.0.1:53122"
  std::chrono::steady_clock::time_point received_at;  // when the head had been read

  // First field of that name (lower case), or nullopt.
  std::optional<std::string_view> field(std::string_view name) const {
    for (const auto& [key, value] : fields)
      if (key == name) return std::string_view{value};
    return std::nullopt;
  }
};

struct http_response {
  int status = 200;
  http_fields fields;  // without content-length, date, connection: the listener adds these
  std::string body;
};

using http_respond = std::function<void(http_response)>;
using http_handler = std::function<void(http_request, http_respond)>;

// Whether a request is begun at all, asked as soon as its head has been read, on an io thread: must be quick. False: it is refused as
// `overloaded`, and nothing else of it is looked at.
using http_admission = std::function<bool(std::string_view method, std::string_view target)>;

// What the listener refuses by itself, before any handler: rendered by who owns the API's error format.
enum class http_refusal {
  malformed,           // 400: not HTTP, or a shape used for request smuggling
  head_too_large,      // 431
  body_too_large,      // 413
  timeout,             // 408: the client was too slow
  overloaded,          // 503: too many connections or requests at once
  expectation_failed,  // 417: an Expect other than 100-continue
  version,             // 505: not HTTP/1.0 or 1.1
  not_implemented,     // 501: a transfer coding other than chunked
  internal,            // 500: no handler answered
};
using http_refusal_renderer = std::function<http_response(http_refusal, std::string_view detail)>;

}  // namespace novapay::runtime
