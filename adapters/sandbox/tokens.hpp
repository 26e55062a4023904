// tokens: the sandbox's payment methods and what each one does. The one table that the sandbox obeys, the docs print
// (tokens_markdown) and the tests walk.
//
// A token misbehaves at one operation (`where`) in one way (`what`); everything else about it succeeds. Codes are
// Stripe's own (its error code and decline code), as our failure carries them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/domain/payment.hpp"

namespace novapay::sandbox {

enum class fault : std::uint8_t {
  none,
  declined,            // a definite no, with the token's codes; stored under the key
  slow,                // executed at once, answered after slow_delay
  very_slow,           // executed at once, answered after very_slow_delay: longer than a client is kept waiting
  timeout_before,      // attempt 1 is lost on its way and ends unknown; the next one executes
  answer_lost,         // attempt 1 executes but ends unknown; the next one gets the stored result
  answer_lost_thrice,  // the same for attempts 1 to 3
  rate_limited,        // attempt 1 is not executed; the next one executes
  unavailable,         // no attempt is ever executed
  fails_later,         // accepted; reported failed after late_failure_after, and never settled
  notice_twice,        // its settlement is reported twice, although the first report was acknowledged
};

struct test_token {
  std::string_view token;
  std::string_view does;  // one sentence
  domain::operation_kind where = domain::operation_kind::authorize;
  fault what = fault::none;
  std::string_view code{};  // of a decline or late failure
  std::string_view decline_code{};
  std::string_view message{};
  bool asks_customer = false;  // authorize needs 3-D Secure, then a confirm
};

inline constexpr auto test_tokens = [] {
  using enum domain::operation_kind;
  using enum fault;
  constexpr std::string_view card = "card_declined";
  return std::to_array<test_token>({
      {"tok_visa", "Succeeds."},
      {"tok_mastercard", "Succeeds."},
      {"tok_amex", "Succeeds."},

      {"tok_declined_generic", "The issuer declines and gives no reason.", authorize, declined, card, "generic_decline",
       "The card was declined."},
      {"tok_declined_do_not_honor", "The issuer declines: do not honor.", authorize, declined, card, "do_not_honor",
       "The card was declined by its issuer."},
      {"tok_declined_insufficient_funds", "Declined: insufficient funds.", authorize, declined, card,
       "insufficient_funds", "The card has insufficient funds."},
      {"tok_declined_limit_exceeded", "Declined: the card's limit is exceeded.", authorize, declined, card,
       "card_velocity_exceeded", "The card's balance, credit or amount limit is exceeded."},
      {"tok_declined_lost_card", "Declined: reported lost. Never to be retried.", authorize, declined, card,
       "lost_card", "The card was declined."},
      {"tok_declined_stolen_card", "Declined: reported stolen. Never to be retried.", authorize, declined, card,
       "stolen_card", "The card was declined."},
      {"tok_declined_fraudulent", "Declined: suspected fraud. Never to be retried.", authorize, declined, card,
       "fraudulent", "The card was declined."},
      {"tok_declined_currency_not_supported", "Declined: the card does not take this currency.", authorize, declined,
       card, "currency_not_supported", "The card does not support this currency."},
      {"tok_declined_card_not_supported", "Declined: the card does not take this kind of purchase.", authorize,
       declined, card, "card_not_supported", "The card does not support this type of purchase."},
      {"tok_declined_try_again_later", "Declined: the issuer could not decide.", authorize, declined, card,
       "try_again_later", "The card was declined for an unknown reason; it may work later."},
      {"tok_declined_expired_card", "Declined: the card has expired.", authorize, declined, "expired_card",
       "expired_card", "The card has expired."},
      {"tok_declined_incorrect_cvc", "Declined: wrong security code.", authorize, declined, "incorrect_cvc",
       "incorrect_cvc", "The card's security code is incorrect."},
      {"tok_declined_incorrect_number", "Declined: there is no such card.", authorize, declined, "incorrect_number",
       "incorrect_number", "The card number is incorrect."},
      {"tok_declined_processing_error", "Declined: an error at the card network.", authorize, declined,
       "processing_error", "processing_error", "An error occurred while the card was processed."},
      {"tok_declined_authentication_required", "Declined: the issuer wants the customer present.", authorize, declined,
       "authentication_required", "authentication_required", "The card's issuer requires authentication."},

      {"tok_3ds_required", "Needs 3-D Secure; the confirm then succeeds.", confirm, none, {}, {}, {}, true},
      {"tok_3ds_fails", "Needs 3-D Secure, which the customer fails: the confirm is declined.", confirm, declined,
       "authentication_failed", "", "The customer could not be authenticated.", true},
      {"tok_3ds_declined_insufficient_funds", "Needs 3-D Secure, then is declined: insufficient funds.", confirm,
       declined, card, "insufficient_funds", "The card has insufficient funds.", true},
      {"tok_3ds_answer_lost",
       "Needs 3-D Secure; the confirm is executed, its first answer is lost.",
       confirm,
       answer_lost,
       {},
       {},
       {},
       true},

      {"tok_slow", "Succeeds; the answer takes 1.5 s.", authorize, slow},
      {"tok_very_slow", "Succeeds; the answer takes 8 s, longer than a client is kept waiting.", authorize, very_slow},
      {"tok_timeout_before", "The first attempt times out unexecuted; the next one succeeds.", authorize,
       timeout_before},
      {"tok_answer_lost", "Charged, but the first answer is lost; the next attempt gets it.", authorize, answer_lost},
      {"tok_answer_lost_thrice", "Charged, but the first three answers are lost.", authorize, answer_lost_thrice},
      {"tok_rate_limited", "The first attempt is rate limited, unexecuted; the next one succeeds.", authorize,
       rate_limited},
      {"tok_unavailable", "The processor is never reachable; nothing is ever executed.", authorize, unavailable},
      {"tok_duplicate_answer", "Succeeds; each settlement is reported twice.", capture, notice_twice},

      {"tok_capture_declined", "Authorizes; captures are refused at once.", capture, declined,
       "charge_expired_for_capture", "", "The processor refused the capture: the authorization is no longer valid."},
      {"tok_capture_fails_later", "Authorizes; captures are accepted and reported failed later.", capture, fails_later,
       "capture_failed", "", "The capture was accepted and has failed at the issuer since."},
      {"tok_capture_answer_lost", "Authorizes; a capture is executed, its first answer is lost.", capture, answer_lost},
      {"tok_capture_timeout_before", "Authorizes; a capture's first attempt times out unexecuted.", capture,
       timeout_before},
      {"tok_refund_declined", "Captures; refunds are refused at once.", refund, declined, "charge_not_refundable", "",
       "The processor refused the refund."},
      {"tok_refund_fails_later", "Captures; refunds are accepted and reported failed later.", refund, fails_later,
       "refund_failed", "expired_or_canceled_card", "The refund was accepted and has been sent back by the issuer."},
      {"tok_refund_answer_lost", "Captures; a refund is executed, its first answer is lost.", refund, answer_lost},
      {"tok_refund_timeout_before", "Captures; a refund's first attempt times out unexecuted.", refund, timeout_before},
      {"tok_cancel_declined", "Authorizes; cancels are refused at once.", cancel, declined,
       "payment_intent_unexpected_state", "", "The processor refused to cancel the authorization."},
      {"tok_cancel_answer_lost", "Authorizes; a cancel is executed, its first answer is lost.", cancel, answer_lost},
  });
}();

// What an unknown token is declined with.
inline constexpr std::string_view unknown_token_code = "payment_method_not_found";

// nullptr: the sandbox has no such payment method.
const test_token* find_token(std::string_view token) noexcept;

std::string tokens_json();      // [{"token", "does", "code"?, "decline_code"?}]
std::string tokens_markdown();  // a table with a row for each

}  // namespace novapay::sandbox
