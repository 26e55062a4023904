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
  auto asked = processor_of(now);
  auto& what = now.operations.emplace_back();
  what.id = which;
  what.processor = std::move(asked);
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

// Its confirms that are under way end with the authorization: the processor told before their own answers came.
void finish_confirms(payment& now, progress outcome) {
  for (auto& what : now.operations)
    if (what.id.kind == operation_kind::confirm && awaiting(what)) finish(what, outcome);
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
    now.handled = e.handled;
    now.stage = stage::authorizing;
    now.created_at = at;
    auto& what = request(now, {operation_kind::authorize, 1}, at);
    what.idempotency_key = e.agreed.idempotency_key;
    what.amount_minor = e.agreed.amount.minor;
    if (!e.handled.route.empty()) what.processor = e.handled.route.front();
  }
  void operator()(const event::authorized& e) {
    succeed(now, e.by, e.reference);
    finish_confirms(now, progress::succeeded);
    now.stage = stage::authorized;
    now.processor_reference = e.reference;
    now.expires_at = e.expires_at;
    now.action.reset();
  }
  void operator()(const event::declined& e) {
    fail(now, e.by, e.why);
    finish_confirms(now, progress::failed);
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
    if (e.target_reference.empty()) return;
    what.processor = e.processor;
    what.target_reference = e.target_reference;
  }
  void operator()(const event::canceled& e) {
    const operation_id which{operation_kind::cancel, e.number};
    succeed(now, which, {});
    if (const auto* what = find(now, which); what != nullptr && !what->target_reference.empty()) return;
    if (now.stage != stage::requires_action && now.stage != stage::authorized) return;
    now.stage = stage::canceled;
    now.expires_at.reset();
    now.action.reset();
  }
  void operator()(const event::cancel_failed& e) { fail(now, {operation_kind::cancel, e.number}, e.why); }
  void operator()(const event::settled& e) {
    if (auto* what = find_mutable(now, {operation_kind::capture, e.number})) {
      what->settled = true;
      if (e.figures) what->paid_out = e.figures;
    }
  }
  void operator()(const event::expired&) { end_authorization(stage::expired); }
  // Before processors had names the cancel that follows named nothing, and went to the payment's reference.
  void operator()(const event::late_authorization& e) {
    if (e.by == operation_id{}) now.processor_reference = e.reference;
  }
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
  void operator()(const event::break_noted& e) { now.breaks.push_back({e.about, e.reference}); }
  void operator()(const event::accepted& e) {
    if (auto* what = find_mutable(now, e.about)) {
      what->progress = progress::accepted;
      what->doubted = true;
      what->doubt_reason = "accepted_by_processor";
      what->next_attempt_at = e.next_attempt_at;
      if (!e.reference.empty()) what->processor_reference = e.reference;
    }
  }
  // To its client the new one is the old one: it has waited since then.
  void operator()(const event::rerouted& e) {
    const auto* from = find(now, e.from);
    const auto since = from != nullptr ? from->requested_at : at;
    const bool slow = from != nullptr && from->slow;
    if (auto* what = find_mutable(now, e.from)) {
      finish(*what, progress::failed);
      what->rerouted = true;
      what->doubt_reason = e.reason;
    }
    auto& next = request(now, {operation_kind::authorize, e.number}, at);
    next.processor = e.processor;
    next.amount_minor = now.agreed.amount.minor;
    next.requested_at = since;
    next.slow = slow;
    if (slow) next.doubt_reason = e.reason;
  }
  void operator()(const event::voided& e) {
    for (auto& what : now.operations)
      if (authorizes(what.id.kind) && awaiting(what)) finish(what, progress::failed);
    end_authorization(e.reason == "expired" ? stage::expired : stage::canceled);
  }
  void operator()(const event::disputed& e) {
    const auto known = std::find_if(now.disputes.begin(), now.disputes.end(),
                                    [&e](const dispute& each) { return each.id == e.what.id; });
    if (known == now.disputes.end())
      now.disputes.push_back(e.what);
    else
      *known = e.what;
  }
  void operator()(const event::flagged& e) {
    if (auto* what = find_mutable(now, e.about)) what->flagged = true;
  }
  void operator()(const event::authorization_expiring&) { now.expiring_noted = true; }

 private:
  // What is reserved by captures stays; the rest is gone.
  void end_authorization(domain::stage end) {
    now.action.reset();
    now.expires_at.reset();
    if (now.stage == stage::authorized && sums_of(now).captures_reserved > 0)
      now.authorization_lapsed = true;
    else
      now.stage = end;
  }
};

bool outcome_known_or_doubted(const operation& what) noexcept {
  return !awaiting(what) || what.progress == progress::in_doubt || what.progress == progress::accepted || what.slow;
}

// May the client that asked for `what` be answered now? An automatic payment's answer includes its capture.
bool answerable(const payment& now, const operation& what) noexcept {
  if (!outcome_known_or_doubted(what)) return false;
  if (what.rerouted) {  // its client is answered by the one that follows
    const auto* next = find(now, {what.id.kind, what.id.number + 1});
    return next != nullptr && answerable(now, *next);
  }
  if (!authorizes(what.id.kind) || what.progress != progress::succeeded) return true;
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
