#include "adapters/stripe/events.hpp"

#include <algorithm>
#include <array>

#include "adapters/stripe/amounts.hpp"
#include "adapters/stripe/answers.hpp"

namespace novapay::stripe {
namespace {

using domain::dispute_stage;
using domain::operation_id;
using domain::operation_kind;
namespace reported = domain::reported;
namespace told = domain::told;

struct stage_row {
  std::string_view status;
  dispute_stage stage;
};
constexpr auto stages = std::to_array<stage_row>({
    {"warning_needs_response", dispute_stage::inquiry},  // an inquiry moves no money
    {"warning_under_review", dispute_stage::inquiry},
    {"warning_closed", dispute_stage::won},
    {"needs_response", dispute_stage::opened},
    {"under_review", dispute_stage::under_review},
    {"won", dispute_stage::won},
    {"lost", dispute_stage::lost},
    {"prevented", dispute_stage::won},
    {"appeal_needs_response", dispute_stage::opened},
    {"appeal_under_review", dispute_stage::under_review},
});

// One event being read.
struct reading {
  const event_object& event;
  const std::string& processor;
  remarks& odd;
  std::string payment;
  std::vector<webhook_item> items{};

  void add(operation_id about, domain::news what, std::string reference) {
    domain::notice notice;
    notice.about = about;
    notice.what = std::move(what);
    notice.processor = processor;
    notice.reference = std::move(reference);
    webhook_item item;
    item.identity = items.empty() ? event.id : event.id + "/" + std::to_string(items.size() + 1);
    item.type = event.type;
    item.payment = payment;
    item.what = std::move(notice);
    items.push_back(std::move(item));
  }
  void result(operation_id about, domain::outcome outcome, std::string reference) {
    add(about, told::result{std::move(outcome)}, std::move(reference));
  }
  // The operation of this kind that caused the event, or whose name the object bears. Without one the event is not about us.
  std::optional<operation_id> named(const metadata& fields, operation_kind kind) const {
    if (const auto cause = parse_key(event.idempotency_key); cause && cause->payment == payment)
      if (cause->operation.kind == kind) return cause->operation;
    const auto last = operation_in(fields);
    return last && last->kind == kind ? last : std::nullopt;
  }
  // The authorization of an intent, also after captures have put their own name there.
  operation_id authorization(const metadata& fields) const {
    return named(fields, operation_kind::authorize).value_or(operation_id{operation_kind::authorize, 0});
  }

  void read(const intent_object& intent);
  void read(const charge_object& charge);
  void read(const refund_object& refund);
  void read(const dispute_object& dispute);
};

void reading::read(const intent_object& intent) {
  const auto charge = intent.charge_id.empty() ? intent.id : intent.charge_id;
  const auto capture = named(intent.fields, operation_kind::capture);
  const bool has_rest = intent.status == "requires_capture";

  if (event.type == "payment_intent.amount_capturable_updated" && has_rest) {
    if (capture && intent.amount_received > 0) return result(*capture, reported::approved{charge, {}}, charge);
    const auto until = intent.charge ? intent.charge->capture_before : std::nullopt;
    return result(authorization(intent.fields), reported::approved{intent.id, until}, intent.id);
  }
  if (event.type == "payment_intent.requires_action" && intent.status == "requires_action") {
    if (intent.action_type != "redirect_to_url" || intent.action_url.empty()) return;
    return result(authorization(intent.fields), reported::needs_action{{"redirect", intent.action_url}, intent.id},
                  intent.id);
  }
  // What fails and what is canceled says why and when. One that does not is not surely over.
  if (event.type == "payment_intent.payment_failed" && intent.status == "requires_payment_method" &&
      intent.last_error) {
    auto outcome = outcome_of(intent_means::failed, intent, operation_kind::authorize, odd);
    return result(authorization(intent.fields), std::move(outcome), intent.id);
  }
  if (event.type == "payment_intent.succeeded" && intent.status == "succeeded") {
    if (capture) result(*capture, reported::approved{charge, {}}, charge);
    if (intent.amount_received < intent.amount) add(authorization(intent.fields), told::voided{"released"}, intent.id);
    return;
  }
  if (event.type == "payment_intent.canceled" && intent.status == "canceled" && intent.canceled_at) {
    if (const auto cancel = named(intent.fields, operation_kind::cancel))
      return result(*cancel, reported::approved{intent.id, {}}, intent.id);
    const bool lapsed = intent.cancellation_reason == "automatic" || intent.cancellation_reason == "expired";
    return add(authorization(intent.fields), told::voided{lapsed ? "expired" : "canceled"}, intent.id);
  }
  if (std::none_of(intent_rules().begin(), intent_rules().end(),
                   [&](const intent_rule& rule) { return rule.status == intent.status; }))
    remark(odd, "payment_intent.status", intent.status);
}

// A charge's metadata is its intent's when the customer was charged: it names the authorization.
void reading::read(const charge_object& charge) {
  if (charge.intent.empty()) return;
  if (event.type == "charge.succeeded" && charge.status == "succeeded" && !charge.captured)
    return result(authorization(charge.fields), reported::approved{charge.intent, charge.capture_before},
                  charge.intent);
  if (event.type == "charge.captured" && charge.captured) {
    if (const auto capture = named(charge.fields, operation_kind::capture))
      result(*capture, reported::approved{charge.id, {}}, charge.id);
    return;
  }
  if (event.type == "charge.expired") return add(authorization(charge.fields), told::voided{"expired"}, charge.intent);
}

void reading::read(const refund_object& refund) {
  const auto about = named(refund.fields, operation_kind::refund);
  if (!about) return;  // made by somebody else
  const auto outcome = outcome_of(refund, odd);
  if (std::holds_alternative<reported::unknown>(outcome)) return;
  const auto* no = std::get_if<reported::declined>(&outcome);
  if (no != nullptr && (refund.came_back || event.previous_status == "succeeded"))
    return add(*about, told::failed{no->why}, refund.id);
  result(*about, outcome, refund.id);
}

void reading::read(const dispute_object& dispute) {
  auto what = dispute_of(dispute, event.created, odd);
  if (!what) return;
  add({operation_kind::capture, 0}, told::disputed{*std::move(what)}, dispute.charge);
  if (payment.empty()) items.back().lookup = dispute.intent;
}

webhook_item silent(const event_object& event, std::string payment, std::string note) {
  webhook_item item;
  item.identity = event.id;
  item.type = event.type;
  item.payment = std::move(payment);
  item.note = std::move(note);
  return item;
}

const metadata& fields_of(const event_object& event) {
  static const metadata none;
  return std::visit(
      [](const auto& about) -> const metadata& {
        if constexpr (requires { about.fields; })
          return about.fields;
        else
          return none;
      },
      event.about);
}

}  // namespace

std::optional<dispute_stage> stage_of(std::string_view dispute_status) noexcept {
  for (const auto& row : stages)
    if (row.status == dispute_status) return row.stage;
  return std::nullopt;
}

std::optional<domain::dispute> dispute_of(const dispute_object& dispute, domain::timestamp at, remarks& odd) {
  const auto stage = stage_of(dispute.status);
  if (!stage) {
    remark(odd, "dispute.status", dispute.status);
    return std::nullopt;
  }
  const auto amount = from_stripe(dispute.amount, dispute.currency);
  if (!amount) {
    remark(odd, "dispute.amount", std::to_string(dispute.amount) + " " + dispute.currency);
    return std::nullopt;
  }
  domain::dispute out;
  out.id = dispute.id;
  out.stage = *stage;
  out.amount_minor = amount->minor;
  out.reason = dispute.reason.substr(0, 100);
  out.respond_by = dispute.due_by;
  out.at = at;
  return out;
}

std::vector<webhook_item> items_of(const event_object& event, const std::string& processor, bool live, remarks& odd) {
  const auto payment = payment_in(fields_of(event));
  if (event.live != live) return {silent(event, payment, "livemode_mismatch")};

  if (const auto* payout = std::get_if<payout_object>(&event.about)) {
    auto item = silent(event, {}, {});
    const bool ready =
        (event.type == "payout.paid" && payout->automatic) || event.type == "payout.reconciliation_completed";
    if (ready)
      item.report = payout->id;
    else
      item.note = "not_of_interest";
    return {std::move(item)};
  }

  reading now{event, processor, odd, payment};
  const bool dispute = event.type.starts_with("charge.dispute.");
  if (!payment.empty() || dispute)
    std::visit(
        [&](const auto& about) {
          if constexpr (requires { now.read(about); }) now.read(about);
        },
        event.about);
  if (now.items.empty()) return {silent(event, payment, payment.empty() ? "not_ours" : "not_of_interest")};
  return std::move(now.items);
}

}  // namespace novapay::stripe
