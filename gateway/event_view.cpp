// The history of a payment as the API shows it: one object for each event, whose `data` is what that event says.
#include "gateway/payment_view.hpp"
#include "gateway/time_text.hpp"

namespace novapay::gateway {
namespace {

namespace event = domain::event;
using domain::operation_id;
using domain::operation_kind;

// Writes the members of `data`. One overload for each event: a new one does not compile until it is shown.
struct data_writer {
  json_writer& out;
  std::string_view payment_id;

  void about(operation_id which) const {
    out.member("operation", domain::to_text(which.kind)).member("number", which.number);
    if (which.kind == operation_kind::capture) out.member("capture", operation_id_text(payment_id, which));
    if (which.kind == operation_kind::refund) out.member("refund", operation_id_text(payment_id, which));
  }
  void failed(operation_id which, const domain::failure& why) const {
    about(which);
    out.key("failure");
    write_failure(out, why);
  }
  void time(json_name name, domain::timestamp at) const { out.member(name, to_rfc3339(at)); }
  // What NovaPay asks for by itself has no key.
  void requested(operation_id which, const std::string& key) const {
    about(which);
    out.member_or_null("idempotency_key", key);
  }

  void operator()(const event::created& e) const {
    const auto& agreed = e.agreed;
    out.member("amount", agreed.amount.minor).member("currency", domain::info_of(agreed.amount.code).name);
    out.member("capture_method", domain::to_text(agreed.capture));
    write_payment_method(out, agreed);
    out.member_or_null("customer", agreed.customer).member_or_null("return_url", agreed.return_url);
    out.member_or_null("reference", agreed.reference).member_or_null("description", agreed.description);
    out.member_or_null("statement_descriptor", agreed.statement_descriptor);
    out.key("metadata");
    write_metadata(out, agreed.metadata);
    out.member("idempotency_key", agreed.idempotency_key);
    out.key("route").open_array();
    for (const auto& name : e.handled.route) out.value(name);
    out.close_array().member_or_null("rule", e.handled.rule);
  }
  void operator()(const event::authorized& e) const {
    about(e.by);
    out.member_or_null("processor_reference", e.reference);
    time("expires_at", e.expires_at);
  }
  void operator()(const event::declined& e) const { failed(e.by, e.why); }
  void operator()(const event::action_required& e) const {
    about(e.by);
    out.key("next_action");
    write_next_action(out, e.action);
    out.member_or_null("processor_reference", e.reference);
    time("expires_at", e.expires_at);
  }
  void operator()(const event::confirm_requested& e) const {
    requested({operation_kind::confirm, e.number}, e.idempotency_key);
  }
  void operator()(const event::confirm_failed& e) const { failed({operation_kind::confirm, e.number}, e.why); }
  void operator()(const event::capture_requested& e) const {
    requested({operation_kind::capture, e.number}, e.idempotency_key);
    out.member("amount", e.amount_minor).member("final", e.final);
  }
  void operator()(const event::captured& e) const {
    about({operation_kind::capture, e.number});
    out.member_or_null("processor_reference", e.reference);
  }
  void operator()(const event::capture_failed& e) const {
    failed({operation_kind::capture, e.number}, e.why);
    out.member("late", e.late);
  }
  void operator()(const event::capture_contested& e) const { failed({operation_kind::capture, e.number}, e.why); }
  void operator()(const event::refund_requested& e) const {
    requested({operation_kind::refund, e.number}, e.idempotency_key);
    out.member("amount", e.amount_minor).member_or_null("reason", e.reason);
  }
  void operator()(const event::refunded& e) const {
    about({operation_kind::refund, e.number});
    out.member_or_null("processor_reference", e.reference);
  }
  void operator()(const event::refund_failed& e) const {
    failed({operation_kind::refund, e.number}, e.why);
    out.member("late", e.late);
  }
  void operator()(const event::cancel_requested& e) const {
    requested({operation_kind::cancel, e.number}, e.idempotency_key);
    out.member_or_null("reason", e.reason);
    if (e.target_reference.empty()) return;
    out.member_or_null("processor", e.processor).member("processor_reference", e.target_reference);
  }
  void operator()(const event::canceled& e) const { about({operation_kind::cancel, e.number}); }
  void operator()(const event::cancel_failed& e) const { failed({operation_kind::cancel, e.number}, e.why); }
  void operator()(const event::settled& e) const {
    about({operation_kind::capture, e.number});
    if (!e.figures) return;
    out.key("settlement");
    write_settlement(out, *e.figures);
  }
  void operator()(const event::expired&) const {}
  void operator()(const event::late_authorization& e) const {
    if (e.by != operation_id{}) about(e.by);
    out.member_or_null("processor", e.processor).member_or_null("processor_reference", e.reference);
  }
  void operator()(const event::in_doubt& e) const {
    about(e.about);
    out.member("reason", e.reason);
    time("next_attempt_at", e.next_attempt_at);
  }
  void operator()(const event::deferred& e) const {
    about(e.about);
    out.member("reason", e.reason);
    time("next_attempt_at", e.next_attempt_at);
  }
  void operator()(const event::attempt_started& e) const { about(e.about); }
  void operator()(const event::answer_deferred& e) const {
    about(e.about);
    out.member("reason", e.reason);
  }
  void operator()(const event::break_noted& e) const {
    out.member("operation", domain::to_text(e.about.kind)).member("number", e.about.number);
    out.member("reason", e.reason).member_or_null("told", e.told);
    out.member_or_null("processor", e.processor).member_or_null("processor_reference", e.reference);
    if (!e.failed) return;
    out.key("failure");
    write_failure(out, *e.failed);
  }
  void operator()(const event::accepted& e) const {
    about(e.about);
    out.member_or_null("processor_reference", e.reference);
    time("next_attempt_at", e.next_attempt_at);
  }
  void operator()(const event::rerouted& e) const {
    about(e.from);
    out.member("reason", e.reason).member_or_null("processor", e.processor).member("next_number", e.number);
  }
  void operator()(const event::voided& e) const { out.member("reason", e.reason); }
  void operator()(const event::disputed& e) const {
    out.key("dispute").open_object().member("object", "dispute");
    write_dispute(out, e.what);
    out.close_object();
  }
  void operator()(const event::flagged& e) const {
    about(e.about);
    out.member("reason", e.reason);
  }
  void operator()(const event::authorization_expiring& e) const { time("expires_at", e.expires_at); }
};

}  // namespace

std::string render_history(std::string_view payment_id, std::span<const history_entry> history) {
  json_writer out{260 * (history.size() + 2)};
  out.open_object().member("object", "list").key("data").open_array();
  for (const auto& each : history) {
    out.open_object().member("object", "event").member("sequence", each.sequence);
    out.member("type", domain::type_of(each.what)).member("created_at", to_rfc3339(each.at));
    out.key("data").open_object();
    std::visit(data_writer{out, payment_id}, each.what);
    out.close_object().close_object();
  }
  out.close_array().member("has_more", false).key("next_cursor").null().close_object();
  return out.take();
}

}  // namespace novapay::gateway
