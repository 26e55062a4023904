"""Idempotency keys: what a key remembers, for how long, and what it refuses."""
import threading

import pytest
from callers import fresh

BOTH = pytest.mark.parametrize("caller", ["stripe", "adyen"], indirect=True)
DAY_S = 24 * 3600


def authorizations(caller, payment):
    return [entry for entry in caller.simulator.effects(payment) if entry["effect"] == "authorized"]


@BOTH
def test_a_replay_is_the_first_answer_byte_for_byte_and_executes_nothing(caller):
    payment = fresh()
    first = caller.create(payment)
    second = caller.create(payment)

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert len(authorizations(caller, payment)) == 1
    assert [call["replayed"] for call in caller.simulator.calls(payment)] == [False, True]


def test_stripe_marks_a_replay_and_names_the_first_request(stripe):
    payment = fresh()
    first, second = stripe.create(payment), stripe.create(payment)

    assert "Idempotent-Replayed" not in first.headers
    assert first.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"] != second.headers["Request-Id"]
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == f"{payment}:authorize"


def test_a_replay_shows_the_object_as_it_was(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    assert stripe.cancel(payment, intent).status_code == 200

    assert stripe.create(payment).json()["status"] == "requires_capture"
    assert stripe.get(f"/v1/payment_intents/{intent}")["status"] == "canceled"


@BOTH
def test_other_parameters_under_a_key_are_an_error_and_execute_nothing(caller):
    payment = fresh()
    caller.create(payment, amount=1099)
    other = caller.create(payment, amount=1100)

    if caller.simulator.processor == "stripe":
        assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
        assert "code" not in other.json()["error"]
    else:
        assert (other.status_code, other.json()["errorCode"]) == (422, "704")
    assert [entry["amount"] for entry in authorizations(caller, payment)] == [1099]


def test_a_key_belongs_to_its_endpoint(stripe):
    payment = fresh()
    intent = stripe.authorized(payment)
    other = stripe.capture(payment, intent, key=f"{payment}:authorize")

    assert other.json()["error"]["type"] == "idempotency_error"


@BOTH
def test_a_duplicate_of_a_call_under_way_is_refused_and_later_replayed(caller):
    payment, answers = fresh(), []
    caller.simulator.fate("slow-400", operation="authorize", payment=payment)
    slow = threading.Thread(target=lambda: answers.append(caller.create(payment)))
    slow.start()
    while not authorizations(caller, payment):  # it has arrived
        pass
    other = type(caller)(caller.simulator)
    duplicate = other.create(payment)
    slow.join()
    other.close()

    if caller.simulator.processor == "stripe":
        assert (duplicate.status_code, duplicate.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    else:
        assert (duplicate.status_code, duplicate.json()["errorCode"]) == (422, "704")
    assert answers[0].status_code == 200
    assert caller.create(payment).content == answers[0].content
    assert len(authorizations(caller, payment)) == 1


@BOTH
def test_a_500_is_stored_and_replayed_although_the_payment_was_made(caller):
    payment = fresh()
    caller.simulator.fate("error_500", operation="authorize", payment=payment)
    first, second = caller.create(payment), caller.create(payment)

    assert first.status_code == second.status_code == 500
    assert first.content == second.content
    assert len(authorizations(caller, payment)) == 1


@BOTH
@pytest.mark.parametrize("fate", ["rate_limited", "unavailable"])
def test_what_was_refused_before_it_was_executed_leaves_its_key_unused(caller, fate):
    payment = fresh()
    caller.simulator.fate(fate, operation="authorize", payment=payment)

    assert caller.create(payment, amount=1).status_code in (429, 503)
    assert authorizations(caller, payment) == []
    assert caller.create(payment, amount=1099).status_code == 200  # other parameters: nothing was remembered


def test_a_decline_is_stored(stripe):
    payment = fresh()
    first = stripe.create(payment, "pm_card_visa_chargeDeclined")
    second = stripe.create(payment, "pm_card_visa_chargeDeclined")

    assert first.status_code == second.status_code == 402
    assert first.content == second.content
    assert [entry["effect"] for entry in stripe.simulator.effects(payment)] == ["declined"]


def test_a_refusal_at_adyen_is_stored(adyen):
    payment = fresh()
    assert adyen.create(payment, "NOT_ENOUGH_BALANCE").content == adyen.create(payment, "NOT_ENOUGH_BALANCE").content
    assert [entry["effect"] for entry in adyen.simulator.effects(payment)] == ["declined"]


def test_an_invalid_request_is_not_stored(stripe):
    payment = fresh()
    assert stripe.create(payment, amount="ten").status_code == 400
    assert stripe.create(payment, amount=1099).status_code == 200


@pytest.mark.parametrize("processor, lifetime_s", [("stripe", DAY_S), ("adyen", 7 * DAY_S)])
def test_a_key_is_forgotten_after_its_time_and_then_charges_again(own, processor, lifetime_s):
    caller, payment = own(processor), fresh()
    first = caller.create(payment)
    caller.simulator.advance(lifetime_s - 60)
    assert caller.create(payment).content == first.content
    caller.simulator.advance(61)

    assert caller.create(payment).content != first.content
    assert len(authorizations(caller, payment)) == 2  # the money has moved twice, and the ledger says so


@BOTH
def test_without_a_key_every_call_is_another_one(caller):
    payment = fresh()
    send = caller.send
    caller.send = lambda method, path, headers, *more, **given: send(
        method, path, {name: value for name, value in headers.items() if name != "Idempotency-Key"}, *more, **given)
    caller.create(payment)
    caller.create(payment)

    assert len(authorizations(caller, payment)) == 2


def test_adyen_takes_keys_of_64_characters_stripe_of_255(stripe, adyen):
    assert adyen.create(fresh(), key="k" * 64).status_code == 200
    assert adyen.create(fresh(), key="k" * 65).status_code == 422
    assert stripe.create(fresh(), key="k" * 255).status_code == 200
    assert stripe.create(fresh(), key="k" * 256).status_code == 400
