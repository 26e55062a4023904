// webhook_intake: what the listener does with a delivery: hands it over and answers what comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace novapay {

enum class intake_verdict : std::uint8_t {
  taken = 1,          // durable: it will be applied, whatever happens to us
  unknown_processor,  // no processor of that name sends webhooks here
  rejected,           // not authentic
  overloaded,         // too many wait to be stored
  unavailable,        // the store fails, or the node is starting or stopping; it may have been stored all the same
};

struct intake_answer {
  intake_verdict verdict{};
  std::string reason;                      // rejected: webhook_verdict's; else for the log
  runtime::http_response acknowledgement;  // taken: what the processor wants to see
};
using intake_done = std::function<void(intake_answer)>;

class webhook_intake {
 public:
  virtual ~webhook_intake() = default;
  // Verifies in the caller's thread, returns at once. `done` is called exactly once, from within or from a thread of the desk.
  virtual void take(std::string_view processor, const runtime::http_fields& fields, std::string body,
                    intake_done done) = 0;
  // Deliveries that wait to be stored: the bound of what the listener begins.
  virtual std::size_t waiting() const noexcept = 0;
};

}  // namespace novapay
