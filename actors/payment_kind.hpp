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

// `processor` outlives the kind. `on_break` hears of every report of the processor that contradicts the journal, when it is decided to journal it (which may be
// tried more than once); from the entity's thread, must not block.
using break_handler = std::function<void(const domain::payment& now, const domain::event::break_noted& what)>;
std::shared_ptr<const runtime::entity_kind> make_payment_kind(processor& through, break_handler on_break = {});

// The scope a payment is listed under and its creation key lives in: "mrc_x/test".
std::string scope_of(const std::string& merchant, domain::mode mode);

// A domain operation as the runtime's opaque number, and back.
std::uint64_t pack(domain::operation_id which) noexcept;
domain::operation_id unpack(std::uint64_t operation) noexcept;

}  // namespace novapay
