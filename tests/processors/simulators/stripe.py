"""stripe: Stripe's HTTP: authentication, versions, forms, keys, lists, errors, signatures. What a payment goes through is in stripe_flow."""
import base64
import hmac
import re

import orjson

from . import specs
from .engine import Answer, Call, Engine, Event, chance
from .sender import Delivery
from .stripe_errors import Refused, error
from .stripe_flow import Flow
from .stripe_lists import Lists

VERSION = "2026-10-28.endive"
VERSION_SHAPE = re.compile(r"20\d\d-\d\d-\d\d(?:\.[a-z]+)?\Z")
FORM = b"application/x-www-form-urlencoded"
KEY_CHARACTERS_MAX = 255
REJECTED_KEPT = 200
EVENTS_MAX = 300_000  # the oldest are forgotten
OLDER_S = 60  # how much older a contradiction says it is

# (method, resource, with an id?, what follows the id) → (its path in the description, the method that does it)
ROUTES = {
    ("POST", "payment_intents", False, ""): ("/v1/payment_intents", "create_intent"),
    ("GET", "payment_intents", False, ""): ("/v1/payment_intents", "list_intents"),
    ("GET", "payment_intents", True, ""): ("/v1/payment_intents/{intent}", "retrieve"),
    ("POST", "payment_intents", True, ""): ("/v1/payment_intents/{intent}", "update_intent"),
    ("POST", "payment_intents", True, "confirm"): ("/v1/payment_intents/{intent}/confirm", "confirm_intent"),
    ("POST", "payment_intents", True, "capture"): ("/v1/payment_intents/{intent}/capture", "capture_intent"),
    ("POST", "payment_intents", True, "cancel"): ("/v1/payment_intents/{intent}/cancel", "cancel_intent"),
    ("POST", "refunds", False, ""): ("/v1/refunds", "create_refund"),
    ("GET", "refunds", False, ""): ("/v1/refunds", "list_refunds"),
    ("GET", "refunds", True, ""): ("/v1/refunds/{refund}", "retrieve"),
    ("GET", "charges", False, ""): ("/v1/charges", "list_charges"),
    ("GET", "charges", True, ""): ("/v1/charges/{charge}", "retrieve"),
    ("GET", "balance", False, ""): ("/v1/balance", "balance"),
    ("GET", "balance_transactions", False, ""): ("/v1/balance_transactions", "list_transactions"),
    ("GET", "balance_transactions", True, ""): ("/v1/balance_transactions/{id}", "retrieve"),
    ("GET", "payouts", False, ""): ("/v1/payouts", "list_payouts"),
    ("GET", "payouts", True, ""): ("/v1/payouts/{payout}", "retrieve"),
    ("GET", "disputes", False, ""): ("/v1/disputes", "list_disputes"),
    ("GET", "disputes", True, ""): ("/v1/disputes/{dispute}", "retrieve"),
    ("POST", "disputes", True, ""): ("/v1/disputes/{dispute}", "update_dispute"),
    ("POST", "disputes", True, "close"): ("/v1/disputes/{dispute}/close", "close_dispute"),
    ("GET", "events", False, ""): ("/v1/events", "list_events"),
    ("GET", "events", True, ""): ("/v1/events/{id}", "retrieve_event"),
}
OPERATIONS = {"create_intent": "authorize", "confirm_intent": "confirm", "capture_intent": "capture", "cancel_intent": "cancel",
              "create_refund": "refund", "update_intent": "update", "update_dispute": "update", "close_dispute": "update"}


class Stripe(Lists, Flow, Engine):
    name = "stripe"
    key_lifetime_s = 24 * 3600

    def __init__(self, options):
        super().__init__(options)
        self.spec = specs.Spec("stripe/stripe-openapi-trimmed.json")
        self.begin()
        self.rejected = []
        basic = base64.b64encode(options.api_key.encode() + b":").decode()
        self.credentials = (f"Bearer {options.api_key}".encode(), f"Basic {basic}".encode())
        self.forms = {}
        for (method, *_), (path, done_by) in ROUTES.items():
            schema = self.spec.request_schema("POST", path, FORM.decode()) if method == "POST" else self.spec.query_schema(path)
            self.forms[method, path] = specs.Form(self.spec, schema)
        self.routes = {key: (path, OPERATIONS.get(done_by), getattr(self, done_by)) for key, (path, done_by) in ROUTES.items()}

    # ---- a request -----------------------------------------------------------------------------------------------------

    def route(self, exchange):
        parts = exchange.path.split("/")
        if len(parts) == 3 and parts[1] == "3ds":
            return self.page(exchange, parts[2])
        request = "req_" + self.new_id()
        key = exchange.header(b"idempotency-key") or None if exchange.method == "POST" else None
        found = None
        if len(parts) in (3, 4, 5) and parts[1] == "v1":
            found = self.routes.get((exchange.method, parts[2], len(parts) > 3, parts[4] if len(parts) == 5 else ""))
        refused = self.refused_at_the_door(exchange, key, found)
        if refused is not None:
            return self.reject(exchange, request, refused)
        path, operation, do = found
        try:
            given = exchange.body if exchange.method == "POST" else exchange.query.encode()
            params = self.forms[exchange.method, path].read(given.decode())
            self.check_metadata(params)
            self.check_expansions(exchange.method, path, params)
            thing = self.known(parts[3], parts[2]) if len(parts) > 3 and parts[2] != "events" else None
            if exchange.method == "GET":
                self.counts["reads"] += 1
                return self.say(exchange, request, do(params, thing or parts[-1]))
            call = self.call(exchange, key, params, operation, thing, request, do)
        except specs.Invalid as wrong:
            return self.reject(exchange, request, error(400, wrong.message, code=wrong.code, param=wrong.param))
        except UnicodeDecodeError:
            return self.reject(exchange, request, error(400, "The body is not UTF-8."))
        except Refused as refused:
            return self.reject(exchange, request, refused.answer)
        self.post(call)

    def refused_at_the_door(self, exchange, key, found):
        if exchange.headers.get(b"authorization") not in self.credentials:
            given = b"authorization" in exchange.headers
            return error(401, "Invalid API Key provided." if given else "You did not provide an API key.")
        version = exchange.header(b"stripe-version") or VERSION
        if not VERSION_SHAPE.match(version) or version[:10] > VERSION[:10] or (version[:10] == VERSION[:10] and version != VERSION):
            return error(400, f"Invalid Stripe API version: {version}")
        if found is None:
            return error(404, f"Unrecognized request URL ({exchange.method}: {exchange.path}).")
        if exchange.body and (exchange.method == "GET" or exchange.headers.get(b"content-type", b"").split(b";")[0].strip().lower() != FORM):
            return error(400, "The body of a POST has to be application/x-www-form-urlencoded.")
        if exchange.method == "POST" and exchange.query:
            return error(400, "Parameters of a POST belong into its body.")
        if key is not None and len(key) > KEY_CHARACTERS_MAX:
            return error(400, f"Idempotency keys have at most {KEY_CHARACTERS_MAX} characters.")
        return None

    @staticmethod
    def check_metadata(params):
        metadata = params.get("metadata") or {}
        if len(metadata) > 50 or any(len(name) > 40 or len(value) > 500 for name, value in metadata.items()):
            raise specs.Invalid(None, "metadata", "Metadata has at most 50 keys of 40 characters, and values of 500.")

    def check_expansions(self, method, path, params):
        """Before anything is executed: the caller of a refused request believes that nothing was."""
        for named in params.get("expand", ()):
            if not self.spec.expandable(method, path, named):
                raise specs.Invalid(None, "expand", f"This property cannot be expanded ({named}).")

    def call(self, exchange, key, params, operation, thing, request, do):
        """The Call, and what our own reference says about it."""
        metadata = params.get("metadata") or {}
        if operation == "authorize":
            payment, plan, amount = metadata.get("novapay_payment"), self.plan_asked(params, metadata), params["amount"]
        else:
            intent = self.intent_of(params, thing)
            payment, plan = intent.payment, intent.plan
            amount = params.get("amount_to_capture", params.get("amount"))
        return Call(exchange, key, params, operation, payment, metadata.get("novapay_operation"), amount, plan, request,
                    lambda call: self.executed(do, params, thing, call))

    def executed(self, do, params, thing, call):
        """A refusal from here on is stored under the key, like everything else."""
        try:
            made, events = do(params, thing, call)
        except Refused as refused:
            refused.answer.events = refused.events
            return refused.answer
        try:
            return Answer(200, self.shown(made, params.get("expand")), events=events)
        except Refused as refused:
            refused.answer.events = events
            return refused.answer

    def own_headers(self, call):
        headers = [("Request-Id", call.request), ("Stripe-Version", VERSION)]
        if call.key is not None:
            headers.append(("Idempotency-Key", call.key))
            if call.executed:
                headers.append(("Original-Request", call.request))
        return headers

    @staticmethod
    def replay_headers(stored):
        return (("Idempotent-Replayed", "true"), ("Original-Request", stored.request))

    def say(self, exchange, request, body):
        exchange.reply(200, body, (("Request-Id", request), ("Stripe-Version", VERSION)))

    def reject(self, exchange, request, answer):
        """Not executed, not stored, remembered for whoever wonders."""
        self.counts["rejected"] += 1
        if len(self.rejected) < REJECTED_KEPT:
            self.rejected.append({"method": exchange.method, "path": exchange.path, "status": answer.status, "answer": orjson.loads(answer.body),
                                  "request": request})
        exchange.reply(answer.status, answer.body, (("Request-Id", request), ("Stripe-Version", VERSION)))

    # ---- what keys and fates answer -------------------------------------------------------------------------------------

    @staticmethod
    def conflict():
        made = error(409, "There is another request in progress with the same idempotency key.", code="idempotency_key_in_use")
        made.headers = (("Stripe-Should-Retry", "true"),)
        return made

    @staticmethod
    def mismatch():
        return error(400, "Keys for idempotent requests can only be used with the same parameters they were first used with.", "idempotency_error")

    @staticmethod
    def error_500():
        return error(500, "An unknown error occurred.", "api_error")

    @staticmethod
    def refusal(what):
        if what == "rate_limited":
            made = error(429, "Too many requests.", code="rate_limit")
            made.headers = (("Stripe-Rate-Limited-Reason", "global-rate"), ("Stripe-Should-Retry", "true"))
            return made
        if what == "lock_timeout":
            return error(429, "This object cannot be accessed right now because another request is accessing it.", code="lock_timeout")
        return error(503, "Service temporarily unavailable.", "api_error")

    # ---- webhooks ----------------------------------------------------------------------------------------------------------

    def event(self, kind, thing, intent, operation, call=None):
        """Of an object as it is now."""
        made = StripeEvent("evt_" + self.new_id(), kind, operation, intent.payment if intent else None, intent.plan if intent else None,
                           (thing.body(), call.request if call else None, call.key if call else None), self.now())
        self.events.append(made)
        if len(self.events) > EVENTS_MAX:
            del self.events[:EVENTS_MAX // 6]
        return made

    def signed(self, body, secrets, at=None):
        at = str(int(self.now() if at is None else at))
        given = ",".join("v1=" + hmac.digest(secret.encode(), at.encode() + b"." + body, "sha256").hex() for secret in secrets)
        return f"t={at},{given}"

    def headers(self, signature):
        text = "Content-Type: application/json; charset=utf-8\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
        return (text + (f"Stripe-Signature: {signature}\r\n" if signature else "")).encode()

    def written(self, events):
        body = events[0].body()
        return self.headers(self.signed(body, self.options.webhook_secrets)), body

    @staticmethod
    def accepts(status, body):
        return 200 <= status < 300

    def opposite(self, event):
        """The object did not get that far, or ended another way, a minute ago."""
        thing = orjson.loads(event.data[0])
        if thing["object"] == "payment_intent" and event.type != "payment_intent.created":
            failed = thing["status"] == "requires_capture"
            kind = "payment_intent.payment_failed" if failed else "payment_intent.canceled" if thing["status"] == "succeeded" else None
            if kind is None:
                return None
            thing.update(status="requires_payment_method" if failed else "canceled", amount_capturable=0, amount_received=0)
        elif thing["object"] == "refund" and thing["status"] == "succeeded":
            kind = "refund.failed"
            thing.update(status="failed", failure_reason="unknown")
        else:
            return None
        twin = StripeEvent("evt_" + self.new_id(), kind, event.operation, event.payment, None, (orjson.dumps(thing), None, None), event.created - OLDER_S)
        return twin

    def custom(self, given):
        """An event made up by a test: its type and object."""
        return StripeEvent("evt_" + self.new_id(), given["type"], "custom", None, None, (orjson.dumps(given["object"]), None, None), self.now())

    def forgery(self, event):
        """Says that more money has moved, signed in one of the ways that do not count."""
        thing = orjson.loads(event.data[0])
        for name in ("amount", "amount_received", "amount_capturable", "amount_captured"):
            if name in thing:
                thing[name] = thing[name] * 100 + 1
        kind = {"payment_intent": "payment_intent.succeeded", "refund": "refund.failed"}.get(thing["object"], event.type)
        if "status" in thing:
            thing["status"] = {"payment_intent": "succeeded", "refund": "failed"}.get(thing["object"], thing["status"])
        false = StripeEvent("evt_" + self.new_id(), kind, event.operation, event.payment, None, (orjson.dumps(thing), None, None), self.now())
        body, secret, way = false.body(), self.options.webhook_secrets[0], int(chance(event.identity + "forged") * 5)
        if way == 0:
            signature = None
        elif way == 1:
            signature = self.signed(body, ["whsec_of_somebody_else"])
        elif way == 2:
            signature = self.signed(body, [secret], self.now() - 3600)  # held back for an hour
        elif way == 3:
            signature = self.signed(event.body(), [secret])  # of another body
        else:
            signature = self.signed(body, [secret]).replace("v1=", "v0=")

        def ended(delivery):
            self.counts["forged " + ("lost" if delivery.last is None else "accepted" if delivery.delivered else "refused")] += 1
        return Delivery(false.identity, lambda: (self.headers(signature), body), self.accepts, 1, ended)


class StripeEvent(Event):
    """data: (the object's JSON, the request's id, its key)."""
    __slots__ = ("id",)

    def __init__(self, *given):
        super().__init__(*given)
        self.id = self.identity
        self.created = int(self.created)

    def body(self):
        thing, request, key = self.data
        said = orjson.dumps({"id": request, "idempotency_key": key})
        return (b'{"id":"%s","object":"event","api_version":"%s","created":%d,"data":{"object":%s},"livemode":false,"pending_webhooks":%d,'
                b'"request":%s,"type":"%s"}' % (self.id.encode(), VERSION.encode(), self.created, thing, 0 if self.delivered else 1, said,
                                                self.type.encode()))
