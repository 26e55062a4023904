"""stripe_cards: Stripe's test payment methods and what each of them leads to (reference section 11), and its decline codes."""
from typing import NamedTuple

from . import specs

DECLINE_CODES = tuple(specs.load("stripe/stripe-enums.json")["decline_codes"])
ERROR_CODES = frozenset(specs.load("stripe/stripe-enums.json")["error_codes"])

# Declines that have an error code of their own; all others are card_declined.
OWN_CODES = ("expired_card", "incorrect_cvc", "incorrect_number", "incorrect_zip", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year",
             "invalid_number", "processing_error", "authentication_required")
ADVICE = {
    "try_again_later": ("generic_decline", "insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded", "do_not_honor",
                        "issuer_not_available", "processing_error", "reenter_transaction", "try_again_later", "approve_with_id", "call_issuer"),
    "do_not_try_again": ("lost_card", "stolen_card", "pickup_card", "do_not_try_again", "stop_payment_order", "revocation_of_authorization",
                         "revocation_of_all_authorizations", "restricted_card"),
    "confirm_card_data": ("expired_card", "incorrect_cvc", "incorrect_number", "incorrect_zip", "invalid_cvc", "invalid_expiry_month",
                          "invalid_expiry_year", "invalid_number"),
}
ADVICE_OF = {code: advice for advice, codes in ADVICE.items() for code in codes}
PARAM_OF = {"expired_card": "exp_month", "invalid_expiry_month": "exp_month", "invalid_expiry_year": "exp_year", "incorrect_cvc": "cvc",
            "invalid_cvc": "cvc", "incorrect_number": "number", "invalid_number": "number", "incorrect_zip": "address_zip"}


class Card(NamedTuple):
    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    funding: str = "credit"
    plan: str = ""  # what comes of it, as fates.Plan reads it


CARDS = {
    "pm_card_visa": Card(),
    "pm_card_visa_debit": Card(last4="5556", funding="debit"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_mastercard_debit": Card("mastercard", "8210", funding="debit"),
    "pm_card_mastercard_prepaid": Card("mastercard", "5100", funding="prepaid"),
    "pm_card_amex": Card("amex", "0005"),
    "pm_card_discover": Card("discover", "1117"),
    "pm_card_diners": Card("diners", "0004"),
    "pm_card_jcb": Card("jcb", "0505", "JP"),
    "pm_card_unionpay": Card("unionpay", "0005", "CN"),
    **{f"pm_card_{country}": Card(country=country.upper()) for country in ("us", "gb", "de", "fr", "at", "es", "it", "nl", "ch", "pl")},
    "pm_card_visa_chargeDeclined": Card(last4="0002", plan="decline-generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(last4="9995", plan="decline-insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": Card(last4="9987", plan="decline-lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": Card(last4="9979", plan="decline-stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": Card(last4="0069", plan="decline-expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": Card(last4="0127", plan="decline-incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": Card(last4="0119", plan="decline-processing_error"),
    "pm_card_chargeDeclinedFraudulent": Card(last4="0019", plan="decline-fraudulent"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": Card(last4="6975", plan="decline-card_velocity_exceeded"),
    "pm_card_chargeCustomerFail": Card(last4="0341", plan="decline-generic_decline"),
    "pm_card_radarBlock": Card(last4="0101", plan="decline-fraudulent"),
    "pm_card_authenticationRequired": Card(last4="3184", plan="3ds"),
    "pm_card_authenticationRequiredOnSetup": Card(last4="3155", plan="3ds"),
    "pm_card_authenticationRequiredSetupForOffSession": Card(last4="0446"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(last4="3178", plan="3ds-insufficient_funds"),
    "pm_card_createDispute": Card(last4="0259", plan="capture-dispute"),
    "pm_card_createDisputeProductNotReceived": Card(last4="2685", plan="capture-dispute-product_not_received"),
    "pm_card_createDisputeInquiry": Card(last4="1976", plan="capture-dispute-inquiry"),
    "pm_card_pendingRefund": Card(last4="7726", plan="refund-pending"),
    "pm_card_refundFail": Card(last4="5126", plan="refund-fail_late"),
    "pm_card_bypassPending": Card(last4="0077"),
    **{name: Card() for name in ("pm_card_riskLevelElevated", "pm_card_riskLevelHighest", "pm_card_cvcCheckFail", "pm_card_avsFail",
                                 "pm_card_avsZipFail", "pm_card_avsLine1Fail", "pm_card_avsUnchecked")},
}


class Decline(NamedTuple):
    code: str
    decline_code: str
    advice: str  # or None
    param: str   # or None
    message: str


def decline(code):
    """Of a decline code; ValueError if Stripe has none such."""
    code = code or "generic_decline"
    if code not in DECLINE_CODES and code not in OWN_CODES:
        raise ValueError(f"Stripe has no decline code '{code}'")
    own = code if code in OWN_CODES and code in ERROR_CODES else "card_declined"
    message = "Your card was declined." if own == "card_declined" else f"Your card was declined: {code.replace('_', ' ')}."
    return Decline(own, code, ADVICE_OF.get(code), PARAM_OF.get(code), message)
