"""The checker proves itself before it may judge: violations made by hand, of every kind, each found and named with its payment.
The other half is test_checker_order.py."""
import copy

import pytest

from book import Book, event
from checker import judge
from evidence import EVENT, Record
from story import AUTHORIZE, REFUND


@pytest.fixture
def book():
    return Book()


def life(book):
    """Two payments in two currencies with a bit of everything: what most violations are made from."""
    first = book.payment("order-1", 1000)
    book.capture(first, "c-1", 600)
    book.refund(first, "r-1", 250)
    book.restart()
    book.capture(first, "c-2", 400)
    book.read(first)
    second = book.payment("order-2", 7, "jpy")
    book.capture(second, "c-1", 7)
    book.refund(second, "r-1", 7)
    return first, second


def found(evidence, payment, *words):
    """Some violation names the payment and says all of this; gives it."""
    violations = judge(evidence)
    matching = [v for v in violations if payment in v and all(word in v for word in words)]
    assert matching, violations
    if payment.startswith("pay_") and matching[0].startswith(payment):
        assert all(side in matching[0] for side in ("clients:", "api:", "journal:", "row:", "ledger:")), matching[0]
    return matching[0]


# ---- violations --------------------------------------------------------------------------------------------------

def call_of(evidence, payment, key):
    return next(call for call in evidence.calls if call.payment == payment and call.key == key)


def events_of(evidence, payment):
    return [record for record in evidence.journal if record.entity == payment]


def drop_event(evidence, payment, what):
    """From the journal, with everything after it in its log moved up: no gap remains."""
    lost = next(r for r in events_of(evidence, payment) if r.event["what"] == what)
    evidence.journal.remove(lost)
    for record in evidence.journal:
        if record.shard == lost.shard and record.offset > lost.offset:
            record.offset -= 1
        if record.entity == payment and record.sequence > lost.sequence:
            record.sequence -= 1


def lose_payment(evidence, payment):
    for record in events_of(evidence, payment):
        evidence.journal.remove(record)
    for shard in (0, 1):
        for offset, record in enumerate(r for r in evidence.journal if r.shard == shard):
            record.offset = offset
    del evidence.rows[payment], evidence.payments[payment], evidence.reads[payment]


def lose_refund(evidence, payment):
    drop_event(evidence, payment, "refunded")
    drop_event(evidence, payment, "refund_requested")


def set_ledger(evidence, key, **values):
    entry = next(e for e in evidence.operations if e["idempotency_key"] == key)
    entry |= values


def more_in_ledger(evidence, payment, kind, number, amount):
    evidence.operations.append({"idempotency_key": f"{payment}:{kind}:{number}", "payment": payment, "kind": kind,
                                "amount_minor": amount, "currency": "eur", "outcome": "approved", "failed_at_ms": None})


def change_answer(evidence, payment, key, **values):
    call_of(evidence, payment, key).answer |= values


def add_event(evidence, payment, what, **body):
    last, log = events_of(evidence, payment)[-1], [r for r in evidence.journal if r.shard == events_of(evidence, payment)[-1].shard]
    evidence.journal.insert(evidence.journal.index(log[-1]) + 1, Record(
        last.shard, log[-1].offset + 1, log[-1].epoch, EVENT, payment, last.sequence + 1, last.at_ms, event(what, **body)))
    evidence.rows[payment].version += 1


def swap_events(evidence, payment, one, other):
    a = next(r for r in events_of(evidence, payment) if r.event["what"] == one)
    b = next(r for r in events_of(evidence, payment) if r.event["what"] == other)
    a.event, b.event = b.event, a.event


# name: (what is done to the evidence of `life` and its first payment, what the violation says)
SPOILED = {
    "an acknowledged payment is lost": (lose_payment, ["acknowledged and lost"]),
    "an acknowledged refund is lost": (lose_refund, ["acknowledged and lost: refund of 250"]),
    "a refund is lost everywhere but in the ledger": (
        lambda e, p: (lose_refund(e, p), e.payments[p].update(amount_refunded=0, refunds=[]), e.rows[p].state["operations"].pop(-2)),
        ["which the journal does not know"]),
    "an acknowledged refund has another amount": (lambda e, p: change_answer(e, p, "r-1", amount=251), ["acknowledged as ref_"]),
    "an acknowledged refund has another number": (
        lambda e, p: change_answer(e, p, "r-1", id=f"ref_{p[4:]}_2"), ["acknowledged as ref_", "_2"]),
    "an acknowledged capture was for another amount": (
        lambda e, p: call_of(e, p, "c-1").fields.update(amount=601), ["acknowledged with another amount"]),
    "an acknowledged capture is failed now": (
        lambda e, p: swap_outcome(e, p, "captured", "capture_failed"), ["shown as 's'"]),
    "the amount of a payment was changed": (
        lambda e, p: call_of(e, p, "order-1").fields.update(amount=999), ["sent as 999", "stored as 1000"]),
    "the currency of a payment was changed": (
        lambda e, p: call_of(e, p, "order-1").fields.update(currency="usd"), ["sent as 'usd'", "stored as 'eur'"]),
    "an answer showed another amount": (lambda e, p: change_answer(e, p, "c-1", amount=900), ["shown with another amount"]),
    "an answer showed a capture that is nowhere": (
        lambda e, p: change_answer(e, p, "c-2", captures="sss"), ["capture 3 was shown and is lost"]),
    "a refused call was done": (lambda e, p: refuse(e, p, "r-1"), ["refused, yet it was done"]),
    "a refused creation was done": (lambda e, p: refuse(e, p, "order-1"), ["refused, yet it was done"]),
    "somebody refunds whom nobody asked": (
        lambda e, p: e.calls.remove(call_of(e, p, "r-1")), ["refund 1 key 'r-1'", "no client asked for it"]),
    "a payment that nobody asked for": (
        lambda e, p: [e.calls.remove(c) for c in list(e.calls) if c.payment == p], ["no client asked for it", "order-1"]),
    "one key has two answers": (lambda e, p: repeat(e, p, "c-1", body="other"), ["two answers to one key"]),
    "one key has two statuses": (lambda e, p: repeat(e, p, "c-1", status=202), ["two answers to one key"]),
    "one key is the first twice": (lambda e, p: repeat(e, p, "c-1", replayed=False), ["each told to be the first"]),
    "one key is two operations": (lambda e, p: repeat(e, p, "c-1", operation="cancel"), ["one key for two operations"]),
    "the API shows less refunded": (lambda e, p: e.payments[p].update(amount_refunded=249), ["the API's sums are not the journal's"]),
    "the API shows another capture": (
        lambda e, p: e.payments[p]["captures"][0].update(amount=599), ["the API's captures are not the journal's"]),
    "the API's list and its read differ": (
        lambda e, p: e.reads.update({p: e.payments[p] | {"status": "authorized"}}), ["differ in status"]),
    "the API does not list it": (lambda e, p: e.payments.pop(p), ["not in the API's list"]),
    "the list's status is another": (lambda e, p: setattr(e.rows[p], "status", "authorized"), ["listed as authorized"]),
    "the row lists another amount": (lambda e, p: setattr(e.rows[p], "amount", 1001), ["listed as 1001 eur"]),
    "the row lists another currency": (lambda e, p: setattr(e.rows[p], "unit", "usd"), ["listed as 1000 usd"]),
    "the state has another refund": (
        lambda e, p: e.rows[p].state["operations"][2].update(amount_minor=251), ["replay and the stored state differ"]),
    "the state cannot be read": (lambda e, p: setattr(e.rows[p], "state", "cannot be read: cut off"), ["cannot be read"]),
    "the row is gone": (lambda e, p: e.rows.pop(p), ["a history and no row"]),
    "the row is old": (lambda e, p: setattr(e.rows[p], "version", 3), ["its row is version 3"]),
    "the history is gone": (
        lambda e, p: [e.journal.remove(r) for r in events_of(e, p)], ["a row and no history"]),
    "the ledger captured more": (lambda e, p: set_ledger(e, f"{p}:capture:1", amount_minor=601), ["600 succeeded", "approved 601 eur"]),
    "the ledger is in another currency": (lambda e, p: set_ledger(e, f"{p}:refund:1", currency="usd"), ["approved 250 usd"]),
    "the ledger declined what we call refunded": (
        lambda e, p: set_ledger(e, f"{p}:refund:1", outcome="declined"), ["refund 1", "declined 250"]),
    "the ledger never executed what we call captured": (
        lambda e, p: set_ledger(e, f"{p}:capture:2", outcome=None), ["capture 2", "never executed"]),
    "the ledger took a capture back that we hold": (
        lambda e, p: set_ledger(e, f"{p}:capture:1", failed_at_ms=5), ["capture 1", "failed later"]),
    "the ledger refunded a second time": (
        lambda e, p: more_in_ledger(e, p, REFUND, 2, 250), [":refund:2, which the journal does not know"]),
    "the ledger charged twice": (lambda e, p: e.sums[p].update(charges=2), ["charged 2 times"]),
    "the ledger's sums are others": (lambda e, p: e.sums[p].update(refunded_minor=500), ["the ledger's sums are not the journal's"]),
    "the sandbox found it strange": (lambda e, p: e.anomalies.append({"payment": p, "what": "over_refund", "detail": "250 + 900 of 1000"}),
                                     ["over_refund"]),
    "more is refunded than captured": (
        lambda e, p: add_event(e, p, "refund_requested", number=2, idempotency_key="r-2", asked_minor=751, amount_minor=751),
        ["illegal in the journal", "751 where 750"]),
    "more is captured than authorized": (
        lambda e, p: add_event(e, p, "capture_requested", number=3, idempotency_key="c-3", asked_minor=1, amount_minor=1),
        ["illegal in the journal", "capture of 1 where 0"]),
    "for an instant more was refunded than captured": (
        lambda e, p: swap_events(e, p, "refund_requested", "captured"), ["illegal in the journal"]),
    "one key makes two operations": (
        lambda e, p: add_event(e, p, "refund_requested", number=2, idempotency_key="r-1", asked_minor=5, amount_minor=5),
        ["illegal in the journal", "second operation"]),
    "one operation ends twice": (lambda e, p: add_event(e, p, "refunded", number=1), ["illegal in the journal", "refunded, but refund 1"]),
    "an outcome of what was never asked": (lambda e, p: add_event(e, p, "refunded", number=9), ["never asked for"]),
    "the history has a gap": (lambda e, p: e.journal.remove(events_of(e, p)[3]), ["a gap in its history"]),
    "the history forks": (lambda e, p: setattr(events_of(e, p)[3], "sequence", 3), ["a fork in its history"]),
    "the history lies in two shards": (lambda e, p: setattr(events_of(e, p)[-1], "shard", 7), ["lies in the shards [1, 7]"]),
    "an event cannot be read": (lambda e, p: setattr(events_of(e, p)[-1], "event", "cannot be read: cut off"), ["cannot be read"]),
    "it waits for ever": (lambda e, p: e.unrest.append((p, "still processing")), ["still processing"]),
    "its replay gives another state": (lambda e, p: e.replay.append(f"{p}: state differs"), ["replay: "]),
}


def refuse(evidence, payment, key):
    call = call_of(evidence, payment, key)
    call.outcome, call.answer, call.body, call.status, call.code = "refused", None, None, 503, "unavailable"


def repeat(evidence, payment, key, **changed):
    again = copy.deepcopy(call_of(evidence, payment, key))
    again.replayed, again.invoked, again.ended = True, again.ended + 5, again.ended + 6
    for name, value in changed.items():
        setattr(again, name, value)
    evidence.calls.append(again)


def swap_outcome(evidence, payment, what, instead):
    record = [r for r in events_of(evidence, payment) if r.event["what"] == what][-1]
    record.event = event(instead, number=record.event[what]["number"])


def test_the_life_itself_is_clean(book):
    life(book)
    assert judge(book.evidence()) == []


@pytest.mark.parametrize("name", SPOILED)
def test_is_found(book, name):
    first, second = life(book)
    evidence = book.evidence()
    spoil, words = SPOILED[name]
    spoil(evidence, first.id)
    found(evidence, first.id, *words)
    assert not [v for v in judge(evidence) if v.startswith(second.id)], "the other payment is innocent"


@pytest.mark.parametrize("change, words", [
    (lambda r: setattr(r, "offset", r.offset + 1), ["a gap in the log"]),
    (lambda r: setattr(r, "offset", r.offset - 1), ["a fork in the log"]),
    (lambda r: setattr(r, "epoch", r.epoch + 1), ["written under epoch"])])
def test_a_log_that_is_not_one_is_found(book, change, words):
    first, _ = life(book)
    evidence = book.evidence()
    change(events_of(evidence, first.id)[-1])
    found(evidence, "shard 1", *words)


def test_an_append_under_an_older_claim_is_found(book):
    first, _ = life(book)
    evidence = book.evidence()
    after = [r for r in events_of(evidence, first.id) if r.epoch > 0][0]
    after.epoch = 0
    found(evidence, "shard 1", "written under epoch 0, but the latest claim is")


def test_a_claim_that_names_another_offset_is_found(book):
    life(book)
    evidence = book.evidence()
    [r for r in evidence.journal if r.type != EVENT][-1].epoch += 1
    found(evidence, "shard", "a claim with epoch")


def test_one_creation_key_that_charges_twice_is_found(book):
    call = book.call("create", "order-1", amount=500, currency="eur")
    book.unknown(call)
    one, again = book.page("order-1", 500), book.call("create", "order-1", amount=500, currency="eur")
    one.done(AUTHORIZE)
    two = book.page("order-1", 500)
    two.done(AUTHORIZE)
    book.ok(again, two, status=201)
    violation = found(book.evidence(), one.id, "key 'order-1'", two.id, "charged 2 times")
    assert violation.startswith("key ")


def test_one_creation_key_acknowledged_as_two_payments_is_found(book):
    one = book.payment("order-1", 500)
    two = book.payment("order-1", 500)
    found(book.evidence(), one.id, two.id, "acknowledged as the payments")


def test_money_moved_for_a_payment_nobody_knows_is_found(book):
    life(book)
    evidence = book.evidence()
    more_in_ledger(evidence, "pay_unknown", AUTHORIZE, 1, 100)
    found(evidence, "pay_unknown", "that nobody knows")
    found(evidence, "eur in total", "the journal and the ledger differ")


def test_totals_that_differ_only_together_are_found(book):
    """A minor unit, in one currency of two."""
    life(book)
    evidence = book.evidence()
    next(e for e in evidence.operations if e["kind"] == REFUND and e["currency"] == "jpy")["amount_minor"] += 1
    said = found(evidence, "jpy in total", "ledger: authorized 7, captured 7, refunded 8")
    assert not any(v.startswith("eur") for v in judge(evidence)), said
