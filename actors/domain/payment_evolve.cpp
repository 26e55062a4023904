// evolve: what each event does to a payment. Total, because an event is a fact; the same function live and on replay.
#include <algorithm>
#include <cassert>
#include <utility>

#include "actors/domain/payment.hpp"
#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {
namespace {

// An event names an operation that an earlier event made. A journal that says otherwise is damaged, and is not guessed at:
// the event changes nothing then but the version.
operation* find_mutable(payment& now, operation_id which) { return const_cast<operation*>(find(now, which)); }

operation& request(payment& now, operation_id which, timestamp at) {
  auto& what = now.operations.emplace_back();
  what.id = which;
  what.requested_at = at;
  what.attempted_at = at;
  return what;
}

void finish(operation& what, progress outcome) {
  what.progress = outcome;
  what.next_attempt_at.reset();
  what.doubt_reason.clear();
}

void fail(payment& now, operation_id which, const failure& why, bool late = false) {
  if (auto* what = find_mutable(now, which)) {
    finish(*what, progress::failed);
    what->why_failed = why;
    what->failed_late = late;
    what->contested.reset();
  }
}

void succeed(payment& now, operation_id which, const std::string& reference) {
  if (auto* what = find_mutable(now, which)) {
    finish(*what, progress::succeeded);
    what->why_failed.reset();
    if (!reference.empty()) what->processor_reference = reference;
  }
}

struct applier {
  payment& now;
  timestamp at;

  void operator()(const event::created& e) {
    now.agreed = e.agreed;
    now.stage = stage::authorizing;
    now.created_at = at;
    auto& what = request(now, {operation_kind::authorize, 1}, at);
    what.idempotency_key = e.agreed.idempotency_key;
    what.amount_minor = e.agreed.amount.minor;
  }
  void operator()(const event::authorized& e) {
    succeed(now, e.by, e.reference);
    now.stage = stage::authorized;
    now.processor_reference = e.reference;
    now.expires_at = e.expires_at;
    now.action.reset();
  }
  void operator()(const event::declined& e) {
    fail(now, e.by, e.why);
    now.stage = stage::failed;
    now.last_failure = e.why;
    now.expires_at.reset();
    now.action.reset();
  }
  void operator()(const event::action_required& e) {
    if (auto* what = find_mutable(now, e.by)) {
      finish(*what, progress::needs_action);
      what->processor_reference = e.reference;
    }
    now.stage = stage::requires_action;
    now.processor_reference = e.reference;
    now.action = e.action;
    now.expires_at = e.expires_at;
  }
  void operator()(const event::confirm_requested& e) {
    auto& what = request(now, {operation_kind::confirm, e.number}, at);
    what.idempotency_key = e.idempotency_key;
    what.action_details = e.details;
    what.amount_minor = now.agreed.amount.minor;
    now.stage = stage::authorizing;
  }
  void operator()(const event::confirm_failed& e) {
    fail(now, {operation_kind::confirm, e.number}, e.why);
    now.stage = stage::requires_action;  // the customer's action still stands: it may be confirmed again
  }
  void operator()(const event::capture_requested& e) {
    auto& what = request(now, {operation_kind::capture, e.number}, at);
    what.idempotency_key = e.idempotency_key;
    what.asked_minor = e.asked_minor;
    what.amount_minor = e.amount_minor;
    what.final = e.final;
  }
  void operator()(const event::captured& e) {
    succeed(now, {operation_kind::capture, e.number}, e.reference);
    now.last_failure.reset();
  }
  void operator()(const event::capture_failed& e) {
    fail(now, {operation_kind::capture, e.number}, e.why, e.late);
    now.last_failure = e.why;
  }
  void operator()(const event::capture_contested& e) {
    if (auto* what = find_mutable(now, {operation_kind::capture, e.number})) what->contested = e.why;
  }
  void operator()(const event::refund_requested& e) {
    auto& what = request(now, {operation_kind::refund, e.number}, at);
    what.idempotency_key = e.idempotency_key;
    what.asked_minor = e.asked_minor;
    what.amount_minor = e.amount_minor;
    what.reason = e.reason;
  }
  void operator()(const event::refunded& e) { succeed(now, {operation_kind::refund, e.number}, e.reference); }
  void operator()(const event::refund_failed& e) { fail(now, {operation_kind::refund, e.number}, e.why, e.late); }
  void operator()(const event::cancel_requested& e) {
    auto& what = request(now, {operation_kind::cancel, e.number}, at);
    what.idempotency_key = e.idempotency_key;
    what.reason = e.reason;
  }
  void operator()(const event::canceled& e) {
    succeed(now, {operation_kind::cancel, e.number}, {});
    if (now.stage != stage::requires_action && now.stage != stage::authorized) return;
    now.stage = stage::canceled;
    now.expires_at.reset();
    now.action.reset();
  }
  void operator()(const event::cancel_failed& e) { fail(now, {operation_kind::cancel, e.number}, e.why); }
  void operator()(const event::settled& e) {
    if (auto* what = find_mutable(now, {operation_kind::capture, e.number})) what->settled = true;
  }
  void operator()(const event::expired&) {
    now.action.reset();
    now.expires_at.reset();
    if (now.stage == stage::authorized && sums_of(now).captures_reserved > 0) {
      now.authorization_lapsed = true;
      return;
    }
    now.stage = stage::expired;
  }
  void operator()(const event::late_authorization& e) { now.processor_reference = e.reference; }
  void operator()(const event::in_doubt& e) {
    if (auto* what = find_mutable(now, e.about)) {
      what->progress = progress::in_doubt;
      what->doubted = true;
      what->doubt_reason = e.reason;
      what->next_attempt_at = e.next_attempt_at;
    }
  }
  void operator()(const event::deferred& e) {
    if (auto* what = find_mutable(now, e.about)) {
      what->progress = progress::deferred;
      what->doubt_reason = e.reason;
      what->next_attempt_at = e.next_attempt_at;
    }
  }
  void operator()(const event::attempt_started& e) {
    if (auto* what = find_mutable(now, e.about)) {
      if (what->progress == progress::sending) {  // the attempt before this one has no outcome, and never will
        what->doubted = true;
        if (what->doubt_reason.empty()) what->doubt_reason = "outcome_lost";
      }
      what->progress = progress::sending;
      what->attempts += 1;
      what->attempted_at = at;
      what->next_attempt_at.reset();
    }
  }
  void operator()(const event::answer_deferred& e) {
    if (auto* what = find_mutable(now, e.about)) {
      what->slow = true;
      what->doubt_reason = e.reason;
    }
  }
  void operator()(const event::break_noted& e) { now.breaks.push_back(e.about); }
};

bool outcome_known_or_doubted(const operation& what) noexcept {
  return !awaiting(what) || what.progress == progress::in_doubt || what.slow;
}

// May the client that asked for `what` be answered now? An automatic payment's answer includes its capture.
bool answerable(const payment& now, const operation& what) noexcept {
  if (!outcome_known_or_doubted(what)) return false;
  const bool authorizes = what.id.kind == operation_kind::authorize || what.id.kind == operation_kind::confirm;
  if (!authorizes || what.progress != progress::succeeded) return true;
  if (now.agreed.capture == capture_method::manual) return true;
  const auto* capture = find(now, {operation_kind::capture, 1});
  return capture != nullptr && outcome_known_or_doubted(*capture);
}

}  // namespace

payment evolve(payment now, const event_type& happened, timestamp at) {
  std::visit(applier{now, at}, happened);
  now.version += 1;
  now.updated_at = at;
  for (auto& what : now.operations)
    if (what.answered_version == 0 && answerable(now, what)) what.answered_version = now.version;
  return now;
}

}  // namespace novapay::domain
