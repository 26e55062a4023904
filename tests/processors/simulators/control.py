"""control: what a test may ask of a simulator, on a port of its own, so that it works while the API is dead.

    GET  /_control/ledger?payment=&after=&limit=&kind=   JSON lines; the header Ledger-Next says where to go on (after=)
    GET  /_control/sums                        by payment and currency: authorized, captured, refunded, canceled…, charges
    GET  /_control/stats                       counts, queues, and the first requests that were rejected
    GET  /_control/events?undelivered=true     webhooks: identity, type, payment, delivered, attempts, withheld
    POST /_control/clock     {"advance_s": 90000}
    POST /_control/fates     {"fate": "timeout", "operation": "capture", "payment": "pay_…", "times": 1}; {"clear": true}
    POST /_control/misbehave {"rate": 0.25, "webhook_rate": 0.25}
    POST /_control/outage    {"mode": "refuse" | "hang" | "reset" | "503" | "none", "seconds": 60}
    POST /_control/webhooks  {"url": …, "secrets": […], "paused": false}
    POST /_control/resend    {"payment": "pay_…"}: what was kept back (`never`); without a payment, all of it
    POST /_control/notify    {"type": "refund.failed", "object": {…}, "times": 1} (Adyen: "item": {…}): a webhook of the test's own making,
                             with a good signature
    POST /_control/settle    {} → {"settled": ["po_…"]} or report names
    POST /_control/happen    {"payment": "pay_…" | "pi_…", "what": "dispute" | "inquiry" | "dispute_won" | "dispute_lost" | "refund_failed" |
                             "refund_reversed" | "capture_failed" | "expire"}
    POST /_control/tamper    {"payment": "pay_…", "what": "forget" | "forget_refunds" | "received" | "refunded", "amount": 1}: Stripe lists
                             something wrong from now on
"""
import asyncio
import collections
from urllib.parse import parse_qs

import orjson


class Control:
    def __init__(self, engine):
        self.engine = engine

    def handle(self, exchange):
        name = exchange.path.removeprefix("/_control/")
        do = getattr(self, f"{exchange.method.lower()}_{name}", None) if name.isidentifier() else None
        if do is None:
            return exchange.reply(404, b'{"error":"no such control"}')
        try:
            given = orjson.loads(exchange.body or b"{}") if exchange.method == "POST" else {
                key: values[-1] for key, values in parse_qs(exchange.query).items()}
            made = do(given)
        except (ValueError, KeyError, TypeError) as wrong:
            return exchange.reply(400, orjson.dumps({"error": f"{type(wrong).__name__}: {wrong}"}))
        self.engine.ledger.write()
        if asyncio.iscoroutine(made):
            self.engine.loop.create_task(made).add_done_callback(lambda _: exchange.reply(200, b"{}"))
        elif isinstance(made, tuple):
            exchange.reply(200, made[0], made[1], b"application/jsonl")
        else:
            exchange.reply(200, orjson.dumps(made, option=orjson.OPT_NON_STR_KEYS))

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def get_ledger(self, given):
        lines, last = self.engine.ledger.read(given.get("payment"), int(given.get("after", 0)), int(given.get("limit", 10000)), given.get("kind"))
        return b"".join(lines), (("Ledger-Next", str(last)),)

    def get_sums(self, given):
        sums = collections.defaultdict(collections.Counter)
        for line in self.engine.ledger.lines:
            entry = orjson.loads(line)
            if entry["kind"] == "effect" and entry["payment"]:
                mine = sums[f"{entry['payment']} {entry['currency']}"]
                mine[entry["effect"]] += entry["amount"]
                mine["charges"] += entry["effect"] == "authorized"
        return sums

    def get_stats(self, given):
        engine, sender = self.engine, self.engine.sender
        return {"counts": engine.counts, "webhooks": {**sender.counts, "pending": sender.pending, "withheld": len(engine.withheld)},
                "timers": len(engine.timers), "keys": len(engine.keys), "ledger": len(engine.ledger.lines), "rejected": engine.rejected,
                "clock_s": engine.virtual(), "offset_s": engine.offset_s, "outage": engine.outage, "bugs": engine.server.bugs}

    def get_events(self, given):
        undelivered = given.get("undelivered") == "true"
        return [{"identity": event.identity, "type": event.type, "payment": event.payment, "delivered": event.delivered,
                 "attempts": event.attempts, "withheld": event.withheld}
                for event in self.engine.events
                if not (undelivered and event.delivered) and given.get("payment") in (None, event.payment)]

    # ---- changing --------------------------------------------------------------------------------------------------------

    def post_clock(self, given):
        self.engine.advance(float(given["advance_s"]))
        return {"offset_s": self.engine.offset_s}

    def post_fates(self, given):
        if given.get("clear"):
            self.engine.fates.script.clear()
        if "fate" in given:
            self.engine.fates.add(given)
        return {"script": len(self.engine.fates.script)}

    def post_misbehave(self, given):
        fates = self.engine.fates
        fates.misbehave = float(given.get("rate", fates.misbehave))
        fates.webhook_misbehave = float(given.get("webhook_rate", given.get("rate", fates.webhook_misbehave)))
        return {"rate": fates.misbehave, "webhook_rate": fates.webhook_misbehave}

    def post_outage(self, given):
        if given["mode"] not in ("refuse", "hang", "reset", "503", "none"):
            raise ValueError(given["mode"])
        return self.engine.break_down(given["mode"], given.get("seconds"))

    def post_webhooks(self, given):
        if "secrets" in given:
            self.engine.options.webhook_secrets = list(given["secrets"])
        if "url" in given:
            self.engine.sender.set_url(given["url"])
        if "paused" in given:
            self.engine.sender.pause(bool(given["paused"]))
        return {"url": self.engine.sender.url}

    def post_resend(self, given):
        payment = given.get("payment")
        return {"resent": self.engine.resend(lambda event: payment in (None, event.payment))}

    def post_notify(self, given):
        event = self.engine.custom(given)
        for _ in range(int(given.get("times", 1))):
            self.engine.send(event)
        return {"identity": event.identity}

    def post_settle(self, given):
        return {"settled": self.engine.settle()}

    def post_happen(self, given):
        return {"happened": self.engine.happen(given["payment"], given["what"])}

    def post_tamper(self, given):
        return {"changed": self.engine.tamper(given["payment"], given["what"], given.get("amount"))}
