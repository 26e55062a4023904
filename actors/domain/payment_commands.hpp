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
struct declined {  // a definite no
  failure why;
  std::string reference{};  // what the attempt left open at the processor, to be canceled there; mostly empty
};
struct accepted {  // taken; the outcome will be told by a notice
  std::string reference;
};
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
                             reported::not_executed, reported::accepted>;

// What a processor tells later, by itself: at least once, in any order.
namespace told {
struct result {  // how a call ended: after `accepted`, or before its own answer arrived
  domain::outcome outcome;
};
struct settled {  // a capture's money is in the merchant's payout
  std::optional<settlement> figures;
};
struct failed {  // a capture or refund that had been approved
  failure why;
};
struct voided {  // the authorization has ended at the processor without our asking: "expired", "canceled"
  std::string reason;
};
struct disputed {
  dispute what;
};
}  // namespace told
using news = std::variant<told::result, told::settled, told::failed, told::voided, told::disputed>;

struct notice {
  // The operation it is about. Number 0: the processor did not name it; it is found by `reference`, or else it is the only one of
  // its kind and amount that could be meant.
  operation_id about;
  domain::news what;
  std::string processor{};  // who tells; empty: the payment's own
  std::string reference{};  // the processor's id of the operation; may be empty
  std::optional<std::int64_t> amount_minor{};
};

namespace command {
struct create {
  terms asked;
  handling how{};
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
