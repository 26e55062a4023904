#include "adapters/adyen/answers.hpp"

#include <algorithm>
#include <array>

#include "adapters/adyen/refusals.hpp"

namespace novapay::adyen {
namespace {

using domain::operation_kind;
namespace reported = domain::reported;

using enum error_means;
constexpr std::string_view any_code{};
constexpr auto any = transience::any;
constexpr auto all = asked_for::anything;

constexpr auto errors = std::to_array<error_rule>({
    // The key is in use, or was used: something is being executed, or has been.
    {400, 599, "704", any, all, unknown, "processor_still_working"},
    // Turned away before anything was done; nothing is stored under the key.
    {400, 599, "703", any, all, not_executed, "processor_unavailable"},
    {429, 429, any_code, any, all, not_executed, "rate_limited"},
    {401, 401, any_code, any, all, not_executed, "processor_credentials", true},
    {403, 403, any_code, any, all, not_executed, "processor_forbidden", true},
    {404, 405, any_code, any, all, not_executed, "processor_misconfigured", true},
    {400, 599, any_code, transience::yes, all, not_executed, "processor_unavailable"},
    // No acquirer takes this payment method for us: no money was asked for. Of a modification it would be strange: that stays unknown.
    {500, 500, "905", any, asked_for::authorization, declined, "payment_method_not_supported", true},
    {500, 500, "905_1", any, asked_for::authorization, declined, "payment_method_not_supported", true},
    {500, 500, "905_2", any, asked_for::authorization, declined, "payment_method_not_supported", true},
    {500, 500, "905_3", any, asked_for::authorization, declined, "payment_method_not_supported", true},
    // Stored under the key, and it may have been executed: only a notification can tell.
    {400, 599, "701", any, all, unknown, "processor_error"},
    {400, 599, "903", any, all, unknown, "processor_error"},
    {400, 599, "904", any, all, unknown, "processor_error"},
    {500, 599, any_code, any, all, unknown, "processor_error"},
    {408, 409, any_code, any, all, unknown, "processor_conflict"},
    // The customer came back with something Adyen did not give out. The payment is as it was: the customer may still authenticate.
    {400, 499, "14_002", any, asked_for::confirmation, not_executed, "invalid_details"},
    {400, 499, "14_003", any, asked_for::confirmation, not_executed, "invalid_details"},
    {400, 499, "14_018", any, asked_for::confirmation, not_executed, "invalid_details"},
    // What Adyen cannot read is a bug of ours; what it does not accept may be the customer's data.
    {400, 400, any_code, any, all, declined, "invalid_request", true},
    {402, 499, any_code, any, all, declined, "invalid_request"},
    {0, 999, any_code, any, all, unknown, "unexpected_status", true},
});

constexpr auto results = std::to_array<result_rule>({
    {"Authorised", result_means::approved},
    {"PartiallyAuthorised", result_means::partial},
    {"Refused", result_means::declined},
    {"Error", result_means::declined},
    {"Cancelled", result_means::declined},
    {"Received", result_means::pending},
    {"Pending", result_means::pending},
    {"RedirectShopper", result_means::action},
    {"ChallengeShopper", result_means::action},
    {"IdentifyShopper", result_means::action},
    {"PresentToShopper", result_means::action},
    {"AuthenticationFinished", result_means::unexpected},
    {"AuthenticationNotRequired", result_means::unexpected},
    {"Success", result_means::unexpected},
});

bool fits(asked_for scope, operation_kind operation) {
  if (scope == asked_for::confirmation) return operation == operation_kind::confirm;
  if (scope == asked_for::authorization)
    return operation == operation_kind::authorize || operation == operation_kind::confirm;
  return true;
}

bool another_amount(const payment_answer& answer, const processor_call& call) {
  return answer.amount && *answer.amount != to_adyen(call.amount);
}

// Until Adyen tells its reference (a redirect comes without) an authorization is known by ours.
std::string authorization_of(const payment_answer& answer, const processor_call& call) {
  if (!answer.reference.empty()) return answer.reference;
  if (call.operation != operation_kind::authorize) return call.processor_reference;
  return reference_of(call.payment, {operation_kind::authorize, call.number});
}

domain::outcome partially_approved(const payment_answer& answer, const processor_call& call) {
  return reported::declined{
      {"partially_authorized", "insufficient_funds", "The card has funds for a part of the amount only.",
       domain::advice::other_method, "PartiallyAuthorised"},
      authorization_of(answer, call)};
}

// Only a redirect can be followed by any browser; native 3-D Secure and vouchers need Adyen's own script.
domain::outcome action_needed(const payment_answer& answer, const processor_call& call, remarks& odd) {
  const bool get = answer.action_method.empty() || answer.action_method == "GET";
  const bool redirect = answer.action_type == "redirect" && get && !answer.action_url.empty();
  const bool can_return = call.operation == operation_kind::confirm || !call.return_url.empty();
  if (redirect && can_return)
    return reported::needs_action{{"redirect", answer.action_url}, authorization_of(answer, call)};
  if (!redirect && answer.action_type != "threeDS2") remark(odd, "action.type", answer.action_type);
  return reported::declined{
      {"authentication_required", "authentication_required", "The card's issuer requires authentication.",
       domain::advice::contact_issuer, answer.result + "/" + answer.action_type.substr(0, 100)},
      authorization_of(answer, call)};
}

domain::outcome outcome_of(const payment_answer& answer, const processor_call& call, verdict& so_far) {
  const auto found =
      std::find_if(results.begin(), results.end(), [&](const auto& row) { return row.code == answer.result; });
  if (found == results.end()) {
    remark(so_far.odd, "resultCode", answer.result);
    return reported::unknown{"unexpected_answer"};
  }
  switch (found->means) {
    case result_means::approved:
      if (answer.reference.empty()) break;  // what has no name cannot be captured or canceled: its notification has one
      if (another_amount(answer, call)) return partially_approved(answer, call);
      return reported::approved{answer.reference, {}};
    case result_means::partial: return partially_approved(answer, call);
    case result_means::declined: return reported::declined{refusal_of(answer, so_far.odd), {}};
    case result_means::pending: return reported::accepted{authorization_of(answer, call)};
    case result_means::action: return action_needed(answer, call, so_far.odd);
    case result_means::unexpected: break;
  }
  so_far.alarm = "unexpected_answer";
  return reported::unknown{"unexpected_answer"};
}

domain::outcome outcome_of_success(const processor_call& call, const std::string& body, verdict& so_far) {
  const bool authorizes = call.operation == operation_kind::authorize || call.operation == operation_kind::confirm;
  if (authorizes) {
    const auto answer = read_payment(body);
    if (!answer) return reported::unknown{"unreadable_answer"};
    return outcome_of(*answer, call, so_far);
  }
  const auto answer = read_modification(body);
  if (!answer || answer->reference.empty()) return reported::unknown{"unreadable_answer"};
  if (answer->status != "received") {
    remark(so_far.odd, "status", answer->status);
    return reported::unknown{"unexpected_answer"};
  }
  return reported::accepted{answer->reference};
}

domain::outcome outcome_of_error(const processor_call& call, const runtime::http_response& answer, verdict& so_far) {
  const auto error = read_error(answer.body);
  const auto code = error ? std::string_view{error->code} : std::string_view{};
  const bool transient = field(answer, "transient-error") == "true";
  const auto& rule = rule_for(answer.status, code, transient, call.operation);
  if (rule.alarming)
    so_far.alarm =
        std::string(rule.reason) + " " + std::to_string(answer.status) + "/" + std::string(code.substr(0, 20));
  switch (rule.means) {
    case not_executed: return reported::not_executed{std::string(rule.reason)};
    case declined: return reported::declined{request_failure(answer.status, code, so_far.odd), {}};
    case unknown: break;
  }
  return reported::unknown{std::string(rule.reason)};
}

}  // namespace

std::span<const error_rule> error_rules() { return errors; }
std::span<const result_rule> result_rules() { return results; }

const error_rule& rule_for(int status, std::string_view code, bool transient, operation_kind operation) {
  const auto found = std::find_if(errors.begin(), errors.end(), [&](const error_rule& rule) {
    return status >= rule.status_first && status <= rule.status_last && (rule.code.empty() || rule.code == code) &&
           (rule.transient == transience::any || transient) && fits(rule.operation, operation);
  });
  return found == errors.end() ? errors.back() : *found;
}

verdict verdict_of(const processor_call& call, const runtime::call_result& reply) {
  verdict out;
  switch (reply.fate) {
    case runtime::call_fate::never_sent:
    case runtime::call_fate::refused: out.outcome = reported::not_executed{reason_of(reply)}; break;
    case runtime::call_fate::may_be_executed: out.outcome = reported::unknown{reason_of(reply)}; break;
    case runtime::call_fate::answered: {
      const auto& answer = reply.response;
      const bool success = answer.status >= 200 && answer.status <= 299;
      out.outcome = success ? outcome_of_success(call, answer.body, out) : outcome_of_error(call, answer, out);
      break;
    }
  }
  return out;
}

std::string_view field(const runtime::http_response& answer, std::string_view lower_case_name) {
  for (const auto& [name, value] : answer.fields)
    if (name == lower_case_name) return value;
  return {};
}

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

}  // namespace novapay::adyen
