// What a processor's answer to a call leads to. An answer may come late, twice, or after the processor told of it by itself.
#include <algorithm>
#include <utility>

#include "actors/domain/payment_decide.hpp"
#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {

bool known_authorization(const payment& now, const std::string& processor, const std::string& reference) noexcept {
  return std::any_of(now.operations.begin(), now.operations.end(), [&](const operation& what) {
    return authorizes(what.id.kind) && what.progress == progress::succeeded && what.processor == processor &&
           (reference.empty() || what.processor_reference == reference || now.processor_reference == reference);
  });
}

namespace {

// 1 s, 2 s, 4 s … up to retry_longest.
timestamp next_attempt(const operation& what, timestamp at) {
  auto wait = retry_first;
  for (std::uint32_t n = 1; n < what.attempts && wait < retry_longest; ++n) wait *= 2;
  return at + std::min(wait, retry_longest);
}

timestamp next_inquiry(const operation& what, timestamp at) {
  const auto age = at - what.requested_at;
  if (age >= inquiry_young) return at + std::min<std::chrono::milliseconds>(age / 4, retry_longest);
  return std::min(next_attempt(what, at), at + inquiry_longest_when_young);
}

timestamp next_after_accepted(const operation& what, timestamp at) {
  return at + std::clamp<std::chrono::milliseconds>(at - what.requested_at, accepted_first, accepted_longest);
}

decision doubt(const operation& what, const std::string& reason, timestamp at) {
  return follow(event::in_doubt{what.id, reason, next_inquiry(what, at)});
}

bool open_to_authorization(const payment& now) noexcept {
  return now.stage == stage::authorizing || now.stage == stage::requires_action;
}

// Is a cancel of ours on its way to it, or has one arrived? One that names it is never repeated, whatever became of it.
bool released(const payment& now, const std::string& processor, const std::string& reference) {
  return std::any_of(now.operations.begin(), now.operations.end(), [&](const operation& what) {
    if (what.id.kind != operation_kind::cancel || what.processor != processor) return false;
    if (!what.target_reference.empty()) return what.target_reference == reference;
    return what.progress != progress::failed && now.processor_reference == reference;
  });
}

event::cancel_requested release_of(const payment& now, const operation& what, const std::string& reference,
                                   std::string reason) {
  auto asked = own_cancel_of(now, std::move(reason));
  asked.processor = what.processor;
  asked.target_reference = reference;
  return asked;
}

// What an attempt that came to nothing left open at the processor is canceled there, unless the payment lives by it.
void release_remains(const payment& now, const operation& what, const std::string& reference, decision& to) {
  if (reference.empty() || full(now) || released(now, what.processor, reference)) return;
  if (known_authorization(now, what.processor, reference)) return;
  const bool in_use = now.processor_reference == reference && what.processor == processor_of(now);
  if (in_use && open_to_authorization(now) && to.events.empty()) return;
  to.events.emplace_back(release_of(now, what, reference, "declined"));
}

decision authorization_approved(const payment& now, const operation& what, const reported::approved& answer,
                                timestamp at) {
  if (known_authorization(now, what.processor, answer.reference)) return nothing();
  if (open_to_authorization(now) && in_current_chain(now, what)) {
    const auto lapses = answer.expires_at.value_or(at + authorization_window);
    auto yes = follow(event::authorized{what.id, answer.reference, lapses});
    if (now.agreed.capture == capture_method::automatic && cancel_under_way(now) == nullptr)
      yes.events.emplace_back(event::capture_requested{
          next_number(now, operation_kind::capture), {}, std::nullopt, now.agreed.amount.minor, true});
    return yes;
  }
  // Money is held for what is over, or held twice.
  if (answer.reference.empty())
    return refuse(refusal_code::payment_unexpected_state,
                  "The processor approved an authorization that is over, and did not name what is to be released.");
  if (released(now, what.processor, answer.reference)) return nothing();
  if (full(now))
    return refuse(refusal_code::too_many_operations,
                  "The processor approved an authorization that is over, and no operation is left to release it.");
  return follow(event::late_authorization{answer.reference, what.id, what.processor},
                release_of(now, what, answer.reference, "late_authorization"));
}

decision authorization_declined(const payment& now, const operation& what, const reported::declined& answer) {
  decision no;
  const bool waited_for = awaiting(what) || what.progress == progress::needs_action;
  if (waited_for && open_to_authorization(now) && in_current_chain(now, what))
    no.events.emplace_back(event::declined{what.id, answer.why});
  release_remains(now, what, answer.reference, no);
  return no;
}

decision action_needed(const payment& now, const operation& what, const reported::needs_action& answer, timestamp at) {
  if (!authorizes(what.id.kind))
    return what.progress == progress::sending ? doubt(what, "unexpected_answer", at) : nothing();
  if (awaiting(what))
    return follow(event::action_required{what.id, answer.action, answer.reference, at + action_window});
  decision over;
  if (what.progress == progress::failed) release_remains(now, what, answer.reference, over);
  return over;
}

decision declined(const operation& what, const failure& why) {
  switch (what.id.kind) {
    case operation_kind::authorize:
    case operation_kind::confirm: return follow(event::declined{what.id, why});
    case operation_kind::capture: return follow(event::capture_failed{what.id.number, why, false});
    case operation_kind::refund: return follow(event::refund_failed{what.id.number, why, false});
    case operation_kind::cancel: return follow(event::cancel_failed{what.id.number, why});
  }
  return nothing();
}

// The processor says "done" of what we hold to be over: repeated answers are ordinary; an approval of something given up means
// that money moved after all, and is recorded where it still fits.
decision approved_after_all(const payment& now, const operation& what, const reported::approved& answer) {
  if (what.progress != progress::failed || what.failed_late) return nothing();  // late: the approval is the older news
  const auto total = sums_of(now);
  if (what.id.kind == operation_kind::capture) {
    if (now.stage == stage::authorized && what.amount_minor <= now.agreed.amount.minor - total.captures_reserved)
      return follow(event::captured{what.id.number, answer.reference});
  } else if (what.id.kind == operation_kind::refund) {
    if (what.amount_minor <= total.captured - total.refunds_reserved)
      return follow(event::refunded{what.id.number, answer.reference});
  } else if (!what.target_reference.empty() || total.captures_reserved == 0) {
    return follow(event::canceled{what.id.number});
  }
  return refuse(refusal_code::payment_unexpected_state, "The processor approved a " +
                                                            std::string(to_text(what.id.kind)) +
                                                            " it had declined, and its amount no longer fits.");
}

decision approved(const payment& now, const operation& what, const reported::approved& answer, timestamp at) {
  if (authorizes(what.id.kind)) return authorization_approved(now, what, answer, at);
  if (!awaiting(what)) return approved_after_all(now, what, answer);
  if (what.id.kind == operation_kind::capture) return follow(event::captured{what.id.number, answer.reference});
  if (what.id.kind == operation_kind::refund) return follow(event::refunded{what.id.number, answer.reference});
  return follow(event::canceled{what.id.number});
}

decision not_executed(const payment& now, const operation& what, const std::string& reason, timestamp at) {
  if (what.doubted)  // this attempt was not executed; an earlier one may have been
    return doubt(what, what.doubt_reason.empty() ? reason : what.doubt_reason, at);
  const auto& route = now.handled.route;
  if (what.id.kind == operation_kind::authorize && what.id.number < route.size())
    return follow(event::rerouted{what.id, reason, what.id.number + 1, route[what.id.number]});
  if (what.attempts < deferred_attempts_max || own_cancel(what))
    return follow(event::deferred{what.id, reason, next_attempt(what, at)});
  const failure why{
      "processor_unavailable", {}, "The processor did not take the request (" + reason + "). Nothing was executed."};
  if (what.id.kind == operation_kind::confirm) return follow(event::confirm_failed{what.id.number, why});
  return declined(what, why);
}

}  // namespace

decision decide_outcome(const payment& now, const operation& what, const outcome& answer, timestamp at) {
  if (const auto* yes = std::get_if<reported::approved>(&answer)) return approved(now, what, *yes, at);
  if (const auto* no = std::get_if<reported::declined>(&answer)) {
    if (authorizes(what.id.kind)) return authorization_declined(now, what, *no);
    return awaiting(what) ? declined(what, no->why) : nothing();
  }
  if (const auto* act = std::get_if<reported::needs_action>(&answer)) return action_needed(now, what, *act, at);
  if (const auto* taken = std::get_if<reported::accepted>(&answer)) {
    if (!awaiting(what) || what.progress == progress::accepted) return nothing();
    return follow(event::accepted{what.id, taken->reference, next_after_accepted(what, at)});
  }
  if (what.progress != progress::sending) return nothing();  // a second "I do not know" adds nothing to the first
  if (const auto* lost = std::get_if<reported::unknown>(&answer)) return doubt(what, lost->reason, at);
  return not_executed(now, what, std::get<reported::not_executed>(answer).reason, at);
}

decision decide_report(const payment& now, const command::report& heard, timestamp at) {
  const auto* what = find(now, heard.about);
  if (what == nullptr)
    return refuse(refusal_code::unknown_operation, "The processor reports on an operation that was never asked for.");
  return decide_outcome(now, *what, heard.outcome, at);
}

}  // namespace novapay::domain
