"""adyen: Adyen's HTTP (Checkout v71): authentication, validation, keys, error codes, notifications. What a payment goes through is in
adyen_flow, settlement in adyen_report."""
import base64
import binascii
import datetime
import hmac

import orjson

from . import specs
from .adyen_flow import Flow, Refused, service_error
from .adyen_report import Reports
from .engine import Call, Engine, Event, chance
from .sender import Delivery

KEY_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX = 64, 80
METADATA_PAIRS_MAX, METADATA_KEY_MAX, METADATA_VALUE_MAX = 20, 20, 80
CAPTURE_DELAY_HOURS_MAX = 672
REJECTED_KEPT = 200
OLDER_S = 60  # how much older a contradiction says it is

# what follows /v71 (with * for the payment's reference) → (path in the description, operation, the method that does it)
ROUTES = {
    ("payments",): ("/payments", "authorize", "pay"),
    ("payments", "details"): ("/payments/details", "confirm", "details"),
    ("payments", "*", "captures"): ("/payments/{paymentPspReference}/captures", "capture", "capture"),
    ("payments", "*", "cancels"): ("/payments/{paymentPspReference}/cancels", "cancel", "cancel"),
    ("payments", "*", "refunds"): ("/payments/{paymentPspReference}/refunds", "refund", "refund"),
    ("payments", "*", "reversals"): ("/payments/{paymentPspReference}/reversals", "cancel", "reverse"),
    ("payments", "*", "amountUpdates"): ("/payments/{paymentPspReference}/amountUpdates", "update", "amount_update"),
    ("cancels",): ("/cancels", "cancel", "technical_cancel"),
}
# Which error a missing member is.
MISSING = {"amount": (422, "100"), "reference": (422, "130"), "returnUrl": (422, "14_030"), "merchantAccount": (403, "901"),
           "paymentMethod": (422, "14_006"), "details": (422, "14_018")}


class Adyen(Reports, Flow, Engine):
    name = "adyen"
    key_lifetime_s = 7 * 24 * 3600

    def __init__(self, options):
        super().__init__(options)
        self.codes = specs.load("adyen/adyen-codes.json")
        self.begin()
        self.begin_reports()
        self.rejected = []
        spec = specs.Spec("adyen/checkout-v71-trimmed.json")
        self.routes = {}
        for parts, (path, operation, done_by) in ROUTES.items():
            schema = spec.request_schema("POST", path, "application/json")
            self.routes[parts] = (spec.compiled(schema, True), operation, getattr(self, done_by))
        basic = base64.b64encode(f"{options.report_user}:{options.report_password}".encode())
        self.report_credentials = b"Basic " + basic
        self.api_key = options.api_key.encode()
        user = f"{options.webhook_user}:{options.webhook_password}".encode()
        self.webhook_basic = b"Authorization: Basic " + base64.b64encode(user) + b"\r\n" if options.webhook_user else b""

    # ---- a request -----------------------------------------------------------------------------------------------------

    def route(self, exchange):
        parts = exchange.path.split("/")[1:]
        if parts[0] == "3ds" and len(parts) == 2:
            return self.page(exchange, parts[1])
        if parts[0] == "reports":
            return self.download(exchange)
        if exchange.headers.get(b"x-api-key") != self.api_key:
            return self.reject(exchange, service_error(401, "000", "HTTP Status Response - Unauthorized", "security"))
        if parts[0] != "v71" or exchange.method != "POST":
            return self.reject(exchange, service_error(404, "000", "Not found", "validation"))
        named = parts[2] if len(parts) == 4 else None
        found = self.routes.get(tuple(parts[1:]) if named is None else (parts[1], "*", parts[3]))
        if found is None:
            return self.reject(exchange, service_error(404, "000", "Not found", "validation"))
        validator, operation, do = found
        try:
            asked = self.read(exchange, validator)
            call = self.call(exchange, asked, operation, named, do)
        except Refused as refused:
            return self.reject(exchange, refused.answer)
        self.post(call)

    def read(self, exchange, validator):
        """The body, valid; Refused says what is wrong with it."""
        if exchange.headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise Refused(service_error(400, "702", "The content type has to be application/json"))
        try:
            asked = orjson.loads(exchange.body)
        except orjson.JSONDecodeError as wrong:
            raise Refused(service_error(400, "702", f"Problem parsing request: {wrong}")) from None
        found = specs.first_error(validator, asked)
        if found is not None:
            kind, path, message = found
            if kind == "required":
                status, code = MISSING.get(path[-1], (422, "158"))
                raise Refused(service_error(status, code, f"Required field '{path[-1]}' is not provided"))
            if kind == "additionalproperties" or not path:
                raise Refused(service_error(400, "702", f"Problem parsing request: {message}"))
            raise Refused(service_error(422, "192", f"Invalid field {'.'.join(path)}: {message}"))
        self.check(exchange, asked)
        return asked

    def check(self, exchange, asked):
        """What the documentation asks for beyond the description."""
        if len(exchange.headers.get(b"idempotency-key", b"")) > KEY_CHARACTERS_MAX:
            raise Refused(service_error(422, "908", f"Idempotency-Key has at most {KEY_CHARACTERS_MAX} characters"))
        if "merchantAccount" in asked and asked["merchantAccount"] != self.options.merchant_account:
            raise Refused(service_error(403, "901", "Invalid Merchant Account", "security"))
        if len(asked.get("reference", "")) > REFERENCE_CHARACTERS_MAX:
            raise Refused(service_error(422, "198", f"Reference has at most {REFERENCE_CHARACTERS_MAX} characters"))
        metadata = asked.get("metadata", {})
        if len(metadata) > METADATA_PAIRS_MAX or any(len(name) > METADATA_KEY_MAX or len(value) > METADATA_VALUE_MAX
                                                     for name, value in metadata.items()):
            raise Refused(service_error(422, "177", "Metadata size exceeds limit"))
        if not 0 <= asked.get("captureDelayHours", 0) <= CAPTURE_DELAY_HOURS_MAX:
            raise Refused(service_error(422, "164", "Capture delay invalid or out of range"))
        amount = asked.get("amount")
        if amount is not None:
            if not (amount["currency"].isascii() and amount["currency"].isalpha() and amount["currency"].isupper()):
                raise Refused(service_error(422, "138", "Currency not supported"))
            if amount["value"] < 0:
                raise Refused(service_error(422, "137", "Invalid amount specified"))

    def call(self, exchange, asked, operation, named, do):
        """The Call, and what our own reference says about it."""
        key = exchange.header(b"idempotency-key") or None
        reference = asked.get("reference") or ""
        payment, _, step = reference.partition(":")
        thing, plan = None, None
        if do == self.pay:
            plan = self.plan_asked(asked)
            payment = asked.get("metadata", {}).get("novapay_payment") or payment
        else:
            thing = self.known(asked, named, do)
            if thing is not None:
                payment, plan = thing.payment, thing.plan
        amount = asked.get("amount", {}).get("value")
        return Call(exchange, key, asked, operation, payment or None, step or None, amount, plan, "adn_" + self.new_id(),
                    lambda call: self.executed(do, asked, thing, call))

    @staticmethod
    def executed(do, asked, thing, call):
        try:
            return do(asked, thing, call)
        except Refused as refused:
            return refused.answer

    @staticmethod
    def own_headers(call):
        return (("Idempotency-Key", call.key),) if call.key is not None else ()

    @staticmethod
    def replay_headers(stored):
        return ()

    def reject(self, exchange, answer):
        """Not executed, not stored, remembered for whoever wonders."""
        self.counts["rejected"] += 1
        if len(self.rejected) < REJECTED_KEPT:
            self.rejected.append({"method": exchange.method, "path": exchange.path, "status": answer.status, "answer": orjson.loads(answer.body)})
        exchange.reply(answer.status, answer.body, answer.headers)

    # ---- what keys and fates answer -------------------------------------------------------------------------------------

    @staticmethod
    def conflict():
        return service_error(422, "704", "request already processed or in progress", headers=(("Transient-Error", "true"),))

    mismatch = conflict

    @staticmethod
    def error_500():
        return service_error(500, "903", "Internal error", "internal")

    @staticmethod
    def refusal(what):
        if what == "rate_limited":
            return service_error(429, "701", "Too many requests", "internal", (("Transient-Error", "true"),))
        return service_error(503, "703", "Required resource temporarily unavailable", "internal", (("Transient-Error", "true"),))

    # ---- webhooks ----------------------------------------------------------------------------------------------------------

    def event(self, code, psp, payment, operation, amount, success=True, reason="", original=None, reference=None, extra=None):
        """An item as it will be sent; its signature is made when it is written."""
        item = {"additionalData": dict(extra or {}), "amount": {"currency": amount[1], "value": amount[0]}, "eventCode": code,
                "eventDate": self.date(self.now()), "merchantAccountCode": self.options.merchant_account,
                "merchantReference": reference or "", "paymentMethod": payment.brand if payment else "", "pspReference": psp,
                "reason": reason, "success": "true" if success else "false"}
        if original is not None:
            item["originalReference"] = original
        if code == "AUTHORISATION" and success:
            item["operations"] = ["CANCEL", "CAPTURE", "REFUND"]
        made = Event(f"{code}/{psp}/{item['success']}", code, operation, payment.payment if payment else None, payment.plan if payment else None,
                     item, self.now())
        self.keep(made)
        return made

    @staticmethod
    def date(unix_s):
        return datetime.datetime.fromtimestamp(unix_s, datetime.timezone(datetime.timedelta(hours=1))).isoformat(timespec="seconds")

    @staticmethod
    def signature(item, key_hex):
        amount = item["amount"]
        text = ":".join((item["pspReference"], item.get("originalReference", ""), item["merchantAccountCode"], item["merchantReference"],
                         str(amount["value"]), amount["currency"], item["eventCode"], item["success"]))
        return base64.b64encode(hmac.digest(bytes.fromhex(key_hex), text.encode(), "sha256")).decode()

    def signed(self, event):
        keys = self.options.webhook_secrets  # while keys rotate, some are still signed with the old one
        key = keys[0] if len(keys) == 1 or chance(event.identity) < 0.5 else keys[1]
        event.data["additionalData"]["hmacSignature"] = self.signature(event.data, key)
        return event.data

    def notification(self, items):
        body = orjson.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item} for item in items]})
        return b"Content-Type: application/json; charset=utf-8\r\nUser-Agent: Adyen HttpClient 1.0\r\n" + self.webhook_basic, body

    def written(self, events):
        return self.notification([self.signed(event) for event in events])

    @staticmethod
    def accepts(status, body):
        return 200 <= status < 300 and body.strip() == b"[accepted]"

    def opposite(self, event):
        if event.data["success"] != "true" or event.type not in ("AUTHORISATION", "CAPTURE", "REFUND", "CANCELLATION"):
            return None
        item = {**event.data, "additionalData": {}, "success": "false", "reason": "Refused", "eventDate": self.date(event.created - OLDER_S)}
        item.pop("operations", None)
        return Event(f"{event.type}/{item['pspReference']}/false", event.type, event.operation, event.payment, None, item, self.now())

    def custom(self, given):
        """An event made up by a test: any members of an item."""
        item = {"additionalData": {}, "amount": {"currency": "EUR", "value": 0}, "eventCode": "AUTHORISATION", "eventDate": self.date(self.now()),
                "merchantAccountCode": self.options.merchant_account, "merchantReference": "", "paymentMethod": "visa",
                "pspReference": self.psp(), "reason": "", "success": "true", **given["item"]}
        return Event(f"{item['eventCode']}/{item['pspReference']}/{item['success']}", item["eventCode"], "custom", None, None, item, self.now())

    def forgery(self, event):
        """Says that other money has moved, with a signature that does not hold."""
        item = {**event.data, "additionalData": dict(event.data["additionalData"]), "success": "true"}
        item["amount"] = {**item["amount"], "value": item["amount"]["value"] * 100 + 1}
        key, way = self.options.webhook_secrets[0], int(chance(event.identity + "forged") * 5)
        if way == 0:
            item["additionalData"].pop("hmacSignature", None)
        elif way == 1:
            item["additionalData"]["hmacSignature"] = self.signature(item, "00" * 32)
        elif way == 2:
            item["additionalData"]["hmacSignature"] = self.signature(event.data, key)  # of the true amount
        elif way == 3:
            item["additionalData"]["hmacSignature"] = "not base64 at all"
        else:
            good = binascii.a2b_base64(self.signature(item, key))
            item["additionalData"]["hmacSignature"] = base64.b64encode(good[:-1]).decode()

        def ended(delivery):
            self.counts["forged " + ("lost" if delivery.last is None else "accepted" if 200 <= delivery.last < 300 else "refused")] += 1
        return Delivery(event.identity, lambda: self.notification([item]), self.accepts, 1, ended)
