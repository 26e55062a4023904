"""The books are read right: both simulators, driven by programs that speak as NovaPay does and by one that does not keep the rules."""
import places  # noqa: F401
import pytest
import requests
from books import Books
from callers import AdyenCaller, StripeCaller, fresh
from simulators import start
from sources import ledger_of
from story import Story, Operation

CALLERS = {"stripe": StripeCaller, "adyen": AdyenCaller}


@pytest.fixture(params=CALLERS)
def desk(request, tmp_path):
    path = tmp_path / "ledger.jsonl"
    with start(request.param, ledger=str(path)) as simulator:
        caller = CALLERS[request.param](simulator)
        caller.name, caller.books = request.param, lambda: Books({request.param: ledger_of(path)})
        yield caller
        caller.close()


def capture(caller, payment, thing, number=1, amount=1099, **more):
    if caller.name == "stripe":
        more |= {"amount_to_capture": amount, "final_capture": "false", "metadata[novapay_operation]": f"capture:{number}"}
        return caller.capture(payment, thing, number, **more)
    return caller.capture(payment, thing, number, amount, **more)


def authorized(caller, payment, **more):
    """In a way that lets it be captured several times."""
    if caller.name == "stripe":
        more["payment_method_options[card][request_multicapture]"] = "if_available"
    return caller.authorized(payment, **more)


def refund(caller, payment, thing, amount, number=1):
    if caller.name == "stripe":
        return caller.refund(payment, thing, number, amount=amount)
    return caller.refund(payment, thing, number, amount)


def cancel(caller, payment, thing):
    return caller.cancel(payment, thing, key=f"{payment}:cancel:1")


def story_of(*operations, stage="authorized"):
    made = Story()
    made.stage = stage
    for kind, number in operations:
        made.operations[kind, number] = Operation(kind, number, "", 1099)
    return made


def judged(caller, books, payment, *operations, stage="authorized"):
    return list(books.judged(payment, story_of(*operations, stage=stage), {which: caller.name for which in operations}))


def test_a_whole_life(desk):
    payment = fresh()
    thing = authorized(desk, payment)
    assert capture(desk, payment, thing).status_code in (200, 201)
    assert capture(desk, payment, thing).status_code in (200, 201), "once more under its key"
    assert refund(desk, payment, thing, 99).status_code in (200, 201)
    books = desk.books()
    assert books.flaws == []
    assert books.of[payment].sums(payment) == {"payment": payment, "currency": "eur", "authorized_minor": 1099, "captured_minor": 1099,
                                               "refunded_minor": 99, "charges": 1, "cancels": 0}
    assert {each["idempotency_key"]: (each["amount_minor"], each["outcome"]) for each in books.of[payment].operations(payment)} == {
        f"{payment}:authorize": (1099, "approved"), f"{payment}:capture:1": (1099, "approved"), f"{payment}:refund:1": (99, "approved")}
    assert judged(desk, books, payment, ("authorize", 1), ("capture", 1), ("refund", 1)) == []


def test_canceled_and_declined(desk):
    canceled, declined = fresh(), fresh()
    assert cancel(desk, canceled, desk.authorized(canceled)).status_code in (200, 201)
    desk.create(declined, "fate_decline")
    books = desk.books()
    assert books.flaws == []
    assert books.of[canceled].sums(canceled)["charges"] == 0 and books.of[canceled].sums(canceled)["cancels"] == 1
    assert judged(desk, books, canceled, ("authorize", 1), ("cancel", 1), stage="canceled") == []
    assert [each["outcome"] for each in books.of[declined].operations(declined)] == ["declined"]
    assert judged(desk, books, declined, ("authorize", 1), stage="failed") == []


def test_an_answer_that_is_lost_is_a_charge(desk):
    payment = fresh()
    with pytest.raises(requests.RequestException):
        desk.create(payment, "fate_reset")
    assert desk.create(payment, "fate_reset").status_code == 200, "the same key finds it"
    books = desk.books()
    assert books.of[payment].sums(payment)["charges"] == 1
    assert judged(desk, books, payment, ("authorize", 1)) == []


def test_a_second_key_is_a_second_charge(desk):
    payment = fresh()
    desk.authorized(payment)
    desk.authorized(payment, key=f"{payment}:authorize:again")
    said = judged(desk, desk.books(), payment, ("authorize", 1))
    assert any("charged 2 times" in each for each in said), said
    assert any("authorize:1 was asked for under 2 keys" in each for each in said), said
    assert any("is of no operation of the journal" in each for each in said), said


def test_a_capture_under_two_keys_is_two(desk):
    payment = fresh()
    thing = authorized(desk, payment)
    capture(desk, payment, thing, amount=500)
    capture(desk, payment, thing, amount=500, key=f"{payment}:capture:2")
    books = desk.books()
    said = judged(desk, books, payment, ("authorize", 1), ("capture", 1), ("capture", 2))
    assert books.of[payment].sums(payment)["captured_minor"] == 1000
    assert any("capture:1 was executed 2 times" in each for each in said), said
    assert any("capture:1 was asked for under 2 keys" in each for each in said), said


def test_what_failed_later_does_not_stand(desk):
    payment = fresh()
    thing = authorized(desk, payment)
    capture(desk, payment, thing)
    refund(desk, payment, thing, 99)
    assert desk.simulator.happen(payment, "refund_failed")
    books = desk.books()
    assert books.of[payment].sums(payment)["refunded_minor"] == 0
    assert [each["failed_at_ms"] for each in books.of[payment].operations(payment) if each["kind"] == "refund"] == [1]
