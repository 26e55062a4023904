// decide: which events follow from a command, or which refusal. One function per command; the checks run straight down.
#include "actors/domain/payment_decide.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {

decision refuse(refusal_code code, std::string message, std::string param) {
  decision no;
  no.refused = refusal{code, std::move(message), std::move(param), {}};
  return no;
}

std::uint32_t next_number(const payment& now, operation_kind kind) {
  const auto made = std::count_if(now.operations.begin(), now.operations.end(),
                                  [kind](const operation& what) { return what.id.kind == kind; });
  return static_cast<std::uint32_t>(made) + 1;
}

bool full(const payment& now) { return now.operations.size() >= operations_max; }

event::cancel_requested own_cancel_of(const payment& now, std::string reason) {
  return {next_number(now, operation_kind::cancel), {}, std::move(reason)};
}

namespace {

bool cancelable(const payment& now) {
  if (cancel_under_way(now) != nullptr) return false;
  if (now.stage == stage::requires_action) return true;
  return now.stage == stage::authorized && !now.authorization_lapsed && sums_of(now).captures_reserved == 0;
}

std::vector<std::string> legal_moves(const payment& now) {
  std::vector<std::string> legal;
  if (now.stage == stage::requires_action && cancel_under_way(now) == nullptr) legal.emplace_back("confirm");
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
  if (cancel_under_way(now) != nullptr) {
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
  if (a.tokens != b.tokens) return "payment_method.tokens";
  if (a.brand != b.brand) return "payment_method.brand";
  if (a.country != b.country) return "payment_method.country";
  if (a.customer != b.customer) return "customer";
  if (a.return_url != b.return_url) return "return_url";
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
    if (asked.how.route.empty())
      return refuse(refusal_code::no_processor,
                    "No processor takes this payment: look at its currency, its payment method and its tokens.");
    auto made = follow(event::created{asked.asked, asked.how});
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
  if (now.stage != stage::requires_action || cancel_under_way(now) != nullptr) return refuse_move(now, "confirm");
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

// The merchant is told, and what it wished for in such a case is begun, unless it is too late for that.
void note_expiring(const payment& now, timestamp at, decision& due) {
  due.events.emplace_back(event::authorization_expiring{*now.expires_at});
  if (at >= *now.expires_at || full(now)) return;
  if (now.handled.expiring == on_expiry::capture)
    due.events.emplace_back(
        event::capture_requested{next_number(now, operation_kind::capture), {}, std::nullopt, capturable(now), true});
  else if (now.handled.expiring == on_expiry::cancel && cancelable(now))
    due.events.emplace_back(own_cancel_of(now, "authorization_expiring"));
}

decision decide_wake(const payment& now, timestamp at) {
  decision due;
  for (const auto& what : now.operations) {
    if (const auto when = answer_due(what); when && *when <= at) {
      auto reason = what.doubt_reason.empty() ? std::string("awaiting_processor") : what.doubt_reason;
      due.events.emplace_back(event::answer_deferred{what.id, std::move(reason)});
    }
    if (const auto when = flag_due(what); when && *when <= at) {
      auto reason = what.doubt_reason.empty() ? std::string("awaiting_processor") : what.doubt_reason;
      due.events.emplace_back(event::flagged{what.id, std::move(reason)});
    }
    if (const auto when = attempt_due(what); when && *when <= at)
      due.events.emplace_back(event::attempt_started{what.id});
  }
  if (const auto when = expiry(now); when && *when <= at) {
    const bool release = sums_of(now).captures_reserved == 0;
    due.events.emplace_back(event::expired{});
    if (release) due.events.emplace_back(own_cancel_of(now, "expired"));
  } else if (const auto soon = expiring_due(now); soon && *soon <= at) {
    note_expiring(now, at, due);
  }
  return due;
}

// Every call under way is begun again: whether the first was executed nobody knows.
decision decide_resume(const payment& now) {
  decision again;
  for (const auto which : owed(now)) again.events.emplace_back(event::attempt_started{which});
  return again;
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
