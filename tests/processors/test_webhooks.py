"""Webhooks: their signatures (verified here by other code, which the published vectors prove), their misdeeds, their repetition."""
import base64
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from callers import NOTIFICATIONS, STRIPE_SPEC, adyen_signature_holds, assert_valid, fresh, stripe_signature_holds
from simulators import specs

STRIPE_VECTORS = specs.load("vectors/stripe-signature.json")
ADYEN_VECTORS = specs.load("vectors/adyen-hmac.json")
PROCESSORS = pytest.mark.parametrize("processor", ["stripe", "adyen"])


# ---- the judge, against the vectors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", STRIPE_VECTORS["header_valid"], ids=lambda case: case["name"])
def test_our_judge_knows_stripes_good_signatures(case):
    body = case["body"].encode()
    assert stripe_signature_holds(case["header"], body, case["secret"], case["now"])
    assert not stripe_signature_holds(case["header"], body[:-1] + bytes([body[-1] ^ 1]), case["secret"], case["now"])
    assert not stripe_signature_holds(case["header"], body, case["secret"] + "x", case["now"])


@pytest.mark.parametrize("case", STRIPE_VECTORS["header_invalid"], ids=lambda case: case["name"])
def test_our_judge_knows_stripes_bad_signatures(case):
    good = STRIPE_VECTORS["header_valid"][0]  # some cases are only a header
    case = {**good, **case}
    assert not stripe_signature_holds(case["header"], case["body"].encode(), case["secret"], case["now"])


@pytest.mark.parametrize("case", ADYEN_VECTORS["standard_notification_cases"], ids=lambda case: case["name"])
def test_our_judge_knows_adyens_signatures(case):
    item, signature = case["item"], case["signature"]
    assert adyen_signature_holds(item, case["hmac_key_hex"], signature)
    flipped = base64.b64encode(bytes([base64.b64decode(signature)[0] ^ 1]) + base64.b64decode(signature)[1:]).decode()
    assert not adyen_signature_holds(item, case["hmac_key_hex"], flipped)
    assert not adyen_signature_holds({**item, "eventCode": item["eventCode"] + "X"}, case["hmac_key_hex"], signature)


# ---- what is sent -------------------------------------------------------------------------------------------------------


def items(delivered):
    return [each["NotificationRequestItem"] for each in delivered.json["notificationItems"]]


def genuine(caller, delivered):
    """Whether its signature holds."""
    secret = caller.simulator.webhook_secret
    if caller.simulator.processor == "stripe":
        return stripe_signature_holds(delivered.headers["Stripe-Signature"], delivered.body, secret, time.time())
    return all(adyen_signature_holds(item, secret) for item in items(delivered))


def identity(caller, delivered):
    if caller.simulator.processor == "stripe":
        return delivered.json["id"]
    item = items(delivered)[0]
    return item["eventCode"], item["pspReference"], item["success"]


def live(caller, token=None):
    """A payment that has been through everything: (payment, its id)."""
    payment = fresh()
    made = caller.authorized(payment, *([token] if token else []))
    caller.capture(payment, made)
    caller.refund(payment, made, amount=99)
    return payment, made


def valid_stripe(delivered):
    event = delivered.json
    assert_valid(STRIPE_SPEC.validator("event"), event, event["type"])
    assert_valid(STRIPE_SPEC.validator(event["data"]["object"]["object"]), event["data"]["object"], event["type"])


def valid_adyen(delivered):
    """Beside the signature, which the descriptions of some kinds leave out."""
    for item in items(delivered):
        item["additionalData"].pop("hmacSignature")
        described = NOTIFICATIONS.document["webhooks"]["/" + item["eventCode"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert_valid(NOTIFICATIONS.validator(described["$ref"].rsplit("/", 1)[1]), delivered.json, item["eventCode"])


def test_stripe_tells_the_life_of_a_payment(own, receiver):
    stripe = own("stripe")
    payment, intent = live(stripe)
    stripe.simulator.await_quiet()

    assert [each.json["type"] for each in receiver.all] and {each.json["type"] for each in receiver.all} == {
        "payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded",
        "refund.created", "charge.refunded"}
    for delivered in receiver.all:
        valid_stripe(delivered)
        assert genuine(stripe, delivered)
    keys = {each.json["type"]: each.json["request"]["idempotency_key"] for each in receiver.all}
    assert keys["payment_intent.succeeded"] == f"{payment}:capture:1" and keys["refund.created"] == f"{payment}:refund:1"
    created = next(each.json for each in receiver.all if each.json["type"] == "payment_intent.created")
    listed = stripe.get("/v1/events", limit=100)["data"]
    assert len(listed) == 7 and listed[-1]["id"] == created["id"]
    assert [each["type"] for each in stripe.get("/v1/events", type="refund.created")["data"]] == ["refund.created"]
    assert stripe.get("/v1/events", delivery_success="false")["data"] == []
    assert stripe.get(f"/v1/events/{created['id']}")["data"] == created["data"]


def test_adyen_tells_the_life_of_a_payment(own, receiver):
    adyen = own("adyen", webhook_user="novapay", webhook_password="known to both")
    payment, psp = live(adyen)
    adyen.simulator.await_quiet()

    told = {item["eventCode"]: item for delivered in receiver.all for item in items(delivered)}
    assert set(told) == {"AUTHORISATION", "CAPTURE", "REFUND"}
    assert told["CAPTURE"]["originalReference"] == psp == told["AUTHORISATION"]["pspReference"]
    assert told["REFUND"]["merchantReference"] == f"{payment}:refund:1" and told["REFUND"]["amount"]["value"] == 99
    assert "originalReference" not in told["AUTHORISATION"] and told["AUTHORISATION"]["operations"] == ["CANCEL", "CAPTURE", "REFUND"]
    for delivered in receiver.all:
        assert genuine(adyen, delivered)
        valid_adyen(delivered)
        assert delivered.headers["Authorization"] == "Basic " + base64.b64encode(b"novapay:known to both").decode()


def test_every_kind_of_notification_is_as_described(own, receiver):
    adyen = own("adyen")
    for token in ("fate_ok", "DECLINED", "fate_async", "fate_3ds", "fate_capture-fail", "fate_capture-fail_late", "fate_capture-dispute",
                  "fate_refund-fail", "fate_refund-fail_late", "fate_refund-reverse", "fate_refund-pending"):
        payment = fresh()
        psp = adyen.create(payment, token).json().get("pspReference")
        if psp:
            adyen.capture(payment, psp)
            adyen.refund(payment, psp, amount=99)
    adyen.authorized(fresh(), "fate_expire")
    payment = fresh()
    psp = adyen.authorized(payment)
    adyen.modify("amountUpdates", payment, psp, "update:1", 2000)
    adyen.modify("reversals", payment, psp, "reversal:1")
    payment = fresh()
    adyen.cancel(payment, adyen.authorized(payment))
    adyen.authorized(payment)
    adyen.call("/cancels", {"merchantAccount": "NovaPayECOM", "paymentReference": f"{payment}:authorize:1"})
    payment, _ = live(adyen)
    for what in ("inquiry", "dispute", "dispute_won", "dispute_lost"):
        assert adyen.simulator.happen(payment, what)
    adyen.simulator.advance(13 * 3600)
    adyen.simulator.settle()
    adyen.simulator.await_quiet()

    for delivered in receiver.all:
        assert genuine(adyen, delivered)
        valid_adyen(delivered)
    assert {item["eventCode"] for delivered in receiver.all for item in items(delivered)} == {
        "AUTHORISATION", "CAPTURE", "REFUND", "CANCELLATION", "CANCEL_OR_REFUND", "TECHNICAL_CANCEL", "AUTHORISATION_ADJUSTMENT", "CAPTURE_FAILED",
        "REFUND_FAILED", "REFUNDED_REVERSED", "POSTPONED_REFUND", "EXPIRE", "OFFER_CLOSED", "REQUEST_FOR_INFORMATION",
        "NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK", "CHARGEBACK_REVERSED", "SECOND_CHARGEBACK", "REPORT_AVAILABLE"}


def test_every_kind_of_event_is_as_described(own, receiver):
    stripe = own("stripe")
    for token in ("pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_authenticationRequired", "fate_async", "fate_expire",
                  "pm_card_pendingRefund", "pm_card_refundFail", "pm_card_createDispute", "fate_refund-fail"):
        payment = fresh()
        made = stripe.create(payment, token, return_url="https://shop.test").json()
        if made.get("status") == "requires_capture":
            stripe.capture(payment, made["id"])
            stripe.refund(payment, made["id"], amount=99)
    payment = fresh()
    stripe.cancel(payment, stripe.authorized(payment))
    payment, _ = live(stripe)
    assert stripe.simulator.happen(payment, "dispute") and stripe.simulator.happen(payment, "dispute_won")
    stripe.simulator.advance(2)
    stripe.simulator.settle()
    payment = fresh()
    stripe.authorized(payment)
    stripe.simulator.advance(8 * 24 * 3600)
    stripe.simulator.await_quiet()

    for delivered in receiver.all:
        valid_stripe(delivered)
        assert genuine(stripe, delivered)
    assert {each.json["type"] for each in receiver.all} == {
        "payment_intent.created", "payment_intent.requires_action", "payment_intent.processing", "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled", "charge.succeeded", "charge.failed",
        "charge.captured", "charge.refunded", "charge.updated", "charge.expired", "refund.created", "refund.updated", "refund.failed",
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "charge.dispute.closed", "payout.created",
        "payout.paid", "payout.reconciliation_completed"}


# ---- misdeeds -------------------------------------------------------------------------------------------------------------


@PROCESSORS
def test_twice_means_the_same_again(own, receiver, processor):
    caller = own(processor)
    caller.authorized(fresh(), "fate_webhook-twice-10")
    caller.simulator.await_quiet()

    counts = {}
    for delivered in receiver.all:
        assert genuine(caller, delivered)
        counts[identity(caller, delivered)] = counts.get(identity(caller, delivered), 0) + 1
    assert set(counts.values()) == {10}


@PROCESSORS
def test_before_means_before_the_answer(own, receiver, processor):
    caller, order = own(processor), []
    receiver.during = lambda delivered: order.append("webhook")
    caller.authorized(fresh(), "fate_webhook-before")
    order.append("answer")
    assert order == ["webhook"] * (3 if processor == "stripe" else 1) + ["answer"]


@PROCESSORS
def test_before_waits_for_an_endpoint_that_is_slow_but_not_for_ever(own, receiver, processor):
    caller = own(processor)
    receiver.status = 500
    began = time.monotonic()
    caller.authorized(fresh(), "fate_webhook-before")
    assert 2.9 < time.monotonic() - began < 10


@PROCESSORS
def test_late_means_later(own, receiver, processor):
    caller = own(processor)
    caller.authorized(fresh(), "fate_webhook-late-3600000")
    caller.simulator.await_quiet()
    assert receiver.all == []
    caller.simulator.advance(3600)
    assert genuine(caller, receiver.next())


@PROCESSORS
def test_never_means_until_somebody_asks(own, receiver, processor):
    caller = own(processor)
    payment = fresh()
    caller.authorized(payment, "fate_webhook-never")
    caller.authorized(fresh(), "fate_webhook-never")
    caller.simulator.await_quiet()
    assert receiver.all == []
    each = 3 if processor == "stripe" else 1
    assert caller.simulator.stats()["webhooks"]["withheld"] == 2 * each
    assert caller.simulator.resend(payment=payment) == each
    receiver.next()
    assert caller.simulator.resend() == each
    assert caller.simulator.resend() == 0


@PROCESSORS
def test_shuffled_means_in_another_order(own, receiver, processor):
    caller = own(processor)
    for _ in range(6):
        live(caller, "fate_webhook-shuffled")
    caller.simulator.advance(2)
    caller.simulator.await_quiet()
    arrived = [identity(caller, delivered) for delivered in receiver.all]
    happened = [event["identity"] for event in caller.simulator.get("events")]
    if processor == "adyen":
        arrived = ["/".join(each) for each in arrived]
    assert sorted(arrived) == sorted(happened) and arrived != happened


@PROCESSORS
def test_forged_ones_do_not_hold_and_true_ones_come_too(own, receiver, processor):
    caller = own(processor)
    for _ in range(6):
        live(caller, "fate_webhook-forged")
    caller.simulator.await_quiet()

    good = [delivered for delivered in receiver.all if genuine(caller, delivered)]
    bad = [delivered for delivered in receiver.all if not genuine(caller, delivered)]
    assert len(good) == len(bad) == 6 * (7 if processor == "stripe" else 3)
    assert caller.simulator.stats()["counts"]["forged accepted"] == len(bad)  # this receiver believes everything
    if processor == "stripe":
        ways = {(each.headers["Stripe-Signature"] or "none")[:1] for each in bad}
        assert "n" in ways and "t" in ways
    else:
        assert all(item["amount"]["value"] % 100 == 1 and item["amount"]["value"] > 9900 for each in bad for item in items(each))


@PROCESSORS
def test_contradictory_ones_are_genuine_and_older(own, receiver, processor):
    caller = own(processor)
    caller.authorized(fresh(), "fate_webhook-contradictory")
    caller.simulator.await_quiet()
    assert all(genuine(caller, delivered) for delivered in receiver.all)
    if processor == "adyen":
        (truth,), (lie,) = ([item for each in receiver.all for item in items(each) if item["success"] == success] for success in ("true", "false"))
        assert truth["pspReference"] == lie["pspReference"] and lie["eventDate"] < truth["eventDate"]
        for delivered in receiver.all:
            valid_adyen(delivered)
    else:
        lie = next(each.json for each in receiver.all if each.json["type"] == "payment_intent.payment_failed")
        truth = next(each.json for each in receiver.all if each.json["type"] == "payment_intent.amount_capturable_updated")
        assert lie["data"]["object"]["id"] == truth["data"]["object"]["id"] and lie["created"] < truth["created"]
        for delivered in receiver.all:
            valid_stripe(delivered)


def test_adyen_can_put_several_into_one(own, receiver):
    adyen = own("adyen")
    for _ in range(4):
        adyen.authorized(fresh(), "fate_webhook-batched")
    adyen.simulator.await_quiet()
    while not receiver.all:
        receiver.next()
    assert len(items(receiver.all[0])) > 1
    assert all(genuine(adyen, delivered) for delivered in receiver.all)


@PROCESSORS
def test_a_webhook_of_the_tests_own_making(own, receiver, processor):
    caller = own(processor)
    if processor == "stripe":
        caller.simulator.notify(type="payment_intent.succeeded", object={"id": "pi_unknown", "object": "payment_intent"}, times=2)
    else:
        caller.simulator.notify(item={"eventCode": "CAPTURE", "originalReference": "UNKNOWNREFERENCE"}, times=2)
    first, second = receiver.next(), receiver.next()
    assert identity(caller, first) == identity(caller, second)
    assert genuine(caller, first) and genuine(caller, second)
    assert b"nknown" in first.body or b"UNKNOWNREFERENCE" in first.body


# ---- repetition ------------------------------------------------------------------------------------------------------------


@PROCESSORS
def test_what_is_not_taken_comes_again_signed_anew(own, receiver, processor):
    caller = own(processor)
    receiver.answers = [500, 401, 302]
    caller.authorized(fresh())
    wanted = 3 if processor == "stripe" else 1

    def delivered_all():
        return all(event["delivered"] for event in caller.simulator.get("events"))
    ends = time.monotonic() + 20
    while not delivered_all():
        assert time.monotonic() < ends
        caller.simulator.advance(1)
    assert len(receiver.all) == wanted + 3
    assert all(genuine(caller, delivered) for delivered in receiver.all)
    assert len({identity(caller, delivered) for delivered in receiver.all}) == wanted


def test_adyen_wants_to_hear_that_it_is_accepted(own, receiver, monkeypatch):
    adyen = own("adyen")
    monkeypatch.setattr(receiver, "status", 202)  # with [accepted]: fine
    adyen.authorized(fresh())
    receiver.next()
    adyen.simulator.await_quiet()
    assert all(event["delivered"] for event in adyen.simulator.get("events"))


@PROCESSORS
def test_what_happened_while_nobody_listened_is_told_afterwards(simulators, receiver, own, processor):
    caller = own(processor)
    caller.simulator.webhooks(url="http://127.0.0.1:9/webhooks")  # nobody is there
    for _ in range(5):
        caller.authorized(fresh())
    assert caller.simulator.stats()["webhooks"]["pending"] > 0
    caller.simulator.webhooks(url=receiver.url)
    caller.simulator.await_quiet()
    assert len(receiver.all) == 5 * (3 if processor == "stripe" else 1)


@PROCESSORS
def test_a_dead_processor_sends_nothing(own, receiver, processor):
    caller = own(processor)
    caller.simulator.webhooks(paused=True)
    caller.authorized(fresh())
    caller.simulator.outage("refuse")
    assert receiver.all == []
    caller.simulator.outage("none")
    receiver.next()


def test_two_secrets_sign_while_they_rotate(own, receiver):
    stripe = own("stripe", webhook_secret=["whsec_new", "whsec_old"])
    stripe.authorized(fresh())
    header, body = (lambda delivered: (delivered.headers["Stripe-Signature"], delivered.body))(receiver.next())
    assert stripe_signature_holds(header, body, "whsec_new", time.time()) and stripe_signature_holds(header, body, "whsec_old", time.time())

    adyen = own("adyen", webhook_secret=["11" * 32, "22" * 32])
    for _ in range(20):
        adyen.authorized(fresh())
    adyen.simulator.await_quiet()
    signed = [items(each)[0] for each in receiver.all if "notificationItems" in each.json]
    by = [tuple(adyen_signature_holds(item, key) for key in ("11" * 32, "22" * 32)) for item in signed]
    assert set(by) == {(True, False), (False, True)}


# ---- by hand ----------------------------------------------------------------------------------------------------------------


def test_run_starts_both_and_ends_them():
    running = subprocess.Popen([sys.executable, Path(__file__).with_name("run.py"), "--any-port", "--json", "--misbehave", "0.1"],
                               stdout=subprocess.PIPE, text=True)
    said = json.loads(running.stdout.readline())
    assert [each["processor"] for each in said] == ["stripe", "adyen"]
    assert requests.get(said[0]["url"] + "/v1/balance", auth=(said[0]["api_key"], ""), timeout=5).status_code == 200
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(said[1]["url"], timeout=5)
