"""fates: what becomes of a call and of its webhooks, and who decides it.

In this order: a script (`/_control/fates`), the request's own plan (its token, `metadata[fate]`, or the last four digits of its amount
where that was asked for), the seed. Decisions of the seed depend on (seed, idempotency key, attempt) and on nothing else, so that the
same calls meet the same fates in whatever order they come.

A plan is `fate_` and parts joined by dots: `fate_timeout`, `fate_capture-reset.webhook-twice`, `fate_decline-lost_card.slow-1500`. A part is
[OPERATION-]NAME[-ARGUMENT]; without an operation it is about the authorization. It holds for the first attempt of its operation.
"""
import hashlib
import re

# What can happen to a call: name → (is it executed?, what it is). An argument is in milliseconds.
CALLS = {
    "ok": (True, "executed and answered"),
    "slow": (True, "executed at once, answered after a while (-MS); meanwhile its key is in use"),
    "delayed": (True, "executed after a while (-MS), then answered; meanwhile its key is in use and nothing of it is seen"),
    "rate_limited": (False, "429 before anything was executed; the key stays unused"),
    "unavailable": (False, "503 before anything was executed (Adyen: 703, Transient-Error); the key stays unused"),
    "unread": (False, "the connection is closed without an answer; nothing was executed"),
    "lock_timeout": (False, "Stripe: 429 lock_timeout, not executed; Adyen: as unavailable"),
    "conflict": (True, "executed, answered as a duplicate of a call under way: 409 idempotency_key_in_use, or 422 704"),
    "timeout": (True, "executed, never answered"),
    "reset": (True, "executed, then the connection is reset"),
    "truncated": (True, "executed, the answer breaks off"),
    "error_500": (True, "executed, answered 500; the 500 is what the key replays"),
    "bad_gateway": (True, "executed, answered 502 with HTML; the key replays the true answer"),
    "error_500_unexecuted": (False, "answered 500, which the key replays; nothing was or ever will be executed"),
}
# What can happen instead of the usual outcome, by operation.
OUTCOMES = {
    "decline": ("authorize", "declined, -CODE: any of Stripe's decline codes, or a refusal of Adyen's by number"),
    "3ds": ("authorize", "the customer has to authenticate at the simulator's page; -fail: declined after that"),
    "async": ("authorize", "processing (Adyen: Received); authorized a second later; -fail: refused then"),
    "expire": ("authorize", "authorized; lapses after a second of virtual time"),
    "dispute": ("capture", "captured, then disputed; -inquiry: only asked about"),
    "fail": ("capture, refund, cancel", "Adyen: received, then refused by webhook; Stripe: a capture or cancel is a 400, a refund failed"),
    "fail_late": ("capture, refund", "succeeds; fails a second later (Stripe: refunds only)"),
    "pending": ("refund", "pending first, succeeds a second later"),
    "reverse": ("refund", "Adyen: succeeds, REFUNDED_REVERSED a second later"),
}
# What can happen to the webhooks of a payment.
WEBHOOKS = {
    "now": "after the answer",
    "before": "delivered before the call is answered",
    "late": "after a while (-MS)",
    "twice": "delivered several times at once (-TIMES, 2 by default)",
    "shuffled": "each after a time of its own, so that later ones overtake",
    "never": "kept back until /_control/webhooks/resend",
    "contradictory": "beside it one with a good signature that says the opposite and is older",
    "forged": "beside it one that claims other money, with a signature that does not hold",
    "batched": "Adyen: waits for company, several items in one notification",
}
MS_DEFAULT = {"slow": 700, "delayed": 1500, "late": 2000}
SHUFFLED_MS = 1500

# What the seed chooses among, with weights. error_500_unexecuted is not among them: at Adyen nobody can ever learn that it did nothing.
CALL_MIX = {"slow": 4, "delayed": 1, "rate_limited": 2, "unavailable": 2, "unread": 2, "lock_timeout": 1, "conflict": 2, "timeout": 3, "reset": 3,
            "truncated": 2, "error_500": 3, "bad_gateway": 1}
WEBHOOK_MIX = {"before": 2, "late": 3, "twice": 3, "shuffled": 4, "never": 1, "contradictory": 2, "forged": 2, "batched": 2}

# With --fates-by-amount: the last four digits of an amount, for operations whose request has nothing else to say it with.
AMOUNTS = {9001: "timeout", 9002: "reset", 9003: "error_500", 9004: "truncated", 9005: "conflict", 9006: "rate_limited", 9007: "unavailable",
           9008: "unread", 9009: "slow", 9010: "bad_gateway", 9011: "delayed", 9021: "fail", 9022: "fail_late", 9023: "pending", 9024: "reverse"}

PART = re.compile(r"(?:(authorize|confirm|capture|refund|cancel|update|webhook)-)?([a-z0-9_]+)(?:-([A-Za-z0-9_]+))?\Z")


class Fate:
    """Of one call: what happens to it, and what comes out of it."""
    __slots__ = ("call", "call_argument", "outcome", "outcome_argument")

    def __init__(self, call="ok", call_argument=None, outcome=None, outcome_argument=None):
        self.call, self.call_argument, self.outcome, self.outcome_argument = call, call_argument, outcome, outcome_argument

    def wait_s(self):
        return int(self.call_argument or MS_DEFAULT[self.call]) / 1000

    def __str__(self):
        def said(name, argument):
            return f"{name}-{argument}" if argument else name
        return said(self.call, self.call_argument) + (f".{said(self.outcome, self.outcome_argument)}" if self.outcome else "")


OK = Fate()


class Plan:
    """What a payment's own token says of each of its operations, and of its webhooks."""
    __slots__ = ("operations", "webhook", "webhook_argument")

    def __init__(self):
        self.operations, self.webhook, self.webhook_argument = {}, None, None

    @classmethod
    def read(cls, text):
        """Of "fate_…" or a plan without that; ValueError says what it does not understand."""
        plan = cls()
        for part in text.removeprefix("fate_").split("."):
            found = PART.match(part)
            operation, name, argument = found.groups() if found else (None, part, None)
            if operation == "webhook":
                if name not in WEBHOOKS:
                    raise ValueError(f"there is no webhook fate '{name}'")
                plan.webhook, plan.webhook_argument = name, argument
                continue
            if name not in CALLS and name not in OUTCOMES:
                raise ValueError(f"there is no fate '{part}'")
            fate = plan.operations.setdefault(operation or "authorize", Fate())
            if name in CALLS:
                fate.call, fate.call_argument = name, argument
            else:
                fate.outcome, fate.outcome_argument = name, argument
        return plan


class Draw:
    """Chooses by weight, the same for the same words."""

    def __init__(self, seed, mix):
        self.seed, self.names = str(seed), []
        for name, weight in mix.items():
            self.names.extend([name] * weight)

    def chosen(self, rate, *words):
        """One of the names at this rate, else None."""
        if rate <= 0:
            return None
        digest = hashlib.blake2b("\0".join((self.seed, *words)).encode(), digest_size=8).digest()
        if int.from_bytes(digest[:4], "big") >= rate * 2**32:
            return None
        return self.names[int.from_bytes(digest[4:], "big") % len(self.names)]


class Fates:
    def __init__(self, seed=1, misbehave=0.0, webhook_misbehave=None, by_amount=False, processor="stripe"):
        self.by_amount = by_amount
        self.seed, self.misbehave = seed, misbehave
        self.webhook_misbehave = misbehave if webhook_misbehave is None else webhook_misbehave
        mixes = [dict(CALL_MIX), dict(WEBHOOK_MIX)]
        if processor == "stripe":
            del mixes[1]["batched"]
        else:
            del mixes[0]["lock_timeout"]
        self.calls, self.webhooks = Draw(seed, mixes[0]), Draw(seed, mixes[1])
        self.script = []  # [{operation, payment, fate, times}]

    def add(self, entry):
        """A script: {"fate": "timeout", "operation": "capture", "payment": "pay_…", "times": 1}; absent means any, times -1 for ever.
        "fate" may be a plan: each of its parts strikes that many times."""
        plan, wanted = Plan.read(entry["fate"]), {"payment": entry.get("payment")}
        times = int(entry.get("times") or 1)
        for operation, fate in plan.operations.items():
            operation = operation if f"{operation}-" in entry["fate"] else entry.get("operation")
            self.script.append({**wanted, "operation": operation, "times": times, "fate": fate, "webhook": None})
        if plan.webhook:
            self.script.append({**wanted, "operation": entry.get("operation"), "times": times, "fate": None,
                                "webhook": (plan.webhook, plan.webhook_argument)})

    def scripted(self, what, operation, payment):
        for entry in self.script:
            if entry[what] is not None and entry["operation"] in (None, operation) and entry["payment"] in (None, payment):
                entry["times"] -= 1
                if entry["times"] == 0:
                    self.script.remove(entry)
                return entry[what]
        return None

    def of_call(self, operation, payment, plan, amount, key, attempt):
        if self.script:
            fate = self.scripted("fate", operation, payment)
            if fate is not None:
                return fate
        planned = plan.operations.get(operation) if plan else None
        if planned is not None and (attempt == 1 or planned.outcome):
            return planned if attempt == 1 else Fate("ok", None, planned.outcome, planned.outcome_argument)
        if self.by_amount and attempt == 1 and amount is not None and amount % 10000 in AMOUNTS:
            name = AMOUNTS[amount % 10000]
            return Fate(name) if name in CALLS else Fate(outcome=name)
        chosen = self.calls.chosen(self.misbehave, operation, key, str(attempt))
        return Fate(chosen) if chosen else OK

    def of_webhook(self, operation, payment, plan, identity):
        """(name, argument)"""
        if self.script:
            found = self.scripted("webhook", operation, payment)
            if found is not None:
                return found
        if plan is not None and plan.webhook:
            return plan.webhook, plan.webhook_argument
        return self.webhooks.chosen(self.webhook_misbehave, "webhook", identity) or "now", None
