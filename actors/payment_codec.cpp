// State, commands and refusals. Events: payment_event_codec.cpp.
#include "actors/payment_codec.hpp"

#include "actors/payment_wire.hpp"

namespace novapay {

using namespace domain;

void write(const failure& from, wire::Failure& to) {
  to.set_code(from.code);
  to.set_decline_code(from.decline_code);
  to.set_message(from.message);
}
failure read(const wire::Failure& from) { return {from.code(), from.decline_code(), from.message()}; }

void write(const next_action& from, wire::NextAction& to) {
  to.set_type(from.type);
  to.set_url(from.url);
}
next_action read(const wire::NextAction& from) { return {from.type(), from.url()}; }

void write(const operation_id& from, wire::OperationId& to) {
  to.set_kind(static_cast<std::uint32_t>(from.kind));
  to.set_number(from.number);
}
operation_id read(const wire::OperationId& from) {
  return {checked(from.kind(), operation_kind::cancel, "operation kind"), from.number()};
}

void write(const terms& from, wire::Terms& to) {
  to.set_id(from.id);
  to.set_merchant(from.merchant);
  to.set_mode(static_cast<std::uint32_t>(from.mode));
  to.set_idempotency_key(from.idempotency_key);
  to.set_amount_minor(from.amount.minor);
  to.set_currency(static_cast<std::uint32_t>(from.amount.code));
  to.set_capture_method(static_cast<std::uint32_t>(from.capture));
  to.set_method_type(from.method_type);
  to.set_token(from.token);
  to.set_reference(from.reference);
  to.set_description(from.description);
  to.set_statement_descriptor(from.statement_descriptor);
  write_pairs(from.metadata, *to.mutable_metadata());
}
terms read(const wire::Terms& from) {
  terms to;
  to.id = from.id();
  to.merchant = from.merchant();
  to.mode = checked(from.mode(), mode::live, "mode");
  to.idempotency_key = from.idempotency_key();
  const auto code = currency_of(from.currency());
  if (!code) throw std::runtime_error("unknown currency in a stored payment");
  to.amount = {from.amount_minor(), *code};
  to.capture = checked(from.capture_method(), capture_method::manual, "capture method");
  to.method_type = from.method_type();
  to.token = from.token();
  to.reference = from.reference();
  to.description = from.description();
  to.statement_descriptor = from.statement_descriptor();
  to.metadata = read_pairs(from.metadata());
  return to;
}

void write(const operation& from, wire::Operation& to) {
  write(from.id, *to.mutable_id());
  to.set_idempotency_key(from.idempotency_key);
  if (from.asked_minor) to.set_asked_minor(*from.asked_minor);
  to.set_amount_minor(from.amount_minor);
  to.set_final(from.final);
  to.set_reason(from.reason);
  write_pairs(from.action_details, *to.mutable_action_details());
  to.set_progress(static_cast<std::uint32_t>(from.progress));
  to.set_doubted(from.doubted);
  to.set_slow(from.slow);
  to.set_doubt_reason(from.doubt_reason);
  to.set_attempts(from.attempts);
  to.set_requested_at_ms(to_ms(from.requested_at));
  to.set_attempted_at_ms(to_ms(from.attempted_at));
  if (from.next_attempt_at) to.set_next_attempt_at_ms(to_ms(*from.next_attempt_at));
  to.set_processor_reference(from.processor_reference);
  if (from.why_failed) write(*from.why_failed, *to.mutable_why_failed());
  if (from.contested) write(*from.contested, *to.mutable_contested());
  to.set_settled(from.settled);
  to.set_answered_version(from.answered_version);
  to.set_failed_late(from.failed_late);
}

operation read(const wire::Operation& from) {
  operation to;
  to.id = read(from.id());
  to.idempotency_key = from.idempotency_key();
  if (from.has_asked_minor()) to.asked_minor = from.asked_minor();
  to.amount_minor = from.amount_minor();
  to.final = from.final();
  to.reason = from.reason();
  to.action_details = read_pairs(from.action_details());
  to.progress = checked(from.progress(), progress::failed, "progress");
  to.doubted = from.doubted();
  to.slow = from.slow();
  to.doubt_reason = from.doubt_reason();
  to.attempts = from.attempts();
  to.requested_at = from_ms(from.requested_at_ms());
  to.attempted_at = from_ms(from.attempted_at_ms());
  if (from.has_next_attempt_at_ms()) to.next_attempt_at = from_ms(from.next_attempt_at_ms());
  to.processor_reference = from.processor_reference();
  if (from.has_why_failed()) to.why_failed = read(from.why_failed());
  if (from.has_contested()) to.contested = read(from.contested());
  to.settled = from.settled();
  to.answered_version = from.answered_version();
  to.failed_late = from.failed_late();
  return to;
}

void write(const outcome& from, wire::Outcome& to) {
  if (const auto* yes = std::get_if<reported::approved>(&from)) {
    auto* out = to.mutable_approved();
    out->set_reference(yes->reference);
    if (yes->expires_at) out->set_expires_at_ms(to_ms(*yes->expires_at));
  } else if (const auto* no = std::get_if<reported::declined>(&from)) {
    write(no->why, *to.mutable_declined());
  } else if (const auto* act = std::get_if<reported::needs_action>(&from)) {
    write(act->action, *to.mutable_needs_action()->mutable_action());
    to.mutable_needs_action()->set_reference(act->reference);
  } else if (const auto* lost = std::get_if<reported::unknown>(&from)) {
    to.set_unknown(lost->reason);
  } else {
    to.set_not_executed(std::get<reported::not_executed>(from).reason);
  }
}

outcome read(const wire::Outcome& from) {
  switch (from.what_case()) {
    case wire::Outcome::kApproved: {
      reported::approved yes{from.approved().reference(), std::nullopt};
      if (from.approved().has_expires_at_ms()) yes.expires_at = from_ms(from.approved().expires_at_ms());
      return yes;
    }
    case wire::Outcome::kDeclined: return reported::declined{read(from.declined())};
    case wire::Outcome::kNeedsAction:
      return reported::needs_action{read(from.needs_action().action()), from.needs_action().reference()};
    case wire::Outcome::kUnknown: return reported::unknown{from.unknown()};
    case wire::Outcome::kNotExecuted: return reported::not_executed{from.not_executed()};
    case wire::Outcome::WHAT_NOT_SET: break;
  }
  throw std::runtime_error("an outcome of a kind this version does not know");
}

namespace {

struct command_writer {
  wire::PaymentCommand& to;

  void operator()(const command::create& c) const { write(c.asked, *to.mutable_create()); }
  void operator()(const command::confirm& c) const {
    to.mutable_confirm()->set_idempotency_key(c.idempotency_key);
    write_pairs(c.details, *to.mutable_confirm()->mutable_details());
  }
  void operator()(const command::capture& c) const {
    to.mutable_capture()->set_idempotency_key(c.idempotency_key);
    if (c.amount_minor) to.mutable_capture()->set_amount_minor(*c.amount_minor);
    to.mutable_capture()->set_final(c.final);
  }
  void operator()(const command::cancel& c) const {
    to.mutable_cancel()->set_idempotency_key(c.idempotency_key);
    to.mutable_cancel()->set_reason(c.reason);
  }
  void operator()(const command::refund& c) const {
    to.mutable_refund()->set_idempotency_key(c.idempotency_key);
    if (c.amount_minor) to.mutable_refund()->set_amount_minor(*c.amount_minor);
    to.mutable_refund()->set_reason(c.reason);
  }
  void operator()(const command::query&) const { to.mutable_query(); }
  void operator()(const command::wake&) const { to.mutable_wake(); }
  void operator()(const command::resume&) const { to.mutable_resume(); }
  void operator()(const command::report& c) const {
    write(c.about, *to.mutable_report()->mutable_about());
    write(c.outcome, *to.mutable_report()->mutable_outcome());
  }
  void operator()(const command::notify& c) const {
    write(c.what.about, *to.mutable_notify()->mutable_about());
    if (c.what.failed) write(*c.what.failed, *to.mutable_notify()->mutable_failed());
  }
};

}  // namespace

std::string encode(const payment& state) {
  auto& out = scratch<wire::PaymentState>();
  out.set_format(payment_format);
  write(state.agreed, *out.mutable_agreed());
  out.set_stage(static_cast<std::uint32_t>(state.stage));
  out.set_version(state.version);
  out.set_created_at_ms(to_ms(state.created_at));
  out.set_updated_at_ms(to_ms(state.updated_at));
  for (const auto& what : state.operations) write(what, *out.add_operations());
  out.set_processor_reference(state.processor_reference);
  if (state.action) write(*state.action, *out.mutable_action());
  if (state.expires_at) out.set_expires_at_ms(to_ms(*state.expires_at));
  if (state.last_failure) write(*state.last_failure, *out.mutable_last_failure());
  out.set_authorization_lapsed(state.authorization_lapsed);
  for (const auto which : state.breaks) write(which, *out.add_breaks());
  return out.SerializeAsString();
}

payment decode_payment(std::string_view bytes) {
  const auto& in = parse<wire::PaymentState>(bytes, "payment");
  payment state;
  state.stage = checked(in.stage(), stage::expired, "stage", 0);
  if (state.stage != stage::none) state.agreed = read(in.agreed());
  state.version = in.version();
  state.created_at = from_ms(in.created_at_ms());
  state.updated_at = from_ms(in.updated_at_ms());
  for (const auto& what : in.operations()) state.operations.push_back(read(what));
  state.processor_reference = in.processor_reference();
  if (in.has_action()) state.action = read(in.action());
  if (in.has_expires_at_ms()) state.expires_at = from_ms(in.expires_at_ms());
  if (in.has_last_failure()) state.last_failure = read(in.last_failure());
  state.authorization_lapsed = in.authorization_lapsed();
  for (const auto& which : in.breaks()) state.breaks.push_back(read(which));
  if (!is_sound(state)) throw std::runtime_error("a stored payment is captured or refunded above its limits");
  return state;
}

std::string encode(const command_type& asked) {
  auto& out = scratch<wire::PaymentCommand>();
  out.set_format(payment_format);
  std::visit(command_writer{out}, asked);
  return out.SerializeAsString();
}

command_type decode_command(std::string_view bytes) {
  const auto& in = parse<wire::PaymentCommand>(bytes, "command");
  switch (in.what_case()) {
    case wire::PaymentCommand::kCreate: return command::create{read(in.create())};
    case wire::PaymentCommand::kConfirm:
      return command::confirm{in.confirm().idempotency_key(), read_pairs(in.confirm().details())};
    case wire::PaymentCommand::kCapture: {
      command::capture c{in.capture().idempotency_key(), std::nullopt, in.capture().final()};
      if (in.capture().has_amount_minor()) c.amount_minor = in.capture().amount_minor();
      return c;
    }
    case wire::PaymentCommand::kCancel: return command::cancel{in.cancel().idempotency_key(), in.cancel().reason()};
    case wire::PaymentCommand::kRefund: {
      command::refund c{in.refund().idempotency_key(), std::nullopt, in.refund().reason()};
      if (in.refund().has_amount_minor()) c.amount_minor = in.refund().amount_minor();
      return c;
    }
    case wire::PaymentCommand::kQuery: return command::query{};
    case wire::PaymentCommand::kWake: return command::wake{};
    case wire::PaymentCommand::kResume: return command::resume{};
    case wire::PaymentCommand::kReport: return command::report{read(in.report().about()), read(in.report().outcome())};
    case wire::PaymentCommand::kNotify: {
      command::notify c{{read(in.notify().about()), std::nullopt}};
      if (in.notify().has_failed()) c.what.failed = read(in.notify().failed());
      return c;
    }
    case wire::PaymentCommand::WHAT_NOT_SET: break;
  }
  throw std::runtime_error("a command of a kind this version does not know");
}

std::string encode(const refusal& refused) {
  auto& out = scratch<wire::PaymentRefusal>();
  out.set_format(payment_format);
  out.set_code(static_cast<std::uint32_t>(refused.code));
  out.set_message(refused.message);
  out.set_param(refused.param);
  for (const auto& move : refused.legal) out.add_legal(move);
  return out.SerializeAsString();
}

refusal decode_refusal(std::string_view bytes) {
  const auto& in = parse<wire::PaymentRefusal>(bytes, "refusal");
  refusal no{checked(in.code(), refusal_code::unknown_operation, "refusal"), in.message(), in.param(), {}};
  no.legal.assign(in.legal().begin(), in.legal().end());
  return no;
}

}  // namespace novapay
