"""What can happen to a call: whether it is executed, what its caller sees, and what a repetition finds."""
import json

import pytest
import requests
from callers import AdyenCaller, StripeCaller, fresh
from simulators import fates, start
from simulators.wire import Connection, Exchange

BOTH = pytest.mark.parametrize("caller", ["stripe", "adyen"], indirect=True)
UNHEARD = ("unread", "timeout", "reset", "truncated")
STATUS = {"stripe": {"rate_limited": 429, "unavailable": 503, "lock_timeout": 429, "conflict": 409, "error_500": 500, "bad_gateway": 502,
                     "error_500_unexecuted": 500},
          "adyen": {"rate_limited": 429, "unavailable": 503, "lock_timeout": 503, "conflict": 422, "error_500": 500, "bad_gateway": 502,
                    "error_500_unexecuted": 500}}


def operations(caller):
    """name → (effect, do): each does its call, on a payment that is ready for it."""
    def ready(captured):
        payment = fresh()
        made = caller.authorized(payment)
        if captured:
            assert caller.capture(payment, made).ok
        return payment, made

    def authorize():
        payment = fresh()
        return payment, lambda **more: caller.create(payment, **more)

    def capture():
        payment, made = ready(False)
        return payment, lambda **more: caller.capture(payment, made, **more)

    def cancel():
        payment, made = ready(False)
        return payment, lambda **more: caller.cancel(payment, made, **more)

    def refund():
        payment, made = ready(True)
        return payment, lambda **more: caller.refund(payment, made, **more)

    return {"authorize": ("authorized", authorize), "capture": ("captured", capture), "cancel": ("canceled", cancel),
            "refund": ("refunded", refund)}


@BOTH
@pytest.mark.parametrize("operation", ["authorize", "capture", "cancel", "refund"])
@pytest.mark.parametrize("fate", sorted(fates.CALLS))
def test_a_call_is_executed_or_not_as_its_fate_says_and_never_twice(caller, operation, fate):
    effect, prepare = operations(caller)[operation]
    payment, do = prepare()
    executed, _ = fates.CALLS[fate]
    slow = fate in ("slow", "delayed")
    caller.simulator.fate(fate + "-150" if slow else fate, operation=operation, payment=payment)

    if fate in UNHEARD:
        with pytest.raises((requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)):
            do(timeout=1 if fate == "timeout" else 5)
    else:
        answer = do()
        assert answer.status_code == STATUS[caller.simulator.processor].get(fate, answer.status_code)
        assert answer.ok == (fate in ("ok", "slow", "delayed"))

    def moved():
        return [entry for entry in caller.simulator.effects(payment) if entry["effect"] == effect]
    assert len(moved()) == executed

    again = do()
    if fate in ("error_500", "error_500_unexecuted"):
        assert again.status_code == 500
        assert len(moved()) == executed
    else:
        assert again.ok
        assert len(moved()) == 1
    assert len({call["key"] for call in caller.simulator.calls(payment) if call["operation"] == operation}) == 1


@BOTH
def test_what_a_delayed_call_does_is_not_there_before_it_is_done(caller):
    payment = fresh()
    caller.simulator.fate("delayed-5000", operation="authorize", payment=payment)
    with pytest.raises(requests.Timeout):
        caller.create(payment, timeout=0.2)
    assert caller.simulator.effects(payment) == []
    assert caller.create(payment).status_code in (409, 422)  # its key is in use


@BOTH
def test_a_token_is_a_plan_for_every_operation_of_its_payment(caller):
    payment = fresh()
    made = caller.create(payment, "fate_conflict.capture-error_500.refund-bad_gateway")
    assert made.status_code in (409, 422)
    made = caller.create(payment, "fate_conflict.capture-error_500.refund-bad_gateway").json()
    made = made.get("id") or made["pspReference"]
    assert caller.capture(payment, made).status_code == 500
    assert caller.refund(payment, made).status_code == 502
    assert caller.refund(payment, made).ok


@BOTH
def test_a_plan_that_nobody_understands_is_refused(caller):
    assert caller.create(fresh(), "fate_no_such").status_code in (400, 422)


def test_a_script_strikes_as_often_as_it_says(stripe):
    payment = fresh()
    stripe.simulator.fate("capture-unavailable.rate_limited", payment=payment, times=2)
    assert [stripe.create(payment).status_code for _ in range(3)] == [429, 429, 200]
    intent = stripe.create(payment).json()["id"]
    assert [stripe.capture(payment, intent).status_code for _ in range(3)] == [503, 503, 200]
    with pytest.raises(ValueError, match="there is no fate"):
        stripe.simulator.fate("no_such")


def test_the_plan_can_come_with_the_metadata(stripe, adyen):
    assert stripe.create(fresh(), **{"metadata[fate]": "error_500"}).status_code == 500
    assert adyen.create(fresh(), "APPROVED", metadata={"fate": "error_500"}).status_code == 500


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
def test_amounts_say_it_where_that_was_asked_for(own, processor):
    caller, payment = own(processor, fates_by_amount=True), fresh()
    made = caller.authorized(payment, amount=20_000)
    how = {"amount_to_capture": 19003} if processor == "stripe" else {"amount": 19003}
    assert caller.capture(payment, made, **how).status_code == 500
    assert [entry["amount"] for entry in caller.simulator.effects(payment) if entry["effect"] == "captured"] == [19003]


def test_the_seed_decides_by_key_and_attempt_alone():
    def drawn(seed, order):
        made = fates.Fates(seed, 0.25)
        return {(key, attempt): made.of_call("capture", None, None, None, key, attempt).call for key, attempt in order}

    order = [(f"key-{number}", attempt) for number in range(2000) for attempt in (1, 2)]
    same, backwards, other = drawn(7, order), drawn(7, order[::-1]), drawn(8, order)
    assert same == backwards != other
    misbehaving = sum(fate != "ok" for fate in same.values()) / len(same)
    assert 0.22 < misbehaving < 0.28
    assert set(same.values()) == {"ok", *fates.CALL_MIX}


def test_every_fate_of_the_mixes_is_one():
    assert set(fates.CALL_MIX) <= set(fates.CALLS)
    assert set(fates.WEBHOOK_MIX) <= set(fates.WEBHOOKS)
    assert set(fates.AMOUNTS.values()) <= set(fates.CALLS) | set(fates.OUTCOMES)


@BOTH
@pytest.mark.parametrize("mode", ["refuse", "hang", "reset", "503"])
def test_an_outage_executes_nothing_and_ends(caller, mode):
    payment = fresh()
    caller.simulator.outage(mode)
    try:
        if mode == "503":
            assert caller.create(payment).status_code == 503
        else:
            with pytest.raises((requests.ConnectionError, requests.Timeout)):
                caller.create(payment, timeout=0.3)
        assert caller.simulator.stats()["outage"] == mode
    finally:
        caller.simulator.outage("none")
    assert caller.simulator.effects(payment) == []
    assert caller.create(payment).status_code == 200


def test_a_latency_delays_every_answer(own):
    stripe = own("stripe", latency_ms=150)
    assert stripe.create(fresh()).elapsed.total_seconds() >= 0.15
    assert stripe.call("GET", "/v1/balance").elapsed.total_seconds() >= 0.15


def test_an_outage_ends_by_itself(stripe):
    stripe.simulator.outage("refuse", seconds=0.2)
    while stripe.simulator.stats()["outage"]:
        pass
    assert stripe.create(fresh()).status_code == 200


@BOTH
def test_the_ledger_file_holds_what_was_answered_even_after_a_kill(caller, tmp_path):
    name = caller.simulator.processor
    with start(name, ledger=tmp_path / "ledger.jsonl") as simulator:
        mine, payment = {"stripe": StripeCaller, "adyen": AdyenCaller}[name](simulator), fresh()
        made = mine.authorized(payment)
        mine.capture(payment, made)
        expected = simulator.ledger(payment)
        simulator.process.kill()
        mine.close()
    assert [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()] == expected
    assert [entry["effect"] for entry in expected if entry["kind"] == "effect"] == ["authorized", "captured"]


class Closing:
    """A transport between the end of its connection and the news of it."""

    def is_closing(self):
        return True

    def write(self, data):
        raise RuntimeError("unable to perform operation; the handler is closed")

    close = abort = get_extra_info = write


@pytest.mark.parametrize("end", [lambda it: it.reply(200, b"{}"), lambda it: it.truncate(200, b"{}"), lambda it: it.reset()])
def test_an_answer_to_a_caller_that_has_just_left_is_no_bug(end):
    connection = Connection(None)
    connection.transport, connection.ended = Closing(), lambda: None
    exchange = Exchange(connection, "POST", "/", "", {}, b"")
    end(exchange)
    assert exchange.ended
