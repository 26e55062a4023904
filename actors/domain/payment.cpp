// What the payment's state says about itself: its operations, its sums, what it owes and when it must be looked at.
#include "actors/domain/payment.hpp"

#include <algorithm>
#include <cassert>
#include <string>

#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {

bool awaiting(const operation& what) noexcept {
  return what.progress == progress::sending || what.progress == progress::deferred ||
         what.progress == progress::in_doubt || what.progress == progress::accepted;
}

// A cancel without a client's key is our own clean-up: nobody waits for it, and it never changes what the merchant sees.
bool own_cancel(const operation& what) noexcept {
  return what.id.kind == operation_kind::cancel && what.idempotency_key.empty();
}

bool authorizes(operation_kind kind) noexcept {
  return kind == operation_kind::authorize || kind == operation_kind::confirm;
}

const operation* current_authorize(const payment& now) noexcept {
  const auto last = std::find_if(now.operations.rbegin(), now.operations.rend(),
                                 [](const operation& what) { return what.id.kind == operation_kind::authorize; });
  return last == now.operations.rend() ? nullptr : &*last;
}

const std::string& processor_of(const payment& now) noexcept {
  static const std::string the_only_one;
  const auto* last = current_authorize(now);
  return last == nullptr ? the_only_one : last->processor;
}

// Only an authorize that was never answered with an action is rerouted: every confirm is of the last one.
bool in_current_chain(const payment& now, const operation& what) noexcept {
  return what.id.kind == operation_kind::confirm || &what == current_authorize(now);
}

const operation* cancel_under_way(const payment& now) noexcept {
  const auto found = std::find_if(now.operations.begin(), now.operations.end(), [](const operation& what) {
    return what.id.kind == operation_kind::cancel && what.target_reference.empty() && awaiting(what);
  });
  return found == now.operations.end() ? nullptr : &*found;
}

sums sums_of(const payment& now) noexcept {
  sums total;
  for (const auto& what : now.operations) {
    if (what.progress == progress::failed) continue;
    if (what.id.kind == operation_kind::capture) {
      total.captures_reserved += what.amount_minor;
      if (what.progress == progress::succeeded) total.captured += what.amount_minor;
    } else if (what.id.kind == operation_kind::refund) {
      total.refunds_reserved += what.amount_minor;
      if (what.progress == progress::succeeded) total.refunded += what.amount_minor;
    }
  }
  return total;
}

bool any_awaiting(const payment& now, operation_kind kind) noexcept {
  return std::any_of(now.operations.begin(), now.operations.end(),
                     [kind](const operation& what) { return what.id.kind == kind && awaiting(what); });
}

bool contested(const payment& now) noexcept {
  return std::any_of(now.operations.begin(), now.operations.end(),
                     [](const operation& what) { return what.contested.has_value(); });
}

bool closed_to_captures(const payment& now) noexcept {
  if (now.stage != stage::authorized || now.authorization_lapsed) return true;
  if (cancel_under_way(now) != nullptr) return true;
  return std::any_of(now.operations.begin(), now.operations.end(), [](const operation& what) {
    return what.id.kind == operation_kind::capture && what.final && what.progress != progress::failed;
  });
}

std::int64_t capturable(const payment& now) noexcept {
  return closed_to_captures(now) ? 0 : now.agreed.amount.minor - sums_of(now).captures_reserved;
}

std::optional<timestamp> expiry(const payment& now) noexcept {
  if (!now.expires_at) return std::nullopt;
  const bool under_way = std::any_of(now.operations.begin(), now.operations.end(), [](const operation& what) {
    return awaiting(what) &&
           what.target_reference.empty();  // what releases another authorization waits for nothing here
  });
  if (under_way) return std::nullopt;
  if (now.stage == stage::requires_action) return now.expires_at;
  if (now.stage == stage::authorized && capturable(now) > 0) return now.expires_at;
  return std::nullopt;
}

std::optional<timestamp> expiring_due(const payment& now) noexcept {
  if (now.handled.expiring_lead.count() <= 0 || now.expiring_noted || !now.expires_at) return std::nullopt;
  if (now.stage != stage::authorized || capturable(now) <= 0) return std::nullopt;
  return *now.expires_at - now.handled.expiring_lead;
}

std::optional<timestamp> flag_due(const operation& what) noexcept {
  if (what.flagged || !awaiting(what)) return std::nullopt;
  return what.requested_at + flag_after;
}

std::optional<timestamp> answer_due(const operation& what) noexcept {
  if (what.slow || own_cancel(what) || what.answered_version != 0) return std::nullopt;
  if (what.progress != progress::sending && what.progress != progress::deferred) return std::nullopt;
  return what.requested_at + answer_wait;
}

std::optional<timestamp> attempt_due(const operation& what) noexcept {
  if (what.progress == progress::sending) return what.attempted_at + resend_after;
  return awaiting(what) ? what.next_attempt_at : std::nullopt;
}

const operation* find(const payment& now, operation_id which) noexcept {
  const auto found = std::find_if(now.operations.begin(), now.operations.end(),
                                  [which](const operation& what) { return what.id == which; });
  return found == now.operations.end() ? nullptr : &*found;
}

bool is_sound(const payment& now) noexcept {
  if (now.stage == stage::none) return now.operations.empty();
  std::int64_t captures = 0, captured = 0, refunds = 0;
  for (const auto& what : now.operations) {
    if (what.amount_minor < 0) return false;
    if (what.progress == progress::failed) continue;
    const bool capture = what.id.kind == operation_kind::capture, refund = what.id.kind == operation_kind::refund;
    if (capture && __builtin_add_overflow(captures, what.amount_minor, &captures)) return false;
    if (capture && what.progress == progress::succeeded) captured += what.amount_minor;  // never more than `captures`
    if (refund && __builtin_add_overflow(refunds, what.amount_minor, &refunds)) return false;
  }
  return now.agreed.amount.minor > 0 && captures <= now.agreed.amount.minor && refunds <= captured;
}

std::vector<operation_id> owed(const payment& now) {
  std::vector<operation_id> calls;
  for (const auto& what : now.operations)
    if (what.progress == progress::sending) calls.push_back(what.id);
  return calls;
}

std::string processor_key(const payment& now, operation_id which) {
  std::string key = now.agreed.id;
  key += ':';
  key += to_text(which.kind);
  if (which.kind != operation_kind::authorize || which.number != 1) {
    key += ':';
    key += std::to_string(which.number);
  }
  return key;
}

std::optional<timestamp> wake_at(const payment& now) {
  std::optional<timestamp> earliest = expiry(now);
  const auto consider = [&earliest](std::optional<timestamp> when) {
    if (when && (!earliest || *when < *earliest)) earliest = when;
  };
  consider(expiring_due(now));
  for (const auto& what : now.operations) {
    consider(answer_due(what));
    consider(attempt_due(what));
    consider(flag_due(what));
  }
  return earliest;
}

namespace {

bool all_captures_settled(const payment& now) noexcept {
  return std::all_of(now.operations.begin(), now.operations.end(), [](const operation& what) {
    return what.id.kind != operation_kind::capture || what.progress == progress::failed || what.settled;
  });
}

// The operation that makes the whole payment uncertain, if there is one. A refund never does: it has a status of its own.
const operation* uncertain(const payment& now) noexcept {
  for (const auto& what : now.operations) {
    if (what.contested) return &what;
    if (what.id.kind == operation_kind::refund || own_cancel(what) || !awaiting(what)) continue;
    if (what.doubted || what.slow) return &what;
  }
  return nullptr;
}

// When the processor is asked about what the payment's status waits for.
std::optional<timestamp> next_check(const payment& now) noexcept {
  std::optional<timestamp> earliest;
  for (const auto& what : now.operations) {
    if (what.id.kind == operation_kind::refund || own_cancel(what)) continue;
    if (const auto when = attempt_due(what); when && (!earliest || *when < *earliest)) earliest = when;
  }
  return earliest;
}

status status_when_authorized(const payment& now, const sums& total) noexcept {
  if (total.captured == 0)
    return now.authorization_lapsed && total.captures_reserved == 0 ? status::expired : status::authorized;
  const bool nothing_left = closed_to_captures(now) || total.captures_reserved == now.agreed.amount.minor;
  if (!nothing_left || any_awaiting(now, operation_kind::capture)) return status::partially_captured;
  return all_captures_settled(now) ? status::settled : status::captured;
}

}  // namespace

summary summarize(const payment& now) {
  const auto total = sums_of(now);
  summary seen;
  seen.amount_capturable = capturable(now);
  seen.amount_captured = total.captured;
  seen.amount_refunded = total.refunded;
  seen.amount_refundable = contested(now) ? 0 : total.captured - total.refunds_reserved;
  assert(total.captures_reserved <= now.agreed.amount.minor);
  assert(total.refunds_reserved <= total.captured);

  seen.needs_attention = std::any_of(now.operations.begin(), now.operations.end(),
                                     [](const operation& what) { return what.flagged && awaiting(what); });

  if (const auto* doubt = uncertain(now)) {
    seen.status = status::processing;
    seen.next_check_at = next_check(now);
    seen.processing_reason = doubt->contested ? "capture_contested" : doubt->doubt_reason;
    return seen;
  }
  switch (now.stage) {
    case stage::none:
    case stage::authorizing: seen.status = status::pending; break;
    case stage::requires_action: seen.status = status::requires_action; break;
    case stage::authorized: seen.status = status_when_authorized(now, total); break;
    case stage::failed: seen.status = status::failed; break;
    case stage::canceled: seen.status = status::canceled; break;
    case stage::expired: seen.status = status::expired; break;
  }
  return seen;
}

record_status status_of(const operation& what) noexcept {
  if (what.progress == progress::succeeded) return record_status::succeeded;
  return what.progress == progress::failed ? record_status::failed : record_status::pending;
}

}  // namespace novapay::domain
