// payment_commands: what can be asked of a payment: by a merchant, by its processor, by its timer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

// What a processor answered to one call.
namespace reported {
struct approved {  // authorized, captured, refunded or canceled, by the call's kind
  std::string reference;
  std::optional<timestamp> expires_at;  // of an authorization
};
struct declined {
  failure why;
};  // a definite no
struct needs_action {
  next_action action;
  std::string reference;
};
struct unknown {
  std::string reason;
};  // money may have moved: "processor_timeout", "connection_lost"
struct not_executed {
  std::string reason;
};  // certainly nothing happened: "rate_limited", "processor_unavailable"
}  // namespace reported
using outcome = std::variant<reported::approved, reported::declined, reported::needs_action, reported::unknown,
                             reported::not_executed>;

// What a processor tells later, by itself.
struct notice {
  operation_id about;             // a capture or a refund
  std::optional<failure> failed;  // a late failure; nullopt: the capture is settled
};

namespace command {
struct create {
  terms asked;
};
struct confirm {
  std::string idempotency_key;
  std::map<std::string, std::string> details;
};
struct capture {
  std::string idempotency_key;
  std::optional<std::int64_t> amount_minor;
  bool final = false;
};
struct cancel {
  std::string idempotency_key;
  std::string reason;
};
struct refund {
  std::string idempotency_key;
  std::optional<std::int64_t> amount_minor;
  std::string reason;
};
struct query {};   // answers the state as it is
struct wake {};    // wake_at has come
struct resume {};  // the process that may have sent what is `sending` is gone
struct report {
  operation_id about;
  domain::outcome outcome;
};
struct notify {
  domain::notice what;
};
}  // namespace command
using command_type = std::variant<command::create, command::confirm, command::capture, command::cancel, command::refund,
                                  command::query, command::wake, command::resume, command::report, command::notify>;

}  // namespace novapay::domain
