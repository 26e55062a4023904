#include "adapters/adyen/refusals.hpp"

#include <algorithm>
#include <array>

namespace novapay::adyen {
namespace {

using domain::advice;
using domain::operation_kind;

constexpr std::string_view declined = "The card was declined.";
constexpr std::string_view authentication = "The customer could not be authenticated.";
constexpr std::string_view pin = "The card requires its PIN.";

// refusalReasonCode. `reason` is the code's name, which is all that a notification has. A message never tells why a card is not to be
// used again: it may be shown to whoever holds it.
struct refusal_row {
  std::string_view code;
  std::string_view reason;
  std::string_view ours;
  std::string_view decline_code;
  domain::advice advice;
  std::string_view message;
};

constexpr auto refusals = std::to_array<refusal_row>({
    // May work later with the same card.
    {"2", "Refused", "card_declined", "generic_decline", advice::retry_later, declined},
    {"3", "Referral", "card_declined", "call_issuer", advice::retry_later,
     "The card was declined: its holder can ask the issuer why."},
    {"4", "Acquirer Error", "processing_error", "processing_error", advice::retry_later,
     "An error occurred while the card was processed."},
    {"9", "Issuer Unavailable", "card_declined", "issuer_not_available", advice::retry_later,
     "The card's issuer could not be reached."},
    {"12", "Not enough balance", "card_declined", "insufficient_funds", advice::retry_later,
     "The card has insufficient funds."},
    {"15", "Cancelled", "payment_canceled", "canceled", advice::retry_later, "The payment was canceled."},
    {"16", "Shopper Cancelled", "payment_canceled", "canceled_by_customer", advice::retry_later,
     "The customer canceled the payment."},
    {"19", "Pin validation not possible", "card_declined", "processing_error", advice::retry_later,
     "The PIN could not be checked."},
    {"21", "Not Submitted", "processing_error", "try_again_later", advice::retry_later,
     "The payment was not submitted; it may work later."},
    {"27", "Declined Non Generic", "card_declined", "do_not_honor", advice::retry_later,
     "The card was declined by its issuer."},
    {"28", "Withdrawal amount exceeded", "card_declined", "card_velocity_exceeded", advice::retry_later,
     "The card's balance, credit or amount limit is exceeded."},
    {"29", "Withdrawal count exceeded", "card_declined", "withdrawal_count_limit_exceeded", advice::retry_later,
     "The card's balance or credit limit is exceeded."},
    // The cardholder must act.
    {"11", "3D Not Authenticated", "authentication_failed", "authentication_failed", advice::contact_issuer,
     authentication},
    {"38", "Authentication required", "authentication_required", "authentication_required", advice::contact_issuer,
     "The card's issuer requires authentication."},
    {"39", "RReq not received from DS", "authentication_failed", "authentication_failed", advice::contact_issuer,
     authentication},
    {"42", "3DS Authentication Error", "authentication_failed", "authentication_failed", advice::contact_issuer,
     authentication},
    // Other data, or another card.
    {"7", "Invalid Amount", "card_declined", "invalid_amount", advice::other_method,
     "The amount is invalid or exceeds what the card allows."},
    {"8", "Invalid Card Number", "incorrect_number", "incorrect_number", advice::other_method,
     "The card number is incorrect."},
    {"10", "Not supported", "card_declined", "card_not_supported", advice::other_method,
     "The card does not support this type of purchase."},
    {"17", "Invalid Pin", "card_declined", "incorrect_pin", advice::other_method, "The PIN is incorrect."},
    {"23", "Transaction Not Permitted", "card_declined", "transaction_not_allowed", advice::other_method, declined},
    {"24", "CVC Declined", "incorrect_cvc", "incorrect_cvc", advice::other_method,
     "The card's security code is incorrect."},
    {"25", "Restricted Card", "card_declined", "restricted_card", advice::other_method, declined},
    {"32", "AVS Declined", "incorrect_address", "incorrect_address", advice::other_method,
     "The billing address is incorrect."},
    {"33", "Card requires online pin", "card_declined", "online_or_offline_pin_required", advice::other_method, pin},
    {"34", "No checking account available on Card", "card_declined", "invalid_account", advice::other_method,
     "The card or its account is invalid."},
    {"35", "No savings account available on Card", "card_declined", "invalid_account", advice::other_method,
     "The card or its account is invalid."},
    {"36", "Mobile pin required", "card_declined", "online_or_offline_pin_required", advice::other_method, pin},
    {"37", "Contactless fallback", "card_declined", "card_not_supported", advice::other_method, declined},
    {"40", "Current AID is in Penalty Box.", "card_declined", "card_not_supported", advice::other_method, declined},
    {"41", "CVM Required Restart Payment", "card_declined", "card_not_supported", advice::other_method, declined},
    {"43", "Online PIN required", "card_declined", "online_or_offline_pin_required", advice::other_method, pin},
    {"44", "Try another interface", "card_declined", "card_not_supported", advice::other_method, declined},
    {"45", "Chip downgrade mode", "card_declined", "card_not_supported", advice::other_method, declined},
    // Never this card again.
    {"5", "Blocked Card", "card_declined", "restricted_card", advice::do_not_retry, declined},
    {"6", "Expired Card", "expired_card", "expired_card", advice::do_not_retry, "The card has expired."},
    {"14", "Acquirer Fraud", "card_declined", "fraudulent", advice::do_not_retry, declined},
    {"18", "Pin tries exceeded", "card_declined", "pin_try_exceeded", advice::do_not_retry,
     "The PIN was tried too often."},
    {"20", "FRAUD", "card_declined", "fraudulent", advice::do_not_retry, declined},
    {"22", "FRAUD-CANCELLED", "card_declined", "fraudulent", advice::do_not_retry, declined},
    {"26", "Revocation Of Auth", "card_declined", "revocation_of_authorization", advice::do_not_retry, declined},
    {"31", "Issuer Suspected Fraud", "card_declined", "fraudulent", advice::do_not_retry, declined},
    {"46", "Transaction blocked by Adyen to prevent excessive retry fees", "card_declined", "do_not_try_again",
     advice::do_not_retry, declined},
    {"50", "Token Revoked", "card_declined", "revocation_of_authorization", advice::do_not_retry, declined},
});

// merchantAdviceCode is Mastercard's judgement of this one decline: it comes before the table.
struct advice_row {
  std::string_view code;
  domain::advice advice;
};
constexpr auto advices = std::to_array<advice_row>({
    {"01", advice::other_method},  // new account information is available
    {"02", advice::retry_later},
    {"03", advice::do_not_retry},
    {"04", advice::other_method},  // the token is not good for this
    {"21", advice::do_not_retry},  // the customer has canceled the agreement
    {"24", advice::retry_later},   // after an hour, a day, 2, 4, 6, 8, 10 days
    {"25", advice::retry_later},
    {"26", advice::retry_later},
    {"27", advice::retry_later},
    {"28", advice::retry_later},
    {"29", advice::retry_later},
    {"30", advice::retry_later},
    {"40", advice::do_not_retry},  // a prepaid card that cannot be filled up
    {"41", advice::do_not_retry},  // a virtual card that was good once
});

// errorCode of requests that were not accepted. Without an entry: "invalid_request".
struct error_row {
  std::string_view code;
  std::string_view ours;
  domain::advice advice;
  std::string_view message;  // empty: that the processor refused the request
};

constexpr auto errors = std::to_array<error_row>({
    // What the customer gave.
    {"101", "incorrect_number", advice::other_method, "The card number is incorrect."},
    {"103", "invalid_cvc", advice::other_method, "The card's security code is incorrect."},
    {"104", "incorrect_address", advice::other_method, "The billing address is incorrect."},
    {"129", "invalid_expiry", advice::other_method, "The card's expiry date is invalid."},
    {"140", "invalid_expiry", advice::other_method, "The card's expiry date is invalid."},
    {"153", "invalid_cvc", advice::other_method, "The card's security code is incorrect."},
    {"161", "invalid_account", advice::other_method, "The account number is invalid."},
    {"14_029", "invalid_cvc", advice::other_method, "The card's security code is missing."},
    {"172", "payment_method_expired", advice::other_method, "The payment method's data is too old to be used."},
    {"174", "payment_method_not_found", advice::other_method, "The payment method's data cannot be read."},
    {"800", "payment_method_not_found", advice::other_method, "The processor does not know this payment method."},
    {"802", "payment_method_not_found", advice::other_method, "The processor does not know this payment method."},
    {"803", "payment_method_not_found", advice::other_method, "The processor does not know this payment method."},
    // What is asked for.
    {"100", "invalid_amount", advice::none, "The processor does not take this amount."},
    {"137", "invalid_amount", advice::none, "The processor does not take this amount."},
    {"166", "invalid_amount", advice::none, "The processor does not take this amount for this operation."},
    {"916", "amount_too_large", advice::other_method, "The amount is above what this card type allows."},
    {"920", "invalid_amount", advice::none, "The processor does not take this amount."},
    {"138", "currency_not_supported", advice::other_method, "The processor does not take this currency here."},
    {"167", "authorization_not_found", advice::none, "The processor does not know this authorization."},
    {"906", "authorization_not_found", advice::none, "The processor does not know this authorization."},
    {"905", "payment_method_not_supported", advice::other_method,
     "The processor does not take this payment method here."},
    {"905_1", "payment_method_not_supported", advice::other_method,
     "The processor does not take this payment method here."},
    {"905_2", "payment_method_not_supported", advice::other_method,
     "The processor does not take this payment method here."},
    {"905_3", "payment_method_not_supported", advice::other_method,
     "The processor does not take this payment method here."},
    {"907", "payment_method_not_supported", advice::other_method,
     "The processor does not take this payment method here."},
    // What we gave: a bug or a misconfiguration of ours.
    {"000", "invalid_request", advice::none, ""},
    {"010", "invalid_request", advice::none, ""},
    {"130", "invalid_request", advice::none, ""},
    {"158", "invalid_request", advice::none, ""},
    {"164", "invalid_request", advice::none, ""},
    {"175", "invalid_request", advice::none, ""},
    {"177", "invalid_request", advice::none, ""},
    {"180", "invalid_request", advice::none, ""},
    {"185", "invalid_request", advice::none, ""},
    {"191", "invalid_request", advice::none, ""},
    {"192", "invalid_request", advice::none, ""},
    {"198", "invalid_request", advice::none, ""},
    {"200", "invalid_request", advice::none, ""},
    {"700", "invalid_request", advice::none, ""},
    {"702", "invalid_request", advice::none, ""},
    {"901", "invalid_request", advice::none, ""},
    {"902", "invalid_request", advice::none, ""},
    {"908", "invalid_request", advice::none, ""},
    {"918", "invalid_request", advice::none, ""},
    {"950", "invalid_request", advice::none, ""},
    {"14_002", "invalid_request", advice::none, ""},
    {"14_003", "invalid_request", advice::none, ""},
    {"14_004", "invalid_request", advice::none, ""},
    {"14_005", "invalid_request", advice::none, ""},
    {"14_006", "invalid_request", advice::none, ""},
    {"14_007", "invalid_request", advice::none, ""},
    {"14_018", "invalid_request", advice::none, ""},
    {"14_030", "invalid_request", advice::none, ""},
    {"29_001", "invalid_request", advice::none, ""},
    {"29_100", "invalid_request", advice::none, ""},
});

template <class Table>
constexpr bool unique(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i)
    for (std::size_t j = i + 1; j < table.size(); ++j)
      if (table[i].code == table[j].code) return false;
  return true;
}
static_assert(unique(refusals) && unique(advices) && unique(errors));

template <class Table>
const typename Table::value_type* row_of(const Table& table, std::string_view code) noexcept {
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

// "03" of "03 : Do not try again".
std::string_view digits_of(std::string_view advice_code) noexcept {
  return advice_code.substr(0, std::min(advice_code.find_first_not_of("0123456789"), advice_code.size()));
}

domain::failure of_row(const refusal_row* row, std::string_view advice_code, remarks& odd) {
  static constexpr refusal_row generic{"", "", "card_declined", "generic_decline", advice::retry_later, declined};
  const auto& said = row != nullptr ? *row : generic;
  domain::failure out;
  out.code = said.ours;
  out.decline_code = said.decline_code;
  out.advice = said.advice;
  out.message = said.message;
  if (const auto told = advice_of(advice_code))
    out.advice = *told;
  else if (!advice_code.empty())
    remark(odd, "merchantAdviceCode", advice_code);
  return out;
}

}  // namespace

domain::failure refusal_of(const payment_answer& answer, remarks& odd) {
  const auto* row = row_of(refusals, answer.refusal);
  if (row == nullptr && !answer.refusal.empty()) remark(odd, "refusalReasonCode", answer.refusal);
  auto out = of_row(row, answer.advice, odd);
  if (row == nullptr && answer.refusal.empty()) {
    if (answer.result == "Error")
      out = of_row(row_of(refusals, "4"), answer.advice, odd);
    else if (answer.result == "Cancelled")
      out = of_row(row_of(refusals, "15"), answer.advice, odd);
  }
  out.raw = joined({answer.refusal.empty() ? std::string_view{answer.result} : std::string_view{answer.refusal},
                    answer.raw_refusal, digits_of(answer.advice)});
  return out;
}

domain::failure refusal_of(std::string_view reason, std::string_view advice_code, remarks& odd) {
  const auto found =
      std::find_if(refusals.begin(), refusals.end(), [&](const auto& row) { return row.reason == reason; });
  const auto* row = found == refusals.end() ? nullptr : &*found;
  auto out = of_row(row, advice_code, odd);
  out.raw = joined({row != nullptr ? row->code : reason, digits_of(advice_code)});
  return out;
}

domain::failure request_failure(int status, std::string_view error_code, remarks& odd) {
  const auto* row = row_of(errors, error_code);
  if (row == nullptr && !error_code.empty()) remark(odd, "errorCode", error_code);
  domain::failure out;
  out.code = row != nullptr ? row->ours : "invalid_request";
  out.advice = row != nullptr ? row->advice : advice::none;
  out.message = row != nullptr && !row->message.empty() ? row->message : "The processor refused the request.";
  out.raw = joined({std::to_string(status), error_code});
  return out;
}

domain::failure modification_failure(operation_kind kind, std::string_view reason) {
  domain::failure out;
  switch (kind) {
    case operation_kind::capture:
      out.code = "capture_failed";
      out.message = "The processor could not capture the payment.";
      break;
    case operation_kind::refund:
      out.code = "refund_failed";
      out.message = "The processor could not refund the payment.";
      break;
    case operation_kind::cancel:
      out.code = "cancel_failed";
      out.message = "The processor could not cancel the authorization.";
      break;
    case operation_kind::authorize:
    case operation_kind::confirm:
      out.code = "processing_error";
      out.message = "The processor could not process the payment.";
      break;
  }
  out.raw = joined({reason});
  return out;
}

bool knows_refusal(std::string_view code) noexcept { return row_of(refusals, code) != nullptr; }
bool knows_error(std::string_view code) noexcept { return row_of(errors, code) != nullptr; }

std::optional<domain::advice> advice_of(std::string_view merchant_advice_code) noexcept {
  const auto* row = row_of(advices, digits_of(merchant_advice_code));
  return row == nullptr ? std::nullopt : std::optional{row->advice};
}

}  // namespace novapay::adyen
