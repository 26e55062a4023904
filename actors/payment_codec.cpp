// State, commands and refusals. Events: payment_event_codec.cpp.
#include "actors/payment_codec.hpp"

#include "actors/payment_wire.hpp"

namespace novapay {

using namespace domain;

void write(const failure& from, wire::Failure& to) {
  to.set_code(from.code);
  to.set_decline_code(from.decline_code);
  to.set_message(from.message);
  to.set_advice(static_cast<std::uint32_t>(from.advice));
  to.set_raw(from.raw);
}
failure read(const wire::Failure& from) {
  return {from.code(), from.decline_code(), from.message(), checked(from.advice(), advice::do_not_retry, "advice", 0),
          from.raw()};
}

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

void write(const handling& from, wire::Handling& to) {
  for (const auto& name : from.route) to.add_route(name);
  to.set_rule(from.rule);
  to.set_expiring(static_cast<std::uint32_t>(from.expiring));
  to.set_expiring_lead_ms(from.expiring_lead.count());
}
handling read(const wire::Handling& from) {
  handling to;
  to.route.assign(from.route().begin(), from.route().end());
  to.rule = from.rule();
  to.expiring = checked(from.expiring(), on_expiry::cancel, "expiring policy", 0);
  to.expiring_lead = from_ms(from.expiring_lead_ms()).time_since_epoch();
  return to;
}

void write(const settlement& from, wire::Settlement& to) {
  to.set_payout(from.payout);
  to.set_net_minor(from.net_minor);
  to.set_fee_minor(from.fee_minor);
  to.set_unit(from.unit);
}
settlement read(const wire::Settlement& from) {
  return {from.payout(), from.net_minor(), from.fee_minor(), from.unit()};
}

void write(const dispute& from, wire::Dispute& to) {
  to.set_id(from.id);
  to.set_stage(static_cast<std::uint32_t>(from.stage));
  to.set_amount_minor(from.amount_minor);
  to.set_reason(from.reason);
  if (from.respond_by) to.set_respond_by_ms(to_ms(*from.respond_by));
  to.set_at_ms(to_ms(from.at));
}
dispute read(const wire::Dispute& from) {
  dispute to{from.id(),           checked(from.stage(), dispute_stage::lost, "dispute's stage"),
             from.amount_minor(), from.reason(),
             std::nullopt,        from_ms(from.at_ms())};
  if (from.has_respond_by_ms()) to.respond_by = from_ms(from.respond_by_ms());
  return to;
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
  write_pairs(from.tokens, *to.mutable_tokens());
  to.set_brand(from.brand);
  to.set_country(from.country);
  to.set_customer(from.customer);
  to.set_return_url(from.return_url);
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
  to.tokens = read_pairs(from.tokens());
  to.brand = from.brand();
  to.country = from.country();
  to.customer = from.customer();
  to.return_url = from.return_url();
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
  to.set_processor(from.processor);
  to.set_target_reference(from.target_reference);
  if (from.paid_out) write(*from.paid_out, *to.mutable_paid_out());
  to.set_rerouted(from.rerouted);
  to.set_flagged(from.flagged);
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
  to.progress = checked(from.progress(), progress::accepted, "progress");
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
  to.processor = from.processor();
  to.target_reference = from.target_reference();
  if (from.has_paid_out()) to.paid_out = read(from.paid_out());
  to.rerouted = from.rerouted();
  to.flagged = from.flagged();
  return to;
}

void write(const outcome& from, wire::Outcome& to) {
  if (const auto* yes = std::get_if<reported::approved>(&from)) {
    auto* out = to.mutable_approved();
    out->set_reference(yes->reference);
    if (yes->expires_at) out->set_expires_at_ms(to_ms(*yes->expires_at));
  } else if (const auto* no = std::get_if<reported::declined>(&from)) {
    write(no->why, *to.mutable_declined());
    to.set_declined_reference(no->reference);
  } else if (const auto* act = std::get_if<reported::needs_action>(&from)) {
    write(act->action, *to.mutable_needs_action()->mutable_action());
    to.mutable_needs_action()->set_reference(act->reference);
  } else if (const auto* lost = std::get_if<reported::unknown>(&from)) {
    to.set_unknown(lost->reason);
  } else if (const auto* taken = std::get_if<reported::accepted>(&from)) {
    to.mutable_accepted()->set_reference(taken->reference);
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
    case wire::Outcome::kDeclined: return reported::declined{read(from.declined()), from.declined_reference()};
    case wire::Outcome::kNeedsAction:
      return reported::needs_action{read(from.needs_action().action()), from.needs_action().reference()};
    case wire::Outcome::kUnknown: return reported::unknown{from.unknown()};
    case wire::Outcome::kAccepted: return reported::accepted{from.accepted().reference()};
    case wire::Outcome::kNotExecuted: return reported::not_executed{from.not_executed()};
    case wire::Outcome::WHAT_NOT_SET: break;
  }
  throw std::runtime_error("an outcome of a kind this version does not know");
}

namespace {

struct news_writer {
  wire::PaymentCommand::Notify& to;

  void operator()(const told::result& n) const { write(n.outcome, *to.mutable_result()); }
  void operator()(const told::settled& n) const {
    auto& out = *to.mutable_settled();
    if (n.figures) write(*n.figures, *out.mutable_figures());
  }
  void operator()(const told::failed& n) const { write(n.why, *to.mutable_failed()); }
  void operator()(const told::voided& n) const { to.set_voided(n.reason); }
  void operator()(const told::disputed& n) const { write(n.what, *to.mutable_disputed()); }
};

struct command_writer {
  wire::PaymentCommand& to;

  void operator()(const command::create& c) const {
    write(c.asked, *to.mutable_create());
    write(c.how, *to.mutable_how());
  }
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
    auto& out = *to.mutable_notify();
    write(c.what.about, *out.mutable_about());
    std::visit(news_writer{out}, c.what.what);
    out.set_processor(c.what.processor);
    out.set_reference(c.what.reference);
    if (c.what.amount_minor) out.set_amount_minor(*c.what.amount_minor);
  }
};

news read_news(const wire::PaymentCommand::Notify& from) {
  using kind = wire::PaymentCommand::Notify;
  switch (from.news_case()) {
    case kind::kFailed: return told::failed{read(from.failed())};
    case kind::kResult: return told::result{read(from.result())};
    case kind::kVoided: return told::voided{from.voided()};
    case kind::kDisputed: return told::disputed{read(from.disputed())};
    case kind::kSettled:
      if (from.settled().has_figures()) return told::settled{read(from.settled().figures())};
      break;
    case kind::NEWS_NOT_SET: break;
  }
  return told::settled{};
}

notice read_notice(const wire::PaymentCommand::Notify& from) {
  notice to{read(from.about()), read_news(from), from.processor(), from.reference(), std::nullopt};
  if (from.has_amount_minor()) to.amount_minor = from.amount_minor();
  return to;
}

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
  for (const auto& each : state.breaks) {
    auto& noted = *out.add_breaks();
    noted.set_kind(static_cast<std::uint32_t>(each.about.kind));
    noted.set_number(each.about.number);
    noted.set_reference(each.reference);
  }
  if (state.handled != handling{}) write(state.handled, *out.mutable_handled());
  out.set_expiring_noted(state.expiring_noted);
  for (const auto& each : state.disputes) write(each, *out.add_disputes());
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
  for (const auto& each : in.breaks())
    state.breaks.push_back(
        {{checked(each.kind(), operation_kind::cancel, "operation kind"), each.number()}, each.reference()});
  if (in.has_handled()) state.handled = read(in.handled());
  state.expiring_noted = in.expiring_noted();
  for (const auto& each : in.disputes()) state.disputes.push_back(read(each));
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
    case wire::PaymentCommand::kCreate: return command::create{read(in.create()), read(in.how())};
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
    case wire::PaymentCommand::kNotify: return command::notify{read_notice(in.notify())};
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
  refusal no{checked(in.code(), refusal_code::no_processor, "refusal"), in.message(), in.param(), {}};
  no.legal.assign(in.legal().begin(), in.legal().end());
  return no;
}

}  // namespace novapay
