// payment_rules: what decide, evolve and the views share about a payment's state. Internal to the domain.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/domain/payment.hpp"

namespace novapay::domain {

// In minor units. Reserved: every operation that has not failed; the others: succeeded ones.
struct sums {
  std::int64_t captures_reserved = 0;
  std::int64_t captured = 0;
  std::int64_t refunds_reserved = 0;
  std::int64_t refunded = 0;
};
sums sums_of(const payment& now) noexcept;

bool awaiting(const operation& what) noexcept;  // sending, deferred, in doubt or accepted
bool own_cancel(const operation& what) noexcept;
bool authorizes(operation_kind kind) noexcept;  // authorize or confirm

// Its last authorize: the one whose answer counts. nullptr: nothing was created.
const operation* current_authorize(const payment& now) noexcept;
// The last authorize or a confirm of it.
bool in_current_chain(const payment& now, const operation& what) noexcept;
// The payment's own authorization is being released. (Others that are do not concern it.)
const operation* cancel_under_way(const payment& now) noexcept;
bool any_awaiting(const payment& now, operation_kind kind) noexcept;

// Some capture's money may be gone: nothing more is refunded until that is clear.
bool contested(const payment& now) noexcept;

// No capture is legal: not authorized, lapsed, being canceled, or a final capture stands.
bool closed_to_captures(const payment& now) noexcept;
std::int64_t capturable(const payment& now) noexcept;

// When the authorization or the customer's action lapses; nullopt while an operation is under way.
std::optional<timestamp> expiry(const payment& now) noexcept;
// When it is said that the authorization lapses soon; nullopt: never, or said already.
std::optional<timestamp> expiring_due(const payment& now) noexcept;
// When the operation is flagged.
std::optional<timestamp> flag_due(const operation& what) noexcept;
// When the waiting client is told `processing`, and when the operation is attempted again.
std::optional<timestamp> answer_due(const operation& what) noexcept;
std::optional<timestamp> attempt_due(const operation& what) noexcept;

}  // namespace novapay::domain
