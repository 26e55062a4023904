"""book: evidence that never happened. Writes the histories, journals, rows, answers and ledgers that a test of the checker needs,
step by step on a clock of its own, all sides in agreement; the test then spoils one of them."""
import copy
import hashlib
import itertools
import json

import wire
from evidence import CLAIM, EVENT, Evidence, Record, Row
from history import OK, REFUSED, STATUS_LETTER, UNKNOWN, Call
from story import AUTHORIZE, CAPTURE, KINDS, REFUND, Story

MERCHANT = "mrc_demo/test"
NUMBERS = {name: number for number, name in KINDS.items()}
DONE = {AUTHORIZE: "authorized", CAPTURE: "captured", REFUND: "refunded", "cancel": "canceled"}
FAILED = {AUTHORIZE: "declined", CAPTURE: "capture_failed", REFUND: "refund_failed", "cancel": "cancel_failed"}
SHARDS = 2


def event(what, **body):
    kind = next(kind for name, kind, _ in wire.messages()["PaymentEvent"].values() if name == what)
    return {"format": 1, "what": what, what: dict(wire.defaults(kind)) | body}


class Page:
    """One payment. `ask` and `done` are what its journal and processor do, `Book.call` and what follows are its clients."""

    def __init__(self, book, number, key, amount, currency="eur", automatic=False):
        self.book, self.number, self.shard = book, number, number % SHARDS
        self.id = f"pay_{wire.entity_text(number.to_bytes(16, 'big'))}"
        self.currency, self.story, self.ledger = currency, Story(), {}
        code = next(code for code, name in wire.currencies().items() if name == currency)
        self.happen("created", agreed=dict(wire.defaults("Terms")) | {
            "id": self.id, "merchant": "mrc_demo", "mode": 1, "idempotency_key": key, "amount_minor": amount, "currency": code,
            "capture_method": 1 if automatic else 2, "token": "tok_visa"})

    def happen(self, what, **body):
        made = event(what, **body)
        objection = self.story.objection(made)
        assert objection is None, f"the test writes what is illegal: {objection}"
        self.story.apply(made)
        log = self.book.logs[self.shard]
        log.append(Record(self.shard, len(log), log[-1].epoch, EVENT, self.id, self.story.version, self.book.at_ms(), made))

    def ask(self, kind, key, amount=None, final=False):
        """Gives the operation's number."""
        number = len(self.story.of(kind)) + 1
        if kind == "cancel":
            self.happen("cancel_requested", number=number, idempotency_key=key)
        else:
            left = self.story.capturable if kind == CAPTURE else self.story.refundable
            self.happen(f"{kind}_requested", number=number, idempotency_key=key, asked_minor=amount,
                        amount_minor=left if amount is None else amount, **({"final": True} if final else {}))
        return number

    def execute(self, kind, number=1, approved=True):
        """The processor does it, whether or not anybody hears of it."""
        key = self.id + f":{kind}" + ("" if kind == AUTHORIZE else f":{number}")
        operation = self.story.operations[kind, number]
        self.ledger[key] = {"idempotency_key": key, "payment": self.id, "kind": kind, "amount_minor": operation.amount or self.story.amount,
                            "currency": self.currency, "outcome": "approved" if approved else "declined", "failed_at_ms": None}

    def done(self, kind, number=1, approved=True):
        self.execute(kind, number, approved)
        self.hear(kind, number, approved)

    def hear(self, kind, number=1, approved=True, **body):
        """The outcome is journaled."""
        which = {"by": {"kind": NUMBERS[kind], "number": number}} if kind == AUTHORIZE else {"number": number}
        self.happen((DONE if approved else FAILED)[kind], **which, **body)

    def fail_late(self, kind, number):
        self.ledger[f"{self.id}:{kind}:{number}"]["failed_at_ms"] = self.book.at_ms()
        self.hear(kind, number, approved=False, late=True)

    def doubt(self, kind, number=1):
        self.happen("in_doubt", about={"kind": NUMBERS[kind], "number": number}, reason="processor_timeout")

    # ---- what the sides say of it ---------------------------------------------------------------------------------

    def status(self):
        if self.story.stage != "authorized" or not self.story.captured:
            return self.story.stage
        return "partially_captured" if self.story.capturable or self.story.pending[CAPTURE] else "captured"

    def json(self):
        def records(kind):
            return [{"amount": o.amount, "status": o.progress} for o in self.story.of(kind)]
        return {"id": self.id, "object": "payment", "status": self.status(), "amount": self.story.amount, "currency": self.currency,
                "amount_captured": self.story.captured, "amount_refunded": self.story.refunded,
                "amount_capturable": self.story.capturable, "reference": None, "captures": records(CAPTURE), "refunds": records(REFUND)}

    def shown(self):
        """As history.digest keeps it."""
        return self.json() | {kind + "s": "".join(STATUS_LETTER[o.progress] for o in self.story.of(kind)) for kind in (CAPTURE, REFUND)}

    def refund_shown(self, number):
        operation = self.story.operations[REFUND, number]
        return {"id": f"ref_{self.id[4:]}_{number}", "object": "refund", "payment": self.id, "amount": operation.amount,
                "currency": self.currency, "status": operation.progress}

    def row(self):
        progress = {"pending": 1, "needs_action": 4, "succeeded": 5, "failed": 6}
        state = {"operations": [{"id": {"kind": NUMBERS[o.kind], "number": o.number}, "amount_minor": o.amount,
                                 "progress": progress[o.progress]} for o in self.story.operations.values()]}
        return Row(self.id, self.shard, self.story.version, MERCHANT, self.status(), self.currency, self.story.amount, state)

    def sums(self):
        counts = [e for e in self.ledger.values() if e["outcome"] == "approved" and e["failed_at_ms"] is None]
        total = {kind: sum(e["amount_minor"] for e in counts if e["kind"] == kind) for kind in DONE}
        times = {kind: sum(e["kind"] == kind for e in counts) for kind in DONE}
        return {"payment": self.id, "currency": self.currency, "authorized_minor": total[AUTHORIZE], "captured_minor": total[CAPTURE],
                "refunded_minor": total[REFUND], "charges": times[AUTHORIZE], "cancels": times["cancel"]}


class Book:
    def __init__(self):
        self.now = 100.0
        self.names = itertools.count(1)
        self.pages, self.calls = [], []
        self.logs = {shard: [Record(shard, 0, 0, CLAIM, "", 0, 0)] for shard in range(SHARDS)}

    def tick(self):
        self.now += 0.01
        return self.now

    def at_ms(self):
        return int(self.tick() * 1000)

    def call(self, operation, key=None, page=None, **fields):
        made = Call(f"t-{next(self.names)}", operation, self.tick(), page.id if page else None, key,
                    MERCHANT if key else "", fields)
        self.calls.append(made)
        return made

    def ok(self, call, page, answer=None, status=200, replayed=False):
        call.ended, call.outcome, call.status, call.replayed = self.tick(), OK, status, replayed
        call.answer = copy.deepcopy(answer or page.shown())
        call.payment, call.body = page.id, hashlib.sha256(json.dumps(call.answer).encode()).hexdigest()[:16]

    def refused(self, call, code, status=422):
        call.ended, call.outcome, call.status, call.code = self.tick(), REFUSED, status, code

    def unknown(self, call):
        call.ended, call.outcome, call.detail = self.tick(), UNKNOWN, "ConnectionResetError()"

    def restart(self):
        """A new owner claims every shard."""
        for shard, log in self.logs.items():
            log.append(Record(shard, len(log), len(log), CLAIM, "", 0, self.at_ms()))

    # ---- whole calls ------------------------------------------------------------------------------------------------

    def page(self, key, amount, currency="eur", automatic=False):
        """A payment as its store and processor make it; no client has heard of it."""
        made = Page(self, len(self.pages) + 1, key, amount, currency, automatic)
        self.pages.append(made)
        return made

    def payment(self, key, amount, currency="eur"):
        """Created, authorized and acknowledged."""
        call = self.call("create", key, amount=amount, currency=currency)
        made = self.page(key, amount, currency)
        made.done(AUTHORIZE)
        self.ok(call, made, status=201)
        return made

    def capture(self, page, key, amount):
        call = self.call("capture", key, page, amount=amount)
        page.done(CAPTURE, page.ask(CAPTURE, key, amount))
        self.ok(call, page)
        return call

    def refund(self, page, key, amount):
        call = self.call("refund", key, page, amount=amount)
        number = page.ask(REFUND, key, amount)
        page.done(REFUND, number)
        self.ok(call, page, page.refund_shown(number), status=201)
        return call

    def read(self, page):
        call = self.call("read", page=page)
        self.ok(call, page)
        return call

    def evidence(self):
        shown = {page.id: page.json() for page in self.pages}
        return copy.deepcopy(Evidence(
            calls=sorted(self.calls, key=lambda call: call.invoked), payments=shown, reads=copy.deepcopy(shown),
            journal=[record for shard in sorted(self.logs) for record in self.logs[shard]],
            rows={page.id: page.row() for page in self.pages},
            operations=[entry for page in self.pages for entry in page.ledger.values()],
            sums={page.id: page.sums() for page in self.pages if page.ledger}))
