#include "adapters/stripe/answers.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace novapay::stripe {
namespace {

using domain::operation_kind;
namespace reported = domain::reported;

using enum error_means;
constexpr std::string_view any{};

constexpr auto errors = std::to_array<error_rule>({
    // What the limiter, the key check and the lock turn away has not begun.
    {100, 599, any, "lock_timeout", not_executed, "object_locked"},
    {429, 429, any, any, not_executed, "rate_limited"},
    {400, 400, any, "rate_limit", not_executed, "rate_limited"},
    {401, 401, any, any, not_executed, "processor_credentials", true},
    {403, 403, any, any, not_executed, "processor_forbidden", true},
    // The key was used with other parameters (400 or 409): nothing happened now, but the first use may have.
    {400, 499, "idempotency_error", any, look, "idempotency_key_mismatch", true},
    {409, 409, any, "idempotency_key_in_use", unknown, "processor_still_working"},
    {409, 409, any, any, unknown, "processor_conflict"},
    {424, 424, any, any, look, "processor_dependency_failed"},
    // A 500 is stored under the key: the same request would only repeat it.
    {500, 500, any, any, look, "processor_error"},
    {501, 599, any, any, unknown, "processor_error"},
    // The state of the object says more than the refusal: it may be our own earlier attempt that is in the way.
    {400, 499, any, "payment_intent_unexpected_state", look, "unexpected_state"},
    {400, 499, any, "intent_invalid_state", look, "unexpected_state"},
    {400, 499, any, "charge_already_captured", look, "unexpected_state"},
    {400, 499, any, "charge_already_refunded", look, "unexpected_state"},
    {400, 499, "card_error", any, declined, "declined"},
    {402, 402, any, any, declined, "declined"},
    {404, 404, any, any, declined, "not_found"},
    {400, 499, any, any, declined, "invalid_request"},
    {0, 999, any, any, unknown, "unexpected_status", true},
});

constexpr auto intents = std::to_array<intent_rule>({
    // status                     authorize, confirm     capture                 cancel
    {"requires_payment_method", intent_means::failed, intent_means::too_late, intent_means::not_yet},
    {"requires_confirmation", intent_means::untried, intent_means::too_late, intent_means::not_yet},
    {"requires_action", intent_means::action, intent_means::too_late, intent_means::not_yet},
    {"processing", intent_means::pending, intent_means::pending, intent_means::not_yet},
    {"requires_capture", intent_means::done, intent_means::not_yet, intent_means::not_yet},
    {"succeeded", intent_means::done, intent_means::too_late, intent_means::too_late},
    {"canceled", intent_means::failed, intent_means::too_late, intent_means::done},
});

bool fits(const error_rule& rule, int status, const error_object* error) {
  if (status < rule.status_first || status > rule.status_last) return false;
  if (error == nullptr) return rule.type.empty() && rule.code.empty();
  return (rule.type.empty() || rule.type == error->type) && (rule.code.empty() || rule.code == error->code);
}

bool names_any_capture(const metadata& fields) {
  const auto prefix = std::string_view{"novapay_capture_"};
  const auto found = fields.lower_bound(std::string(prefix));
  return found != fields.end() && found->first.starts_with(prefix);
}

bool names_capture(const intent_object& intent, const processor_call& call, std::int64_t amount) {
  if (intent.amount_received < amount) return false;
  if (intent.fields.contains(capture_field(call.number))) return true;
  const auto last = operation_in(intent.fields);
  if (last && last->kind == operation_kind::capture) return last->number == call.number;
  // Captured by somebody who gave no name, all of it and as much as this call asked for: asking again could only be refused.
  return intent.status == "succeeded" && intent.amount_received == amount && !names_any_capture(intent.fields);
}

domain::failure plain_failure(std::string code, std::string message, std::string raw) {
  return {std::move(code), {}, std::move(message), domain::advice::none, std::move(raw)};
}

domain::failure failure_of(const intent_object& intent, operation_kind operation, remarks& odd) {
  if (operation == operation_kind::capture)
    return plain_failure(intent.status == "canceled" ? "charge_expired_for_capture" : "payment_intent_unexpected_state",
                         "The processor refused the capture: the authorization is no longer open.", intent.status);
  if (operation == operation_kind::cancel)
    return plain_failure("payment_intent_unexpected_state", "The processor refused to cancel the authorization.",
                         intent.status);
  if (intent.last_error) return failure_of(*intent.last_error, odd);
  if (intent.status == "canceled")
    return plain_failure("authorization_canceled", "The authorization was canceled at the processor.",
                         intent.status + (intent.cancellation_reason.empty() ? "" : "/" + intent.cancellation_reason));
  return plain_failure("processing_error", "The processor did not attempt the payment.", intent.status);
}

std::string charge_or_intent(const intent_object& intent) {
  return intent.charge_id.empty() ? intent.id : intent.charge_id;
}

}  // namespace

std::span<const error_rule> error_rules() { return errors; }
std::span<const intent_rule> intent_rules() { return intents; }

const error_rule& rule_for(int status, const error_object* error) {
  const auto found =
      std::find_if(errors.begin(), errors.end(), [&](const error_rule& rule) { return fits(rule, status, error); });
  return found == errors.end() ? errors.back() : *found;
}

intent_means meaning_of(const intent_object& intent, const processor_call& call, std::int64_t stripe_amount,
                        bool executed, remarks& odd) {
  if (call.operation == operation_kind::capture && names_capture(intent, call, stripe_amount))
    return intent_means::done;
  const auto rule =
      std::find_if(intents.begin(), intents.end(), [&](const intent_rule& row) { return row.status == intent.status; });
  if (rule == intents.end()) {
    remark(odd, "payment_intent.status", intent.status);
    return intent_means::unreadable;
  }
  if (call.operation == operation_kind::capture) {
    if (executed && (intent.status == "succeeded" || intent.status == "requires_capture")) return intent_means::done;
    if (intent.status == "succeeded" &&
        intent.amount_received <= 0) {  // it contradicts itself: who knows what was captured
      remark(odd, "payment_intent.amount_received", std::to_string(intent.amount_received));
      return intent_means::unreadable;
    }
    return rule->capture;
  }
  if (call.operation == operation_kind::cancel) {
    // What was captured before stays so: only the rest was there to be released.
    const bool rest_only = executed && intent.status == "succeeded" && intent.amount_received > 0;
    return rest_only ? intent_means::done : rule->cancel;
  }
  if (rule->authorize == intent_means::failed && !intent.last_error && intent.status != "canceled")
    return intent_means::untried;
  return rule->authorize;
}

domain::outcome outcome_of(intent_means means, const intent_object& intent, operation_kind operation, remarks& odd) {
  switch (means) {
    case intent_means::done: {
      if (operation == operation_kind::capture) return reported::approved{charge_or_intent(intent), {}};
      if (operation == operation_kind::cancel) return reported::approved{intent.id, {}};
      return reported::approved{intent.id, intent.charge ? intent.charge->capture_before : std::nullopt};
    }
    case intent_means::failed:
    case intent_means::untried:
    case intent_means::too_late: {
      const bool authorizes = operation == operation_kind::authorize || operation == operation_kind::confirm;
      const bool open = authorizes && intent.status != "canceled";
      return reported::declined{failure_of(intent, operation, odd), open ? intent.id : std::string{}};
    }
    case intent_means::action: {
      if (intent.action_type == "redirect_to_url" && !intent.action_url.empty())
        return reported::needs_action{{"redirect", intent.action_url}, intent.id};
      if (intent.action_type != "use_stripe_sdk") remark(odd, "next_action.type", intent.action_type);
      // Only a browser with Stripe's own script could go on from here.
      return reported::declined{
          {"authentication_required", "authentication_required", "The card's issuer requires authentication.",
           domain::advice::contact_issuer, "requires_action/" + intent.action_type.substr(0, 100)},
          intent.id};
    }
    case intent_means::pending:
      return reported::accepted{operation == operation_kind::capture ? charge_or_intent(intent) : intent.id};
    case intent_means::not_yet:
    case intent_means::unreadable: break;
  }
  return reported::unknown{"unexpected_answer"};
}

domain::outcome outcome_of(const refund_object& refund, remarks& odd) {
  if (refund.status == "succeeded") return reported::approved{refund.id, {}};
  if (refund.status == "pending" || refund.status == "requires_action") return reported::accepted{refund.id};
  if (refund.status == "failed" || refund.status == "canceled")
    return reported::declined{refund_failure(refund.status, refund.failure_reason), {}};
  remark(odd, "refund.status", refund.status);
  return reported::unknown{"unexpected_answer"};
}

std::string_view field(const runtime::http_response& answer, std::string_view lower_case_name) {
  for (const auto& [name, value] : answer.fields)
    if (name == lower_case_name) return value;
  return {};
}

std::optional<timestamp> date_of(const runtime::http_response& answer) {
  const std::string text(field(answer, "date"));
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timestamp{std::chrono::seconds{timegm(&parts)}};
}

bool replayed(const runtime::http_response& answer) { return field(answer, "idempotent-replayed") == "true"; }

std::string reason_of(const runtime::call_result& lost) {
  struct row {
    std::string_view theirs;
    std::string_view ours;
  };
  static constexpr auto reasons = std::to_array<row>({{"too_many_calls", "processor_busy"},
                                                      {"queue_timeout", "processor_busy"},
                                                      {"canceled", "processor_shutdown"},
                                                      {"shut_down", "processor_shutdown"},
                                                      {"timeout", "processor_timeout"},
                                                      {"connection_lost", "connection_lost"},
                                                      {"truncated", "connection_lost"},
                                                      {"answer_too_large", "unreadable_answer"}});
  for (const auto& [theirs, ours] : reasons)
    if (theirs == lost.reason) return std::string(ours);
  return "processor_unavailable";
}

}  // namespace novapay::stripe
