// decide: which events follow from a command, or which refusal. One function per command; the checks run straight down.
#include <algorithm>
#include <cassert>
#include <utility>

#include "actors/domain/payment.hpp"
#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {
namespace {

decision refuse(refusal_code code, std::string message, std::string param = {}) {
  decision no;
  no.refused = refusal{code, std::move(message), std::move(param), {}};
  return no;
}

decision nothing() { return {}; }

template <class... Events>
decision follow(Events... happened) {
  decision yes;
  (yes.events.emplace_back(std::move(happened)), ...);
  return yes;
}

std::uint32_t next_number(const payment& now, operation_kind kind) {
  const auto made = std::count_if(now.operations.begin(), now.operations.end(),
                                  [kind](const operation& what) { return what.id.kind == kind; });
  return static_cast<std::uint32_t>(made) + 1;
}

bool cancelable(const payment& now) {
  if (any_awaiting(now, operation_kind::cancel)) return false;
  if (now.stage == stage::requires_action) return true;
  return now.stage == stage::authorized && !now.authorization_lapsed && sums_of(now).captures_reserved == 0;
}

std::vector<std::string> legal_moves(const payment& now) {
  std::vector<std::string> legal;
  if (now.stage == stage::requires_action && !any_awaiting(now, operation_kind::cancel)) legal.emplace_back("confirm");
  if (capturable(now) > 0) legal.emplace_back("capture");
  if (cancelable(now)) legal.emplace_back("cancel");
  const auto total = sums_of(now);
  if (total.captured > total.refunds_reserved && !contested(now)) legal.emplace_back("refund");
  return legal;
}

decision refuse_move(const payment& now, std::string_view asked) {
  const auto seen = summarize(now);
  auto legal = legal_moves(now);
  std::string message =
      "A payment with status " + std::string(to_text(seen.status)) + " does not allow " + std::string(asked) + ".";
  if (any_awaiting(now, operation_kind::cancel)) {
    message += " It is being canceled.";
  } else if (seen.status == status::pending || seen.status == status::processing) {
    message += " Its outcome is not known yet: ask again when it is.";
  }
  if (legal.empty()) {
    message += " No change is legal now.";
  } else {
    message += " Legal now:";
    for (const auto& move : legal) message += " " + move;
    message += ".";
  }
  auto no = refuse(refusal_code::payment_unexpected_state, std::move(message));
  no.refused->legal = std::move(legal);
  return no;
}

decision too_many() {
  return refuse(refusal_code::too_many_operations,
                "This payment has reached its limit of " + std::to_string(operations_max) + " operations.");
}

bool full(const payment& now) { return now.operations.size() >= operations_max; }

decision reused(std::string param, std::string_view first_use) {
  return refuse(refusal_code::idempotency_key_reused,
                "This Idempotency-Key was used for " + std::string(first_use) + " with another " + param +
                    ". Use a new key for a new request.",
                param);
}

// An earlier request under the same key: its answer again, or the name of what differs. nullopt: the key is new.
template <class FirstDifference>
std::optional<decision> repetition(const payment& now, operation_kind kind, const std::string& key,
                                   FirstDifference first_difference) {
  const auto earlier = std::find_if(now.operations.begin(), now.operations.end(),
                                    [&key](const operation& what) { return what.idempotency_key == key; });
  if (key.empty() || earlier == now.operations.end()) return std::nullopt;
  if (earlier->id.kind != kind) return reused("operation", "a request to " + std::string(to_text(earlier->id.kind)));
  if (const std::string_view param = first_difference(*earlier); !param.empty())
    return reused(std::string(param), "a request to " + std::string(to_text(kind)));
  decision again;
  again.operation = earlier->id;
  return again;
}

std::string_view first_difference(const terms& a, const terms& b) {
  if (a.amount.minor != b.amount.minor) return "amount";
  if (a.amount.code != b.amount.code) return "currency";
  if (a.capture != b.capture) return "capture_method";
  if (a.method_type != b.method_type) return "payment_method.type";
  if (a.token != b.token) return "payment_method.token";
  if (a.reference != b.reference) return "reference";
  if (a.description != b.description) return "description";
  if (a.statement_descriptor != b.statement_descriptor) return "statement_descriptor";
  if (a.metadata != b.metadata) return "metadata";
  return {};
}

decision decide_create(const payment& now, const command::create& asked) {
  if (now.stage == stage::none) {
    if (asked.asked.amount.minor <= 0)
      return refuse(refusal_code::invalid_amount, "The amount must be at least 1 minor unit.", "amount");
    auto made = follow(event::created{asked.asked});
    made.operation = operation_id{operation_kind::authorize, 1};
    return made;
  }
  if (now.agreed.idempotency_key != asked.asked.idempotency_key)  // ids are made for one key: this is not its payment
    return refuse(refusal_code::payment_unexpected_state, "This payment exists already.");
  if (const auto param = first_difference(now.agreed, asked.asked); !param.empty())
    return reused(std::string(param), "a payment");
  decision again;
  again.operation = operation_id{operation_kind::authorize, 1};
  return again;
}

decision decide_confirm(const payment& now, const command::confirm& asked) {
  const auto differs = [&asked](const operation& first) -> std::string_view {
    return first.action_details != asked.details ? "details" : "";
  };
  if (auto again = repetition(now, operation_kind::confirm, asked.idempotency_key, differs)) return *std::move(again);
  if (now.stage != stage::requires_action || any_awaiting(now, operation_kind::cancel))
    return refuse_move(now, "confirm");
  if (full(now)) return too_many();
  const auto number = next_number(now, operation_kind::confirm);
  auto yes = follow(event::confirm_requested{number, asked.idempotency_key, asked.details});
  yes.operation = operation_id{operation_kind::confirm, number};
  return yes;
}

decision decide_capture(const payment& now, const command::capture& asked) {
  const auto differs = [&asked](const operation& first) -> std::string_view {
    if (first.asked_minor != asked.amount_minor) return "amount";
    return first.final != asked.final ? "final" : "";
  };
  if (auto again = repetition(now, operation_kind::capture, asked.idempotency_key, differs)) return *std::move(again);
  if (asked.amount_minor && *asked.amount_minor <= 0)
    return refuse(refusal_code::invalid_amount, "The amount must be at least 1 minor unit.", "amount");
  if (closed_to_captures(now)) return refuse_move(now, "capture");
  const auto left = capturable(now);
  if (left == 0 && !any_awaiting(now, operation_kind::capture)) return refuse_move(now, "capture");
  const auto amount = asked.amount_minor.value_or(left);
  if (amount > left || left == 0) {
    auto no = refuse(refusal_code::amount_exceeds_capturable,
                     "The amount exceeds what can still be captured: " + std::to_string(left) + ".", "amount");
    no.refused->legal = legal_moves(now);
    return no;
  }
  if (full(now)) return too_many();
  const auto number = next_number(now, operation_kind::capture);
  auto yes = follow(event::capture_requested{number, asked.idempotency_key, asked.amount_minor, amount, asked.final});
  yes.operation = operation_id{operation_kind::capture, number};
  return yes;
}

decision decide_cancel(const payment& now, const command::cancel& asked) {
  const auto differs = [&asked](const operation& first) -> std::string_view {
    return first.reason != asked.reason ? "reason" : "";
  };
  if (auto again = repetition(now, operation_kind::cancel, asked.idempotency_key, differs)) return *std::move(again);
  if (!cancelable(now)) return refuse_move(now, "cancel");
  if (full(now)) return too_many();
  const auto number = next_number(now, operation_kind::cancel);
  auto yes = follow(event::cancel_requested{number, asked.idempotency_key, asked.reason});
  yes.operation = operation_id{operation_kind::cancel, number};
  return yes;
}

decision decide_refund(const payment& now, const command::refund& asked) {
  const auto differs = [&asked](const operation& first) -> std::string_view {
    if (first.asked_minor != asked.amount_minor) return "amount";
    return first.reason != asked.reason ? "reason" : "";
  };
  if (auto again = repetition(now, operation_kind::refund, asked.idempotency_key, differs)) return *std::move(again);
  if (asked.amount_minor && *asked.amount_minor <= 0)
    return refuse(refusal_code::invalid_amount, "The amount must be at least 1 minor unit.", "amount");
  const auto total = sums_of(now);
  if (total.captured == 0 || contested(now)) return refuse_move(now, "refund");
  const auto left = total.captured - total.refunds_reserved;
  const auto amount = asked.amount_minor.value_or(left);
  if (amount > left || left == 0) {
    auto no = refuse(refusal_code::amount_exceeds_refundable,
                     "The amount exceeds what can still be refunded: " + std::to_string(left) + ".", "amount");
    no.refused->legal = legal_moves(now);
    return no;
  }
  if (full(now)) return too_many();
  const auto number = next_number(now, operation_kind::refund);
  auto yes = follow(event::refund_requested{number, asked.idempotency_key, asked.amount_minor, amount, asked.reason});
  yes.operation = operation_id{operation_kind::refund, number};
  return yes;
}

event::cancel_requested own_cancel_of(const payment& now, std::string reason) {
  return {next_number(now, operation_kind::cancel), {}, std::move(reason)};
}

decision decide_wake(const payment& now, timestamp at) {
  decision due;
  for (const auto& what : now.operations) {
    if (const auto when = answer_due(what); when && *when <= at) {
      auto reason = what.doubt_reason.empty() ? std::string("awaiting_processor") : what.doubt_reason;
      due.events.emplace_back(event::answer_deferred{what.id, std::move(reason)});
    }
    if (const auto when = attempt_due(what); when && *when <= at)
      due.events.emplace_back(event::attempt_started{what.id});
  }
  if (const auto when = expiry(now); when && *when <= at) {
    const bool release = sums_of(now).captures_reserved == 0;
    due.events.emplace_back(event::expired{});
    if (release) due.events.emplace_back(own_cancel_of(now, "expired"));
  }
  return due;
}

// Every call under way is begun again: whether the first was executed nobody knows.
decision decide_resume(const payment& now) {
  decision again;
  for (const auto which : owed(now)) again.events.emplace_back(event::attempt_started{which});
  return again;
}

// 1 s, 2 s, 4 s … up to retry_longest.
timestamp next_attempt(const operation& what, timestamp at) {
  auto wait = retry_first;
  for (std::uint32_t n = 1; n < what.attempts && wait < retry_longest; ++n) wait *= 2;
  return at + std::min(wait, retry_longest);
}

decision failed_by(const operation& what, const failure& why) {
  switch (what.id.kind) {
    case operation_kind::authorize:
    case operation_kind::confirm: return follow(event::declined{what.id, why});
    case operation_kind::capture: return follow(event::capture_failed{what.id.number, why, false});
    case operation_kind::refund: return follow(event::refund_failed{what.id.number, why, false});
    case operation_kind::cancel: return follow(event::cancel_failed{what.id.number, why});
  }
  return nothing();
}

decision approved(const payment& now, const operation& what, const reported::approved& answer, timestamp at) {
  switch (what.id.kind) {
    case operation_kind::authorize:
    case operation_kind::confirm: {
      auto yes =
          follow(event::authorized{what.id, answer.reference, answer.expires_at.value_or(at + authorization_window)});
      if (now.agreed.capture == capture_method::automatic)
        yes.events.emplace_back(event::capture_requested{
            next_number(now, operation_kind::capture), {}, std::nullopt, now.agreed.amount.minor, true});
      return yes;
    }
    case operation_kind::capture: return follow(event::captured{what.id.number, answer.reference});
    case operation_kind::refund: return follow(event::refunded{what.id.number, answer.reference});
    case operation_kind::cancel: return follow(event::canceled{what.id.number});
  }
  return nothing();
}

decision not_executed(const operation& what, const std::string& reason, timestamp at) {
  if (what.doubted)  // this attempt was not executed; an earlier one may have been
    return follow(
        event::in_doubt{what.id, what.doubt_reason.empty() ? reason : what.doubt_reason, next_attempt(what, at)});
  if (what.attempts < deferred_attempts_max || own_cancel(what))
    return follow(event::deferred{what.id, reason, next_attempt(what, at)});
  const failure why{
      "processor_unavailable", {}, "The processor did not take the request (" + reason + "). Nothing was executed."};
  if (what.id.kind == operation_kind::confirm) return follow(event::confirm_failed{what.id.number, why});
  return failed_by(what, why);
}

decision decide_awaited(const payment& now, const operation& what, const outcome& answer, timestamp at) {
  const bool sent = what.progress == progress::sending;
  if (const auto* yes = std::get_if<reported::approved>(&answer)) return approved(now, what, *yes, at);
  if (const auto* no = std::get_if<reported::declined>(&answer)) return failed_by(what, no->why);
  if (const auto* act = std::get_if<reported::needs_action>(&answer)) {
    const bool authorizes = what.id.kind == operation_kind::authorize || what.id.kind == operation_kind::confirm;
    if (authorizes) return follow(event::action_required{what.id, act->action, act->reference, at + action_window});
    return sent ? follow(event::in_doubt{what.id, "unexpected_answer", next_attempt(what, at)}) : nothing();
  }
  if (!sent) return nothing();  // a second "I do not know" adds nothing to the first
  if (const auto* lost = std::get_if<reported::unknown>(&answer))
    return follow(event::in_doubt{what.id, lost->reason, next_attempt(what, at)});
  if (std::holds_alternative<reported::accepted>(answer))
    return follow(event::in_doubt{what.id, "accepted_by_processor", next_attempt(what, at)});
  return not_executed(what, std::get<reported::not_executed>(answer).reason, at);
}

// The processor says "done" of what we hold to be over. Repeated answers are ordinary; an approval of something given up
// means that money moved after all: it is released, or recorded where it still fits.
decision decide_settled_matter(const payment& now, const operation& what, const outcome& answer) {
  const auto* yes = std::get_if<reported::approved>(&answer);
  if (yes == nullptr || what.progress != progress::failed) return nothing();
  if (what.failed_late) return nothing();  // the approval is the older news
  switch (what.id.kind) {
    case operation_kind::authorize:
    case operation_kind::confirm:
      if (now.stage != stage::failed || now.processor_reference == yes->reference) return nothing();
      return follow(event::late_authorization{yes->reference}, own_cancel_of(now, "late_authorization"));
    case operation_kind::capture:
      if (now.stage == stage::authorized &&
          what.amount_minor <= now.agreed.amount.minor - sums_of(now).captures_reserved)
        return follow(event::captured{what.id.number, yes->reference});
      break;
    case operation_kind::refund:
      if (const auto total = sums_of(now); what.amount_minor <= total.captured - total.refunds_reserved)
        return follow(event::refunded{what.id.number, yes->reference});
      break;
    case operation_kind::cancel:
      if (sums_of(now).captures_reserved == 0) return follow(event::canceled{what.id.number});
      break;
  }
  return refuse(refusal_code::payment_unexpected_state, "The processor approved a " +
                                                            std::string(to_text(what.id.kind)) +
                                                            " it had declined, and its amount no longer fits.");
}

decision decide_report(const payment& now, const command::report& told, timestamp at) {
  const auto* what = find(now, told.about);
  if (what == nullptr)
    return refuse(refusal_code::unknown_operation, "The processor reports on an operation that was never asked for.");
  if (awaiting(*what)) return decide_awaited(now, *what, told.outcome, at);
  return decide_settled_matter(now, *what, told.outcome);
}

// A capture's money may be gone only as far as it has not been refunded: what does not fit is contested, and waits for
// the refunds to fail as well.
decision decide_late_capture_failure(const payment& now, const operation& what, const failure& why) {
  const auto total = sums_of(now);
  if (total.captured - what.amount_minor >= total.refunds_reserved)
    return follow(event::capture_failed{what.id.number, why, true});
  return what.contested ? nothing() : follow(event::capture_contested{what.id.number, why});
}

decision decide_late_refund_failure(const payment& now, const operation& what, const failure& why, timestamp at) {
  auto failed = follow(event::refund_failed{what.id.number, why, true});
  const auto after = evolve(now, failed.events.front(), at);
  for (const auto& other : after.operations) {
    if (!other.contested) continue;
    const auto total = sums_of(after);
    if (total.captured - other.amount_minor < total.refunds_reserved) continue;
    failed.events.emplace_back(event::capture_failed{other.id.number, *other.contested, true});
    break;  // one refund's money frees one capture at most with certainty; the next failure frees the next
  }
  return failed;
}

// Told of the failure before we heard of the approval: the approval, when it comes, is the older news.
decision failed_after_approval(const operation& what, const failure& why) {
  if (what.id.kind == operation_kind::capture) return follow(event::capture_failed{what.id.number, why, true});
  return follow(event::refund_failed{what.id.number, why, true});
}

// A report that cannot be true is journaled once, so that it is neither lost nor repeated for ever.
decision note_break(const payment& now, const notice& about, std::string reason) {
  if (std::ranges::find(now.breaks, about.about) != now.breaks.end()) return nothing();
  if (now.breaks.size() >= breaks_max)
    return refuse(refusal_code::too_many_operations, "The processor has contradicted this payment too often.");
  std::optional<failure> failed;
  if (const auto* late = std::get_if<told::failed>(&about.what)) failed = late->why;
  return follow(event::break_noted{about.about, std::move(reason), std::move(failed)});
}

decision decide_notify(const payment& now, const command::notify& heard, timestamp at) {
  const auto* what = find(now, heard.what.about);
  const auto kind = heard.what.about.kind;
  if (what == nullptr || (kind != operation_kind::capture && kind != operation_kind::refund))
    return note_break(now, heard.what, "unknown_operation");

  if (const auto* ended = std::get_if<told::result>(&heard.what.what))
    return decide_report(now, command::report{what->id, ended->outcome}, at);
  if (std::holds_alternative<told::settled>(heard.what.what)) {
    if (kind != operation_kind::capture || what->settled) return nothing();
    if (awaiting(*what)) return follow(event::captured{what->id.number, {}}, event::settled{what->id.number});
    if (what->progress == progress::succeeded) return follow(event::settled{what->id.number});
    return note_break(now, heard.what, "settled_after_failure");
  }
  const auto* late = std::get_if<told::failed>(&heard.what.what);
  if (late == nullptr || what->progress == progress::failed) return nothing();
  if (awaiting(*what)) return failed_after_approval(*what, late->why);
  return kind == operation_kind::capture ? decide_late_capture_failure(now, *what, late->why)
                                         : decide_late_refund_failure(now, *what, late->why, at);
}

struct decider {
  const payment& now;
  timestamp at;

  decision operator()(const command::create& asked) const { return decide_create(now, asked); }
  decision operator()(const command::confirm& asked) const { return decide_confirm(now, asked); }
  decision operator()(const command::capture& asked) const { return decide_capture(now, asked); }
  decision operator()(const command::cancel& asked) const { return decide_cancel(now, asked); }
  decision operator()(const command::refund& asked) const { return decide_refund(now, asked); }
  decision operator()(const command::query&) const { return nothing(); }
  decision operator()(const command::wake&) const { return decide_wake(now, at); }
  decision operator()(const command::resume&) const { return decide_resume(now); }
  decision operator()(const command::report& told) const { return decide_report(now, told, at); }
  decision operator()(const command::notify& told) const { return decide_notify(now, told, at); }
};

}  // namespace

decision decide(const payment& now, const command_type& asked, timestamp at) {
  if (now.stage == stage::none && !std::holds_alternative<command::create>(asked))
    return refuse(refusal_code::not_found, "There is no such payment.");
  return std::visit(decider{now, at}, asked);
}

}  // namespace novapay::domain
