"""The checker and the order of calls: histories that only their order accuses are found; hard but legal ones are not accused."""
import pytest

from book import Book, Page
from checker import judge
from history import UNKNOWN
from story import AUTHORIZE, CAPTURE, REFUND


@pytest.fixture
def book():
    return Book()


def found(evidence, payment, *words):
    violations = judge(evidence)
    assert [v for v in violations if v.startswith(payment) and all(word in v for word in words)], violations


# ---- histories that only their order accuses -----------------------------------------------------------------------

def test_a_read_after_the_answer_that_does_not_show_it_is_found(book):
    page = book.payment("order-1", 100)
    before = page.shown()
    book.capture(page, "c-1", 100)
    book.ok(book.call("read", page=page), page, before)
    found(book.evidence(), page.id, "no legal order", "read")


def test_reads_that_go_back_in_time_are_found(book):
    """While a capture is under way for long, one read shows it and a later one does not."""
    page = book.payment("order-1", 100)
    before, slow = page.shown(), book.call("capture", "c-1", page, amount=100)
    page.done(CAPTURE, page.ask(CAPTURE, "c-1", 100))
    book.read(page)
    book.ok(book.call("read", page=page), page, before)
    book.ok(slow, page)
    found(book.evidence(), page.id, "no legal order", "read")


def test_a_refusal_for_want_of_money_that_was_there_is_found(book):
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 60)
    book.refused(book.call("capture", "c-2", page, amount=40), "amount_exceeds_capturable")
    found(book.evidence(), page.id, "no legal order", "amount_exceeds_capturable")


def test_a_refusal_of_a_legal_refund_is_found(book):
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 60)
    book.refused(book.call("refund", "r-1", page, amount=60), "payment_unexpected_state", 409)
    found(book.evidence(), page.id, "no legal order", "payment_unexpected_state")


def test_two_refunds_in_the_wrong_order_are_found(book):
    """The second was asked for after the first was answered, but a read in between shows only the second."""
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 100)
    first = book.refund(page, "r-1", 10)
    between = book.call("read", page=page)
    book.ok(between, page, page.shown() | {"amount_refunded": 20})
    book.refund(page, "r-2", 20)
    assert first.ended < between.invoked
    found(book.evidence(), page.id, "no legal order", "read")


# ---- hard, and legal -----------------------------------------------------------------------------------------------

def clean(book):
    assert judge(book.evidence()) == []


def test_concurrent_refunds_whose_answers_were_lost(book):
    """Ten refunds of 10 at once on 70: the connection breaks; five were executed, two only after the restart, three never."""
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 70)
    calls = [book.call("refund", f"r-{n}", page, amount=10) for n in range(10)]
    numbers = [page.ask(REFUND, f"r-{n}", 10) for n in (7, 1, 4, 0, 9, 2, 3)]
    for number in numbers[:5]:
        page.execute(REFUND, number)
    for call in calls:
        book.unknown(call)
    book.restart()
    for number in reversed(numbers):
        page.happen("attempt_started", about={"kind": 4, "number": number})
        page.done(REFUND, number)
    for n, call in enumerate(calls):  # repeated by half of the clients
        if n % 2:
            again = book.call("refund", f"r-{n}", page, amount=10)
            operation = page.story.keys.get(f"r-{n}")
            if operation:
                book.ok(again, page, page.refund_shown(operation.number), status=201, replayed=True)
            else:
                book.refused(again, "amount_exceeds_refundable")
    clean(book)


def test_an_unknown_call_that_never_happened(book):
    page = book.payment("order-1", 100)
    book.unknown(book.call("capture", "c-1", page, amount=100))
    book.unknown(book.call("create", "order-2", amount=5, currency="eur"))
    book.read(page)
    clean(book)


def test_an_unknown_call_that_happens_long_after(book):
    """The client gave up; reads do not show it, then they do."""
    page = book.payment("order-1", 100)
    book.unknown(book.call("capture", "c-1", page, amount=100))
    book.read(page)
    book.refused(book.call("refund", "r-0", page, amount=1), "payment_unexpected_state", 409)
    number = page.ask(CAPTURE, "c-1", 100)
    book.read(page)
    page.done(CAPTURE, number)
    book.read(page)
    clean(book)


def test_a_call_still_under_way_when_the_history_ends(book):
    page = book.payment("order-1", 100)
    book.call("capture", "c-1", page, amount=100)
    page.done(CAPTURE, page.ask(CAPTURE, "c-1", 100))
    clean(book)


def test_a_creation_whose_answer_was_lost_and_never_asked_again(book):
    book.unknown(book.call("create", "order-1", amount=100, currency="eur"))
    book.page("order-1", 100).done(AUTHORIZE)
    clean(book)


def test_replays_show_the_past(book):
    """The answer of a repetition is the first one, though the payment has moved on."""
    page = book.payment("order-1", 100)
    first = book.capture(page, "c-1", 60)
    book.capture(page, "c-2", 40)
    book.refund(page, "r-1", 100)
    book.restart()
    for _ in range(3):
        book.ok(book.call("capture", "c-1", page, amount=60), page, first.answer, replayed=True)
    clean(book)


def test_a_key_refused_first_is_free_and_used_again(book):
    page = book.payment("order-1", 100)
    book.refused(book.call("refund", "r-1", page, amount=50), "payment_unexpected_state", 409)
    book.capture(page, "c-1", 100)
    book.refund(page, "r-1", 50)
    book.refused(book.call("refund", "r-1", page, amount=51), "idempotency_key_reused")
    book.refused(book.call("refund", "r-2", page, amount=51), "amount_exceeds_refundable")
    clean(book)


def test_a_repetition_after_503s_and_a_restart(book):
    page = book.payment("order-1", 100)
    book.refused(book.call("capture", "c-1", page, amount=30), "unavailable", 503)
    book.unknown(book.call("capture", "c-1", page, amount=30))
    number = page.ask(CAPTURE, "c-1", 30)
    book.restart()
    page.doubt(CAPTURE, number)
    last = book.call("capture", "c-1", page, amount=30)
    book.ok(last, page, page.shown() | {"status": "processing"}, status=202, replayed=True)
    page.happen("attempt_started", about={"kind": 3, "number": number})
    page.done(CAPTURE, number)
    clean(book)


def test_a_refusal_while_the_money_was_only_reserved(book):
    """Two captures of all of it at once: the loser is refused before the winner's outcome is known, and a read in between shows
    nothing captured and nothing left."""
    page = book.payment("order-1", 100)
    winner, loser = book.call("capture", "c-1", page, amount=100), book.call("capture", "c-2", page, amount=100)
    number = page.ask(CAPTURE, "c-1", 100)
    book.refused(loser, "amount_exceeds_capturable")
    book.read(page)
    page.done(CAPTURE, number)
    book.ok(winner, page)
    clean(book)


def test_a_declined_capture_frees_its_amount(book):
    page = book.payment("order-1", 100)
    declined = book.call("capture", "c-1", page, amount=100)
    number = page.ask(CAPTURE, "c-1", 100)
    book.refused(book.call("capture", "c-2", page, amount=1), "amount_exceeds_capturable")
    page.done(CAPTURE, number, approved=False)
    book.ok(declined, page)
    book.capture(page, "c-3", 100)
    clean(book)


def test_late_settlement_and_late_failure(book):
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 60)
    book.capture(page, "c-2", 40)
    book.refund(page, "r-1", 10)
    page.happen("settled", number=2)
    page.fail_late(CAPTURE, 1)
    book.read(page)
    page.fail_late(REFUND, 1)
    book.capture(page, "c-3", 60)
    clean(book)


def test_a_capture_contested_after_its_refund(book):
    page = book.payment("order-1", 100)
    book.capture(page, "c-1", 100)
    book.refund(page, "r-1", 100)
    page.ledger[f"{page.id}:capture:1"]["failed_at_ms"] = book.at_ms()
    page.happen("capture_contested", number=1)
    book.refused(book.call("refund", "r-2", page, amount=1), "payment_unexpected_state", 409)
    clean(book)


def test_a_cancel_that_wins_against_a_capture(book):
    page = book.payment("order-1", 100)
    cancel, capture = book.call("cancel", "x-1", page), book.call("capture", "c-1", page, amount=100)
    number = page.ask("cancel", "x-1")
    book.refused(capture, "payment_unexpected_state", 409)
    page.done("cancel", number)
    book.ok(cancel, page)
    clean(book)


def test_a_declined_payment_and_one_captured_by_itself(book):
    declined = book.call("create", "order-1", amount=100, currency="eur")
    page = book.page("order-1", 100)
    page.done(AUTHORIZE, approved=False)
    book.ok(declined, page, status=201)
    automatic = book.call("create", "order-2", amount=100, currency="eur")
    other = book.page("order-2", 100, automatic=True)
    other.done(AUTHORIZE)
    other.done(CAPTURE, other.ask(CAPTURE, "", final=True))
    book.ok(automatic, other, status=201)
    clean(book)


def test_a_thousand_racing_refunds_are_explained_quickly(book):
    """Fifty at a time, half of them refused, with reads between, in an order the calls do not show."""
    page = book.payment("order-1", 50_000)
    book.capture(page, "c-1", 50_000)
    for batch in range(20):
        calls = [book.call("refund", f"r-{batch}-{n}", page, amount=100) for n in range(50)]
        reading = book.call("read", page=page)
        numbers = [(call, page.ask(REFUND, call.key, 100)) for call in reversed(calls[::2])]
        for n, (call, number) in enumerate(sorted(numbers, key=lambda each: each[1] % 7)):
            page.done(REFUND, number)
            book.ok(call, page, page.refund_shown(number), status=201)
            if n == 12:
                book.ok(reading, page)
        for call in calls[1::2]:
            if batch == 19:
                book.refused(call, "amount_exceeds_refundable")
            else:
                book.refused(call, "overloaded", 503)
    assert page.story.refunded == 50_000
    clean(book)


def test_the_search_finds_an_order_that_is_not_the_journals(book):
    """The journal is only a hint: two concurrent captures noted the other way round than a read saw them."""
    page = book.payment("order-1", 100)
    calls = [book.call("capture", f"c-{n}", page, amount=10 + n) for n in range(2)]
    numbers = [page.ask(CAPTURE, call.key, call.fields["amount"]) for call in calls]
    before = page.shown()
    page.done(CAPTURE, numbers[0])
    page.done(CAPTURE, numbers[1])
    book.ok(book.call("read", page=page), page, before | {"amount_captured": 11})
    for call in calls:
        book.ok(call, page)
    clean(book)


def test_the_book_refuses_to_write_what_is_illegal(book):
    """Or the legal histories above would prove nothing."""
    page = book.payment("order-1", 100)
    with pytest.raises(AssertionError, match="the test writes what is illegal"):
        page.ask(CAPTURE, "c-1", 101)
    assert isinstance(page, Page) and book.calls[-1].outcome != UNKNOWN
