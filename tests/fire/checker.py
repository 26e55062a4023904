"""checker: holds what clients were told against what every side says afterwards, per payment and per currency.

  check(server, history)      waits for rest, gathers the evidence and judges it; a list of violations, [] if there are none
  judge(evidence)             the same for evidence at hand

Each violation is one line of plain text that begins with the payment (or the shard, the key, the currency) and says what each side
says. Judged are:

  acknowledged   nothing acknowledged is lost or changed; one key is one intent, with one answer, byte for byte; a refused call
                 did nothing; nothing was done that nobody asked for
  money          captured and refunded are equal, to the minor unit, in the API, the journal, the stored state and the sandbox's
                 ledger, for each payment, operation and currency; one charge an intent at most; never above the limit, at no version
  order          some legal order of the calls, respecting real time, explains all that clients were told (order.py)
  journal        no gap and no fork: offsets, epochs, sequences; its replay gives the stored state (`novapay verify`, story.py)
"""
from collections import defaultdict

import order
import wire
from evidence import CLAIM, EVENT, gather, state_sums
from history import OK, REFUSED, read_calls
from story import AUTHORIZE, CANCEL, CAPTURE, REFUND, told

KIND_OF_CALL = {"create": AUTHORIZE, "capture": CAPTURE, "refund": REFUND, "cancel": CANCEL, "confirm": "confirm"}
LETTER = {"pending": "p", "needs_action": "p", "succeeded": "s", "failed": "f"}
SHOWN = 20  # violations printed


def check(server, history, **how):
    """`history`: a History, or the path of one."""
    calls = history.calls() if hasattr(history, "calls") else read_calls(history)
    return judge(gather(server, calls, **how))


def judge(evidence):
    found = Judge(evidence)
    return [*(f"replay: {line}" for line in evidence.replay), *found.unrest(), *found.logs(), *found.payments(), *found.creations(),
            *found.strangers(), *found.totals()]


class Judge:
    def __init__(self, evidence):
        self.seen = evidence
        self.events = defaultdict(list)      # payment -> its Records, by sequence
        for record in evidence.journal:
            if record.type == EVENT:
                self.events[record.entity].append(record)
        self.stories, self.objections = {}, {}
        self.events = dict(self.events)
        for payment, records in self.events.items():
            records.sort(key=lambda record: record.sequence)
            readable = [record.event for record in records if isinstance(record.event, dict)]
            if readable and readable[0]["what"] == "created":
                self.stories[payment], self.objections[payment] = told(readable)
        self.made = defaultdict(list)        # (merchant, creation key) -> payments
        for payment, story in self.stories.items():
            self.made[merchant_of(story), story.terms["idempotency_key"]].append(payment)
        self.calls = defaultdict(list)       # payment -> calls about it
        self.creates = defaultdict(list)     # (merchant, key) -> calls
        for call in evidence.calls:
            payment = call.payment
            if call.operation == "create":
                self.creates[call.merchant, call.key].append(call)
                payments = self.made.get((call.merchant, call.key))
                payment = payment or (payments[0] if payments else None)
            if payment:
                self.calls[payment].append(call)
        self.ledger = defaultdict(dict)      # payment -> idempotency key -> operation
        for operation in evidence.operations:
            self.ledger[operation["payment"]][operation["idempotency_key"]] = operation

    def sides(self, payment):
        """What each side says of the payment's money; ends every violation about it."""
        story, row, sums = self.stories.get(payment), self.seen.rows.get(payment), self.seen.sums.get(payment)
        api = self.seen.payments.get(payment)
        acknowledged = [call.answer for call in self.calls[payment] if call.outcome == OK]
        refunds = {a["id"]: a["amount"] for a in acknowledged if a.get("object") == "refund" and a["status"] == "succeeded"}
        captured = max((a.get("amount_captured", 0) for a in acknowledged), default=0)
        unknown = sum(call.outcome not in (OK, REFUSED) for call in self.calls[payment])
        said = [f"clients: captured {captured}, refunded {sum(refunds.values())}, {unknown} calls unknown"]
        said.append(f"api: {api['status']} captured {api['amount_captured']}, refunded {api['amount_refunded']}" if api else "api: no such payment")
        said.append(f"journal: {story.stage} captured {story.captured}, refunded {story.refunded}" if story else "journal: nothing")
        if row is None:
            said.append("row: none")
        elif isinstance(row.state, dict):
            said.append(f"row: {row.status} captured %d, refunded %d" % state_sums(row.state))
        else:
            said.append(f"row: {row.state}")
        said.append(f"ledger: charged {sums['charges']} times, captured {sums['captured_minor']}, refunded {sums['refunded_minor']}"
                    if sums else "ledger: nothing")
        return f" [{'; '.join(said)}]"

    def about(self, payment, what):
        return f"{payment}: {what}{self.sides(payment)}"

    def unrest(self):
        for payment, what in self.seen.unrest:
            yield self.about(payment, what)

    # ---- the journal ----------------------------------------------------------------------------------------------

    def logs(self):
        """Each shard's log by itself: contiguous, and every record under the latest claim."""
        heads, epochs = {}, {}
        for record in self.seen.journal:
            where = f"shard {record.shard} offset {record.offset}"
            about = f" ({record.entity} event {record.sequence})" if record.entity else ""
            expected = heads.get(record.shard, 0)
            if record.offset != expected:
                yield f"{where}: {'a gap' if record.offset > expected else 'a fork'} in the log, {expected} was next{about}"
            heads[record.shard] = record.offset + 1
            latest = epochs.get(record.shard)
            if record.type == CLAIM:
                if record.epoch != record.offset:
                    yield f"{where}: a claim with epoch {record.epoch}, which is to be its own offset"
                epochs[record.shard] = record.epoch
            elif latest is None or record.epoch != latest:
                yield f"{where}: written under epoch {record.epoch}, but the latest claim is {latest}{about}"
                epochs[record.shard] = max(record.epoch, latest or 0)

    def payments(self):
        for payment in sorted(set(self.events) | set(self.seen.rows) | set(self.seen.payments) | set(self.calls) | set(self.ledger)):
            found = [*self.history(payment), *self.row(payment)]
            if payment in self.stories:
                found += [*self.answers(payment), *self.charges(payment), *self.intents(payment)]
                if not found:  # an order of a broken history would say the same again
                    found += self.explained(payment)
            elif payment not in self.events:
                found += [what for call in self.calls[payment] if call.outcome == OK
                          for what in [f"acknowledged and lost: {call}"]][:1]
                if self.ledger[payment]:
                    found.append(f"the ledger has {', '.join(self.ledger[payment])}, of a payment that nobody knows")
            yield from (self.about(payment, what) for what in found)

    def history(self, payment):
        """One payment's events: counted without gap or fork, in one shard, legal at every version."""
        records = self.events.get(payment, [])
        for expected, record in enumerate(records, 1):
            if record.sequence != expected:
                kind = "a gap" if record.sequence > expected else "a fork"
                yield f"{kind} in its history: event {record.sequence} where {expected} was next (shard {record.shard} offset {record.offset})"
                break
        shards = {record.shard for record in records}
        if len(shards) > 1:
            yield f"its history lies in the shards {sorted(shards)}"
        for record in records:
            if not isinstance(record.event, dict):
                yield f"event {record.sequence} {record.event}"
        if records and payment not in self.stories:
            yield "its history does not begin with its creation"
        yield from (f"illegal in the journal: {what}" for what in self.objections.get(payment, ())[:3])
        if payment in self.stories and self.stories[payment].terms["id"] != payment:
            yield f"its creation names {self.stories[payment].terms['id']}"

    def row(self, payment):
        row, story = self.seen.rows.get(payment), self.stories.get(payment)
        if row is None:
            if payment in self.events:
                yield "it has a history and no row"
            return
        if payment not in self.events:
            yield "it has a row and no history"
            return
        if story is None:
            return
        if row.version != self.events[payment][-1].sequence:
            yield f"its row is version {row.version}, its history ends with {self.events[payment][-1].sequence}"
        if (row.amount, row.unit) != (story.amount, currency_of(story)):
            yield f"listed as {row.amount} {row.unit}, created as {story.amount} {currency_of(story)}"
        if not isinstance(row.state, dict):
            yield f"its state {row.state}"
        elif state_sums(row.state) != (story.captured, story.refunded):
            yield "the journal's replay and the stored state differ"

    # ---- the API and the ledger -------------------------------------------------------------------------------------

    def answers(self, payment):
        """The API, asked afterwards."""
        story, shown, read = self.stories[payment], self.seen.payments.get(payment), self.seen.reads.get(payment)
        if shown is None:
            if any(call.outcome == OK for call in self.calls[payment]):
                yield "acknowledged, and not in the API's list"
            return
        if read is not None and read != shown:
            name = next((n for n in shown if read.get(n) != shown[n]), "status")
            yield f"the API's list and its answer by id differ in {name}: {shown.get(name)!r}, {read.get(name)!r}"
        if (shown["amount"], shown["currency"]) != (story.amount, currency_of(story)):
            yield f"the API shows {shown['amount']} {shown['currency']}, created was {story.amount} {currency_of(story)}"
        if (shown["amount_captured"], shown["amount_refunded"]) != (story.captured, story.refunded):
            yield "the API's sums are not the journal's"
        row = self.seen.rows.get(payment)
        if row is not None and row.status != shown["status"]:
            yield f"listed as {row.status}, shown as {shown['status']}"
        for kind, name in ((CAPTURE, "captures"), (REFUND, "refunds")):
            ours = [(o.amount, o.progress) for o in story.of(kind)]
            if ours != [(record["amount"], record["status"]) for record in shown[name]]:
                yield f"the API's {name} are not the journal's: {[(r['amount'], r['status']) for r in shown[name]][:5]} and {ours[:5]}"

    def charges(self, payment):
        """What the processor did is what we know of, operation by operation; and once."""
        story, entries = self.stories[payment], dict(self.ledger[payment])
        sums = self.seen.sums.get(payment)
        for operation in story.operations.values():
            suffix = "" if (operation.kind, operation.number) == (AUTHORIZE, 1) else f":{operation.number}"
            entry = entries.pop(f"{payment}:{operation.kind}{suffix}", None)
            stands = entry is not None and entry["outcome"] == "approved" and entry["failed_at_ms"] is None
            if operation.progress == "succeeded" and not stands and not operation.contested:
                yield f"{operation}, but the ledger says {entry_text(entry)}"
            if operation.progress != "succeeded" and stands and not (sums and sums["cancels"]):
                yield f"{operation}, but the ledger says {entry_text(entry)}"
            if entry is None or operation.kind == CANCEL:
                continue
            if (entry["amount_minor"], entry["currency"]) != (operation.amount, currency_of(story)):
                yield f"{operation} in {currency_of(story)}, but the ledger says {entry_text(entry)}"
        for key, entry in entries.items():
            yield f"the ledger has {key}, which the journal does not know: {entry_text(entry)}"
        if sums is None:
            return
        if sums["charges"] > 1:
            yield f"charged {sums['charges']} times"
        contested = sum(o.amount for o in story.operations.values() if o.contested)
        ours = (story.captured - contested, story.refunded)
        if (sums["captured_minor"], sums["refunded_minor"]) != ours:
            yield "the ledger's sums are not the journal's"

    # ---- what clients were told ---------------------------------------------------------------------------------------

    def intents(self, payment):
        """Each key by itself: what was acknowledged stands, what was refused did nothing, everything done was asked for."""
        story, under = self.stories[payment], order.intents(self.calls[payment])
        for key, calls in under.items():
            yield from self.intent(story, key, calls)
        for operation in story.operations.values():
            if operation.key and operation.key not in under:
                yield f"{operation}: no client asked for it"
        for call in self.calls[payment]:
            if call.outcome == OK and call.answer.get("object") == "payment":
                yield from changed(story, call)

    def intent(self, story, key, calls):
        told_ok = [call for call in calls if call.outcome == OK]
        operation = story.keys.get(key)
        if operation is None:
            if told_ok:
                yield f"acknowledged and lost: {told_ok[0]}"
            for call in calls:
                if call.code == "idempotency_key_reused" and not any(c.may_have_happened for c in calls):
                    yield f"refused as used before, which it never was: {call}"
            return
        if not any(call.may_have_happened for call in calls):
            yield f"refused, yet it was done: {calls[0]}, {operation}"
        for call in told_ok:
            if KIND_OF_CALL[call.operation] != operation.kind:
                yield f"one key for two operations: {call}, {operation}"
            elif call.operation in ("capture", "refund") and call.fields.get("amount") not in (None, operation.amount):
                yield f"acknowledged with another amount: {call}, {operation}"
        if len({(call.status, call.body) for call in told_ok}) > 1:
            other = next(call for call in told_ok if (call.status, call.body) != (told_ok[0].status, told_ok[0].body))
            yield f"two answers to one key: {told_ok[0]} ({told_ok[0].body}), {other} ({other.body})"
        firsts = [call for call in told_ok if not call.replayed]
        if len(firsts) > 1:
            yield f"two calls of one key were each told to be the first: {firsts[0]}, {firsts[1]}"
        for call in told_ok[:1]:
            if call.answer.get("object") == "refund":
                yield from changed_refund(call, operation)

    def creations(self):
        """One creation key is one payment, with the terms that were sent."""
        for (merchant, key), calls in self.creates.items():
            payments = self.made.get((merchant, key), [])
            acknowledged = {call.payment for call in calls if call.outcome == OK}
            if len(acknowledged) > 1:
                yield f"key {key!r}: acknowledged as the payments {' and '.join(sorted(acknowledged))}"
            if len(payments) > 1:
                charged = sum(self.seen.sums[p]["charges"] for p in payments if p in self.seen.sums)
                yield f"key {key!r}: made the payments {' and '.join(sorted(payments))}, charged {charged} times"
            if payments and not any(call.may_have_happened for call in calls):
                yield self.about(payments[0], f"refused, yet it was done: {calls[0]}")
            for payment in payments:
                terms = self.stories[payment].terms
                sent = [call for call in calls if call.outcome == OK or (call.may_have_happened and len(calls) == 1)]
                for name, ours in (("amount", terms["amount_minor"]), ("currency", wire.currencies().get(terms["currency"])),
                                   ("reference", terms["reference"] or None)):
                    for call in sent:
                        if call.fields.get(name) != ours:
                            yield self.about(payment, f"{name} was sent as {call.fields.get(name)!r} and stored as {ours!r}: {call}")
                            break

    def explained(self, payment):
        why = order.explain([record.event for record in self.events[payment]], self.calls[payment])
        return [why] if why else []

    def strangers(self):
        """Payments that no client asked for; what the sandbox itself found strange."""
        for (merchant, key), payments in self.made.items():
            if (merchant, key) not in self.creates:
                yield self.about(payments[0], f"no client asked for it (merchant {merchant}, key {key!r})")
        for anomaly in self.seen.anomalies:
            yield self.about(anomaly["payment"], f"the sandbox was asked what should never be asked: {anomaly['what']}, {anomaly['detail']}")

    def totals(self):
        """Per currency: what was charged, captured and refunded, over all payments, on every side."""
        sums = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
        clients = {merchant for merchant, _ in self.creates}

        def add(currency, side, *amounts):
            for n, amount in enumerate(amounts):
                sums[currency][side][n] += amount

        for payment, story in self.stories.items():
            currency = currency_of(story)
            contested = sum(o.amount for o in story.operations.values() if o.contested)
            add(currency, "journal", story.authorized, story.captured - contested, story.refunded)
            row, shown = self.seen.rows.get(payment), self.seen.payments.get(payment)
            captured, refunded = state_sums(row.state) if row and isinstance(row.state, dict) else (0, 0)
            add(row.unit if row else currency, "rows", story.authorized, captured - contested, refunded)
            if merchant_of(story) in clients:
                add(currency, "journal of these merchants", story.authorized, story.captured - contested, story.refunded)
                if shown:
                    add(shown["currency"], "api", story.authorized, shown["amount_captured"] - contested, shown["amount_refunded"])
        for entry in self.seen.operations:
            stands = entry["outcome"] == "approved" and entry["failed_at_ms"] is None
            at = {"authorize": 0, "confirm": 0, "capture": 1, "refund": 2}.get(entry["kind"])
            if stands and at is not None:
                add(entry["currency"], "ledger", *(entry["amount_minor"] if n == at else 0 for n in range(3)))
        for currency, by_side in sorted(sums.items()):
            for side, other in (("journal", "rows"), ("journal", "ledger"), ("journal of these merchants", "api")):
                if by_side[side] != by_side[other]:
                    said = "; ".join(f"{name}: authorized %d, captured %d, refunded %d" % tuple(by_side[name])
                                     for name in ("journal", "rows", "ledger", "api"))
                    yield f"{currency} in total: the {side} and the {other} differ [{said}]"


def merchant_of(story):
    return f"{story.terms['merchant']}/{'live' if story.terms['mode'] == 2 else 'test'}"


def currency_of(story):
    return wire.currencies().get(story.terms["currency"], str(story.terms["currency"]))


def entry_text(entry):
    if entry is None:
        return "nothing"
    late = ", failed later" if entry["failed_at_ms"] is not None else ""
    return f"{entry['outcome'] or 'never executed'} {entry['amount_minor']} {entry['currency']}{late}"


def changed(story, call):
    """A payment as it was shown once: what was final then is so now."""
    answer = call.answer
    if (answer["amount"], answer["currency"]) != (story.amount, currency_of(story)):
        yield f"shown with another amount: {answer['amount']} {answer['currency']}: {call}"
    for kind, name in ((CAPTURE, "captures"), (REFUND, "refunds")):
        now = story.of(kind)
        for number, letter in enumerate(answer[name]):
            if number >= len(now):
                yield f"{kind} {number + 1} was shown and is lost: {call}"
                return
            if letter != "p" and letter != LETTER[now[number].progress] and not now[number].late:
                yield f"{kind} {number + 1} was shown as {letter!r} and is now: {now[number]}; {call}"


def changed_refund(call, operation):
    answer = call.answer
    number = int(answer["id"].rsplit("_", 1)[1])
    if (number, answer["amount"]) != (operation.number, operation.amount):
        yield f"acknowledged as {answer['id']} of {answer['amount']}: {call}, {operation}"
    if answer["status"] != "pending" and answer["status"] != operation.progress and not operation.late:
        yield f"acknowledged as {answer['status']}: {call}, {operation}"


def report(violations, shown=SHOWN):
    """The violations as text, the first few in full."""
    more = f"\n… and {len(violations) - shown} more" if len(violations) > shown else ""
    return "\n".join(violations[:shown]) + more
