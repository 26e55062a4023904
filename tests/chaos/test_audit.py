"""The audit proves itself before it may judge: of every kind of violation one is made by hand, in copies of the three sources, and has to be
found and named with its payment; histories that are odd and legal are not accused."""
import copy

import pytest

import places  # noqa: F401
from audit import Sources, audit
from book import Book, event
from evidence import EVENT, Record
from story import AUTHORIZE, CANCEL, CAPTURE, REFUND

EFFECTS = {AUTHORIZE: ("authorized", "declined"), CAPTURE: ("captured", "capture_failed"), REFUND: ("refunded", "refund_failed"),
           CANCEL: ("canceled", "declined")}


class Desk(Book):
    """Evidence that never happened, of two processors: payments are with Stripe and Adyen in turn."""

    def __init__(self):
        super().__init__()
        self.routes = {}      # payment -> processors
        self.more = {"stripe": [], "adyen": []}  # entries beside those that follow from the pages

    def page(self, key, amount, currency="eur", automatic=False, route=None):
        made = super().page(key, amount, currency, automatic)
        self.routes[made.id] = route or (["stripe", "adyen"] if made.number % 2 else ["adyen", "stripe"])
        created = next(record for record in self.logs[made.shard] if record.entity == made.id)
        created.event["created"]["handled"] = {"route": self.routes[made.id], "rule": "", "expiring": 0, "expiring_lead_ms": 0}
        return made

    def done_by(self, page, operation):
        """(entries, processor) of one operation of a page's ledger."""
        kind, _, number = operation["idempotency_key"].removeprefix(page.id + ":").partition(":")
        name, key = f"{kind}:{number or 1}", operation["idempotency_key"]
        processor = getattr(page, "processor", self.routes[page.id][0])
        good, bad = EFFECTS[kind]
        effects = [good if operation["outcome"] == "approved" else bad]
        if operation["failed_at_ms"] is not None:
            effects.append(bad)
        said = None if (processor, kind) == ("stripe", CANCEL) else name
        return processor, [call_entry(page.id, key, said)] + [
            effect_entry(page.id, key, said, kind, effect, operation["amount_minor"], page.currency) for effect in effects]

    def sources(self, outages=()):
        made = self.evidence()
        ledgers = copy.deepcopy(self.more)
        for page in self.pages:
            for operation in page.ledger.values():
                processor, entries = self.done_by(page, operation)
                ledgers[processor] += entries
            made.payments[page.id]["processor"] = made.reads[page.id]["processor"] = getattr(page, "processor", self.routes[page.id][0])
        for entries in ledgers.values():
            for number, entry in enumerate(entries, 1):
                entry["seq"] = number
        given = {name: getattr(made, name) for name in ("calls", "payments", "reads", "journal", "rows", "unrest", "replay")}
        return Sources(ledgers=ledgers, outages=outages, **given)


def call_entry(payment, key, name, fingerprint="h"):
    return {"seq": 0, "kind": "call", "at": "", "method": "POST", "path": "/", "key": key, "hash": fingerprint + key, "operation": key.split(":")[1],
            "payment": payment, "reference": name, "fate": "ok", "executed": True, "replayed": False, "status": 200, "request": "r"}


def effect_entry(payment, key, name, kind, effect, amount, currency, thing=None):
    return {"seq": 0, "kind": "effect", "at": "", "operation": kind, "effect": effect, "payment": payment, "reference": name, "amount": amount,
            "currency": currency, "object": thing or f"obj_{payment}", "operation_object": f"op_{key}", "key": key, "request": "r"}


@pytest.fixture
def desk():
    return Desk()


def life(desk):
    """A payment at each processor, with a bit of everything."""
    first = desk.payment("order-1", 1000)
    desk.capture(first, "c-1", 600)
    desk.refund(first, "r-1", 250)
    desk.restart()
    desk.capture(first, "c-2", 400)
    second = desk.payment("order-2", 7, "jpy")
    desk.capture(second, "c-1", 7)
    desk.refund(second, "r-1", 7)
    return first, second


def found(sources, about, *words):
    violations, _ = audit(sources)
    matching = [each for each in violations if about in each and all(word in each for word in words)]
    assert matching, violations
    return matching[0]


# ---- violations ------------------------------------------------------------------------------------------------------

def entries_of(sources, processor, payment, effect=None):
    return [entry for entry in sources.ledgers[processor]
            if entry["payment"] == payment and (entry["kind"] == "call" if effect is None else entry.get("effect") == effect)]


def append(sources, processor, entry, **changed):
    entry = copy.deepcopy(entry) | changed
    entry["seq"] = len(sources.ledgers[processor]) + 1
    sources.ledgers[processor].append(entry)


def again(sources, whose, what, at="stripe", **changed):
    append(sources, at, entries_of(sources, "stripe", whose, what)[0], **changed)


def remove(sources, processor, payment, effect):
    sources.ledgers[processor].remove(entries_of(sources, processor, payment, effect)[0])
    for number, entry in enumerate(sources.ledgers[processor], 1):
        entry["seq"] = number


def change(sources, payment, effect, **values):
    entries_of(sources, "stripe", payment, effect)[0].update(values)


def change_call(sources, payment, at, **values):
    entries_of(sources, "stripe", payment)[at].update(values)


def records_of(sources, payment):
    return [record for record in sources.journal if record.entity == payment]


def add_event(sources, payment, what, **body):
    last = records_of(sources, payment)[-1]
    log = [record for record in sources.journal if record.shard == last.shard]
    sources.journal.insert(sources.journal.index(log[-1]) + 1, Record(
        last.shard, log[-1].offset + 1, log[-1].epoch, EVENT, payment, last.sequence + 1, last.at_ms + 10, event(what, **body)))
    sources.rows[payment].version += 1


def drop_last(sources, payment):
    """The outcome of its last operation is not journaled, as if the processor's answer had never been taken."""
    last = records_of(sources, payment)[-1]
    sources.journal.remove(last)
    for record in sources.journal:
        if record.shard == last.shard and record.offset > last.offset:
            record.offset -= 1
    sources.rows[payment].version -= 1


SPOILED = {
    # money
    "charged twice at one processor": (
        lambda s, p: again(s, p, "authorized", object="obj_other"), ["charged 2 times", "obj_other at stripe"]),
    "charged at both processors": (
        lambda s, p: again(s, p, "authorized", at="adyen", object="psp"), ["charged 2 times", "psp at adyen"]),
    "the same authorization twice": (lambda s, p: again(s, p, "authorized"), ["authorized a second time at stripe"]),
    "a capture executed twice": (lambda s, p: again(s, p, "captured"), ["capture:1 was executed 2 times at stripe, 1200 eur"]),
    "a refund executed twice": (lambda s, p: again(s, p, "refunded"), ["refund:1 was executed 2 times at stripe, 500 eur"]),
    "a charge that the ledger lacks": (lambda s, p: remove(s, "stripe", p, "authorized"), ["without an authorization"]),
    "a capture that the ledger lacks": (lambda s, p: remove(s, "stripe", p, "captured"), ["capture 1", "the ledger says nothing"]),
    "a refund that the ledger lacks": (lambda s, p: remove(s, "stripe", p, "refunded"), ["refund 1", "the ledger says nothing"]),
    "a capture of another amount": (lambda s, p: change(s, p, "captured", amount=601), ["600 succeeded", "approved 601 eur"]),
    "a refund of another amount": (lambda s, p: change(s, p, "refunded", amount=251), ["250 succeeded", "approved 251 eur"]),
    "an authorization of another amount": (lambda s, p: change(s, p, "authorized", amount=999), ["1000 succeeded", "approved 999 eur"]),
    "another currency": (lambda s, p: change(s, p, "captured", currency="usd"), ["approved 600 usd"]),
    "a capture that nobody asked for": (
        lambda s, p: again(s, p, "captured", reference="capture:3", key=f"{p}:capture:3"), [":capture:3, which the journal does not know"]),
    "a capture that failed and is held as captured": (
        lambda s, p: again(s, p, "captured", effect="capture_failed"), ["capture 1", "failed later"]),
    "a refund that bounced and is held as refunded": (
        lambda s, p: again(s, p, "refunded", effect="refund_reversed"), ["refund 1", "failed later"]),
    "money of a payment that nobody knows": (
        lambda s, p: again(s, p, "authorized", payment="pay_unknown", object="x"), ["that nobody knows"]),
    "money of no payment at all": (lambda s, p: again(s, p, "authorized", payment=None, object="x"), ["of no payment of ours"]),
    "the amount of a capture in the API": (
        lambda s, p: s.payments[p]["captures"][0].update(amount=599), ["the API's captures are not the journal's"]),
    "the sum in the API": (lambda s, p: s.payments[p].update(amount_refunded=249), ["the API's sums are not the journal's"]),
    "the processor in the API": (lambda s, p: (s.payments[p].update(processor="adyen"), s.reads.pop(p)), ["the API names the processor 'adyen'"]),
    "a payment that the API does not show": (lambda s, p: s.payments.pop(p), ["not in the API's list"]),
    "the amount in the row": (lambda s, p: setattr(s.rows[p], "amount", 1001), ["listed as 1001 eur"]),
    "the sum in the stored state": (lambda s, p: s.rows[p].state["operations"][1].update(amount_minor=601), ["replay and the stored state differ"]),
    # keys
    "a second key for one operation": (
        lambda s, p: append(s, "stripe", entries_of(s, "stripe", p)[1], key=f"{p}:capture:2", hash="other"), ["capture:1 was asked for under 2 keys"]),
    "a key of nobody's operation": (
        lambda s, p: change_call(s, p, 1, key=f"{p}:capture:9"), ["is of no operation of the journal"]),
    "a key of another kind": (lambda s, p: change_call(s, p, 0, key="something"), ["'something' is of no operation of the journal"]),
    "no key": (lambda s, p: change_call(s, p, 0, key=None), ["without an idempotency key"]),
    "one key for two requests": (
        lambda s, p: append(s, "stripe", entries_of(s, "stripe", p)[1], hash="other"), ["came with 2 different requests"]),
    "one key at two processors": (
        lambda s, p: append(s, "adyen", entries_of(s, "stripe", p)[0]), ["was used at adyen and stripe"]),
    "an operation at the wrong processor": (
        lambda s, p: (append(s, "adyen", entries_of(s, "stripe", p, "refunded")[0]), remove(s, "stripe", p, "refunded")),
        ["at adyen"]),
    # the journal
    "a gap in the journal": (lambda s, p: s.journal.remove(records_of(s, p)[3]), ["a gap in its history"]),
    "a payment that is not journaled": (lambda s, p: [s.journal.remove(r) for r in records_of(s, p)], ["a row and no history"]),
    "an event that cannot be read": (lambda s, p: setattr(records_of(s, p)[-1], "event", "cannot be read"), ["cannot be read"]),
    "more captured than authorized": (
        lambda s, p: add_event(s, p, "capture_requested", number=3, idempotency_key="c-3", asked_minor=1, amount_minor=1),
        ["illegal in the journal", "capture of 1 where 0"]),
    "what `novapay verify` finds": (lambda s, p: s.replay.append(f"{p}: state differs"), ["replay: "]),
    # what waits
    "an operation that waits for ever": (drop_last, ["it waits, and stripe can be asked"]),
    "a payment that is processing": (
        lambda s, p: (s.payments[p].update(status="processing", processing_reason="processor_timeout"), setattr(s.rows[p], "status", "processing"),
                      s.reads.pop(p)), ["the API shows it as processing (processor_timeout)"]),
    "a payment that is still looked at": (lambda s, p: s.unrest.append((p, "still processing")), ["still processing"]),
    # what clients were told
    "an acknowledged payment that is lost": (
        lambda s, p: ([s.journal.remove(r) for r in records_of(s, p)], s.rows.pop(p), s.payments.pop(p), s.reads.pop(p)), ["acknowledged and lost"]),
    "a refund acknowledged with another amount": (
        lambda s, p: call_of(s, p, "r-1").answer.update(amount=251), ["acknowledged as ref_"]),
    "one key with two answers": (lambda s, p: repeated(s, p, "c-1", body="other"), ["two answers to one key"]),
    "a refused call that was done": (lambda s, p: refused(s, p, "r-1"), ["refused, yet it was done"]),
}


def call_of(sources, payment, key):
    return next(call for call in sources.calls if call.payment == payment and call.key == key)


def repeated(sources, payment, key, **changed):
    made = copy.deepcopy(call_of(sources, payment, key))
    made.replayed, made.invoked, made.ended = True, made.ended + 5, made.ended + 6
    for name, value in changed.items():
        setattr(made, name, value)
    sources.calls.append(made)


def refused(sources, payment, key):
    call = call_of(sources, payment, key)
    call.outcome, call.answer, call.body, call.status, call.code = "refused", None, None, 422, "amount_exceeds_refundable"


def test_the_life_itself_is_clean(desk):
    life(desk)
    violations, figures = audit(desk.sources())
    assert violations == []
    assert figures["stripe"].startswith("4 calls, 0 misbehaved; 1 authorized, 0 declined, 2 captured, 1 refunded"), figures
    assert figures["jpy captured, refunded"] == "7, 7", figures


@pytest.mark.parametrize("name", SPOILED)
def test_is_found(desk, name):
    first, second = life(desk)
    sources = desk.sources()
    spoil, words = SPOILED[name]
    spoil(sources, first.id)
    about = {"money of a payment that nobody knows": "pay_unknown", "money of no payment at all": "stripe"}.get(name, first.id)
    found(sources, about, *words)
    assert not [v for v in audit(sources)[0] if v.startswith(second.id)], "the other payment is innocent"


def test_a_gap_in_a_ledger_is_found(desk):
    life(desk)
    sources = desk.sources()
    del sources.ledgers["adyen"][1]
    found(sources, "adyen", "its ledger has a gap: entry 3 where 2 was next")


def test_totals_that_differ_are_found(desk):
    first, _ = life(desk)
    sources = desk.sources()
    change(sources, first.id, "refunded", amount=251)
    said = found(sources, "eur in total", "the journal and the ledger differ")
    assert "refunded 251" in said and not any(v.startswith("jpy") for v in audit(sources)[0])


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_hold_of_a_payment_that_is_over_is_found(desk, end):
    page = desk.page("order-1", 500, route=["stripe", "adyen"])
    call = desk.call("create", "order-1", amount=500, currency="eur")
    if end == "failed":
        page.done(AUTHORIZE, approved=False)
    else:
        page.done(AUTHORIZE)
        desk.ok(call, page, status=201)
        call = desk.call("cancel", "x-1", page)
        page.done(CANCEL, page.ask(CANCEL, "x-1"))
    desk.ok(call, page, status=201 if end == "failed" else 200)
    sources = desk.sources()
    assert audit(sources)[0] == []
    name = "authorized" if end == "canceled" else "declined"
    append(sources, "adyen", entries_of(sources, "stripe", page.id, name)[0], effect="authorized", object="psp")
    found(sources, page.id, f"it is {end}, and yet its customer is charged: psp at adyen")


def test_a_cancel_that_the_processor_never_did_is_found(desk):
    page = desk.payment("order-1", 500)
    call = desk.call("cancel", "x-1", page)
    page.done(CANCEL, page.ask(CANCEL, "x-1"))
    desk.ok(call, page)
    sources = desk.sources()
    assert audit(sources)[0] == []
    remove(sources, "stripe", page.id, "canceled")
    found(sources, page.id, "it is canceled, and yet its customer is charged")


# ---- unknown outcomes --------------------------------------------------------------------------------------------------

def doubted(desk, seconds, route=("stripe", "adyen")):
    """A payment whose authorization was unknown for so long."""
    call = desk.call("create", f"order-{len(desk.pages)}", amount=500, currency="eur")
    page = desk.page(call.key, 500, route=list(route))
    page.execute(AUTHORIZE)
    page.doubt(AUTHORIZE)
    begun = desk.now
    desk.now += seconds
    page.hear(AUTHORIZE)
    desk.ok(call, page, status=201)
    page.processor = route[0]
    return int(begun * 1000), int(desk.now * 1000)


def test_unknowns_that_end_late_are_found(desk):
    for _ in range(99):
        doubted(desk, 5)
    doubted(desk, 31)
    violations, figures = audit(desk.sources())
    assert [v for v in violations if v.startswith("unknowns: of 100 one in a hundred took 31.")], violations
    assert figures["unknowns"].startswith("100, resolved in p50 5."), figures


def test_unknowns_are_timed_from_when_their_processor_can_be_asked(desk):
    begun, ended = doubted(desk, 70)
    assert audit(desk.sources([("stripe", begun - 500, ended - 9_000)]))[0] == []
    assert audit(desk.sources([("stripe", begun - 500, ended - 31_000)]))[0] != []
    assert audit(desk.sources([("adyen", begun - 500, ended - 9_000)]))[0] != [], "the other's outage is no excuse"
    assert audit(desk.sources([("stripe", begun - 60_000, begun - 1_000)]))[0] != [], "nor is an earlier one"


def test_an_unknown_that_never_ends_is_found(desk):
    call = desk.call("create", "order-1", amount=500, currency="eur")
    page = desk.page("order-1", 500)
    page.execute(AUTHORIZE)
    page.doubt(AUTHORIZE)
    desk.unknown(call)
    found(desk.sources(), page.id, "authorize 1", "it waits, and stripe can be asked")


# ---- odd and legal -----------------------------------------------------------------------------------------------------

def test_a_rerouted_payment_is_the_second_processors(desk):
    """The first is sure to have done nothing: its call stands in its ledger, no effect does."""
    call = desk.call("create", "order-1", amount=500, currency="eur")
    page = desk.page("order-1", 500, route=["stripe", "adyen"])
    page.happen("rerouted", **{"from": {"kind": 1, "number": 1}}, reason="circuit_open", number=2, processor="adyen")
    page.processor = "adyen"
    key = f"{page.id}:authorize:2"
    page.ledger[key] = {"idempotency_key": key, "payment": page.id, "kind": AUTHORIZE, "amount_minor": 500, "currency": "eur",
                        "outcome": "approved", "failed_at_ms": None}
    page.happen("authorized", by={"kind": 1, "number": 2}, reference="psp", expires_at_ms=1)
    desk.more["stripe"].append(call_entry(page.id, f"{page.id}:authorize", "authorize:1"))
    desk.ok(call, page, status=201)
    violations, figures = audit(desk.sources())
    assert violations == [] and figures["rerouted"] == 1, violations
    sources = desk.sources()
    append(sources, "stripe", effect_entry(page.id, f"{page.id}:authorize", "authorize:1", AUTHORIZE, "authorized", 500, "eur", "pi"))
    found(sources, page.id, "charged 2 times", "pi at stripe", "at adyen")


def test_repetitions_under_one_key_are_one(desk):
    first, _ = life(desk)
    sources = desk.sources()
    for entry in entries_of(sources, "stripe", first.id):
        append(sources, "stripe", entry, replayed=True, fate="reset", status=None)
    assert audit(sources)[0] == []


def test_a_capture_that_failed_late_on_all_sides_is_clean(desk):
    page = desk.payment("order-1", 500)
    desk.capture(page, "c-1", 500)
    page.fail_late(CAPTURE, 1)
    assert audit(desk.sources())[0] == []


def test_a_word_that_the_processor_takes_back_is_its_own(desk):
    """A webhook says that a capture and a refund have failed, the next that they have not. Clients were told both."""
    page = desk.payment("order-1", 500)
    capture = desk.call("capture", "c-1", page, amount=500)
    page.ask(CAPTURE, "c-1", 500)
    page.hear(CAPTURE, 1, approved=False)
    desk.ok(capture, page)
    page.done(CAPTURE, 1)
    refund = desk.call("refund", "r-1", page, amount=200)
    page.ask(REFUND, "r-1", 200)
    page.hear(REFUND, 1, approved=False)
    desk.ok(refund, page, page.refund_shown(1), status=201)
    page.done(REFUND, 1)
    violations, figures = audit(desk.sources())
    assert violations == [] and figures["told failed, then done"] == 2, violations


def test_a_failure_told_to_a_client_alone_is_found(desk):
    page = desk.payment("order-1", 500)
    desk.capture(page, "c-1", 500)
    sources = desk.sources()
    call_of(sources, page.id, "c-1").answer.update(captures="f", amount_captured=0)
    found(sources, page.id, "shown as 'f'")
