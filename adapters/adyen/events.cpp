#include "adapters/adyen/events.hpp"

#include <algorithm>
#include <array>

#include "adapters/adyen/amounts.hpp"
#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/refusals.hpp"
#include "adapters/adyen/report_url.hpp"

namespace novapay::adyen {
namespace {

using domain::dispute_stage;
using domain::operation_id;
using domain::operation_kind;
namespace reported = domain::reported;
namespace told = domain::told;

using enum event_means;
using enum domain::operation_kind;

// Bad news of Adyen's comes with success "true" too: CAPTURE_FAILED, REFUND_FAILED. With "false" such an event says nothing.
constexpr auto rules = std::to_array<event_rule>({
    {"AUTHORISATION", authorize, approved, declined},
    {"AUTHORISATION_ADJUSTMENT", authorize, nothing, nothing},  // never asked for by us
    {"CANCELLATION", cancel, canceled, declined},
    {"TECHNICAL_CANCEL", cancel, canceled, declined},
    {"CANCEL_OR_REFUND", cancel, as_modified, nothing},  // never asked for by us: made by hand
    {"CAPTURE", capture, approved, declined},
    {"CAPTURE_FAILED", capture, failed_late, nothing},
    {"EXPIRE", authorize, expired, nothing},
    {"OFFER_CLOSED", authorize, abandoned, nothing},
    {"REFUND", refund, approved, declined},
    {"REFUND_FAILED", refund, failed_late, nothing},
    {"REFUNDED_REVERSED", refund, failed_late, nothing},
    {"POSTPONED_REFUND", refund, accepted, nothing},
    {"REFUND_WITH_DATA", refund, nothing, nothing},
    {"VOID_PENDING_REFUND", refund, nothing, nothing},
    // Disputes. The stage may be overruled by disputeStatus.
    {"NOTIFICATION_OF_FRAUD", capture, nothing, nothing},  // a signal about the card, no dispute
    {"REQUEST_FOR_INFORMATION", capture, dispute, nothing, dispute_stage::inquiry},
    {"NOTIFICATION_OF_CHARGEBACK", capture, dispute, nothing, dispute_stage::opened},
    {"CHARGEBACK", capture, dispute, nothing, dispute_stage::opened},
    {"INFORMATION_SUPPLIED", capture, dispute, nothing, dispute_stage::under_review},
    {"ISSUER_COMMENTS", capture, dispute, nothing, dispute_stage::under_review},
    {"CHARGEBACK_REVERSED", capture, dispute, nothing, dispute_stage::won},  // until a second chargeback, if one comes
    {"SECOND_CHARGEBACK", capture, dispute, nothing, dispute_stage::lost},
    {"PREARBITRATION_OPEN", capture, dispute, nothing, dispute_stage::under_review},
    {"PREARBITRATION_WON", capture, dispute, nothing, dispute_stage::won},
    {"PREARBITRATION_LOST", capture, dispute, nothing, dispute_stage::lost},
    {"PREARBITRATION_ACCEPTED", capture, dispute, nothing, dispute_stage::lost},
    {"PREARBITRATION_DECLINED", capture, dispute, nothing, dispute_stage::under_review},
    {"PREARBITRATION_ISSUER_WITHDRAWN", capture, dispute, nothing, dispute_stage::won},
    {"SCHEME_ARBITRATION", capture, dispute, nothing, dispute_stage::under_review},
    {"SCHEME_ARBITRATION_WON", capture, dispute, nothing, dispute_stage::won},
    {"SCHEME_ARBITRATION_LOST", capture, dispute, nothing, dispute_stage::lost},
    {"DISPUTE_DEFENSE_PERIOD_ENDED", capture, dispute, nothing, dispute_stage::under_review},
    {"ISSUER_RESPONSE_TIMEFRAME_EXPIRED", capture, dispute, nothing, dispute_stage::under_review},
    // About no operation of ours.
    {"REPORT_AVAILABLE", authorize, report, nothing},
    {"RECURRING_CONTRACT", authorize, nothing, nothing},
    {"MANUAL_REVIEW_ACCEPT", authorize, nothing, nothing},  // a rejection is followed by a cancel or a refund
    {"MANUAL_REVIEW_REJECT", authorize, nothing, nothing},
    {"AUTHENTICATION", authorize, nothing, nothing},
    {"AUTORESCUE", authorize, nothing, nothing},
    {"CANCEL_AUTORESCUE", authorize, nothing, nothing},
    {"HANDLED_EXTERNALLY", authorize, nothing, nothing},
    {"ORDER_OPENED", authorize, nothing, nothing},
    {"ORDER_CLOSED", authorize, nothing, nothing},
    {"PAYOUT_DECLINE", authorize, nothing, nothing},
    {"PAYOUT_EXPIRE", authorize, nothing, nothing},
    {"PAYOUT_THIRDPARTY", authorize, nothing, nothing},
});

constexpr bool codes_are_unique() {
  for (std::size_t i = 0; i < rules.size(); ++i)
    for (std::size_t j = i + 1; j < rules.size(); ++j)
      if (rules[i].code == rules[j].code) return false;
  return true;
}
static_assert(codes_are_unique());

// How a dispute has ended, if its status says so. "Undefended" and "Pending" are said at any stage.
std::optional<dispute_stage> stage_in(std::string_view status) noexcept {
  if (status == "Won") return dispute_stage::won;
  if (status == "Lost" || status == "Accepted") return dispute_stage::lost;
  return std::nullopt;
}

// One item being read.
struct reading {
  const notification_item& from;
  const settings& how;
  remarks& odd;
  const event_rule& rule;
  std::optional<operation_name> named{};
  std::optional<domain::money> amount{};

  // The payment's reference: of a modification that is the original one.
  const std::string& authorization() const {
    return from.original_reference.empty() ? from.reference : from.original_reference;
  }
  bool names_own_operation() const { return named && named->operation.kind == rule.kind; }
  operation_id about(operation_kind kind) const {
    return named && named->operation.kind == kind ? named->operation : operation_id{kind, 0};
  }

  domain::notice told(operation_id of, domain::news what, std::string reference) const {
    domain::notice out;
    out.about = of;
    out.what = std::move(what);
    out.processor = how.name;
    out.reference = std::move(reference);
    return out;
  }
  domain::notice result(operation_kind kind, domain::outcome outcome) const {
    auto out = told(about(kind), told::result{std::move(outcome)}, from.reference);
    if (amount && kind != cancel) out.amount_minor = amount->minor;
    return out;
  }
  domain::failure failure() const {
    if (rule.kind == authorize) return refusal_of(from.reason, from.advice, odd);
    return modification_failure(rule.kind, from.reason);
  }

  domain::notice ended(std::string reason) const {
    return told({authorize, 0}, told::voided{std::move(reason)}, authorization());
  }
  std::optional<domain::notice> disputed() const;
  std::optional<domain::notice> read(event_means means) const;
};

std::optional<domain::notice> reading::disputed() const {
  if (!amount) return std::nullopt;
  domain::dispute what;
  what.id = from.reference;
  what.stage = stage_in(from.dispute_status).value_or(rule.stage);
  what.amount_minor = amount->minor;
  what.reason = (from.dispute_reason.empty() ? from.reason : from.dispute_reason).substr(0, 100);
  what.respond_by = parse_date(from.defense_ends);
  what.at = parse_date(from.date).value_or(domain::timestamp{});
  return told({capture, 0}, told::disputed{std::move(what)}, authorization());
}

std::optional<domain::notice> reading::read(event_means means) const {
  switch (means) {
    case approved: return result(rule.kind, reported::approved{from.reference, {}});
    case declined: return result(rule.kind, reported::declined{failure(), {}});
    case accepted: return result(rule.kind, reported::accepted{from.reference});
    case failed_late: {
      auto out = told(about(rule.kind), told::failed{failure()}, from.reference);
      if (amount) out.amount_minor = amount->minor;
      return out;
    }
    case canceled:
      // Under our own name it is the end of our cancel; otherwise somebody else's, or ours under the payment's name.
      if (names_own_operation()) return result(cancel, reported::approved{from.reference, {}});
      return ended("canceled");
    case expired: return ended("expired");
    case abandoned: {
      auto out = result(authorize, reported::declined{{"authentication_failed", "authentication_failed",
                                                       "The customer did not act in time.",
                                                       domain::advice::contact_issuer, "OFFER_CLOSED"},
                                                      {}});
      out.amount_minor.reset();
      return out;
    }
    case as_modified:
      if (from.modification_action == "cancel") return ended("canceled");
      if (from.modification_action == "refund") return result(refund, reported::approved{from.reference, {}});
      remark(odd, "modification.action", from.modification_action);
      return std::nullopt;
    case dispute: return disputed();
    case nothing:
    case report: break;
  }
  return std::nullopt;
}

// The file's name is signed, its URL is not: they must agree.
void read_report(const notification_item& from, const settings& how, webhook_item& to) {
  if (!is_settlement_report(from.reference))
    to.note = "other_report";
  else if (!is_report_url(from.reason, how) || file_of(from.reason) != from.reference)
    to.note = "report_url_refused";
  else
    to.report = from.reason;
}

}  // namespace

std::span<const event_rule> event_rules() { return rules; }

webhook_item item_of(const notification_item& from, const settings& how, bool live, remarks& odd) {
  webhook_item item;
  item.identity = from.event + "/" + from.reference + "/" + from.success + "/" + from.original_reference;
  item.type = from.event;
  item.payment = payment_in(from.merchant_reference);
  const auto silent = [&](std::string note) {
    item.note = std::move(note);
    return item;
  };
  if (live != how.live) return silent("livemode_mismatch");
  if (from.account != how.merchant_account) return silent("merchant_account_mismatch");

  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& row) { return row.code == from.event; });
  if (rule == rules.end()) {
    remark(odd, "eventCode", from.event);
    return silent("unknown_event");
  }
  if (from.success != "true" && from.success != "false") {
    remark(odd, "success", from.success);
    return silent("not_understood");
  }
  const auto means = from.success == "true" ? rule->if_true : rule->if_false;
  if (means == nothing) return silent("not_of_interest");
  if (means == report) {
    read_report(from, how, item);
    return item;
  }

  reading now{from,
              how,
              odd,
              *rule,
              parse_reference(from.merchant_reference),
              from.value ? from_adyen(*from.value, from.currency) : std::nullopt};
  if (!now.amount)
    remark(odd, "amount", (from.value ? std::to_string(*from.value) : std::string{}) + " " + from.currency);
  item.what = now.read(means);
  if (!item.what) return silent("not_understood");
  if (item.payment.empty()) {
    item.note = "not_ours";
    item.lookup = from.original_reference;
    if (item.lookup.empty()) item.what.reset();
  }
  return item;
}

}  // namespace novapay::adyen
