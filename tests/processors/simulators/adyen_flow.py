"""adyen_flow: what payments and their modifications go through at Adyen. A modification is answered 201 "received"; what became of it
comes as a notification. Lenient on money: a capture or refund of more than there is, or a second one, is executed and stands in
the ledger. With --strict-money it fails as it would at Adyen, by notification."""
from urllib.parse import urlencode

import orjson

from .engine import Answer
from .fates import Fate, Plan

SOON_S = 1.0                      # what happens later by itself, in virtual time
HOLD_S = 28 * 24 * 3600           # after that the uncaptured rest expires
OFFER_S = 12 * 3600               # how long the customer may take to come back
REFERENCE_WIDTH = 16
EVENTS_MAX = 300_000
PAGE = """<!doctype html><title>3-D Secure</title><h1>Your bank asks: is it you?</h1>
<p>Simulated authentication of a payment of {amount} {currency}.</p>
<p><a id="success" href="?result=success">Yes, it is me</a> · <a id="fail" href="?result=fail">No</a></p>"""


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, answer):
        super().__init__(answer.status)
        self.answer = answer


def service_error(status, code, message, kind="validation", headers=()):
    return Answer(status, orjson.dumps({"status": status, "errorCode": code, "message": message, "errorType": kind}), headers)


class Payment:
    __slots__ = ("psp", "payment", "reference", "step", "amount", "currency", "captured", "refunded", "state", "brand", "plan", "return_url",
                 "automatic", "page", "captures", "refunds", "result", "partial")

    def __init__(self, psp, payment, step, asked, plan):
        self.psp, self.payment, self.step, self.reference = psp, payment, step, asked["reference"]
        self.amount, self.currency = asked["amount"]["value"], asked["amount"]["currency"]
        self.captured = self.refunded = 0
        self.state = "new"  # new, offered, pending, authorised, refused, cancelled, expired
        self.brand, self.plan, self.return_url = "visa", plan, asked["returnUrl"]
        self.automatic = asked.get("additionalData", {}).get("manualCapture") != "true" and not asked.get("captureDelayHours")
        self.page, self.captures, self.refunds, self.result, self.partial = None, {}, {}, None, False

    def money(self, value=None):
        return (self.amount if value is None else value, self.currency)


class Flow:
    """The half of Adyen that knows payments."""

    def begin(self):
        self.payments, self.by_reference, self.redirects = {}, {}, {}
        self.refusals = {each["code"]: each for each in self.codes["refusal_reasons"]}
        self.holders = {each["test_holder_name"]: f"decline-{each['code']}" for each in self.codes["refusal_reasons"] if each["test_holder_name"]}
        self.acquirer = {each["test_acquirer_response_code"]: f"decline-{each['code']}" for each in self.codes["refusal_reasons"]
                         if each.get("test_acquirer_response_code")}
        for each in self.codes["test_values_without_refusal"]:
            plan = {"APPROVED": "ok", "PENDING": "async", "UNKNOWN": "decline-4", "PARTIALLY_APPROVED": "ok"}[each["holder_name"]]
            self.holders[each["holder_name"]] = self.acquirer[each["acquirer_response_code"]] = plan

    def psp(self):
        return self.new_id(REFERENCE_WIDTH - len(self.run)).upper()

    def keep(self, event):
        self.events.append(event)
        if len(self.events) > EVENTS_MAX:
            del self.events[:EVENTS_MAX // 6]

    # ---- finding ---------------------------------------------------------------------------------------------------------

    def known(self, asked, named, do):
        if do == self.details:
            details = asked["details"]
            token = details.get("redirectResult") or details.get("payload")
            if token not in self.redirects:
                raise Refused(service_error(422, "14_018", "Invalid payload provided"))
            return self.redirects[token][0]
        if do == self.technical_cancel:
            return self.by_reference.get(asked["paymentReference"])
        payment = self.payments.get(named)
        if payment is None:
            raise Refused(service_error(422, "167", "Original pspReference required for this operation"))
        if "amount" in asked and asked["amount"]["currency"] != payment.currency:
            raise Refused(service_error(422, "166", "The currency has to be that of the authorisation"))
        return payment

    def plan_asked(self, asked):
        method, extra = asked["paymentMethod"], asked.get("additionalData", {})
        stored = method.get("storedPaymentMethodId")
        if stored is not None and not asked.get("shopperReference"):
            raise Refused(service_error(422, "158", "Required field 'shopperReference' is not provided"))
        if stored is None and method.get("type") == "scheme" and not any(name in method for name in ("number", "encryptedCardNumber", "encryptedCard")):
            raise Refused(service_error(422, "101", "Invalid card number"))
        test_error = extra.get("RequestedTestErrorResponseCode")
        if test_error is not None:
            return Plan.read("unavailable" if test_error == "NO_CONNECTION_AVAILABLE" else "error_500_unexecuted")
        if extra.get("RequestedTestAcquirerResponseCode") in self.acquirer:
            return Plan.read(self.acquirer[extra["RequestedTestAcquirerResponseCode"]])
        words = [asked.get("metadata", {}).get("fate"), stored, method.get("holderName"), method.get("encryptedCardNumber"), method.get("number")]
        for word in words:
            if word in self.holders:
                return Plan.read(self.holders[word])
            if word and (word is words[0] or word.startswith("fate_")):
                try:
                    return Plan.read(word)
                except ValueError as wrong:
                    raise Refused(service_error(422, "14_007", str(wrong))) from None
            if word and word in ("4917610000000000", "5212345678901234", "test_4917610000000000"):
                return Plan.read("3ds")
        if stored is not None and (len(stored) != REFERENCE_WIDTH or not stored.isalnum()):
            raise Refused(service_error(422, "803", "PaymentDetail not found"))
        return None

    # ---- authorisation -----------------------------------------------------------------------------------------------------

    def pay(self, asked, _, call):
        payment = Payment(self.psp(), call.payment, call.reference, asked, call.plan)
        self.payments[payment.psp] = self.by_reference[payment.reference] = payment
        holder = asked["paymentMethod"].get("holderName")
        payment.partial = "PARTIALLY_APPROVED" in (holder, asked["paymentMethod"].get("storedPaymentMethodId"))
        if "5" in (asked["paymentMethod"].get("encryptedCardNumber", "").removeprefix("test_")[:1], asked["paymentMethod"].get("number", "")[:1]):
            payment.brand = "mc"
        fate = call.fate
        if fate.outcome == "3ds":
            payment.state, payment.page = "offered", f"{self.server.url}/3ds/{payment.psp}"
            payment.plan = payment.plan or Plan()
            payment.plan.operations["authorize"] = fate
            self.after(OFFER_S, lambda: self.close_offer(payment))
            return self.result(payment, "RedirectShopper", action={"type": "redirect", "method": "GET", "url": payment.page,
                                                                   "paymentMethodType": "scheme"})
        if fate.outcome == "async":
            payment.state = "pending"
            self.after(SOON_S, lambda: self.came_later(payment, fate.outcome_argument))
            return self.result(payment, "Received")
        return self.attempt(payment, call, fate)

    def attempt(self, payment, call, fate):
        """Asks the issuer."""
        if fate.outcome == "decline":
            return self.refused(payment, call, fate.outcome_argument)
        if payment.partial:
            payment.amount //= 2
        payment.state = "authorised"
        self.effect("authorize", "authorized", payment.payment, payment.amount, payment.currency, payment.psp, None, call, payment.step)
        if payment.automatic:
            self.take(payment, payment.psp, payment.amount, call, payment.step)
        self.after(SOON_S if fate.outcome == "expire" else HOLD_S, lambda: self.lapse(payment))
        event = self.event("AUTHORISATION", payment.psp, payment, "authorize", payment.money(), True, "123456:1111:03/2030", None, payment.reference)
        return self.result(payment, "Authorised", [event])

    def refused(self, payment, call, code):
        found = self.refusals.get(code or "2")
        if found is None:
            found = next((each for each in self.refusals.values() if each["test_holder_name"] == code), self.refusals["2"])
        payment.state = "refused"
        self.effect("authorize", "declined", payment.payment, payment.amount, payment.currency, payment.psp, None, call, payment.step)
        event = self.event("AUTHORISATION", payment.psp, payment, "authorize", payment.money(), False, found["reason"], None, payment.reference)
        return self.result(payment, found["result_code"], [event], refusalReason=found["reason"], refusalReasonCode=found["code"])

    def result(self, payment, code, events=(), **more):
        said = {"resultCode": code, "merchantReference": payment.reference, **more}
        if code != "RedirectShopper":  # there the reference is only known after the details
            said["pspReference"] = payment.psp
            said["amount"] = {"currency": payment.currency, "value": payment.amount}
            said["paymentMethod"] = {"brand": payment.brand, "type": "scheme"}
        if code == "Authorised":
            said["additionalData"] = {"authCode": "123456", "cardSummary": "1111", "expiryDate": "3/2030", "refusalReasonRaw": "AUTHORISED"}
        payment.result = orjson.dumps(said)
        return Answer(200, payment.result, events=events)

    def came_later(self, payment, argument):
        if payment.state == "pending":
            made = self.refused(payment, None, "2") if argument == "fail" else self.attempt(payment, None, Fate())
            self.happened(*made.events)

    def close_offer(self, payment):
        if payment.state == "offered":
            payment.state = "expired"
            self.happened(self.event("OFFER_CLOSED", payment.psp, payment, "authorize", payment.money(), True, "", None, payment.reference))

    def lapse(self, payment):
        if payment.state == "authorised" and payment.captured < payment.amount:
            rest = payment.amount - payment.captured
            payment.state = "expired"
            self.effect("expire", "expired", payment.payment, rest, payment.currency, payment.psp)
            self.happened(self.event("EXPIRE", self.psp(), payment, "authorize", payment.money(rest), True, "", payment.psp, payment.reference))

    def page(self, exchange, wanted):
        """3-D Secure, in the customer's browser."""
        payment = self.payments.get(wanted)
        if payment is None or payment.page is None:
            return exchange.reply(404, b"no such authentication", (), b"text/plain")
        if exchange.query not in ("result=success", "result=fail"):
            text = PAGE.format(amount=payment.amount, currency=payment.currency)
            return exchange.reply(200, text.encode(), (), b"text/html; charset=utf-8")
        token = "rr_" + self.new_id()
        self.redirects[token] = (payment, exchange.query == "result=success")
        back = payment.return_url + ("&" if "?" in payment.return_url else "?") + urlencode({"redirectResult": token})
        exchange.reply(302, b"", (("Location", back),), b"text/plain")

    def details(self, asked, payment, call):
        details = asked["details"]
        _, passed = self.redirects[details.get("redirectResult") or details.get("payload")]
        if payment.state != "offered":
            return Answer(200, payment.result)
        fate = payment.plan.operations["authorize"]
        if not passed or fate.outcome_argument == "fail":
            return self.refused(payment, call, "11")
        return self.attempt(payment, call, Fate("ok", None, "decline", fate.outcome_argument) if fate.outcome_argument else Fate())

    # ---- modifications -------------------------------------------------------------------------------------------------------

    def received(self, asked, payment, psp, events, **more):
        said = {"merchantAccount": asked["merchantAccount"], "pspReference": psp, "status": "received", **more}
        if payment is not None and "paymentReference" not in more:
            said["paymentPspReference"] = payment.psp
        for name in ("reference", "amount", "merchantRefundReason", "capturePspReference"):
            if name in asked:
                said[name] = asked[name]
        return Answer(201, orjson.dumps(said), events=events)

    def modified(self, code, asked, payment, psp, operation, value, failed, extra=None):
        """The notification of a modification; `failed`: why, or None."""
        return self.event(code, psp, payment, operation, payment.money(value), failed is None, failed or "", payment.psp,
                          asked.get("reference") or payment.reference, extra)

    def capture(self, asked, payment, call):
        psp, value, failed = self.psp(), asked["amount"]["value"], None
        if payment.state != "authorised":
            failed = "Transaction is not authorised"
        elif call.fate.outcome == "fail":
            failed = "Insufficient balance on payment"
        elif self.options.strict_money and (value > payment.amount - payment.captured or payment.captures and not self.options.multicapture):
            failed = "Insufficient balance on payment"
        if failed is None:
            self.take(payment, psp, value, call, call.reference)
            rest = payment.amount - payment.captured
            if rest > 0 and not self.options.multicapture:
                self.effect("capture", "released", payment.payment, rest, payment.currency, payment.psp, psp, call)
            if call.fate.outcome == "fail_late":
                self.after(SOON_S, lambda: self.undo_capture(payment, psp))
            if call.fate.outcome == "dispute":
                self.after(SOON_S, lambda: self.dispute(payment, call.fate.outcome_argument))
        else:
            self.effect("capture", "capture_failed", payment.payment, value, payment.currency, payment.psp, psp, call)
        return self.received(asked, payment, psp, [self.modified("CAPTURE", asked, payment, psp, "capture", value, failed)])

    def take(self, payment, psp, value, call, step):
        payment.captured += value
        payment.captures[psp] = (value, step, call.key if call else None)
        self.effect("capture", "captured", payment.payment, value, payment.currency, payment.psp, psp, call, step)
        self.book("Settled", payment, psp, value, step)

    def undo_capture(self, payment, psp=None):
        if psp is None:
            psp = next(reversed(payment.captures), None)
        if psp not in payment.captures:
            return False
        value, step, _ = payment.captures.pop(psp)
        payment.captured -= value
        self.effect("capture", "capture_failed", payment.payment, value, payment.currency, payment.psp, psp, reference=step)
        self.unbook(payment, psp, value, step)
        self.happened(self.event("CAPTURE_FAILED", psp, payment, "capture", payment.money(value), True, "Capture Failed", payment.psp,
                                 self.named(payment, step)))
        return True

    @staticmethod
    def named(payment, step):
        return f"{payment.payment}:{step}" if payment.payment and step else payment.reference

    def refund(self, asked, payment, call):
        psp, value, failed = self.psp(), asked["amount"]["value"], None
        outcome = call.fate.outcome
        if payment.captured <= 0:
            failed = "Payment is not captured"
        elif outcome == "fail" or self.options.strict_money and value > payment.captured - payment.refunded:
            failed = "Insufficient balance on payment"
        event = self.modified("REFUND", asked, payment, psp, "refund", value, failed)
        if failed is not None:
            self.effect("refund", "refund_failed", payment.payment, value, payment.currency, payment.psp, psp, call)
            return self.received(asked, payment, psp, [event])
        self.pay_back(payment, psp, value, call)
        if outcome in ("fail_late", "reverse"):
            self.after(SOON_S, lambda: self.bounce(payment, psp, "REFUND_FAILED" if outcome == "fail_late" else "REFUNDED_REVERSED"))
        if outcome == "pending":
            self.after(SOON_S, lambda: self.happened(event))
            event = self.event("POSTPONED_REFUND", psp, payment, "refund", payment.money(value), True, "", payment.psp,
                               asked.get("reference") or payment.reference)
        return self.received(asked, payment, psp, [event])

    def pay_back(self, payment, psp, value, call):
        payment.refunded += value
        payment.refunds[psp] = (value, call.reference)
        self.effect("refund", "refunded", payment.payment, value, payment.currency, payment.psp, psp, call)
        self.book("Refunded", payment, psp, value, call.reference)

    def bounce(self, payment, psp=None, code="REFUND_FAILED"):
        if psp is None:
            psp = next(reversed(payment.refunds), None)
        if psp not in payment.refunds:
            return False
        value, step = payment.refunds.pop(psp)
        payment.refunded -= value
        effect = "refund_failed" if code == "REFUND_FAILED" else "refund_reversed"
        self.effect("refund", effect, payment.payment, value, payment.currency, payment.psp, psp, reference=step)
        self.book("RefundedReversed", payment, psp, value, step)
        self.happened(self.event(code, psp, payment, "refund", payment.money(value), True, "Refund failed", payment.psp, self.named(payment, step)))
        return True

    def release(self, payment, call):
        """Why the hold cannot be released, or None: it is."""
        if payment is None:
            return "No such payment"
        if payment.captured > 0:
            return "Transaction is already captured"
        if payment.state not in ("authorised", "offered", "pending"):
            return f"Transaction is {payment.state}"
        if call.fate.outcome == "fail":
            return "Cancel is not possible"
        held = payment.amount if payment.state == "authorised" else 0
        payment.state = "cancelled"
        self.effect("cancel", "canceled", payment.payment, held, payment.currency, payment.psp, None, call)
        return None

    def cancel(self, asked, payment, call):
        psp, failed = self.psp(), self.release(payment, call)
        return self.received(asked, payment, psp, [self.modified("CANCELLATION", asked, payment, psp, "cancel", None, failed)])

    def technical_cancel(self, asked, payment, call):
        psp, failed = self.psp(), self.release(payment, call)
        events = []
        if payment is not None:
            events = [self.modified("TECHNICAL_CANCEL", asked, payment, psp, "cancel", None, failed)]
        return self.received(asked, payment, psp, events, paymentReference=asked["paymentReference"])

    def reverse(self, asked, payment, call):
        psp = self.psp()
        if payment.captured > 0:
            value = payment.captured - payment.refunded
            failed = None if value > 0 else "Insufficient balance on payment"
            if failed is None:
                self.pay_back(payment, psp, value, call)
            action = {"modification.action": "refund"}
        else:
            failed, action = self.release(payment, call), {"modification.action": "cancel"}
        return self.received(asked, payment, psp, [self.modified("CANCEL_OR_REFUND", asked, payment, psp, "cancel", None, failed, action)])

    def amount_update(self, asked, payment, call):
        psp, value = self.psp(), asked["amount"]["value"]
        failed = None if payment.state == "authorised" and payment.captured == 0 and call.fate.outcome != "fail" else "Adjustment is not possible"
        if failed is None:
            payment.amount = value
            self.effect("update", "adjusted", payment.payment, value, payment.currency, payment.psp, psp, call)
        return self.received(asked, payment, psp, [self.modified("AUTHORISATION_ADJUSTMENT", asked, payment, psp, "authorize", value, failed)])

    # ---- disputes --------------------------------------------------------------------------------------------------------------

    def dispute(self, payment, argument=None):
        psp = self.psp()
        if argument == "inquiry":
            self.happened(self.disputed("REQUEST_FOR_INFORMATION", psp, payment, "Undefended"))
            return psp
        self.effect("dispute", "disputed", payment.payment, payment.captured, payment.currency, payment.psp, psp)
        self.book("Chargeback", payment, psp, payment.captured, None)
        self.happened(self.disputed("NOTIFICATION_OF_CHARGEBACK", psp, payment, "Undefended"), self.disputed("CHARGEBACK", psp, payment, "Undefended"))
        return psp

    def resolve(self, payment, won):
        psp = self.psp()
        self.effect("dispute", "dispute_won" if won else "dispute_lost", payment.payment, payment.captured, payment.currency, payment.psp, psp)
        if won:
            self.book("ChargebackReversed", payment, psp, payment.captured, None)
        self.happened(self.disputed("CHARGEBACK_REVERSED" if won else "SECOND_CHARGEBACK", psp, payment, "Won" if won else "Lost"))

    def disputed(self, code, psp, payment, status):
        return self.event(code, psp, payment, "dispute", payment.money(payment.captured), True, "Fraudulent Processing of Transactions", payment.psp,
                          payment.reference, {"disputeStatus": status, "chargebackReasonCode": "10.4", "chargebackSchemeCode": payment.brand})

    # ---- by hand ---------------------------------------------------------------------------------------------------------------

    def happen(self, wanted, what):
        """Something that comes by itself; wanted: our payment or a pspReference. False: it cannot."""
        payment = self.payments.get(wanted) or next((each for each in reversed(self.payments.values()) if each.payment == wanted), None)
        if payment is None:
            raise ValueError(f"there is no payment '{wanted}'")
        if what in ("dispute", "inquiry"):
            return payment.captured > 0 and bool(self.dispute(payment, what if what == "inquiry" else None))
        if what in ("dispute_won", "dispute_lost"):
            self.resolve(payment, what == "dispute_won")
            return True
        if what in ("refund_failed", "refund_reversed"):
            return self.bounce(payment, None, "REFUND_FAILED" if what == "refund_failed" else "REFUNDED_REVERSED")
        if what == "capture_failed":
            return self.undo_capture(payment)
        if what == "expire":
            held = payment.state == "authorised"
            self.lapse(payment)
            return held
        raise ValueError(f"'{what}' does not happen at Adyen")
