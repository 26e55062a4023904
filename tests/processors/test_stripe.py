"""Stripe's payments as the reference tells them; every answer is held against the description by the caller."""
import time

import pytest
import requests
from callers import fresh
from simulators.stripe_cards import CARDS, DECLINE_CODES


def browse(url):
    """What a customer's browser does; where it is sent at last."""
    return requests.get(url, allow_redirects=False, timeout=5)


def until(read, timeout_s=5):
    ends = time.monotonic() + timeout_s
    while not (made := read()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)
    return made


def effects(stripe, payment):
    return [(entry["effect"], entry["amount"]) for entry in stripe.simulator.effects(payment)]


def test_the_life_of_a_payment(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    shown = stripe.get(f"/v1/payment_intents/{intent}")
    assert (shown["status"], shown["amount_capturable"], shown["amount_received"]) == ("requires_capture", 1099, 0)

    captured = stripe.capture(payment, intent, amount_to_capture=1000).json()
    assert (captured["status"], captured["amount_capturable"], captured["amount_received"]) == ("succeeded", 0, 1000)
    refund = stripe.refund(payment, intent, amount=300).json()
    assert (refund["status"], refund["amount"]) == ("succeeded", 300)

    charge = stripe.get(f"/v1/charges/{captured['latest_charge']}")
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (1000, 300, False)
    assert effects(stripe, payment) == [("authorized", 1099), ("captured", 1000), ("released", 99), ("refunded", 300)]
    assert stripe.simulator.sums()[f"{payment} eur"] == {"authorized": 1099, "charges": 1, "captured": 1000, "released": 99, "refunded": 300}


def test_a_capture_adds_to_the_metadata(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    shown = stripe.capture(payment, intent, **{"metadata[captured_1]": "1099", "metadata[novapay_operation]": "capture:1"}).json()
    assert shown["metadata"] == {"novapay_payment": payment, "novapay_operation": "capture:1", "captured_1": "1099"}
    assert [entry["reference"] for entry in stripe.simulator.effects(payment)] == ["authorize:1", "capture:1"]
    charge = stripe.get(f"/v1/charges/{shown['latest_charge']}")
    assert charge["metadata"] == {"novapay_payment": payment, "novapay_operation": "authorize:1"}  # as it was when it was made
    assert stripe.call("POST", f"/v1/payment_intents/{intent}", None, {"metadata[captured_1]": ""}).json()["metadata"].keys() == {
        "novapay_payment", "novapay_operation"}


def test_automatic_capture_takes_the_money_at_once(stripe):
    payment = fresh()
    made = stripe.create(payment, capture_method="automatic").json()
    assert (made["status"], made["amount_received"]) == ("succeeded", 1099)
    assert effects(stripe, payment) == [("authorized", 1099), ("captured", 1099)]


def test_confirming_can_come_later(stripe):
    payment = fresh()
    made = stripe.create(payment, confirm="false").json()
    assert made["status"] == "requires_confirmation" and effects(stripe, payment) == []
    confirmed = stripe.call("POST", f"/v1/payment_intents/{made['id']}/confirm", f"{payment}:confirm", {})
    assert confirmed.json()["status"] == "requires_capture"
    assert stripe.call("POST", f"/v1/payment_intents/{made['id']}/confirm", f"{payment}:confirm:2", {}).json()["error"]["code"] \
        == "payment_intent_unexpected_state"


def test_several_captures_need_to_be_asked_for(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    refused = stripe.capture(payment, intent, amount_to_capture=100, final_capture="false")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "final_capture")

    payment = fresh()
    intent = stripe.authorized(payment, **{"payment_method_options[card][request_multicapture]": "if_available"})
    first = stripe.capture(payment, intent, 1, amount_to_capture=100, final_capture="false").json()
    assert (first["status"], first["amount_capturable"]) == ("requires_capture", 999)
    last = stripe.capture(payment, intent, 2, amount_to_capture=200).json()
    assert (last["status"], last["amount_capturable"], last["amount_received"]) == ("succeeded", 0, 300)


@pytest.mark.parametrize("code", DECLINE_CODES)
def test_every_decline_code(stripe, code):
    payment = fresh()
    answer = stripe.create(payment, f"fate_decline-{code}")
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["decline_code"]) == (402, "card_error", code)
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["last_payment_error"]["decline_code"] == code
    assert stripe.get(f"/v1/charges/{error['charge']}")["outcome"]["reason"] == code
    assert effects(stripe, payment) == [("declined", 1099)]


@pytest.mark.parametrize("token, code, decline, param, advice", [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", None, "try_again_later"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", None, "do_not_try_again"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "exp_month", "confirm_card_data"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "cvc", "confirm_card_data"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", None, "try_again_later"),
    ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", None, None),
])
def test_cards_that_are_declined(stripe, token, code, decline, param, advice):
    error = stripe.create(fresh(), token).json()["error"]
    assert (error["code"], error["decline_code"], error.get("param"), error.get("advice_code")) == (code, decline, param, advice)


def test_every_other_test_card_is_good(stripe):
    for token, card in CARDS.items():
        if not card.plan.startswith(("decline", "3ds")):
            assert stripe.create(fresh(), token).status_code == 200, token


@pytest.mark.parametrize("token, result, status, redirect", [
    ("pm_card_authenticationRequired", "success", "requires_capture", "succeeded"),
    ("pm_card_authenticationRequired", "fail", "requires_payment_method", "failed"),
    ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "success", "requires_payment_method", "failed"),
    ("fate_3ds-fail", "success", "requires_payment_method", "failed"),
])
def test_three_d_secure(stripe, token, result, status, redirect):
    payment = fresh()
    made = stripe.create(payment, token, return_url="https://shop.test/back?order=1").json()
    assert made["status"] == "requires_action" and effects(stripe, payment) == []
    url = made["next_action"]["redirect_to_url"]["url"]
    assert "Your bank asks" in browse(url).text

    back = browse(f"{url}?result={result}")
    assert back.status_code == 302
    assert back.headers["Location"].startswith(f"https://shop.test/back?order=1&payment_intent={made['id']}&")
    assert back.headers["Location"].endswith(f"redirect_status={redirect}")
    assert stripe.get(f"/v1/payment_intents/{made['id']}")["status"] == status
    browse(f"{url}?result=success")  # a second visit changes nothing
    assert [effect for effect, _ in effects(stripe, payment)] == ["authorized" if redirect == "succeeded" else "declined"]


def test_three_d_secure_without_the_customer(stripe):
    refused = stripe.create(fresh(), "pm_card_authenticationRequired", off_session="true").json()["error"]
    assert (refused["code"], refused["decline_code"]) == ("authentication_required", "authentication_required")
    refused = stripe.create(fresh(), "pm_card_authenticationRequired", error_on_requires_action="true").json()["error"]
    assert (refused["code"], refused["decline_code"]) == ("authentication_required", "authentication_not_handled")


def test_outcomes_that_come_later(stripe):
    good, bad = fresh(), fresh()
    first, second = stripe.create(good, "fate_async").json(), stripe.create(bad, "fate_async-fail").json()
    assert first["status"] == second["status"] == "processing"
    stripe.simulator.advance(2)
    assert stripe.get(f"/v1/payment_intents/{first['id']}")["status"] == "requires_capture"
    assert stripe.get(f"/v1/payment_intents/{second['id']}")["last_payment_error"]["code"] == "card_declined"


def test_a_hold_lapses(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    stripe.simulator.advance(7 * 24 * 3600 + 1)
    assert stripe.get(f"/v1/payment_intents/{intent}")["status"] == "canceled"
    assert stripe.capture(payment, intent).json()["error"]["code"] == "payment_intent_unexpected_state"
    assert effects(stripe, payment)[-1] == ("expired", 1099)


def test_cancelling_twice_is_refused(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    assert stripe.cancel(payment, intent).json()["status"] == "canceled"
    again = stripe.cancel(payment, intent, key=f"{payment}:cancel:2")
    assert (again.status_code, again.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert [effect for effect, _ in effects(stripe, payment)] == ["authorized", "canceled"]


def test_it_is_lenient_on_money_and_the_ledger_shows_it(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    for number, amount in ((1, 1099), (2, 1099)):
        assert stripe.capture(payment, intent, number, amount_to_capture=amount).status_code == 200
    assert stripe.refund(payment, intent, amount=5000).status_code == 200
    assert stripe.create(payment, key=f"{payment}:authorize:again").status_code == 200
    sums = stripe.simulator.sums()[f"{payment} eur"]
    assert (sums["charges"], sums["captured"], sums["refunded"]) == (2, 2198, 5000)


def test_strict_money_refuses_like_the_real_one(own):
    stripe, payment = own("stripe", strict_money=True), fresh()
    intent = stripe.authorized(payment)
    assert stripe.refund(payment, intent, 1, amount=1).status_code == 400  # nothing is captured
    assert stripe.capture(payment, intent, 1, amount_to_capture=1100).json()["error"]["code"] == "amount_too_large"
    assert stripe.capture(payment, intent, 2).status_code == 200
    assert stripe.capture(payment, intent, 3).json()["error"]["code"] == "payment_intent_unexpected_state"
    over = stripe.refund(payment, intent, 2, amount=1100).json()["error"]
    assert over["param"] == "amount" and "code" not in over
    assert stripe.refund(payment, intent, 3).json()["amount"] == 1099
    assert stripe.refund(payment, intent, 4).json()["error"]["code"] == "charge_already_refunded"


def test_refunds_that_fail_or_wait(stripe):
    payment = fresh()
    intent = stripe.authorized(payment, "pm_card_pendingRefund")
    stripe.capture(payment, intent)
    pending = stripe.refund(payment, intent).json()
    assert pending["status"] == "pending" and ("refunded", 1099) not in effects(stripe, payment)
    stripe.simulator.advance(2)
    assert stripe.get(f"/v1/refunds/{pending['id']}")["status"] == "succeeded"

    payment = fresh()
    intent = stripe.authorized(payment, "pm_card_refundFail")
    stripe.capture(payment, intent)
    refund = stripe.refund(payment, intent).json()
    assert refund["status"] == "succeeded"
    stripe.simulator.advance(2)
    failed = stripe.get(f"/v1/refunds/{refund['id']}")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert stripe.get(f"/v1/balance_transactions/{failed['failure_balance_transaction']}")["type"] == "refund_failure"
    assert effects(stripe, payment)[-1] == ("refund_failed", 1099)


def test_disputes(stripe):
    payment = fresh()
    intent = stripe.authorized(payment, "pm_card_createDispute")
    stripe.capture(payment, intent)
    stripe.simulator.advance(2)
    dispute = stripe.get("/v1/disputes", payment_intent=intent)["data"][0]
    assert (dispute["status"], dispute["reason"], dispute["amount"]) == ("needs_response", "fraudulent", 1099)
    assert stripe.refund(payment, intent).json()["error"]["code"] == "charge_disputed"
    evidence = {"evidence[uncategorized_text]": "winning_evidence", "submit": "true"}
    assert stripe.call("POST", f"/v1/disputes/{dispute['id']}", f"{payment}:evidence", evidence).json()["status"] == "under_review"
    stripe.simulator.advance(2)
    assert stripe.get(f"/v1/disputes/{dispute['id']}")["status"] == "won"
    assert [effect for effect, _ in effects(stripe, payment)][-2:] == ["disputed", "dispute_won"]

    inquiry = fresh()
    intent = stripe.authorized(inquiry, "pm_card_createDisputeInquiry")
    stripe.capture(inquiry, intent)
    stripe.simulator.advance(2)
    assert stripe.get("/v1/disputes", payment_intent=intent)["data"][0]["status"] == "warning_needs_response"
    assert ("disputed", 1099) not in effects(stripe, inquiry)


def test_what_happens_by_hand(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    stripe.capture(payment, intent)
    refund = stripe.refund(payment, intent, amount=99).json()["id"]
    assert stripe.simulator.happen(payment, "refund_failed")
    assert stripe.get(f"/v1/refunds/{refund}")["status"] == "failed"
    assert stripe.simulator.happen(intent, "dispute") and stripe.simulator.happen(payment, "dispute_lost")
    assert stripe.get("/v1/disputes", payment_intent=intent)["data"][0]["status"] == "lost"
    with pytest.raises(ValueError, match="there is no payment"):
        stripe.simulator.happen("pay_nobody", "dispute")


# ---- settlement ----------------------------------------------------------------------------------------------------------


def test_a_payout_holds_what_was_moved_and_its_sum(own):
    stripe, payment = own("stripe"), fresh()
    intent = stripe.authorized(payment, amount=10_000)
    charge = stripe.capture(payment, intent).json()["latest_charge"]
    refund = stripe.refund(payment, intent, amount=1000).json()["id"]
    payout_id, = stripe.simulator.settle()

    payout = stripe.get(f"/v1/payouts/{payout_id}")
    rows = stripe.get("/v1/balance_transactions", payout=payout_id)["data"]
    assert [(row["type"], row["amount"], row["fee"], row["source"]) for row in rows] == [
        ("payout", -payout["amount"], 0, payout_id), ("refund", -1000, 0, refund), ("charge", 10_000, 165, charge)]
    assert sum(row["net"] for row in rows) == 0 and payout["amount"] == 10_000 - 165 - 1000
    assert payout["reconciliation_status"] == "completed" and all(row["status"] == "available" for row in rows)
    shown = stripe.get(f"/v1/payment_intents/{intent}", **{"expand[0]": "latest_charge.balance_transaction"})
    assert shown["latest_charge"]["balance_transaction"]["net"] == 9835
    assert stripe.simulator.settle() == []


def test_what_is_owed_waits_for_the_next_payout(own):
    stripe, payment = own("stripe"), fresh()
    intent = stripe.authorized(payment)
    stripe.capture(payment, intent)
    stripe.simulator.settle()
    stripe.refund(payment, intent)
    assert stripe.simulator.settle() == []  # the account would have to pay
    assert stripe.get("/v1/balance")["pending"][0]["amount"] == -1099


# ---- lists -----------------------------------------------------------------------------------------------------------------


def test_lists_page_both_ways_and_know_their_end(own):
    stripe = own("stripe")
    made = [stripe.authorized(fresh()) for _ in range(7)][::-1]  # newest first
    seen, page = [], stripe.get("/v1/payment_intents", limit=3)
    while True:
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        page = stripe.get("/v1/payment_intents", limit=3, starting_after=seen[-1])
    assert seen == made
    assert [each["id"] for each in stripe.get("/v1/payment_intents", limit=2, ending_before=made[4])["data"]] == made[2:4]
    assert stripe.get("/v1/payment_intents", limit=7)["has_more"] is False
    assert stripe.call("GET", "/v1/payment_intents", form={"limit": 101}).status_code == 400
    assert stripe.call("GET", "/v1/payment_intents", form={"starting_after": "pi_none"}).json()["error"]["code"] == "resource_missing"


def test_lists_have_windows_of_time(own):
    stripe = own("stripe")
    first = stripe.authorized(fresh())
    created = stripe.get(f"/v1/payment_intents/{first}")["created"]
    until(lambda: int(time.time()) > created)
    second = stripe.authorized(fresh())
    later = stripe.get(f"/v1/payment_intents/{second}")["created"]
    assert later > created

    def listed(**bounds):
        return [each["id"] for each in stripe.get("/v1/payment_intents", **{f"created[{name}]": at for name, at in bounds.items()})["data"]]
    assert listed(gte=created, lte=created) == [first]
    assert listed(gt=created) == [second] and listed(lt=later) == [first]
    assert listed(gte=created, lt=later + 1) == [second, first]
    assert listed(gte=later + 10) == []
    assert [each["id"] for each in stripe.get("/v1/payment_intents", created=later)["data"]] == [second]


def test_refunds_and_charges_of_a_payment(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    stripe.capture(payment, intent)
    made = [stripe.refund(payment, intent, number, amount=10).json()["id"] for number in (1, 2)]
    listed = stripe.get("/v1/refunds", payment_intent=intent, **{"expand[0]": "data.charge"})["data"]
    assert [each["id"] for each in listed] == made[::-1]
    assert listed[0]["charge"]["amount_refunded"] == 20
    assert [each["payment_intent"] for each in stripe.get("/v1/charges", payment_intent=intent)["data"]] == [intent]


# ---- the door ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form, code, param", [
    ({"currency": "eur"}, "parameter_missing", "amount"),
    ({"amount": "10.5", "currency": "eur"}, "parameter_invalid_integer", "amount"),
    ({"amount": "0", "currency": "eur"}, "parameter_invalid_integer", "amount"),
    ({"amount": "49", "currency": "eur"}, "amount_too_small", "amount"),
    ({"amount": "100000000", "currency": "eur"}, "amount_too_large", "amount"),
    ({"amount": "1099", "currency": "EUR"}, None, "currency"),
    ({"amount": "1099", "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
    ({"amount": "1099", "currency": "eur", "payment_method_types[]": "card"}, "parameter_unknown", "payment_method_types"),
    ({"amount": "1099", "currency": "eur", "automatic_payment_methods[on]": "true"}, "parameter_unknown", "automatic_payment_methods[on]"),
    ({"amount": "1099", "currency": "eur", "confirm": "yes"}, None, "confirm"),
    ({"amount": "1099", "currency": "eur", "capture_method": "by_hand"}, None, "capture_method"),
    ({"amount": "1099", "currency": "eur", "metadata[a]": "x" * 501}, None, "metadata"),
    ({"amount": "1099", "currency": "eur", "payment_method": "tok_visa"}, "resource_missing", "payment_method"),
    ({"amount": "1099", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true", "automatic_payment_methods[enabled]": "true"},
     None, "return_url"),
])
def test_what_the_description_does_not_allow_is_refused(stripe, form, code, param):
    answer = stripe.call("POST", "/v1/payment_intents", None, form)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error.get("code"), error.get("param")) == (400, "invalid_request_error", code, param)


def test_who_may_call_and_how(stripe):
    form = {"amount": "1099", "currency": "eur"}
    assert stripe.call("POST", "/v1/payment_intents", None, form, Authorization="Bearer sk_test_other").status_code == 401
    assert stripe.call("POST", "/v1/payment_intents", None, form, Authorization="").status_code == 401
    assert stripe.call("POST", "/v1/payment_intents", None, form, **{"Stripe-Version": "2027-01-01.fig"}).status_code == 400
    assert stripe.call("POST", "/v1/payment_intents", None, form, **{"Stripe-Version": "2020-08-27"}).status_code == 200
    assert stripe.call("POST", "/v1/payment_intents", None, '{"amount":1}', **{"Content-Type": "application/json"}).status_code == 400
    assert stripe.call("GET", "/v1/payment_intents/pi_none").json()["error"]["code"] == "resource_missing"
    assert stripe.call("GET", "/v1/nothing").status_code == 404
    basic = requests.get(stripe.simulator.url + "/v1/balance", auth=(stripe.simulator.api_key, ""), timeout=5)
    assert basic.status_code == 200


def test_an_expansion_that_there_is_not(stripe):
    assert stripe.call("GET", f"/v1/payment_intents/{stripe.authorized(fresh())}", form={"expand[0]": "no.such"}).status_code == 400
    assert stripe.call("GET", f"/v1/payment_intents/{stripe.authorized(fresh())}", form={"expand[0]": "amount"}).status_code == 400
    assert stripe.call("GET", "/v1/payment_intents", form={"expand[0]": "latest_charge"}).status_code == 400  # of a list: data.latest_charge
    payment = fresh()
    refused = stripe.create(payment, **{"expand[0]": "no_such"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "expand")
    assert effects(stripe, payment) == []
