// What a processor tells by itself: at least once, in any order, before or after the answers to our own calls. What can be true
// moves the payment forward only; what cannot is journaled once as a break, so that it is neither lost nor repeated for ever.
#include <algorithm>
#include <tuple>
#include <utility>

#include "actors/domain/payment_decide.hpp"
#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {
namespace {

decision note_break(const payment& now, const notice& heard, std::string reason) {
  const noted_break this_one{heard.about, heard.reference};
  if (std::ranges::find(now.breaks, this_one) != now.breaks.end()) return nothing();
  if (now.breaks.size() >= breaks_max)
    return refuse(refusal_code::too_many_operations, "The processor has contradicted this payment too often.");
  std::optional<failure> failed;
  if (const auto* late = std::get_if<told::failed>(&heard.what)) failed = late->why;
  return follow(event::break_noted{heard.about, std::move(reason), std::move(failed), std::string(name_of(heard.what)),
                                   heard.processor, heard.reference});
}

// ---- which operation ----------------------------------------------------------------------------------------------

bool by_reference(const operation& what, const notice& heard) {
  return !heard.reference.empty() && what.processor_reference == heard.reference;
}

bool of_its_processor(const operation& what, const notice& heard) {
  return heard.processor.empty() || what.processor.empty() || what.processor == heard.processor;
}

bool could_be(const operation& what, const notice& heard) {
  if (what.id.kind != heard.about.kind || !of_its_processor(what, heard)) return false;
  if (heard.amount_minor && what.amount_minor != *heard.amount_minor) return false;
  return heard.reference.empty() || what.processor_reference.empty() || by_reference(what, heard);
}

struct subject {
  const operation* what = nullptr;
  bool ambiguous = false;
};

template <class Fits>
subject only_one(const payment& now, Fits fits) {
  subject found;
  for (const auto& what : now.operations) {
    if (!fits(what)) continue;
    if (found.what != nullptr) return {nullptr, true};
    found.what = &what;
  }
  return found;
}

// By its number; without one by the processor's reference, or as the only one that could be meant: what stands or is under way
// before what has failed.
subject subject_of(const payment& now, const notice& heard) {
  if (heard.about.number != 0) return {find(now, heard.about), false};
  const auto named = only_one(now, [&](const operation& what) {
    return what.id.kind == heard.about.kind && by_reference(what, heard) && of_its_processor(what, heard);
  });
  if (named.what != nullptr) return named;
  const auto standing =
      only_one(now, [&](const operation& what) { return what.progress != progress::failed && could_be(what, heard); });
  if (standing.what != nullptr || standing.ambiguous) return standing;
  return only_one(now, [&](const operation& what) { return could_be(what, heard); });
}

// ---- how a call ended ---------------------------------------------------------------------------------------------

outcome with_reference(outcome answer, const std::string& reference) {
  if (auto* yes = std::get_if<reported::approved>(&answer); yes != nullptr && yes->reference.empty())
    yes->reference = reference;
  if (auto* taken = std::get_if<reported::accepted>(&answer); taken != nullptr && taken->reference.empty())
    taken->reference = reference;
  return answer;
}

// The whole amount or none: what is held for another amount is no approval of this payment, and is released.
outcome whole_or_none(const payment& now, const notice& heard, const operation& what, const outcome& answer) {
  const auto* yes = std::get_if<reported::approved>(&answer);
  if (yes == nullptr || !authorizes(what.id.kind)) return answer;
  if (!heard.amount_minor || *heard.amount_minor == now.agreed.amount.minor) return answer;
  return reported::declined{{"partially_authorized", "insufficient_funds",
                             "The payment method has funds for a part of the amount only.", advice::other_method},
                            yes->reference.empty() ? heard.reference : yes->reference};
}

decision hear_result(const payment& now, const notice& heard, const operation& what, const told::result& news,
                     timestamp at) {
  const auto answer = whole_or_none(now, heard, what, news.outcome);
  const bool says_nothing =
      std::holds_alternative<reported::unknown>(answer) || std::holds_alternative<reported::not_executed>(answer);
  if (says_nothing) return nothing();
  if (const auto* no = std::get_if<reported::declined>(&answer)) {
    const auto& reference = no->reference.empty() ? heard.reference : no->reference;
    const bool stands = authorizes(what.id.kind)
                            ? known_authorization(now, what.processor, reference) && in_current_chain(now, what)
                            : what.progress == progress::succeeded;
    if (stands) return note_break(now, heard, "declined_after_approval");
  }
  auto made = decide_outcome(now, what, with_reference(answer, heard.reference), at);
  return made.refused ? note_break(now, heard, "approved_after_failure") : made;
}

// ---- captures and refunds, later ----------------------------------------------------------------------------------

decision hear_settled(const payment& now, const notice& heard, const operation& what, const told::settled& news) {
  if (what.id.kind != operation_kind::capture) return nothing();
  if (what.settled && (what.paid_out || !news.figures)) return nothing();
  const event::settled paid{what.id.number, news.figures};
  if (awaiting(what)) return follow(event::captured{what.id.number, heard.reference}, paid);
  if (what.progress == progress::succeeded) return follow(paid);
  return note_break(now, heard, "settled_after_failure");
}

// A capture's money may be gone only as far as it has not been refunded: what does not fit is contested, and waits for
// the refunds to fail as well.
decision capture_failed_late(const payment& now, const operation& what, const failure& why) {
  const auto total = sums_of(now);
  if (total.captured - what.amount_minor >= total.refunds_reserved)
    return follow(event::capture_failed{what.id.number, why, true});
  return what.contested ? nothing() : follow(event::capture_contested{what.id.number, why});
}

decision refund_failed_late(const payment& now, const operation& what, const failure& why, timestamp at) {
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

// Of one that is under way: told of the failure before we heard of the approval, which is the older news when it comes.
decision hear_failed(const payment& now, const operation& what, const failure& why, timestamp at) {
  if (what.progress == progress::failed) return nothing();
  if (what.id.kind == operation_kind::refund)
    return awaiting(what) ? follow(event::refund_failed{what.id.number, why, true})
                          : refund_failed_late(now, what, why, at);
  return awaiting(what) ? follow(event::capture_failed{what.id.number, why, true})
                        : capture_failed_late(now, what, why);
}

// ---- the authorization and the payment as a whole -----------------------------------------------------------------

bool was_asked(const payment& now, const std::string& processor) {
  return std::any_of(now.operations.begin(), now.operations.end(),
                     [&](const operation& what) { return what.processor == processor; });
}

// Nothing of the authorization is left that could end.
bool used_up(const payment& now) {
  if (now.authorization_lapsed || sums_of(now).captured == now.agreed.amount.minor) return true;
  return std::any_of(now.operations.begin(), now.operations.end(), [](const operation& what) {
    return what.id.kind == operation_kind::capture && what.final && what.progress != progress::failed;
  });
}

decision hear_voided(const payment& now, const notice& heard, const told::voided& news) {
  const auto& has_it = processor_of(now);
  if (!heard.processor.empty() && !has_it.empty() && heard.processor != has_it) return nothing();  // another one's end
  const bool other =
      !heard.reference.empty() && !now.processor_reference.empty() && heard.reference != now.processor_reference;
  if (other) return nothing();
  if (const auto* cancel = cancel_under_way(now)) return follow(event::canceled{cancel->id.number});
  const auto ended = event::voided{news.reason == "expired" ? "expired" : "canceled"};
  switch (now.stage) {
    case stage::authorizing:
    case stage::requires_action: return follow(ended);
    case stage::authorized: return used_up(now) ? nothing() : follow(ended);
    case stage::none:
    case stage::failed:
    case stage::canceled:
    case stage::expired: break;
  }
  return nothing();
}

// The end of a dispute is later than all else; then its time counts, then its stage. So any order of the news ends the same.
auto lateness(const dispute& what) {
  const bool over = what.stage == dispute_stage::won || what.stage == dispute_stage::lost;
  return std::tuple(over, what.at, what.stage);
}

decision hear_disputed(const payment& now, const notice& heard, dispute news, timestamp at) {
  const bool dated = news.at != timestamp{};
  if (!dated) news.at = at;
  const auto known = std::ranges::find(now.disputes, news.id, &dispute::id);
  if (known != now.disputes.end()) {
    if (!dated && known->stage == news.stage) return nothing();
    const bool later = lateness(*known) < lateness(news);
    return later ? follow(event::disputed{std::move(news)}) : nothing();
  }
  if (now.disputes.size() >= disputes_max) return note_break(now, heard, "too_many_disputes");
  return follow(event::disputed{std::move(news)});
}

}  // namespace

decision decide_notify(const payment& now, const command::notify& told_of, timestamp at) {
  const auto& heard = told_of.what;
  const bool stranger = !heard.processor.empty() && !processor_of(now).empty() && !was_asked(now, heard.processor);
  if (stranger) return note_break(now, heard, "other_processor");
  if (const auto* ended = std::get_if<told::voided>(&heard.what)) return hear_voided(now, heard, *ended);
  if (const auto* about = std::get_if<told::disputed>(&heard.what)) return hear_disputed(now, heard, about->what, at);

  const auto [what, ambiguous] = subject_of(now, heard);
  if (ambiguous) return note_break(now, heard, "ambiguous");
  if (what == nullptr) return note_break(now, heard, "unknown_operation");
  if (!of_its_processor(*what, heard)) return note_break(now, heard, "other_processor");
  if (const auto* ended = std::get_if<told::result>(&heard.what)) return hear_result(now, heard, *what, *ended, at);
  if (what->id.kind != operation_kind::capture && what->id.kind != operation_kind::refund)
    return note_break(now, heard, "unknown_operation");
  if (const auto* paid = std::get_if<told::settled>(&heard.what)) return hear_settled(now, heard, *what, *paid);
  return hear_failed(now, *what, std::get<told::failed>(heard.what).why, at);
}

}  // namespace novapay::domain
