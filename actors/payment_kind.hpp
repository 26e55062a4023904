// payment_kind: the payment as the runtime hosts it: the domain's pure functions, their encoding, and the processor that
// the calls a payment owes go to.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/domain/payment.hpp"
#include "actors/processor.hpp"
#include "runtime/entity.hpp"

namespace novapay {

inline const std::string payment_kind_name = "payment";

// Hear of what an operator should know, when it is decided to journal it (which may be tried more than once): every report of a
// processor that contradicts the journal; every operation whose outcome has been unknown for domain::flag_after. From the entity's
// thread; must not block.
using break_handler = std::function<void(const domain::payment& now, const domain::event::break_noted& what)>;
using flag_handler = std::function<void(const domain::payment& now, const domain::event::flagged& what)>;

struct payment_kind_settings {
  break_handler on_break{};
  flag_handler on_flag{};
  // Our public address: "https://pay.example"; the customer's browser comes back to it after an action, and from there goes to
  // the merchant's return_url. Empty: processors send it to the merchant's at once.
  std::string return_url_base{};
};

// `processor` outlives the kind.
std::shared_ptr<const runtime::entity_kind> make_payment_kind(processor& through, payment_kind_settings how = {});

// The scope a payment is listed under and its creation key lives in: "mrc_x/test".
std::string scope_of(const std::string& merchant, domain::mode mode);

// A domain operation as the runtime's opaque number, and back.
std::uint64_t pack(domain::operation_id which) noexcept;
domain::operation_id unpack(std::uint64_t operation) noexcept;

}  // namespace novapay
