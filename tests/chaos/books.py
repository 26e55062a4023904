"""books: the processors' ledgers (tests/processors/simulators/ledger.py), read as an auditor would: what stands of each payment, and
under which keys it was asked for.

Effects are told apart by our own reference, "capture:2", and where a processor does not keep one (Stripe's cancel) by the key. An
authorization is a charge while it is held or anything was captured from it, so one that was let go again is none.
"""
from collections import defaultdict

AUTHORIZED, DECLINED, CAPTURED, REFUNDED, CANCELED = "authorized", "declined", "captured", "refunded", "canceled"
UNDONE = {"capture_failed": CAPTURED, "refund_failed": REFUNDED, "refund_reversed": REFUNDED}
LET_GO = (CANCELED, "expired")
MONEY = (AUTHORIZED, CAPTURED, REFUNDED, CANCELED, *UNDONE)
SAID = 3  # of one kind of flaw about one payment


class Charge:
    """An authorization at a processor."""
    __slots__ = ("processor", "object", "amount", "currency", "held", "captured")

    def __init__(self, processor, entry):
        self.processor, self.object = processor, entry["object"]
        self.amount, self.currency, self.held, self.captured = entry["amount"], entry["currency"], True, 0

    @property
    def counts(self):
        return self.held or self.captured > 0

    def __str__(self):
        state = "held" if self.held else "let go"
        return f"{self.object} at {self.processor} ({self.amount} {self.currency} {state}, captured {self.captured})"


class Done:
    """An operation of ours, as a processor did it: how often it stands and with how much, and how much it was asked for."""
    __slots__ = ("times", "amount", "asked", "currency", "undone")

    def __init__(self):
        self.times, self.amount, self.asked, self.currency, self.undone = 0, 0, 0, None, False


class Book:
    """One payment, over all processors."""
    __slots__ = ("charges", "done", "keys")

    def __init__(self):
        self.charges = {}                  # (processor, object) -> Charge
        self.done = defaultdict(Done)      # (processor, "capture:2") -> Done
        self.keys = {}                     # key -> {(processor, name, hash)}; name is None where the call says none

    def sums(self, payment):
        """As the sandbox's payment_sums."""
        counted = [charge for charge in self.charges.values() if charge.counts]

        def total(kind):
            return sum(done.amount for (_, name), done in self.done.items() if name.startswith(kind))
        return {"payment": payment, "currency": next((charge.currency for charge in self.charges.values()), ""),
                "authorized_minor": sum(charge.amount for charge in counted), "captured_minor": total("capture:"),
                "refunded_minor": total("refund:"), "charges": len(counted),
                "cancels": sum(not charge.held for charge in self.charges.values())}

    def operations(self, payment):
        """As the sandbox's operations."""
        for (_, name), done in self.done.items():
            kind, _, number = name.partition(":")
            key = f"{payment}:{kind}" if name == "authorize:1" else f"{payment}:{name}"
            yield {"idempotency_key": key, "payment": payment, "kind": kind, "amount_minor": done.amount if done.times else done.asked, "currency": done.currency,
                   "outcome": "approved" if done.times else "declined", "failed_at_ms": 1 if done.undone and not done.times else None}


def name_of(entry):
    """"capture:2"; None if nothing says so."""
    if entry.get("reference"):
        return entry["reference"]
    key = entry.get("key") or ""
    name = key.partition(":")[2]
    return f"{name}:1" if name and ":" not in name else name or None


class Books:
    def __init__(self, ledgers):
        """`ledgers`: {processor: entries in their order}."""
        self.of = defaultdict(Book)
        self.flaws = []                    # (payment or processor, what)
        for processor, entries in ledgers.items():
            for expected, entry in enumerate(entries, 1):
                if entry["seq"] != expected:
                    self.flaws.append((processor, f"its ledger has a gap: entry {entry['seq']} where {expected} was next"))
                    break
            for entry in entries:
                (self.effect if entry["kind"] == "effect" else self.call)(processor, entry)

    def effect(self, processor, entry):
        effect, payment, name = entry["effect"], entry["payment"], name_of(entry)
        if payment is None:
            if effect in MONEY:
                self.flaws.append((processor, f"{effect} {entry['amount']} {entry['currency']} of no payment of ours ({entry['object']})"))
            return
        book = self.of[payment]
        where = processor, entry["object"]
        if effect == AUTHORIZED:
            if where in book.charges:
                self.flaws.append((payment, f"{entry['object']} was authorized a second time at {processor}"))
            book.charges[where] = Charge(processor, entry)
        charge = book.charges.get(where)
        if charge is None and effect in (*MONEY, *LET_GO) and not (effect == CANCELED and entry["amount"] == 0):
            self.flaws.append((payment, f"{effect} {entry['amount']} at {processor} without an authorization ({entry['object']})"))
            return
        if effect in LET_GO and charge is not None:
            charge.held = False
        if effect in (CAPTURED, "capture_failed"):
            self.captured(book, charge, processor, entry, name)
        if effect in (DECLINED, *MONEY):
            self.count(book.done[processor, name or f"{entry['operation']}:0"], entry)

    @staticmethod
    def captured(book, charge, processor, entry, name):
        if entry["effect"] == CAPTURED:
            charge.captured += entry["amount"]
        elif book.done[processor, name].times:
            charge.captured -= entry["amount"]

    @staticmethod
    def count(done, entry):
        effect = entry["effect"]
        done.currency, done.asked = entry["currency"], entry["amount"]
        if effect in UNDONE and done.times:
            done.times, done.amount, done.undone = done.times - 1, done.amount - entry["amount"], True
        elif effect not in UNDONE and effect != DECLINED:
            done.times, done.amount = done.times + 1, done.amount + (0 if effect == CANCELED else entry["amount"])

    def call(self, processor, entry):
        if entry["payment"] is None:
            self.flaws.append((processor, f"was called without a payment of ours: {entry['path']} key {entry['key']!r}"))
            return
        self.of[entry["payment"]].keys.setdefault(entry["key"], set()).add((processor, entry["reference"], entry["hash"]))

    # ---- what no payment may show ------------------------------------------------------------------------------------------

    def judged(self, payment, story, processors):
        """`processors`: {(kind, number): name of who was asked}, by the journal. What is wrong, in words."""
        book = self.of.get(payment)
        if book is None:
            return
        counted = [charge for charge in book.charges.values() if charge.counts]
        if len(counted) > 1:
            yield f"charged {len(counted)} times: {'; '.join(map(str, counted))}"
        if counted and story.stage in ("failed", "canceled", "expired") and not story.captured:
            yield f"it is {story.stage}, and yet its customer is charged: {counted[0]}"
        for (processor, name), done in book.done.items():
            kind, _, number = name.partition(":")
            which = kind, int(number) if number.isdigit() else 0
            if done.times > 1:
                yield f"{name} was executed {done.times} times at {processor}, {done.amount} {done.currency} in all"
            if which in processors and processors[which] != processor:
                yield f"{name} was executed at {processor}, but {processors[which]} was to be asked"
        yield from self.keys(payment, book, story, processors)

    @staticmethod
    def keys(payment, book, story, processors):
        """One key an operation, one operation, one processor and one request a key."""
        used = defaultdict(set)
        said = 0
        for key, seen in book.keys.items():
            named = name_of({"key": key})
            kind, _, number = (named or "").partition(":")
            which = kind, int(number) if number.isdigit() else 0
            for name in {name for _, name, _ in seen if name}:
                used[name].add(key)
            wrong = None
            if key is None:
                wrong = "a call without an idempotency key"
            elif not key.startswith(payment + ":") or which not in story.operations:
                wrong = f"the key {key!r} is of no operation of the journal"
            elif len({processor for processor, _, _ in seen}) > 1:
                wrong = f"the key {key!r} was used at {' and '.join(sorted({processor for processor, _, _ in seen}))}"
            elif len({digest for _, _, digest in seen}) > 1:
                wrong = f"the key {key!r} came with {len({digest for _, _, digest in seen})} different requests"
            elif {name for _, name, _ in seen} - {None, named}:
                wrong = f"the key {key!r} was used for {sorted(name for _, name, _ in seen if name)}"
            elif which in processors and seen and next(iter(seen))[0] != processors[which]:
                wrong = f"the key {key!r} was used at {next(iter(seen))[0]}, but {processors[which]} was to be asked"
            if wrong and (said := said + 1) <= SAID:
                yield wrong
        for name, keys in used.items():
            if len(keys) > 1:
                yield f"{name} was asked for under {len(keys)} keys: {', '.join(map(repr, sorted(map(str, keys))))}"
