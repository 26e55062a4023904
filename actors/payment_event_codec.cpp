// A payment's journal records.
#include "actors/payment_codec.hpp"
#include "actors/payment_wire.hpp"

namespace novapay {

using namespace domain;

namespace {

void write_done(std::uint32_t number, const std::string& reference, wire::PaymentEvent::Done& to) {
  to.set_number(number);
  to.set_reference(reference);
}

void write_failed(std::uint32_t number, const failure& why, bool late, wire::PaymentEvent::Failed& to) {
  to.set_number(number);
  write(why, *to.mutable_why());
  to.set_late(late);
}

void write_waiting(const operation_id& about, const std::string& reason, timestamp next,
                   wire::PaymentEvent::Waiting& to) {
  write(about, *to.mutable_about());
  to.set_reason(reason);
  to.set_next_attempt_at_ms(to_ms(next));
}

struct event_writer {
  wire::PaymentEvent& to;

  void operator()(const event::created& e) const {
    write(e.agreed, *to.mutable_created()->mutable_agreed());
    if (e.handled != handling{}) write(e.handled, *to.mutable_created()->mutable_handled());
  }
  void operator()(const event::authorized& e) const {
    auto& out = *to.mutable_authorized();
    write(e.by, *out.mutable_by());
    out.set_reference(e.reference);
    out.set_expires_at_ms(to_ms(e.expires_at));
  }
  void operator()(const event::declined& e) const {
    write(e.by, *to.mutable_declined()->mutable_by());
    write(e.why, *to.mutable_declined()->mutable_why());
  }
  void operator()(const event::action_required& e) const {
    auto& out = *to.mutable_action_required();
    write(e.by, *out.mutable_by());
    write(e.action, *out.mutable_action());
    out.set_reference(e.reference);
    out.set_expires_at_ms(to_ms(e.expires_at));
  }
  void operator()(const event::confirm_requested& e) const {
    auto& out = *to.mutable_confirm_requested();
    out.set_number(e.number);
    out.set_idempotency_key(e.idempotency_key);
    write_pairs(e.details, *out.mutable_details());
  }
  void operator()(const event::confirm_failed& e) const {
    write_failed(e.number, e.why, false, *to.mutable_confirm_failed());
  }
  void operator()(const event::capture_requested& e) const {
    auto& out = *to.mutable_capture_requested();
    out.set_number(e.number);
    out.set_idempotency_key(e.idempotency_key);
    if (e.asked_minor) out.set_asked_minor(*e.asked_minor);
    out.set_amount_minor(e.amount_minor);
    out.set_final(e.final);
  }
  void operator()(const event::captured& e) const { write_done(e.number, e.reference, *to.mutable_captured()); }
  void operator()(const event::capture_failed& e) const {
    write_failed(e.number, e.why, e.late, *to.mutable_capture_failed());
  }
  void operator()(const event::capture_contested& e) const {
    write_failed(e.number, e.why, true, *to.mutable_capture_contested());
  }
  void operator()(const event::refund_requested& e) const {
    auto& out = *to.mutable_refund_requested();
    out.set_number(e.number);
    out.set_idempotency_key(e.idempotency_key);
    if (e.asked_minor) out.set_asked_minor(*e.asked_minor);
    out.set_amount_minor(e.amount_minor);
    out.set_reason(e.reason);
  }
  void operator()(const event::refunded& e) const { write_done(e.number, e.reference, *to.mutable_refunded()); }
  void operator()(const event::refund_failed& e) const {
    write_failed(e.number, e.why, e.late, *to.mutable_refund_failed());
  }
  void operator()(const event::cancel_requested& e) const {
    auto& out = *to.mutable_cancel_requested();
    out.set_number(e.number);
    out.set_idempotency_key(e.idempotency_key);
    out.set_reason(e.reason);
    out.set_processor(e.processor);
    out.set_target_reference(e.target_reference);
  }
  void operator()(const event::canceled& e) const { write_done(e.number, {}, *to.mutable_canceled()); }
  void operator()(const event::cancel_failed& e) const {
    write_failed(e.number, e.why, false, *to.mutable_cancel_failed());
  }
  void operator()(const event::settled& e) const {
    to.mutable_settled()->set_number(e.number);
    if (e.figures) write(*e.figures, *to.mutable_settled()->mutable_figures());
  }
  void operator()(const event::expired&) const { to.mutable_expired(); }
  void operator()(const event::late_authorization& e) const {
    auto& out = *to.mutable_late_authorization();
    out.set_reference(e.reference);
    if (e.by != operation_id{}) write(e.by, *out.mutable_by());
    out.set_processor(e.processor);
  }
  void operator()(const event::in_doubt& e) const {
    write_waiting(e.about, e.reason, e.next_attempt_at, *to.mutable_in_doubt());
  }
  void operator()(const event::deferred& e) const {
    write_waiting(e.about, e.reason, e.next_attempt_at, *to.mutable_deferred());
  }
  void operator()(const event::attempt_started& e) const {
    write_waiting(e.about, {}, {}, *to.mutable_attempt_started());
  }
  void operator()(const event::answer_deferred& e) const {
    write_waiting(e.about, e.reason, {}, *to.mutable_answer_deferred());
  }
  void operator()(const event::break_noted& e) const {
    auto& out = *to.mutable_break_noted();
    write(e.about, *out.mutable_about());
    out.set_reason(e.reason);
    if (e.failed) write(*e.failed, *out.mutable_failed());
    out.set_told(e.told);
    out.set_processor(e.processor);
    out.set_reference(e.reference);
  }
  void operator()(const event::accepted& e) const {
    auto& out = *to.mutable_accepted();
    write(e.about, *out.mutable_about());
    out.set_reference(e.reference);
    out.set_next_attempt_at_ms(to_ms(e.next_attempt_at));
  }
  void operator()(const event::rerouted& e) const {
    auto& out = *to.mutable_rerouted();
    write(e.from, *out.mutable_from());
    out.set_reason(e.reason);
    out.set_number(e.number);
    out.set_processor(e.processor);
  }
  void operator()(const event::voided& e) const { to.mutable_voided()->set_reason(e.reason); }
  void operator()(const event::disputed& e) const { write(e.what, *to.mutable_disputed()->mutable_dispute()); }
  void operator()(const event::flagged& e) const { write_waiting(e.about, e.reason, {}, *to.mutable_flagged()); }
  void operator()(const event::authorization_expiring& e) const {
    to.mutable_authorization_expiring()->set_expires_at_ms(to_ms(e.expires_at));
  }
};

std::optional<std::int64_t> asked_of(const wire::PaymentEvent::MoneyRequested& from) {
  if (from.has_asked_minor()) return from.asked_minor();
  return std::nullopt;
}

event::capture_requested read_capture(const wire::PaymentEvent::MoneyRequested& from) {
  return {from.number(), from.idempotency_key(), asked_of(from), from.amount_minor(), from.final()};
}
event::refund_requested read_refund(const wire::PaymentEvent::MoneyRequested& from) {
  return {from.number(), from.idempotency_key(), asked_of(from), from.amount_minor(), from.reason()};
}
event::confirm_requested read_confirm(const wire::PaymentEvent::ConfirmRequested& from) {
  return {from.number(), from.idempotency_key(), read_pairs(from.details())};
}
event::cancel_requested read_cancel(const wire::PaymentEvent::CancelRequested& from) {
  return {from.number(), from.idempotency_key(), from.reason(), from.processor(), from.target_reference()};
}
event::settled read_settled(const wire::PaymentEvent::Settled& from) {
  event::settled to{from.number(), std::nullopt};
  if (from.has_figures()) to.figures = read(from.figures());
  return to;
}
event::created read_created(const wire::PaymentEvent::Created& from) {
  event::created to{read(from.agreed()), {}};
  if (from.has_handled()) to.handled = read(from.handled());
  return to;
}
event::late_authorization read_late(const wire::PaymentEvent::LateAuthorization& from) {
  event::late_authorization to{from.reference(), {}, from.processor()};
  if (from.has_by()) to.by = read(from.by());
  return to;
}
event::break_noted read_break(const wire::PaymentEvent::Break& from) {
  event::break_noted to{read(from.about()), from.reason(),    std::nullopt,
                        from.told(),        from.processor(), from.reference()};
  if (from.has_failed()) to.failed = read(from.failed());
  return to;
}

}  // namespace

std::string encode(const event_type& happened) {
  auto& out = scratch<wire::PaymentEvent>();
  out.set_format(payment_format);
  std::visit(event_writer{out}, happened);
  return out.SerializeAsString();
}

event_type decode_event(std::string_view bytes) {
  using kind = wire::PaymentEvent;
  const auto& in = parse<wire::PaymentEvent>(bytes, "event");
  switch (in.what_case()) {
    case kind::kCreated: return read_created(in.created());
    case kind::kAuthorized:
      return event::authorized{read(in.authorized().by()), in.authorized().reference(),
                               from_ms(in.authorized().expires_at_ms())};
    case kind::kDeclined: return event::declined{read(in.declined().by()), read(in.declined().why())};
    case kind::kActionRequired: {
      const auto& e = in.action_required();
      return event::action_required{read(e.by()), read(e.action()), e.reference(), from_ms(e.expires_at_ms())};
    }
    case kind::kConfirmRequested: return read_confirm(in.confirm_requested());
    case kind::kConfirmFailed:
      return event::confirm_failed{in.confirm_failed().number(), read(in.confirm_failed().why())};
    case kind::kCaptureRequested: return read_capture(in.capture_requested());
    case kind::kCaptured: return event::captured{in.captured().number(), in.captured().reference()};
    case kind::kCaptureFailed: {
      const auto& e = in.capture_failed();
      return event::capture_failed{e.number(), read(e.why()), e.late()};
    }
    case kind::kCaptureContested:
      return event::capture_contested{in.capture_contested().number(), read(in.capture_contested().why())};
    case kind::kRefundRequested: return read_refund(in.refund_requested());
    case kind::kRefunded: return event::refunded{in.refunded().number(), in.refunded().reference()};
    case kind::kRefundFailed: {
      const auto& e = in.refund_failed();
      return event::refund_failed{e.number(), read(e.why()), e.late()};
    }
    case kind::kCancelRequested: return read_cancel(in.cancel_requested());
    case kind::kCanceled: return event::canceled{in.canceled().number()};
    case kind::kCancelFailed: return event::cancel_failed{in.cancel_failed().number(), read(in.cancel_failed().why())};
    case kind::kSettled: return read_settled(in.settled());
    case kind::kExpired: return event::expired{};
    case kind::kLateAuthorization: return read_late(in.late_authorization());
    case kind::kInDoubt:
      return event::in_doubt{read(in.in_doubt().about()), in.in_doubt().reason(),
                             from_ms(in.in_doubt().next_attempt_at_ms())};
    case kind::kDeferred:
      return event::deferred{read(in.deferred().about()), in.deferred().reason(),
                             from_ms(in.deferred().next_attempt_at_ms())};
    case kind::kAttemptStarted: return event::attempt_started{read(in.attempt_started().about())};
    case kind::kAnswerDeferred:
      return event::answer_deferred{read(in.answer_deferred().about()), in.answer_deferred().reason()};
    case kind::kBreakNoted: return read_break(in.break_noted());
    case kind::kAccepted: {
      const auto& e = in.accepted();
      return event::accepted{read(e.about()), e.reference(), from_ms(e.next_attempt_at_ms())};
    }
    case kind::kRerouted: {
      const auto& e = in.rerouted();
      return event::rerouted{read(e.from()), e.reason(), e.number(), e.processor()};
    }
    case kind::kVoided: return event::voided{in.voided().reason()};
    case kind::kDisputed: return event::disputed{read(in.disputed().dispute())};
    case kind::kFlagged: return event::flagged{read(in.flagged().about()), in.flagged().reason()};
    case kind::kAuthorizationExpiring:
      return event::authorization_expiring{from_ms(in.authorization_expiring().expires_at_ms())};
    case kind::WHAT_NOT_SET: break;
  }
  throw std::runtime_error("an event of a kind this version of NovaPay does not know");
}

}  // namespace novapay
