#include "adapters/stripe/declines.hpp"

#include <algorithm>
#include <array>

namespace novapay::stripe {
namespace {

using domain::advice;

constexpr std::string_view declined = "The card was declined.";

// decline_code: what the issuer says. `message` never tells why a card is not to be used again: it may be shown to whoever holds it.
struct decline_row {
  std::string_view code;
  domain::advice advice;
  std::string_view message;
};

constexpr auto declines = std::to_array<decline_row>({
    // May work later with the same card.
    {"approve_with_id", advice::retry_later, declined},
    {"card_velocity_exceeded", advice::retry_later, "The card's balance, credit or amount limit is exceeded."},
    {"do_not_honor", advice::retry_later, "The card was declined by its issuer."},
    {"duplicate_transaction", advice::retry_later, "A payment of this amount with this card was made just before."},
    {"generic_decline", advice::retry_later, declined},
    {"insufficient_funds", advice::retry_later, "The card has insufficient funds."},
    {"issuer_not_available", advice::retry_later, "The card's issuer could not be reached."},
    {"no_action_taken", advice::retry_later, declined},
    {"processing_error", advice::retry_later, "An error occurred while the card was processed."},
    {"reenter_transaction", advice::retry_later, "The card's issuer could not process the payment; it may work later."},
    {"try_again_later", advice::retry_later, "The card was declined for an unknown reason; it may work later."},
    {"withdrawal_count_limit_exceeded", advice::retry_later, "The card's balance or credit limit is exceeded."},
    // The cardholder must act.
    {"authentication_not_handled", advice::contact_issuer, "The card's issuer requires authentication."},
    {"authentication_required", advice::contact_issuer, "The card's issuer requires authentication."},
    {"call_issuer", advice::contact_issuer, "The card was declined: its holder can ask the issuer why."},
    {"offline_pin_required", advice::contact_issuer, "The card requires its PIN."},
    {"online_or_offline_pin_required", advice::contact_issuer, "The card requires its PIN."},
    // Other data, or another card.
    {"card_not_supported", advice::other_method, "The card does not support this type of purchase."},
    {"currency_not_supported", advice::other_method, "The card does not support this currency."},
    {"expired_card", advice::other_method, "The card has expired."},
    {"incorrect_cvc", advice::other_method, "The card's security code is incorrect."},
    {"incorrect_number", advice::other_method, "The card number is incorrect."},
    {"incorrect_pin", advice::other_method, "The PIN is incorrect."},
    {"incorrect_zip", advice::other_method, "The postal code is incorrect."},
    {"invalid_account", advice::other_method, "The card or its account is invalid."},
    {"invalid_amount", advice::other_method, "The amount is invalid or exceeds what the card allows."},
    {"invalid_cvc", advice::other_method, "The card's security code is incorrect."},
    {"invalid_expiry_month", advice::other_method, "The card's expiry month is invalid."},
    {"invalid_expiry_year", advice::other_method, "The card's expiry year is invalid."},
    {"invalid_number", advice::other_method, "The card number is incorrect."},
    {"invalid_pin", advice::other_method, "The PIN is incorrect."},
    {"new_account_information_available", advice::other_method, "The card or its account is no longer valid."},
    {"not_permitted", advice::other_method, "The payment is not permitted."},
    {"pin_try_exceeded", advice::other_method, "The PIN was tried too often."},
    {"service_not_allowed", advice::other_method, declined},
    {"transaction_not_allowed", advice::other_method, declined},
    {"restricted_card", advice::other_method, declined},
    {"security_violation", advice::other_method, declined},
    {"testmode_decline", advice::other_method, "A test card was used for a live payment, or the reverse."},
    // Never this card again.
    {"do_not_try_again", advice::do_not_retry, declined},
    {"fraudulent", advice::do_not_retry, declined},
    {"lost_card", advice::do_not_retry, declined},
    {"merchant_blacklist", advice::do_not_retry, declined},
    {"pickup_card", advice::do_not_retry, declined},
    {"revocation_of_all_authorizations", advice::do_not_retry, declined},
    {"revocation_of_authorization", advice::do_not_retry, declined},
    {"stolen_card", advice::do_not_retry, declined},
    {"stop_payment_order", advice::do_not_retry, declined},
});

// advice_code on an error is Stripe's own judgement of this one decline: it comes before the table.
struct advice_row {
  std::string_view code;
  domain::advice advice;
};
constexpr auto advices = std::to_array<advice_row>({{"try_again_later", advice::retry_later},
                                                    {"do_not_try_again", advice::do_not_retry},
                                                    {"confirm_card_data", advice::other_method}});

// error.code, where our word differs, or where it deserves a sentence of its own. Others keep Stripe's word.
struct code_row {
  std::string_view code;
  std::string_view ours;
  std::string_view decline_code;  // what it means when Stripe names none
  domain::advice advice;
  std::string_view message;  // empty: that of the decline code
};
constexpr auto codes = std::to_array<code_row>({
    {"card_declined", "card_declined", "generic_decline", advice::none, ""},
    {"card_decline_rate_limit_exceeded", "card_declined", "card_velocity_exceeded", advice::retry_later,
     "The card was declined too often; it may work tomorrow."},
    {"expired_card", "expired_card", "expired_card", advice::none, ""},
    {"incorrect_cvc", "incorrect_cvc", "incorrect_cvc", advice::none, ""},
    {"incorrect_number", "incorrect_number", "incorrect_number", advice::none, ""},
    {"incorrect_zip", "incorrect_zip", "incorrect_zip", advice::none, ""},
    {"incorrect_postal_code", "incorrect_zip", "incorrect_zip", advice::none, ""},
    {"invalid_cvc", "invalid_cvc", "invalid_cvc", advice::none, ""},
    {"invalid_expiry_month", "invalid_expiry_month", "invalid_expiry_month", advice::none, ""},
    {"invalid_expiry_year", "invalid_expiry_year", "invalid_expiry_year", advice::none, ""},
    {"invalid_number", "invalid_number", "invalid_number", advice::none, ""},
    {"insufficient_funds", "card_declined", "insufficient_funds", advice::none, ""},
    {"processing_error", "processing_error", "processing_error", advice::none, ""},
    {"authentication_required", "authentication_required", "authentication_required", advice::none, ""},
    {"payment_intent_authentication_failure", "authentication_failed", "", advice::contact_issuer,
     "The customer could not be authenticated."},
    {"payment_intent_payment_attempt_expired", "authentication_failed", "", advice::contact_issuer,
     "The customer did not act in time."},
    {"payment_intent_payment_attempt_failed", "card_declined", "generic_decline", advice::none, ""},
    {"charge_expired_for_capture", "charge_expired_for_capture", "", advice::none,
     "The processor refused the capture: the authorization is no longer valid."},
    {"capture_charge_authorization_expired", "charge_expired_for_capture", "", advice::none,
     "The processor refused the capture: the authorization is no longer valid."},
    {"charge_not_refundable", "charge_not_refundable", "", advice::none, "The processor refused the refund."},
    {"refund_disputed_payment", "charge_disputed", "", advice::none, "The payment is disputed: it cannot be refunded."},
    {"charge_disputed", "charge_disputed", "", advice::none, "The payment is disputed: it cannot be refunded."},
    {"payment_method_currency_mismatch", "currency_not_supported", "", advice::other_method,
     "The payment method does not support this currency."},
    {"amount_too_small", "amount_too_small", "", advice::none, "The amount is below what the processor takes."},
    {"amount_too_large", "amount_too_large", "", advice::none, "The amount is above what the processor takes."},
});

template <class Table>
constexpr bool unique(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i)
    for (std::size_t j = i + 1; j < table.size(); ++j)
      if (table[i].code == table[j].code) return false;
  return true;
}
static_assert(unique(declines) && unique(advices) && unique(codes));

template <class Table>
const typename Table::value_type* row_of(const Table& table, std::string_view code) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.code == code; });
  return found == table.end() ? nullptr : &*found;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) {
    if (part.empty()) continue;
    if (!all.empty()) all.push_back('/');
    all.append(part.substr(0, 100));
  }
  return all;
}

}  // namespace

void remark(remarks& to, std::string_view what, std::string_view value) {
  constexpr std::size_t remarks_max = 20;
  if (to.size() < remarks_max) to.push_back(std::string(what) + "=" + std::string(value.substr(0, 100)));
}

domain::failure failure_of(const error_object& error, remarks& odd) {
  const auto* code = row_of(codes, error.code);
  domain::failure out;
  out.code = code != nullptr ? std::string(code->ours) : error.code.substr(0, 100);
  if (out.code.empty()) out.code = error.type == "card_error" ? "card_declined" : "invalid_request";
  if (error.code == "resource_missing" && error.param.starts_with("payment_method"))
    out = {
        "payment_method_not_found", {}, "The processor does not know this payment method.", advice::other_method, {}};

  std::string_view reason = error.decline_code;
  if (reason.empty() && code != nullptr) reason = code->decline_code;
  if (reason.empty() && out.code == "card_declined") reason = "generic_decline";
  out.decline_code = reason.substr(0, 100);
  const auto* why = row_of(declines, reason);
  if (why != nullptr) {
    out.advice = why->advice;
    out.message = why->message;
  } else if (!reason.empty()) {
    remark(odd, "decline_code", reason);
    out.advice = advice::retry_later;  // as for a decline without a reason
    out.message = declined;
  }
  if (code != nullptr && !code->message.empty()) {
    out.message = code->message;
    out.advice = code->advice;
  }
  if (const auto* told = row_of(advices, error.advice_code))
    out.advice = told->advice;
  else if (!error.advice_code.empty())
    remark(odd, "advice_code", error.advice_code);

  if (out.message.empty()) out.message = "The processor refused the request.";
  out.raw = joined({error.code.empty() ? error.type : error.code, error.decline_code, error.network_decline_code,
                    error.decline_code.empty() ? error.param : ""});
  return out;
}

domain::failure refund_failure(std::string_view status, std::string_view reason) {
  domain::failure out;
  out.code = "refund_failed";
  out.decline_code = reason.substr(0, 100);
  out.message = status == "canceled" ? "The refund was canceled at the processor."
                                     : "The refund was sent back: the customer has to be paid another way.";
  out.raw = joined({status, reason});
  return out;
}

}  // namespace novapay::stripe
