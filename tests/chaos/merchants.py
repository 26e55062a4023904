"""merchants: many payments at once, each with a life of its own that its number and the seed decide: authorized, captured in whole or in
part, canceled, refunded. Every call is written into a history and repeated under its key until there is an answer.
"""
import asyncio
import json
import random
import secrets
import time
from collections import Counter

import places  # noqa: F401
from http_line import Lines

CURRENCIES = ("eur",) * 5 + ("usd",) * 3 + ("jpy",) * 2
GIVE_UP_AFTER_S = 120       # of a call: longer than any outage that a proof makes
LOOK_EVERY_S, LOOK_LONGEST_S = 0.4, 3
LOOK_FOR_S = 20             # a payment that is processing for longer is left as it is
REPEAT_AFTER_S = 0.1
SETTLED_REFUSALS = ("payment_unexpected_state", "amount_exceeds_capturable", "amount_exceeds_refundable")
ERRORS_MAX = 10_000
DECLINING = 0.04            # share of payments whose card is declined
UNSURE = ("pending", "processing")


class Tokens:
    """Payment methods at both processors. `canary`: 10 hex digits, part of every token that means nothing to a
    simulator, so that it can be told again."""

    def __init__(self, kinds, canary=None):
        """`kinds`: {name of a processor: "stripe" or "adyen"}."""
        canary = canary or secrets.token_hex(5)
        good = {"stripe": "pm_card_visa", "adyen": f"CANARY{canary.upper()}"}  # 16 letters and digits, as Adyen gives them
        declined = {"stripe": "pm_card_visa_chargeDeclined", "adyen": "fate_decline"}
        strange = {"stripe": f"pm_{canary}", "adyen": f"tok_{canary}"}         # nobody knows them, and Stripe repeats their names
        self.canaries = [good["adyen"], *strange.values()]
        self.good, self.declined, self.strange = ({name: by[kind] for name, kind in kinds.items()} for by in (good, declined, strange))

    def pick(self, chance):
        return self.declined if chance < DECLINING else self.strange if chance < DECLINING + 0.005 else self.good


class Merchants:
    """`payments` lives, `at_once` of them; or `seconds` of them begun `per_second`. In an event loop of its own: `run()`."""

    def __init__(self, server, history, tokens, seed=1, at_once=256):
        self.server, self.history, self.seed, self.at_once = server, history, seed, at_once
        self.tokens = tokens
        self.begun = self.done = self.left = 0
        self.statuses, self.refusals = Counter(), Counter()
        self.unexpected = []
        self.errors = []            # bodies of refusals, ERRORS_MAX of them
        self.created = []           # (monotonic seconds when it was sent, answered, status, payment): what routing did when
        self.stopping = False

    # ---- how many --------------------------------------------------------------------------------------------------------

    def run(self, payments=None, per_second=None, seconds=None, name="c"):
        asyncio.run(self.closed(payments, name) if payments else self.paced(per_second, seconds, name))
        assert not self.unexpected, self.unexpected[:3]

    async def closed(self, payments, name):
        self.lines = Lines(self.server, self.server.dev_key)
        numbers = iter(range(payments))

        async def worker():
            for number in numbers:
                if self.stopping:
                    return
                await self.guarded(f"{name}{self.seed}-{number}")
        await asyncio.gather(*(worker() for _ in range(min(self.at_once, payments))))
        self.lines.close()

    async def paced(self, per_second, seconds, name):
        """On a schedule of their own: a payment that waits holds no other up."""
        self.lines = Lines(self.server, self.server.dev_key)
        began, tasks, number = time.monotonic(), set(), 0
        while not self.stopping and number < per_second * seconds:
            due = min(int((time.monotonic() - began) * per_second), int(per_second * seconds))
            for number in range(number, due):
                task = asyncio.create_task(self.guarded(f"{name}{self.seed}-{number}"))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            number = max(number, due)
            await asyncio.sleep(0.005)
        if tasks:
            await asyncio.wait(tasks)
        self.lines.close()

    async def guarded(self, key):
        self.begun += 1
        try:
            await self.life(key)
        except Exception as why:  # told by run(); the others go on
            self.unexpected.append(f"{key}: {why!r}"[:1500])
            self.stopping = True
        self.done += 1

    # ---- one payment -----------------------------------------------------------------------------------------------------

    async def life(self, key):
        pick = random.Random(f"{self.seed} {key}")
        amount = pick.randint(100, 100_000)
        manual = pick.random() < 0.7
        body = {"amount": amount, "currency": pick.choice(CURRENCIES), "capture_method": "manual" if manual else "automatic", "reference": key,
                "customer": f"customer-{pick.randint(1, 5000)}",
                "payment_method": {"type": "card", "tokens": self.tokens.pick(pick.random())}}
        sent = time.monotonic()
        answer = await self.told("create", None, "/v1/payments", key, body)
        payment = answer.json
        self.created.append((sent, time.monotonic(), answer.status, payment["id"]))
        payment = await self.known(payment)
        if payment["status"] == "authorized":
            if pick.random() < 0.15:
                await self.operate(payment, "cancel", f"{key}-x", {})
                return
            payment = await self.capture(pick, payment, key)
        if payment["amount_captured"] > 0 and pick.random() < 0.4:
            await self.refund(pick, payment, key)

    async def capture(self, pick, payment, key):
        part = pick.random() < 0.4
        fields = {"amount": pick.randint(1, payment["amount"])} if part else {}
        final = part and pick.random() < 0.5
        payment = await self.known(await self.operate(payment, "capture", f"{key}-c", fields | ({"final": True} if final else {})) or payment)
        if part and not final and payment["amount_capturable"] > 0 and pick.random() < 0.5:
            payment = await self.known(await self.operate(payment, "capture", f"{key}-d", {}) or payment)
        return payment

    async def refund(self, pick, payment, key):
        whole = pick.random() < 0.4
        parts = [{}] if whole else [{"amount": max(1, payment["amount_captured"] // pick.randint(2, 4))} for _ in range(pick.randint(1, 2))]
        for number, fields in enumerate(parts):
            await self.operate(payment, "refunds", f"{key}-r{number}", fields)

    async def operate(self, payment, what, key, fields):
        """The payment as it is then; a refund, for refunds; None if it was refused."""
        answer = await self.told({"refunds": "refund"}.get(what, what), payment["id"], f"/v1/payments/{payment['id']}/{what}", key, fields)
        if answer.status < 300:
            return answer.json
        assert answer.code in SETTLED_REFUSALS, answer
        self.refusals[answer.code] += 1
        return None

    async def known(self, payment):
        """Reads it until nothing is under way, or it has been for long."""
        end, wait = time.monotonic() + LOOK_FOR_S, LOOK_EVERY_S
        while is_unsure(payment) and not self.stopping:
            if time.monotonic() > end:
                self.left += 1
                break
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, LOOK_LONGEST_S)
            try:
                answer = await self.lines.ask("GET", f"/v1/payments/{payment['id']}")
            except OSError:
                continue
            if answer.status == 200:
                payment = answer.json
        return payment

    async def told(self, operation, payment, target, key, fields):
        """Repeats the call under its key until there is an answer that says what happened."""
        raw, end = json.dumps(fields).encode(), time.monotonic() + GIVE_UP_AFTER_S
        kept = {name: value for name, value in fields.items() if name in ("amount", "currency", "reference", "capture_method", "final")}
        while time.monotonic() < end:
            call = self.history.invoked(operation, payment, key, "mrc_demo/test", kept)
            try:
                answer = await self.lines.ask("POST", target, raw, key)
            except OSError as why:
                self.history.broken(call, why)
                self.statuses["refused" if isinstance(why, ConnectionRefusedError) else "broken"] += 1
                await asyncio.sleep(REPEAT_AFTER_S)
                continue
            self.history.answered(call, answer)
            self.statuses[answer.status] += 1
            if answer.status >= 400 and len(self.errors) < ERRORS_MAX:
                self.errors.append(answer.body)
            if answer.status not in (503, 504):
                assert answer.status < 300 or answer.code in SETTLED_REFUSALS, (operation, answer)
                return answer
            await asyncio.sleep(REPEAT_AFTER_S)
        raise AssertionError(f"no answer to {operation} {key} within {GIVE_UP_AFTER_S} s")


def is_unsure(payment):
    return payment["status"] in UNSURE or any(each["status"] == "pending" for each in payment["captures"])
