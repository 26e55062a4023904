"""callers: programs that talk to the simulators as NovaPay does, hold every answer against the specs, and receive webhooks."""
import base64
import hashlib
import hmac
import itertools
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from simulators import specs

TIMEOUT_S = 5
NUMBERS = itertools.count(1)
STRIPE_SPEC = specs.Spec("stripe/stripe-openapi-trimmed.json")
ADYEN_SPEC = specs.Spec("adyen/checkout-v71-trimmed.json")
NOTIFICATIONS = specs.Spec("adyen/webhooks-v1-trimmed.json")
HOLDS = {"payment_intents": "intent", "refunds": "refund", "charges": "charge", "balance_transactions": "id", "payouts": "payout",
         "disputes": "dispute", "events": "id"}


def fresh():
    return f"pay_test{next(NUMBERS)}"


def assert_valid(validator, body, where):
    assert validator.is_valid(body), (where, [f"{'.'.join(map(str, each.instance_path))}: {each.message}" for each in validator.iter_errors(body)][:3], body)


class Caller:
    """Keeps its connection, checks every answer."""

    def __init__(self, simulator):
        self.simulator, self.session = simulator, requests.Session()

    def send(self, method, path, headers, timeout=TIMEOUT_S, **given):
        return self.session.request(method, self.simulator.base_url + path, headers=headers, timeout=timeout, allow_redirects=False, **given)

    def close(self):
        self.session.close()


class StripeCaller(Caller):
    def call(self, method, path, key=None, form=None, timeout=TIMEOUT_S, **headers):
        given = {"Authorization": f"Bearer {self.simulator.api_key}", "Stripe-Version": "2026-10-28.endive", **headers}
        if key:
            given["Idempotency-Key"] = key
        answer = self.send(method, path, given, timeout, **({"params": form} if method == "GET" else {"data": form}))
        parts = path.split("/")
        if answer.headers["Content-Type"] == "application/json" and parts[2] in HOLDS:
            if len(parts) > 3:
                parts[3] = "{" + HOLDS[parts[2]] + "}"
            assert_valid(STRIPE_SPEC.response(method, "/".join(parts), answer.status_code), answer.json(), path)
            assert answer.headers["Request-Id"].startswith("req_")
        return answer

    def get(self, path, **params):
        answer = self.call("GET", path, form=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, payment, token="pm_card_visa", amount=1099, key=None, timeout=TIMEOUT_S, **more):
        form = {"amount": amount, "currency": "eur", "payment_method": token, "confirm": "true", "capture_method": "manual",
                "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
                "metadata[novapay_payment]": payment, "metadata[novapay_operation]": "authorize:1", "expand[0]": "latest_charge", **more}
        return self.call("POST", "/v1/payment_intents", key or f"{payment}:authorize", form, timeout)

    def authorized(self, payment, token="pm_card_visa", amount=1099, **more):
        answer = self.create(payment, token, amount, **more)
        assert answer.status_code == 200 and answer.json()["status"] == "requires_capture", answer.text
        return answer.json()["id"]

    def capture(self, payment, intent, number=1, key=None, timeout=TIMEOUT_S, **form):
        return self.call("POST", f"/v1/payment_intents/{intent}/capture", key or f"{payment}:capture:{number}", form, timeout)

    def cancel(self, payment, intent, key=None, timeout=TIMEOUT_S):
        return self.call("POST", f"/v1/payment_intents/{intent}/cancel", key or f"{payment}:cancel", {}, timeout)

    def refund(self, payment, intent, number=1, key=None, timeout=TIMEOUT_S, **form):
        form = {"payment_intent": intent, "metadata[novapay_operation]": f"refund:{number}", **form}
        return self.call("POST", "/v1/refunds", key or f"{payment}:refund:{number}", form, timeout)


class AdyenCaller(Caller):
    def call(self, path, body, key=None, timeout=TIMEOUT_S, **headers):
        given = {"X-API-Key": self.simulator.api_key, **headers}
        if key:
            given["Idempotency-Key"] = key
        answer = self.send("POST", path, given, timeout, json=body)
        parts = path.split("/")
        if len(parts) == 4:
            parts[2] = "{paymentPspReference}"
        described = "/".join(parts)
        if answer.headers["Content-Type"] == "application/json" and described in ADYEN_SPEC.document["paths"]:
            listed = ADYEN_SPEC.document["paths"][described]["post"]["responses"]
            if str(answer.status_code) in listed:
                assert_valid(ADYEN_SPEC.response("POST", described, answer.status_code), answer.json(), path)
            else:
                assert_valid(ADYEN_SPEC.validator("ServiceError"), answer.json(), path)
        return answer

    def create(self, payment, token="fate_ok", amount=1099, key=None, timeout=TIMEOUT_S, **more):
        body = {"merchantAccount": self.simulator.merchant_account, "reference": f"{payment}:authorize:1",
                "amount": {"value": amount, "currency": "EUR"}, "paymentMethod": {"type": "scheme", "storedPaymentMethodId": token},
                "shopperReference": "customer-1", "returnUrl": "https://novapay.test/return/1", "shopperInteraction": "ContAuth",
                "additionalData": {"manualCapture": "true"}, **more}
        return self.call("/payments", body, key or f"{payment}:authorize", timeout)

    def authorized(self, payment, token="fate_ok", amount=1099, **more):
        answer = self.create(payment, token, amount, **more)
        assert answer.status_code == 200 and answer.json()["resultCode"] == "Authorised", answer.text
        return answer.json()["pspReference"]

    def modify(self, kind, payment, psp, step, amount=None, key=None, timeout=TIMEOUT_S, **more):
        body = {"merchantAccount": self.simulator.merchant_account, "reference": f"{payment}:{step}", **more}
        if amount is not None:
            body["amount"] = {"value": amount, "currency": "EUR"}
        return self.call(f"/payments/{psp}/{kind}", body, key or f"{payment}:{step}", timeout)

    def capture(self, payment, psp, number=1, amount=1099, **more):
        return self.modify("captures", payment, psp, f"capture:{number}", amount, **more)

    def refund(self, payment, psp, number=1, amount=1099, **more):
        return self.modify("refunds", payment, psp, f"refund:{number}", amount, **more)

    def cancel(self, payment, psp, **more):
        return self.modify("cancels", payment, psp, "cancel:1", **more)


# ---- webhooks --------------------------------------------------------------------------------------------------------


def stripe_signature_holds(header, body, secret, now, tolerance_s=300):
    """As the documentation describes it; nothing of the simulator's."""
    fields = [part.split("=", 1) for part in (header or "").split(",") if "=" in part]
    times = [value for name, value in fields if name == "t"]
    if len(times) != 1 or not times[0].isdigit() or abs(now - int(times[0])) > tolerance_s:
        return False
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(name == "v1" and hmac.compare_digest(value, expected) for name, value in fields)


def adyen_signature_holds(item, key_hex, signature=None):
    """Of a NotificationRequestItem."""
    amount = item.get("amount", {})
    values = [item.get("pspReference"), item.get("originalReference"), item.get("merchantAccountCode"), item.get("merchantReference"),
              amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success")]
    text = ":".join("" if value is None else str(value) for value in values)
    expected = base64.b64encode(hmac.new(bytes.fromhex(key_hex), text.encode(), hashlib.sha256).digest())
    given = item.get("additionalData", {}).get("hmacSignature", "") if signature is None else signature
    return hmac.compare_digest(expected, given.encode())


class Delivered:
    """A webhook as it came in: headers, body; `json`."""

    def __init__(self, headers, body):
        self.headers, self.body, self.json = headers, body, json.loads(body)


class Receiver:
    """A merchant's endpoint: keeps what comes; `answers` are given in turn, then `status`. `during(delivered)` runs before the answer."""

    def __init__(self):
        self.seen, self.all, self.answers, self.status, self.during = queue.Queue(), [], [], 200, None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                delivered = Delivered(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
                receiver.all.append(delivered)
                if receiver.during is not None:
                    receiver.during(delivered)
                status = receiver.answers.pop(0) if receiver.answers else receiver.status
                self.send_response(status)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"[accepted]")
                receiver.seen.put(delivered)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, wanted=lambda delivered: True, timeout_s=TIMEOUT_S):
        """The next one that is wanted; others are passed over."""
        while True:
            delivered = self.seen.get(timeout=timeout_s)
            if wanted(delivered):
                return delivered

    def close(self):
        self.server.shutdown()
        self.server.server_close()
