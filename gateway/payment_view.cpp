#include "gateway/payment_view.hpp"

#include <algorithm>

#include "gateway/time_text.hpp"

namespace novapay::gateway {
namespace {

using domain::operation;
using domain::operation_kind;
using domain::payment;

constexpr std::size_t payment_bytes = 1400, record_bytes = 300;  // typical sizes: one allocation for a payment

void write_time(json_writer& out, json_name name, std::optional<domain::timestamp> at) {
  out.key(name);
  if (at)
    out.value(to_rfc3339(*at));
  else
    out.null();
}

void write_failure_or_null(json_writer& out, const std::optional<domain::failure>& why) {
  out.key("failure");
  if (why)
    write_failure(out, *why);
  else
    out.null();
}

void write_capture(json_writer& out, const payment& now, const operation& capture) {
  out.open_object();
  out.member("id", operation_id_text(now.agreed.id, capture.id)).member("object", "capture");
  out.member("amount", capture.amount_minor).member("final", capture.final);
  out.member("status", domain::to_text(domain::status_of(capture)));
  // A contested capture stands as succeeded, because its money went back to the customer; what the processor said
  // shows here.
  write_failure_or_null(out, capture.contested ? capture.contested : capture.why_failed);
  out.member("settled", capture.settled).key("settlement");
  if (capture.paid_out)
    write_settlement(out, *capture.paid_out);
  else
    out.null();
  write_time(out, "created_at", capture.requested_at);
  out.close_object();
}

void write_refund(json_writer& out, const payment& now, const operation& refund) {
  out.open_object();
  out.member("id", operation_id_text(now.agreed.id, refund.id)).member("object", "refund");
  out.member("payment", now.agreed.id).member("amount", refund.amount_minor);
  out.member("currency", domain::info_of(now.agreed.amount.code).name);
  out.member("status", domain::to_text(domain::status_of(refund)));
  out.member_or_null("reason", refund.reason);
  write_failure_or_null(out, refund.why_failed);
  write_time(out, "created_at", refund.requested_at);
  out.close_object();
}

using write_operation = void (*)(json_writer&, const payment&, const operation&);

void write_operations(json_writer& out, const payment& now, operation_kind kind, write_operation write) {
  out.open_array();
  for (const auto& each : now.operations)
    if (each.id.kind == kind) write(out, now, each);
  out.close_array();
}

// Only while the customer must act: once confirmed, the action is behind them.
void write_action_due(json_writer& out, const payment& now, domain::status status) {
  out.key("next_action");
  if (status != domain::status::requires_action || !now.action)
    out.null();
  else
    write_next_action(out, *now.action);
}

void write_disputes(json_writer& out, const payment& now) {
  out.key("disputes").open_array();
  for (const auto& each : now.disputes) {
    out.open_object().member("object", "dispute");
    write_dispute(out, each);
    out.close_object();
  }
  out.close_array();
}

void write_payment(json_writer& out, const payment& now) {
  const auto& agreed = now.agreed;
  const auto seen = domain::summarize(now);
  out.open_object();
  out.member("id", agreed.id).member("object", "payment");
  out.member("status", domain::to_text(seen.status)).member_or_null("processing_reason", seen.processing_reason);
  write_time(out, "next_check_at", seen.next_check_at);
  out.member("needs_attention", seen.needs_attention);
  out.member("amount", agreed.amount.minor).member("amount_capturable", seen.amount_capturable);
  out.member("amount_captured", seen.amount_captured).member("amount_refunded", seen.amount_refunded);
  out.member("currency", domain::info_of(agreed.amount.code).name);
  out.member("capture_method", domain::to_text(agreed.capture));
  write_payment_method(out, agreed);
  out.member_or_null("processor", domain::processor_of(now)).member_or_null("customer", agreed.customer);
  out.member_or_null("reference", agreed.reference).member_or_null("description", agreed.description);
  out.member_or_null("statement_descriptor", agreed.statement_descriptor);
  out.key("metadata");
  write_metadata(out, agreed.metadata);
  out.member_or_null("return_url", agreed.return_url);
  write_action_due(out, now, seen.status);
  write_failure_or_null(out, now.last_failure);
  out.key("captures");
  write_operations(out, now, operation_kind::capture, write_capture);
  out.key("refunds");
  write_operations(out, now, operation_kind::refund, write_refund);
  write_disputes(out, now);
  const bool may_expire = seen.amount_capturable > 0 || seen.status == domain::status::requires_action;
  write_time(out, "expires_at", may_expire ? now.expires_at : std::nullopt);
  out.member("livemode", agreed.mode == domain::mode::live);
  write_time(out, "created_at", now.created_at);
  write_time(out, "updated_at", now.updated_at);
  out.close_object();
}

void close_list(json_writer& out, bool has_more, std::string_view next_cursor) {
  out.member("has_more", has_more).member_or_null("next_cursor", next_cursor).close_object();
}

}  // namespace

std::string operation_id_text(std::string_view payment_id, domain::operation_id which) {
  std::string id{which.kind == operation_kind::refund ? "ref_" : "cap_"};
  id.append(payment_id.substr(std::min<std::size_t>(4, payment_id.size())));  // without "pay_"
  return id.append("_").append(std::to_string(which.number));
}

void write_failure(json_writer& out, const domain::failure& why) {
  out.open_object().member("code", why.code).member_or_null("decline_code", why.decline_code);
  out.member_or_null("advice", why.advice == domain::advice::none ? std::string_view{} : domain::to_text(why.advice));
  out.member("message", why.message).member_or_null("processor_code", why.raw).close_object();
}

void write_next_action(json_writer& out, const domain::next_action& action) {
  out.open_object().member("type", action.type).key("redirect");
  if (action.url.empty())
    out.null();
  else
    out.open_object().member("url", action.url).close_object();
  out.close_object();
}

void write_dispute(json_writer& out, const domain::dispute& what) {
  out.member("id", what.id).member("status", domain::to_text(what.stage)).member("amount", what.amount_minor);
  out.member_or_null("reason", what.reason);
  write_time(out, "respond_by", what.respond_by);
  write_time(out, "updated_at", what.at);
}

void write_settlement(json_writer& out, const domain::settlement& what) {
  out.open_object().member_or_null("payout", what.payout).member("net", what.net_minor).member("fee", what.fee_minor);
  out.member_or_null("currency", what.unit).close_object();
}

void write_payment_method(json_writer& out, const domain::terms& agreed) {
  out.key("payment_method").open_object().member("type", agreed.method_type);
  out.member_or_null("brand", agreed.brand).member_or_null("country", agreed.country).close_object();
}

void write_metadata(json_writer& out, const std::map<std::string, std::string>& metadata) {
  out.open_object();
  for (const auto& [name, value] : metadata) out.foreign_key(name).value(value);
  out.close_object();
}

std::string render_payment(const payment& now) {
  json_writer out{payment_bytes + record_bytes * now.operations.size()};
  write_payment(out, now);
  return out.take();
}

std::string render_refund(const payment& now, const operation& refund) {
  json_writer out{record_bytes};
  write_refund(out, now, refund);
  return out.take();
}

std::string render_payments(const payment_page& page) {
  json_writer out{payment_bytes * (page.payments.size() + 1)};
  out.open_object().member("object", "list").key("data").open_array();
  for (const auto& each : page.payments) write_payment(out, each);
  out.close_array();
  close_list(out, page.has_more, page.next_cursor);
  return out.take();
}

std::string render_route(const domain::route_choice& chosen) {
  json_writer out{record_bytes};
  out.open_object().member("object", "route").key("processors").open_array();
  for (const auto& name : chosen.route) out.value(name);
  out.close_array().member("rule", chosen.rule).key("explanation").open_array();
  for (const auto& line : chosen.why) out.value(line);
  out.close_array().close_object();
  return out.take();
}

std::string render_refunds(const payment& now) {
  json_writer out{record_bytes * (now.operations.size() + 1)};
  out.open_object().member("object", "list").key("data");
  write_operations(out, now, operation_kind::refund, write_refund);
  close_list(out, false, {});
  return out.take();
}

bool is_settled_answer(const answer& given) {
  const auto* asked = given.operation ? domain::find(given.payment, *given.operation) : nullptr;
  if (asked != nullptr && asked->progress != domain::progress::succeeded &&
      asked->progress != domain::progress::failed && asked->progress != domain::progress::needs_action)
    return false;
  if (asked != nullptr && asked->id.kind == operation_kind::refund) return true;  // its answer shows the refund alone
  const auto status = domain::summarize(given.payment).status;
  return status != domain::status::processing && status != domain::status::pending;
}

}  // namespace novapay::gateway
