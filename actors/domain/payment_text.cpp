// The payment's vocabulary as text: what the API, the journal's listing and the logs print.
#include <array>
#include <utility>

#include "actors/domain/payment.hpp"

namespace novapay::domain {

std::string_view to_text(status value) noexcept {
  switch (value) {
    case status::pending: return "pending";
    case status::requires_action: return "requires_action";
    case status::processing: return "processing";
    case status::authorized: return "authorized";
    case status::partially_captured: return "partially_captured";
    case status::captured: return "captured";
    case status::settled: return "settled";
    case status::failed: return "failed";
    case status::canceled: return "canceled";
    case status::expired: return "expired";
  }
  return "unknown";
}

std::optional<status> parse_status(std::string_view text) noexcept {
  for (auto value = static_cast<int>(status::pending); value <= static_cast<int>(status::expired); ++value)
    if (to_text(static_cast<status>(value)) == text) return static_cast<status>(value);
  return std::nullopt;
}

std::string_view to_text(record_status value) noexcept {
  switch (value) {
    case record_status::pending: return "pending";
    case record_status::succeeded: return "succeeded";
    case record_status::failed: return "failed";
  }
  return "unknown";
}

std::string_view to_text(operation_kind value) noexcept {
  switch (value) {
    case operation_kind::authorize: return "authorize";
    case operation_kind::confirm: return "confirm";
    case operation_kind::capture: return "capture";
    case operation_kind::refund: return "refund";
    case operation_kind::cancel: return "cancel";
  }
  return "unknown";
}

std::string_view to_text(refusal_code value) noexcept {
  switch (value) {
    case refusal_code::payment_unexpected_state: return "payment_unexpected_state";
    case refusal_code::amount_exceeds_capturable: return "amount_exceeds_capturable";
    case refusal_code::amount_exceeds_refundable: return "amount_exceeds_refundable";
    case refusal_code::invalid_amount: return "invalid_amount";
    case refusal_code::idempotency_key_reused: return "idempotency_key_reused";
    case refusal_code::too_many_operations: return "too_many_operations";
    case refusal_code::not_found: return "not_found";
    case refusal_code::unknown_operation: return "unknown_operation";
    case refusal_code::no_processor: return "no_processor";
  }
  return "unknown";
}

std::string_view to_text(advice value) noexcept {
  switch (value) {
    case advice::none: return "none";
    case advice::retry_later: return "retry_later";
    case advice::other_method: return "other_method";
    case advice::contact_issuer: return "contact_issuer";
    case advice::do_not_retry: return "do_not_retry";
  }
  return "unknown";
}

std::string_view to_text(dispute_stage value) noexcept {
  switch (value) {
    case dispute_stage::inquiry: return "inquiry";
    case dispute_stage::opened: return "opened";
    case dispute_stage::under_review: return "under_review";
    case dispute_stage::won: return "won";
    case dispute_stage::lost: return "lost";
  }
  return "unknown";
}

std::string_view to_text(on_expiry value) noexcept {
  switch (value) {
    case on_expiry::nothing: return "nothing";
    case on_expiry::capture: return "capture";
    case on_expiry::cancel: return "cancel";
  }
  return "unknown";
}

std::string_view to_text(mode value) noexcept { return value == mode::live ? "live" : "test"; }

std::string_view to_text(capture_method value) noexcept {
  return value == capture_method::manual ? "manual" : "automatic";
}

std::string_view name_of(const news& what) noexcept {
  static constexpr std::array names{"result", "settled", "failed", "voided",
                                    "disputed"};  // in the order of the variant
  static_assert(names.size() == std::variant_size_v<news>);
  return names.at(what.index());
}

std::string_view type_of(const event_type& happened) noexcept {
  // In the order of the variant.
  static constexpr std::array names{"created",
                                    "authorized",
                                    "declined",
                                    "action_required",
                                    "confirm_requested",
                                    "confirm_failed",
                                    "capture_requested",
                                    "captured",
                                    "capture_failed",
                                    "capture_contested",
                                    "refund_requested",
                                    "refunded",
                                    "refund_failed",
                                    "cancel_requested",
                                    "canceled",
                                    "cancel_failed",
                                    "settled",
                                    "expired",
                                    "late_authorization",
                                    "in_doubt",
                                    "deferred",
                                    "attempt_started",
                                    "answer_deferred",
                                    "break_noted",
                                    "accepted",
                                    "rerouted",
                                    "voided",
                                    "disputed",
                                    "flagged",
                                    "authorization_expiring"};
  static_assert(names.size() == std::variant_size_v<event_type>);
  return names.at(happened.index());
}

}  // namespace novapay::domain
