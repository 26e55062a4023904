"""engine: what both processors have in common: keys, fates, a clock that can be moved, the ledger, webhooks and outages.

    request → authenticated, validated (the API's own part) → `post`: key? fate? → execute → stored under the key → answered, or not
                                                                                          └→ webhooks, each with a fate of its own

Execution is one step on one thread: a call has been executed or it has not, and its ledger entries are written before its answer leaves.
Keys and holds age by the virtual clock, which runs with the real one and can be put forward; what is written down as a time
(`created`, signatures) is the real time, because the other side's clock is.
"""
import asyncio
import collections
import hashlib
import heapq
import itertools
import os
import time

import orjson

from . import fates as fate
from .ledger import Ledger
from .sender import Delivery, Sender

REDELIVER_S = (0.5, 1, 2, 4, 8, 16, 30)  # the real ones wait minutes and hours; the last repeats
ATTEMPTS_MAX = 5000
BEFORE_WAIT_S = 3   # how long an answer waits for the webhook that is to overtake it
BATCH_WAIT_S, BATCH_ITEMS_MAX = 0.05, 10


class Answer:
    """What a call is answered with. `final`: stored under its key. `events`: the webhooks it causes."""
    __slots__ = ("status", "body", "headers", "final", "events")

    def __init__(self, status, body, headers=(), final=True, events=()):
        self.status, self.body, self.headers, self.final, self.events = status, body, headers, final, events


class Stored:
    """What a key is remembered by. `answer` is None while the first call runs."""
    __slots__ = ("hash", "answer", "request", "at")

    def __init__(self, digest, request, at):
        self.hash, self.request, self.at, self.answer = digest, request, at, None


class Call:
    """A POST that passed the API's checks. `execute(call)` → Answer; it reads `fate`."""
    __slots__ = ("exchange", "key", "scope", "hash", "path", "operation", "payment", "reference", "amount", "plan", "request", "execute", "fate",
                 "executed")

    def __init__(self, exchange, key, params, operation, payment, reference, amount, plan, request, execute):
        self.exchange, self.key, self.operation, self.payment, self.reference = exchange, key, operation, payment, reference
        self.amount, self.plan, self.request, self.execute, self.path = amount, plan, request, execute, exchange.path
        digest = hashlib.blake2b(exchange.path.encode(), digest_size=16)
        digest.update(orjson.dumps(params, option=orjson.OPT_SORT_KEYS))
        self.hash, self.fate, self.executed = digest.hexdigest(), fate.OK, False


class Event:
    """A webhook to be; what `data` is and how it is written is the API's business."""
    __slots__ = ("identity", "type", "operation", "payment", "plan", "data", "delivered", "attempts", "withheld", "created")

    def __init__(self, identity, kind, operation, payment, plan, data, created):
        self.identity, self.type, self.operation, self.payment, self.plan, self.data = identity, kind, operation, payment, plan, data
        self.delivered, self.attempts, self.withheld, self.created = False, 0, False, created


class Engine:
    """The base of Stripe and Adyen. They give: `route(exchange)`, which ends in `post`; the answers `conflict()`, `mismatch()`, `refusal(fate)`
    and `error_500()`; `own_headers(call)`, `replay_headers(stored)`; and of webhooks `written(events)` → (headers, body), `accepts(status,
    body)`, `opposite(event)`, `forgery(event)` → a Delivery, `custom(given)`; `settle()` and `happen(payment, what)`."""

    name = "none"
    key_lifetime_s = 24 * 3600

    def __init__(self, options):
        self.options = options
        self.run = base36(options.seed if options.fixed_ids else int.from_bytes(os.urandom(4), "big"), 6)
        self.numbers = itertools.count(1)
        self.offset_s = 0.0
        self.timers, self.timer_number, self.timer_handle = [], itertools.count(), None
        self.keys, self.attempts = {}, collections.Counter()
        self.fates = fate.Fates(options.seed, options.misbehave, options.webhook_misbehave, options.fates_by_amount, self.name)
        self.ledger = Ledger(options.ledger)
        self.counts = collections.Counter()
        self.outage, self.outage_until = None, None
        self.events, self.withheld, self.batch = [], {}, []
        self.loop = asyncio.get_running_loop()
        self.sender = Sender(options.webhook_url, options.webhook_connections, self.redeliver)
        self.latency_s = options.latency_ms / 1000
        self.server = None  # the HTTP server of the API, set by who starts it

    # ---- time ----------------------------------------------------------------------------------------------------------

    def now(self):
        return time.time()

    def virtual(self):
        return time.monotonic() + self.offset_s

    def advance(self, seconds):
        self.offset_s += seconds
        self.ring()

    def after(self, seconds, do):
        """By the virtual clock."""
        heapq.heappush(self.timers, (self.virtual() + seconds, next(self.timer_number), do))
        if self.timer_handle is None or self.timers[0][2] is do:
            self.arm()

    def arm(self):
        if self.timer_handle is not None:
            self.timer_handle.cancel()
            self.timer_handle = None
        if self.timers:
            self.timer_handle = self.loop.call_later(max(0.0, self.timers[0][0] - self.virtual()) + 0.0005, self.ring)

    def ring(self):
        while self.timers and self.timers[0][0] <= self.virtual():
            heapq.heappop(self.timers)[2]()
        self.ledger.write()
        self.arm()

    # ---- what the processor writes down --------------------------------------------------------------------------------

    def new_id(self, width=10):
        return self.run + base36(next(self.numbers), width)

    def effect(self, operation, effect, payment, amount, currency, obj, operation_obj=None, call=None, reference=None):
        self.counts["effect " + effect] += 1
        self.ledger.add("effect", self.now(), operation=operation, effect=effect, payment=payment,
                        reference=reference or (call.reference if call else None), amount=amount, currency=currency.lower(), object=obj,
                        operation_object=operation_obj, key=call.key if call else None, request=call.request if call else None)

    def note(self, call, status, replayed=False):
        self.counts["calls"] += 1
        self.counts["fate " + call.fate.call] += 1
        self.ledger.add("call", self.now(), method="POST", path=call.path, key=call.key, hash=call.hash, operation=call.operation,
                        payment=call.payment, reference=call.reference, fate=str(call.fate), executed=call.executed, replayed=replayed,
                        status=status, request=call.request)

    # ---- a call --------------------------------------------------------------------------------------------------------

    def remembered(self, key):
        stored = self.keys.get(key)
        if stored is not None and self.virtual() - stored.at >= self.key_lifetime_s and stored.answer is not None:
            del self.keys[key]
            return None
        return stored

    def post(self, call):
        attempt = 1
        if call.key is not None:
            self.attempts[call.key] += 1
            attempt = self.attempts[call.key]
        call.fate = self.fates.of_call(call.operation, call.payment, call.plan, call.amount, call.key or call.request, attempt)
        what = call.fate.call
        if what == "unread":
            self.note(call, None)
            self.ledger.write()
            call.exchange.close()
            return
        if what in ("rate_limited", "unavailable", "lock_timeout"):
            return self.give(call, self.refusal(what))
        stored = self.remembered(call.key) if call.key is not None else None
        if stored is not None:
            if stored.hash != call.hash:
                self.counts["mismatched keys"] += 1
                return self.give(call, self.mismatch())
            if stored.answer is None:
                return self.give(call, self.conflict())
            answer = Answer(stored.answer.status, stored.answer.body, (*stored.answer.headers, *self.replay_headers(stored)))
            return self.deliver(call, answer, replayed=True)
        if call.key is not None:
            stored = self.keys[call.key] = Stored(call.hash, call.request, self.virtual())
        if what == "delayed":
            self.loop.call_later(call.fate.wait_s(), self.execute, call, stored)
        else:
            self.execute(call, stored)

    def execute(self, call, stored):
        """Exactly once for a key."""
        if call.fate.call == "error_500_unexecuted":
            answer = self.error_500()
        else:
            call.executed = True
            answer = call.execute(call)
        events = answer.events
        if call.fate.call == "error_500" and answer.final:
            answer = self.error_500()
        waiting = [event for event in events if self.emit(event, call)]
        if waiting:
            self.before(waiting, lambda: self.settle_key(call, stored, answer))
        elif call.fate.call == "slow":
            self.loop.call_later(call.fate.wait_s(), self.settle_key, call, stored, answer)
        else:
            self.settle_key(call, stored, answer)

    def settle_key(self, call, stored, answer):
        if stored is not None:
            if answer.final:
                stored.answer = Answer(answer.status, bytes(memoryview(answer.body)), answer.headers)  # a copy of its true size
            else:
                del self.keys[call.key]
        self.deliver(call, answer)

    def give(self, call, answer):
        """An answer about a call that was not executed: nothing is stored, nothing gets lost."""
        self.note(call, answer.status)
        self.ledger.write()
        call.exchange.reply(answer.status, answer.body, (*self.own_headers(call), *answer.headers))

    def deliver(self, call, answer, replayed=False):
        what, exchange = call.fate.call, call.exchange
        headers = (*self.own_headers(call), *answer.headers)
        heard = what not in ("timeout", "reset", "truncated")
        if what == "conflict":
            answer, headers = self.conflict(), self.own_headers(call)
        self.note(call, (502 if what == "bad_gateway" else answer.status) if heard else None, replayed)
        self.ledger.write()
        if what == "timeout":
            exchange.hang()
        elif what == "reset":
            exchange.reset()
        elif what == "truncated":
            exchange.truncate(answer.status, answer.body, headers)
        elif what == "bad_gateway":
            exchange.reply(502, b"<html><head><title>502 Bad Gateway</title></head></html>", (), b"text/html")
        else:
            exchange.reply(answer.status, answer.body, headers)

    # ---- webhooks ------------------------------------------------------------------------------------------------------

    def happened(self, *events):
        """Events that no call waits for."""
        for event in events:
            self.emit(event, None)

    def emit(self, event, call):
        """Sends it off by its fate. True: the answer has to wait for it (`before`)."""
        name, argument = self.fates.of_webhook(event.operation, event.payment, event.plan, event.identity)
        self.counts["webhook " + name] += 1
        if name == "before" and call is not None:
            return True
        if name == "late":
            self.after(int(argument or fate.MS_DEFAULT["late"]) / 1000, lambda: self.send(event))
        elif name == "shuffled":
            self.after(chance(event.identity) * SHUFFLED_S, lambda: self.send(event))
        elif name == "never":
            event.withheld = True
            self.withheld[event.identity] = event
        elif name == "batched":
            self.batch.append(event)
            if len(self.batch) == 1:
                self.loop.call_later(BATCH_WAIT_S, self.send_batch)
            elif len(self.batch) >= BATCH_ITEMS_MAX:
                self.send_batch()
        else:
            self.loop.call_soon(self.send_all, event, name, argument)
        return False

    def send_all(self, event, name, argument):
        if name == "forged":
            self.sender.send(self.forgery(event))
        elif name == "contradictory":
            twin = self.opposite(event)
            if twin is not None and chance(event.identity) < 0.5:
                self.send(twin)
                twin = None
            self.send(event)
            if twin is not None:
                self.send(twin)
            return
        for _ in range(int(argument or 2) if name == "twice" else 1):
            self.send(event)

    def send(self, event, done=None):
        self.sender.send(self.delivery([event], done))

    def send_batch(self):
        if self.batch:
            batch, self.batch = self.batch, []
            self.sender.send(self.delivery(batch))

    def delivery(self, events, done=None):
        def ended(delivery):
            for event in events:
                event.attempts += delivery.attempts
                event.delivered = event.delivered or delivery.delivered
            if done is not None:
                done()
        return Delivery(events[0].identity, lambda: self.written(events), self.accepts, ATTEMPTS_MAX, ended)

    def redeliver(self, delivery):
        self.after(REDELIVER_S[min(delivery.attempts, len(REDELIVER_S)) - 1], lambda: self.sender.send(delivery))

    def before(self, events, then):
        """Calls `then` when these were delivered, or have taken too long."""
        left = [len(events), False]

        def finish():
            if not left[1]:
                left[1] = True
                then()

        def one():
            left[0] -= 1
            if left[0] == 0:
                finish()
        self.ledger.write()
        self.loop.call_later(BEFORE_WAIT_S, finish)
        for event in events:
            self.send(event, one)

    def resend(self, wanted=lambda event: True):
        """What was kept back, as an operator asks for it. How many."""
        found = [event for event in self.withheld.values() if wanted(event)]
        for event in found:
            del self.withheld[event.identity]
            event.withheld = False
            self.send(event)
        return len(found)

    def tamper(self, wanted, what, amount=None):
        raise ValueError(f"the books of {self.name} are its reports, which are files")

    # ---- outages -------------------------------------------------------------------------------------------------------

    async def break_down(self, mode, seconds):
        """mode: refuse, hang, reset, 503, or none to end it. Sends no webhooks meanwhile."""
        self.outage = None if mode == "none" else mode
        self.sender.pause(self.outage is not None)
        if self.outage == "refuse":
            self.server.refuse()
        else:
            await self.server.listen()
        if self.outage_until is not None:
            self.outage_until.cancel()
            self.outage_until = None
        if self.outage is not None and seconds:
            self.outage_until = self.loop.call_later(seconds, lambda: self.loop.create_task(self.break_down("none", None)))

    def handle(self, exchange):
        if self.outage is None:
            if self.latency_s:
                self.loop.call_later(self.latency_s, self.route, exchange)
            else:
                self.route(exchange)
        elif self.outage == "hang":
            exchange.hang()
        elif self.outage == "503":
            exchange.reply(503, b"<html><body>Service Unavailable</body></html>", (), b"text/html")
        else:
            exchange.reset()


SHUFFLED_S = fate.SHUFFLED_MS / 1000


def chance(text):
    """0 to 1, always the same for the same text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=2).digest(), "big") / 65536


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number, width):
    made = ""
    while number or not made:
        number, digit = divmod(number, 36)
        made = DIGITS[digit] + made
    return made.rjust(width, "0")[-width:]
