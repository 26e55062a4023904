"""stripe_flow: what PaymentIntents and refunds go through. Each call gives (the object, its events), or Refused.

Lenient on money: a capture or refund of more than there is, or a second one, is executed and stands in the ledger. With
--strict-money it is refused as Stripe refuses it.
"""
import re
from urllib.parse import urlencode

import orjson

from . import specs
from .engine import Answer
from .fates import Fate, Plan
from .stripe_cards import CARDS, decline
from .stripe_errors import Refused, refusal
from .stripe_later import SOON_S, Later
from .stripe_objects import HOLD_S, KINDS, PREFIX, Charge, Dispute, PaymentIntent, Refund, fee, plan_of

AMOUNT_MIN, AMOUNT_MAX = 50, 99_999_999
CAPTURES_MAX = 50
CURRENCY = re.compile(r"[a-z]{3}\Z")
UNEXPECTED = "payment_intent_unexpected_state"
PAGE = """<!doctype html><title>3-D Secure</title><h1>Your bank asks: is it you?</h1>
<p>Simulated authentication of a payment of {amount} {currency}.</p>
<p><a id="success" href="?result=success">Yes, it is me</a> · <a id="fail" href="?result=fail">No</a></p>"""
ADVICE_OF_AUTHENTICATION = "payment_intent_authentication_failure"


class Flow(Later):
    """The half of Stripe that knows payments."""

    def begin(self):
        self.objects = {}
        self.intents, self.charges, self.refunds, self.transactions, self.payouts, self.disputes = [], [], [], [], [], []
        self.unpaid, self.methods = [], {}

    # ---- finding ---------------------------------------------------------------------------------------------------------

    def known(self, wanted, resource):
        thing = self.objects.get(wanted)
        if thing is None or not wanted.startswith(PREFIX.get(resource, "")):
            kind = KINDS.get(resource, resource)
            raise refusal(404, f"No such {kind}: '{wanted}'", "resource_missing", "intent" if kind == "payment_intent" else kind)
        return thing

    def intent_of(self, params, thing):
        if isinstance(thing, PaymentIntent):
            return thing
        if isinstance(thing, Dispute):
            return thing.charge.intent
        if ("payment_intent" in params) == ("charge" in params):
            raise refusal(400, "One of payment_intent and charge has to be given.", "parameter_missing", "payment_intent")
        if "charge" in params:
            return self.known(params["charge"], "charges").intent
        return self.known(params["payment_intent"], "payment_intents")

    def plan_asked(self, params, metadata):
        """The plan of a create, from metadata[fate] or its payment method; None without either."""
        token = params.get("payment_method")
        try:
            if "fate" in metadata:
                return Plan.read(metadata["fate"])
            return plan_of(*self.token(token)) if token else None
        except ValueError as wrong:
            raise specs.Invalid(None, "payment_method", str(wrong)) from None

    def token(self, name):
        """(token, card) of a payment method's id."""
        if name in self.methods:
            return self.methods[name]
        if name.startswith("fate_"):
            return name, CARDS["pm_card_visa"]
        if name not in CARDS:
            raise refusal(400, f"No such PaymentMethod: '{name}'", "resource_missing", "payment_method")
        return name, CARDS[name]

    def new(self, kind, prefix, where, *given):
        made = kind(prefix + self.new_id(), self.now(), *given)
        self.objects[made.id] = made
        where.append(made)
        return made

    # ---- authorization -----------------------------------------------------------------------------------------------------

    def create_intent(self, params, _, call):
        self.check_money(params["amount"], params["currency"])
        automatic = params.get("automatic_payment_methods") or {}
        if params.get("confirm") and automatic.get("enabled") and automatic.get("allow_redirects") != "never" and "return_url" not in params:
            raise refusal(400, "A return_url is needed, as these payment methods may redirect; or send "
                               "automatic_payment_methods[allow_redirects]=never.", None, "return_url")
        if params.get("error_on_requires_action") and not params.get("confirm"):
            raise refusal(400, "error_on_requires_action needs confirm=true.", None, "error_on_requires_action")
        intent = self.new(PaymentIntent, "pi_", self.intents, params)
        intent.plan = call.plan
        if "payment_method" in params:
            self.give_method(intent, params["payment_method"])
        events = [self.event("payment_intent.created", intent, intent, "authorize", call)]
        if params.get("confirm"):
            if intent.method is None:
                raise refusal(400, "You cannot confirm this PaymentIntent because it's missing a payment method.", UNEXPECTED,
                              events=events, payment_intent=intent.fields())
            events += self.attempt(intent, params, call, call.fate, events)
        return intent, events

    @staticmethod
    def check_money(amount, currency):
        if amount < 1:
            raise refusal(400, "This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
        if amount < AMOUNT_MIN:
            raise refusal(400, "Amount must be at least 50 cents.", "amount_too_small", "amount")
        if amount > AMOUNT_MAX:
            raise refusal(400, "Amount must be no more than 999,999.99.", "amount_too_large", "amount")
        if not CURRENCY.match(currency):
            raise refusal(400, f"Invalid currency: {currency}.", None, "currency")

    def give_method(self, intent, name):
        token, card = self.token(name)
        intent.card = card
        intent.method = name if name in self.methods else "pm_" + self.new_id()
        self.methods[intent.method] = (token, card)
        intent.plan = intent.plan or plan_of(token, card)
        intent.status, intent.error = "requires_confirmation", None
        intent.changed()

    def confirm_intent(self, params, intent, call):
        if intent.status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise self.unexpected(intent, "confirm")
        if "payment_method" in params:
            intent.plan = None
            self.give_method(intent, params["payment_method"])
        if intent.method is None:
            raise self.unexpected(intent, "confirm")
        intent.return_url = params.get("return_url", intent.return_url)
        planned = (intent.plan.operations.get("authorize") if intent.plan else None) or Fate()
        return intent, self.attempt(intent, params, call, call.fate if call.fate.outcome else planned, [])

    def attempt(self, intent, params, call, fate, before):
        """Asks the issuer. `before`: events that also belong to a refusal."""
        outcome, argument = fate.outcome, fate.outcome_argument
        if outcome == "3ds" and not intent.authenticated:
            if params.get("off_session") or params.get("error_on_requires_action"):
                wanted = "authentication_required" if params.get("off_session") else "authentication_not_handled"
                raise self.declined(intent, decline("authentication_required")._replace(decline_code=wanted), call, before)
            intent.status, intent.page = "requires_action", f"{self.server.url}/3ds/{intent.id}"
            intent.plan = intent.plan or Plan()
            intent.plan.operations["authorize"] = fate
            intent.changed()
            return [self.event("payment_intent.requires_action", intent, intent, "authorize", call)]
        if outcome == "3ds" and argument and argument != "fail":
            raise self.declined(intent, decline(argument), call, before)
        if outcome == "decline":
            raise self.declined(intent, decline(argument), call, before)
        if outcome == "async":
            intent.status = "processing"
            intent.changed()
            self.after(SOON_S, lambda: self.came_later(intent, argument))
            return [self.event("payment_intent.processing", intent, intent, "authorize", call)]
        return self.approve(intent, call, SOON_S if outcome == "expire" else HOLD_S)

    def came_later(self, intent, argument):
        if intent.status == "processing":
            if argument == "fail":
                self.happened(*self.declined(intent, decline("generic_decline"), None, []).events)
            else:
                self.happened(*self.approve(intent, None, HOLD_S))

    def approve(self, intent, call, hold_s):
        charge = self.new(Charge, "ch_", self.charges, intent)
        intent.charges.append(charge)
        intent.error = None
        self.effect("authorize", "authorized", intent.payment, intent.amount, intent.currency, intent.id, charge.id, call)
        if intent.capture_method == "manual":
            intent.status, intent.capturable = "requires_capture", intent.amount
            intent.changed()
            self.after(hold_s, lambda: self.lapse(intent))
            return [self.event("charge.succeeded", charge, intent, "authorize", call),
                    self.event("payment_intent.amount_capturable_updated", intent, intent, "authorize", call)]
        self.take(intent, charge, intent.amount, call)
        intent.status = "succeeded"
        intent.changed()
        return [self.event("charge.succeeded", charge, intent, "authorize", call),
                self.event("payment_intent.succeeded", intent, intent, "authorize", call)]

    def declined(self, intent, why, call, before):
        charge = self.new(Charge, "ch_", self.charges, intent)
        charge.status, charge.decline = "failed", why
        intent.charges.append(charge)
        self.effect("authorize", "declined", intent.payment, intent.amount, intent.currency, intent.id, charge.id, call)
        said = {"type": "card_error", "code": why.code, "decline_code": why.decline_code, "message": why.message, "charge": charge.id,
                "doc_url": f"https://stripe.com/docs/error-codes/{why.code.replace('_', '-')}", "payment_method_type": "card"}
        if why.advice:
            said["advice_code"] = why.advice
        if why.param:
            said["param"] = why.param
        intent.status, intent.error, intent.method = "requires_payment_method", said, None
        intent.changed()
        events = [*before, self.event("charge.failed", charge, intent, "authorize", call),
                  self.event("payment_intent.payment_failed", intent, intent, "authorize", call)]
        return Refused(Answer(402, orjson.dumps({"error": {**said, "payment_intent": intent.fields()}})), events)

    def lapse(self, intent):
        if intent.status == "requires_capture":
            self.effect("expire", "expired", intent.payment, intent.capturable, intent.currency, intent.id)
            intent.status, intent.capturable = "canceled", 0
            intent.cancellation_reason, intent.canceled_at = "automatic", int(self.now())
            intent.changed()
            intent.charge.changed()
            self.happened(self.event("charge.expired", intent.charge, intent, "authorize"),
                          self.event("payment_intent.canceled", intent, intent, "authorize"))

    def page(self, exchange, wanted):
        """3-D Secure, in the customer's browser."""
        intent = self.objects.get(wanted)
        if not isinstance(intent, PaymentIntent) or intent.page is None:
            return exchange.reply(404, b"no such authentication", (), b"text/plain")
        if exchange.query not in ("result=success", "result=fail"):
            text = PAGE.format(amount=intent.amount, currency=intent.currency)
            return exchange.reply(200, text.encode(), (), b"text/html; charset=utf-8")
        if intent.status == "requires_action":
            self.authenticated(intent, exchange.query == "result=success")
            self.ledger.write()
        if intent.return_url is None:
            return exchange.reply(200, b"Done. You may close this window.", (), b"text/plain")
        done = "succeeded" if intent.status != "requires_payment_method" else "failed"
        back = urlencode({"payment_intent": intent.id, "payment_intent_client_secret": intent.id + "_secret_simulated", "redirect_status": done})
        exchange.reply(302, b"", (("Location", intent.return_url + ("&" if "?" in intent.return_url else "?") + back),), b"text/plain")

    def authenticated(self, intent, passed):
        planned = intent.plan.operations["authorize"]
        if not passed or planned.outcome_argument == "fail":
            why = decline("authentication_required")._replace(code=ADVICE_OF_AUTHENTICATION, decline_code="generic_decline",
                                                              message="The provided PaymentMethod has failed authentication.")
            return self.happened(*self.declined(intent, why, None, []).events)
        intent.authenticated = True
        if intent.confirmation_method == "manual":
            intent.status = "requires_confirmation"
            intent.changed()
            return None
        try:
            self.happened(*self.attempt(intent, {}, None, planned, []))
        except Refused as refused:
            self.happened(*refused.events)

    @staticmethod
    def unexpected(intent, what):
        return refusal(400, f"You cannot {what} this PaymentIntent because it has a status of {intent.status}.", UNEXPECTED,
                       payment_intent=intent.fields())

    def update_intent(self, params, intent, call):
        if ("amount" in params or "currency" in params or "payment_method" in params) and intent.charges:
            raise self.unexpected(intent, "update")
        if "amount" in params:
            self.check_money(params["amount"], intent.currency)
        intent.amount, intent.currency = params.get("amount", intent.amount), params.get("currency", intent.currency)
        intent.description = params.get("description", intent.description)
        self.add_metadata(intent, params)
        if "payment_method" in params:
            self.give_method(intent, params["payment_method"])
        intent.changed()
        return intent, []

    @staticmethod
    def add_metadata(intent, params):
        """An empty value removes its name, an empty map all of them."""
        if "metadata" in params:
            merged = {**intent.metadata, **params["metadata"]} if params["metadata"] else {}
            intent.metadata = {name: value for name, value in merged.items() if value != ""}

    # ---- capture and cancel --------------------------------------------------------------------------------------------------

    def capture_intent(self, params, intent, call):
        again = intent.status == "succeeded" and not self.options.strict_money
        if intent.status != "requires_capture" and not again:
            raise self.unexpected(intent, "capture")
        left = intent.capturable or intent.amount
        amount, final = params.get("amount_to_capture", left), params.get("final_capture", True)
        if amount < 1:
            raise refusal(400, "This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount_to_capture")
        if amount > intent.capturable and self.options.strict_money:
            raise refusal(400, "The remaining amount that can be captured is smaller.", "amount_too_large", "amount_to_capture")
        if not final and not intent.multicapture:
            raise refusal(400, "final_capture=false needs multicapture, which is not available for this payment.", None, "final_capture")
        if call.fate.outcome == "fail":
            raise refusal(400, "The charge has expired and can no longer be captured.", "charge_expired_for_capture",
                          payment_intent=intent.fields())
        if intent.captures >= CAPTURES_MAX:
            raise refusal(400, f"At most {CAPTURES_MAX} captures are possible.", None, "amount_to_capture")
        self.add_metadata(intent, params)
        self.take(intent, intent.charge, amount, call)
        intent.capturable = max(0, intent.capturable - amount)
        if final and intent.capturable:
            self.effect("capture", "released", intent.payment, intent.capturable, intent.currency, intent.id, intent.charge.id, call)
            intent.capturable = 0
        events = [self.event("charge.captured", intent.charge, intent, "capture", call)]
        if intent.capturable == 0:
            intent.status = "succeeded"
        intent.changed()
        intent.charge.changed()
        kind = "payment_intent.succeeded" if intent.status == "succeeded" else "payment_intent.amount_capturable_updated"
        events.append(self.event(kind, intent, intent, "capture", call))
        if call.fate.outcome == "dispute":
            self.after(SOON_S, lambda: self.dispute(intent, call.fate.outcome_argument))
        return intent, events

    def take(self, intent, charge, amount, call):
        intent.received += amount
        intent.captures += 1
        charge.captured, charge.captured_amount = True, charge.captured_amount + amount
        moved = self.move("charge", amount, fee(amount), charge.id, intent)
        charge.transaction = moved.id
        charge.changed()
        self.effect("capture", "captured", intent.payment, amount, intent.currency, intent.id, charge.id, call)

    def cancel_intent(self, params, intent, call):
        if intent.status not in ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"):
            raise self.unexpected(intent, "cancel")
        if call.fate.outcome == "fail":
            raise self.unexpected(intent, "cancel")
        self.effect("cancel", "canceled", intent.payment, intent.capturable, intent.currency, intent.id, None, call)
        if intent.received:  # some of it has been captured: only the rest is released
            intent.status = "succeeded"
        else:
            intent.status, intent.canceled_at = "canceled", int(self.now())
            intent.cancellation_reason = params.get("cancellation_reason")
        intent.capturable = 0
        intent.changed()
        if intent.charge:
            intent.charge.changed()
        kind = "payment_intent.canceled" if intent.status == "canceled" else "payment_intent.succeeded"
        return intent, [self.event(kind, intent, intent, "cancel", call)]

    # ---- refunds ------------------------------------------------------------------------------------------------

    def create_refund(self, params, _, call):
        intent = self.intent_of(params, None)
        charge = self.objects[params["charge"]] if "charge" in params else intent.charge
        if charge is None or not charge.captured:
            raise refusal(400, "This charge has not been captured; cancel its PaymentIntent instead.")
        left = charge.captured_amount - charge.refunded_amount
        amount = params.get("amount", left if left > 0 else charge.captured_amount)
        if amount < 1:
            raise refusal(400, "Invalid positive integer", "parameter_invalid_integer", "amount")
        if charge.disputed:
            raise refusal(400, "This charge is disputed and cannot be refunded.", "charge_disputed")
        if self.options.strict_money and left <= 0:
            raise refusal(400, "This charge has already been refunded.", "charge_already_refunded")
        if self.options.strict_money and amount > left:
            raise refusal(400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", None, "amount")
        refund = self.new(Refund, "re_", self.refunds, charge, amount, params)
        charge.refunds.append(refund)
        outcome = call.fate.outcome
        events = [self.event("refund.created", refund, intent, "refund", call)]
        if outcome == "fail":
            refund.status, refund.failure_reason = "failed", "declined"
            refund.changed()
            self.effect("refund", "refund_failed", intent.payment, amount, intent.currency, intent.id, refund.id, call)
            return refund, [*events, self.event("refund.failed", refund, intent, "refund", call)]
        if outcome == "pending":
            refund.status = "pending"
            refund.changed()
            self.after(SOON_S, lambda: self.happened(*self.pay_back(refund, None, True)))
            return refund, [self.event("refund.created", refund, intent, "refund", call)]
        events += self.pay_back(refund, call, False)
        if outcome in ("fail_late", "reverse"):
            self.after(SOON_S, lambda: self.bounce(refund))
        return refund, events

    def pay_back(self, refund, call, told):
        charge, intent = refund.charge, refund.charge.intent
        refund.status = "succeeded"
        refund.transaction = self.move("refund", -refund.amount, 0, refund.id, intent).id
        charge.refunded_amount += refund.amount
        intent.refunded += refund.amount
        refund.changed()
        charge.changed()
        self.effect("refund", "refunded", intent.payment, refund.amount, intent.currency, intent.id, refund.id, call,
                    refund.metadata.get("novapay_operation"))
        events = [self.event("refund.updated", refund, intent, "refund", call)] if told else []
        return [*events, self.event("charge.refunded", charge, intent, "refund", call)]

    def bounce(self, refund, reason="expired_or_canceled_card"):
        if refund.status != "succeeded":
            return False
        charge, intent = refund.charge, refund.charge.intent
        refund.status, refund.failure_reason = "failed", reason
        refund.failure_transaction = self.move("refund_failure", refund.amount, 0, refund.id, intent).id
        charge.refunded_amount -= refund.amount
        intent.refunded -= refund.amount
        refund.changed()
        charge.changed()
        self.effect("refund", "refund_failed", intent.payment, refund.amount, intent.currency, intent.id, refund.id,
                    reference=refund.metadata.get("novapay_operation"))
        self.happened(self.event("refund.failed", refund, intent, "refund"), self.event("charge.updated", charge, intent, "refund"))
        return True
