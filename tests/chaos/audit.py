"""audit: holds the three sides against each other after a chaos run: the API, the database, the processors' ledgers.

To what tests/fire/checker.py judges (nothing acknowledged lost, money equal on all sides to the minor unit for each payment, operation
and currency, the journal without gap or fork and its replay equal to what is stored) it adds what only several processors can get wrong:

  charges     at most one an intent, over all processors; none for a payment that is failed, canceled or expired; nothing executed twice
  keys        one idempotency key an operation, used at one processor for one request
  at rest     no operation waits whose processor can be asked
  unknowns    each ends, and 99 of 100 within UNKNOWN_P99_S of the moment since when its processor can be asked

A processor may say of an operation that it failed, with a good signature, and then that it succeeded (simulators/fates.py: contradictory).
Nobody can know better in between, so what clients were told of it meanwhile counts as pending; how often that was is a figure, which who
made the processors lie can compare.

  violations, figures = audit(evidence)

Each violation is a line that begins with whom it is about.
"""
import places  # noqa: F401
from books import AUTHORIZED, CANCELED, CAPTURED, DECLINED, REFUNDED, Books
from checker import Judge
from evidence import Evidence
from story import AUTHORIZE, REFUND, WAITING, subject

UNKNOWN_P99_S = 30
EFFECTS = (AUTHORIZED, DECLINED, CAPTURED, REFUNDED, CANCELED)
QUIET = ("requires_action", "authorized", "partially_captured", "captured", "settled", "failed", "canceled", "expired")


class Sources(Evidence):
    """Evidence with `ledgers`, {processor: entries}, and `outages`, [(processor, from, to)] in Unix milliseconds."""

    def __init__(self, ledgers=None, outages=(), **of_fire):
        super().__init__(**of_fire)
        self.ledgers, self.outages = ledgers or {}, list(outages)


def audit(sources):
    found = Audit(sources)
    return found.violations(), found.figures()


def asked_processors(events):
    """{(kind, number): processor} of one payment's operations."""
    asked, current = {}, None
    for event in events:
        what, body = event["what"], event[event["what"]]
        if what == "created":
            current = next(iter((body["handled"] or {}).get("route") or ()), None)
            asked[AUTHORIZE, 1] = current
        elif what == "rerouted":
            current = body["processor"]
            asked[AUTHORIZE, body["number"]] = current
        elif what.endswith("_requested"):
            asked[subject(event)] = body.get("processor") or current
    return {which: processor for which, processor in asked.items() if processor}


class Audit(Judge):
    def __init__(self, sources):
        super().__init__(sources)
        self.books = Books(sources.ledgers)
        self.asked = {payment: asked_processors([record.event for record in self.events[payment] if isinstance(record.event, dict)])
                      for payment in self.stories}
        sources.operations = [entry for payment, book in self.books.of.items() for entry in book.operations(payment)]
        for entry in sources.operations:
            self.let_go(entry)
            self.ledger[entry["payment"]][entry["idempotency_key"]] = entry
        sources.sums = {payment: book.sums(payment) for payment, book in self.books.of.items()}
        self.corrected = [(payment, which) for payment in self.stories for which in self.taken_back(payment)]
        for payment, which in self.corrected:
            for call in self.calls[payment]:
                call.answer = untold(call.answer, which)
        self.unknowns = [unknown for payment in self.stories for unknown in self.doubts(payment)]

    def taken_back(self, payment):
        """Operations that the journal has as failed and later as succeeded."""
        failed = set()
        for record in self.events[payment]:
            if isinstance(record.event, dict):
                what, which = record.event["what"], subject(record.event)
                if what in ("capture_failed", "refund_failed"):
                    failed.add(which)
                elif what in (CAPTURED, REFUNDED) and which in failed:
                    yield which

    def let_go(self, entry):
        """An authorization that came when nobody wanted it any more, and was released: no money of this payment."""
        story = self.stories.get(entry["payment"])
        if entry["kind"] != AUTHORIZE or entry["outcome"] != "approved" or story is None:
            return
        number = int(entry["idempotency_key"].rpartition(":")[2]) if entry["idempotency_key"].count(":") == 2 else 1
        operation = story.operations.get((AUTHORIZE, number))
        charges = self.books.of[entry["payment"]].charges.values()
        if operation is not None and operation.progress != "succeeded" and not any(charge.counts for charge in charges):
            entry["outcome"] = "declined"

    def violations(self):
        return [*(f"replay: {line}" for line in self.seen.replay), *self.unrest(), *self.logs(), *self.payments(), *self.creations(),
                *self.strangers(), *self.totals(), *self.charged(), *self.waiting(), *self.flaws(), *self.slow_unknowns()]

    def charged(self):
        for payment, story in self.stories.items():
            for what in self.books.judged(payment, story, self.asked[payment]):
                yield self.about(payment, what)
            shown, asked = self.seen.payments.get(payment), self.asked[payment]
            last = max((number for kind, number in asked if kind == AUTHORIZE), default=0)
            if shown is not None and last and shown.get("processor") != asked[AUTHORIZE, last]:
                yield self.about(payment, f"the API names the processor {shown.get('processor')!r}, the journal {asked[AUTHORIZE, last]!r}")

    def waiting(self):
        for payment, story in self.stories.items():
            for operation in story.waiting():
                yield self.about(payment, f"{operation}: it waits, and {self.asked[payment].get((operation.kind, operation.number))} can be asked")
        for payment, shown in self.seen.payments.items():
            if shown["status"] not in QUIET:
                yield self.about(payment, f"the API shows it as {shown['status']} ({shown.get('processing_reason')})")

    def flaws(self):
        for about, what in self.books.flaws:
            yield self.about(about, what) if about.startswith("pay_") else f"{about}: {what}"

    # ---- unknown outcomes ------------------------------------------------------------------------------------------------

    def doubts(self, payment):
        """(seconds, payment, operation) of each unknown outcome that has ended."""
        since = {}
        for record in self.events[payment]:
            if not isinstance(record.event, dict):
                continue
            what, which = record.event["what"], subject(record.event)
            if what == "in_doubt":
                since.setdefault(which, record.at_ms)
            elif which in since and (what not in WAITING or what == "accepted"):
                begun = since.pop(which)
                yield (record.at_ms - self.healthy(self.asked[payment].get(which), begun, record.at_ms)) / 1000, payment, which

    def healthy(self, processor, begun, ended):
        """Since when it could be asked, of the time between."""
        for name, since, until in sorted(self.seen.outages, key=lambda outage: outage[2]):
            if name == processor and since < ended and until > begun:
                begun = max(begun, min(until, ended))
        return begun

    def slow_unknowns(self):
        if self.unknowns:
            at, payment, (kind, number) = percentile(sorted(self.unknowns), 0.99)
            if at > UNKNOWN_P99_S:
                yield (f"unknowns: of {len(self.unknowns)} one in a hundred took {at:.1f} s or longer, and may take {UNKNOWN_P99_S}; "
                       f"{payment} {kind}:{number} was one")

    def figures(self):
        took = sorted(seconds for seconds, *_ in self.unknowns)
        made = {"payments": len(self.stories), "journal records": len(self.seen.journal)}
        for currency in sorted({self.seen.payments[p]["currency"] for p in self.seen.payments}):
            shown = [p for p in self.seen.payments.values() if p["currency"] == currency]
            made[f"{currency} captured, refunded"] = f"{sum(p['amount_captured'] for p in shown)}, {sum(p['amount_refunded'] for p in shown)}"
        for processor, entries in self.seen.ledgers.items():
            effects = [entry["effect"] for entry in entries if entry["kind"] == "effect"]
            calls = [entry for entry in entries if entry["kind"] == "call"]
            made[processor] = (f"{len(calls)} calls, {sum(entry['fate'].split('.')[0] != 'ok' for entry in calls)} misbehaved; "
                               + ", ".join(f"{effects.count(name)} {name}" for name in EFFECTS))
        if took:
            made["unknowns"] = f"{len(took)}, resolved in p50 {percentile(took, 0.5):.2f} s, p99 {percentile(took, 0.99):.2f} s, at most {took[-1]:.2f} s"
        made["told failed, then done"] = len(self.corrected)
        made["rerouted"] = sum(max((number for kind, number in asked if kind == AUTHORIZE), default=0) > 1 for asked in self.asked.values())
        return made


def untold(answer, which):
    """The answer without its word that this operation has failed."""
    kind, number = which
    if isinstance(answer, dict) and answer.get("object") == "payment":
        letters = answer.get(f"{kind}s", "")
        if letters[number - 1:number] == "f":
            return answer | {f"{kind}s": letters[:number - 1] + "p" + letters[number:]}
    elif isinstance(answer, dict) and kind == REFUND and answer["id"].endswith(f"_{number}") and answer["status"] == "failed":
        return answer | {"status": "pending"}
    return answer


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
