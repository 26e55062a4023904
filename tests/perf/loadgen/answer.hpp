// answer: an HTTP response as the load generator needs it.
#pragma once

#include <cstddef>
#include <string_view>

namespace loadgen {

struct answer {
  int status = 0;
  bool close = false;
  bool retry_after = false;
  double own_ms = -1;  // Server-Timing's novapay;dur; -1: not said
  std::string_view body;
  std::size_t size = 0;  // of the whole response

  std::string_view id() const;     // of a payment; "" if the body is none
  std::string_view state() const;  // its status
  std::string_view error() const;  // the code of an error; ""
};

enum class read_result { incomplete, complete, malformed };

// Reads one response with a Content-Length from the front of `bytes`.
read_result read_answer(std::string_view bytes, answer& into);

}  // namespace loadgen
