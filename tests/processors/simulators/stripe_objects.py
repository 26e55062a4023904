"""stripe_objects: what Stripe keeps, each in few fields, and written out as the API shows it. An object's JSON is kept until it changes."""
import orjson

from . import fates

KINDS = {"payment_intents": "payment_intent", "refunds": "refund", "charges": "charge", "balance_transactions": "balance_transaction",
         "payouts": "payout", "disputes": "dispute"}
PREFIX = {"payment_intents": "pi_", "refunds": "re_", "charges": "ch_", "balance_transactions": "txn_", "payouts": "po_", "disputes": "dp_"}
HOLD_S = 7 * 24 * 3600
FEE_PER_MILLE, FEE_FIXED_MINOR = 14, 25
ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
BILLING = {"address": ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
EVIDENCE = ("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure", "cancellation_rebuttal",
            "customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
            "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
            "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
            "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
            "uncategorized_file", "uncategorized_text")


def fee(amount):
    return min(amount, amount * FEE_PER_MILLE // 1000 + FEE_FIXED_MINOR)


class Thing:
    """`fields()` is the object as a dictionary, `body()` as JSON; `changed()` forgets the latter."""
    __slots__ = ("id", "created", "json")

    def __init__(self, made_id, created):
        self.id, self.created, self.json = made_id, int(created), None

    def body(self):
        if self.json is None:
            self.json = bytes(memoryview(orjson.dumps(self.fields())))  # a copy of its true size, to be kept
        return self.json

    def changed(self):
        self.json = None


class PaymentIntent(Thing):
    __slots__ = ("amount", "currency", "capture_method", "confirmation_method", "status", "metadata", "description", "suffix", "descriptor",
                 "customer", "automatic", "return_url", "receipt_email", "method", "card", "plan", "charges", "capturable", "received", "error",
                 "canceled_at", "cancellation_reason", "multicapture", "authenticated", "page", "refunded", "future_usage", "captures")

    def __init__(self, made_id, created, asked):
        super().__init__(made_id, created)
        self.amount, self.currency = asked["amount"], asked["currency"]
        self.capture_method = asked.get("capture_method", "automatic_async")
        self.confirmation_method = asked.get("confirmation_method", "automatic")
        self.metadata = asked.get("metadata", {})
        self.description, self.suffix = asked.get("description"), asked.get("statement_descriptor_suffix")
        self.descriptor, self.customer = asked.get("statement_descriptor"), asked.get("customer")
        self.automatic, self.return_url = asked.get("automatic_payment_methods"), asked.get("return_url")
        self.receipt_email, self.future_usage = asked.get("receipt_email"), asked.get("setup_future_usage")
        card = (asked.get("payment_method_options") or {}).get("card") or {}
        self.multicapture = card.get("request_multicapture") == "if_available"
        self.status, self.method, self.card, self.plan = "requires_payment_method", None, None, None
        self.charges, self.capturable, self.received, self.refunded, self.captures = [], 0, 0, 0, 0
        self.error = self.canceled_at = self.cancellation_reason = self.page = None
        self.authenticated = False

    @property
    def payment(self):
        return self.metadata.get("novapay_payment")

    @property
    def charge(self):
        return self.charges[-1] if self.charges else None

    def next_action(self):
        if self.status != "requires_action":
            return None
        if self.return_url is None:
            return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": self.page}}
        return {"type": "redirect_to_url", "redirect_to_url": {"url": self.page, "return_url": self.return_url}}

    def fields(self):
        return {
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": self.capturable,
            "amount_details": {"tip": {}}, "amount_received": self.received, "application": None, "application_fee_amount": None,
            "automatic_payment_methods": self.automatic, "canceled_at": self.canceled_at, "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method, "client_secret": self.id + "_secret_simulated",
            "confirmation_method": self.confirmation_method, "created": self.created, "currency": self.currency, "customer": self.customer,
            "customer_account": None, "description": self.description, "excluded_payment_method_types": None,
            "last_payment_error": self.error, "latest_charge": self.charge.id if self.charges else None, "livemode": False,
            "managed_payments": None, "metadata": self.metadata, "next_action": self.next_action(), "on_behalf_of": None,
            "payment_method": self.method, "payment_method_configuration_details": None,
            "payment_method_options": {"card": {"installments": None, "mandate_options": None, "network": None,
                                                "request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"], "processing": {"type": "card"} if self.status == "processing" else None,
            "receipt_email": self.receipt_email, "review": None, "setup_future_usage": self.future_usage, "shipping": None, "source": None,
            "statement_descriptor": self.descriptor, "statement_descriptor_suffix": self.suffix, "status": self.status,
            "transfer_data": None, "transfer_group": None,
        }


class Charge(Thing):
    __slots__ = ("intent", "metadata", "amount", "captured_amount", "refunded_amount", "status", "captured", "decline", "transaction", "disputed", "refunds",
                 "capture_before", "key")

    def __init__(self, made_id, created, intent):
        super().__init__(made_id, created)
        self.intent, self.amount, self.metadata = intent, intent.amount, dict(intent.metadata)
        self.captured_amount = self.refunded_amount = 0
        self.status, self.captured, self.decline, self.transaction, self.disputed = "succeeded", False, None, None, False
        self.refunds, self.capture_before = [], self.created + HOLD_S

    def outcome(self):
        declined = self.decline
        if declined is None:
            return {"advice_code": None, "network_advice_code": None, "network_decline_code": None, "network_status": "approved_by_network",
                    "reason": None, "risk_level": "normal", "risk_score": 12, "seller_message": "Payment complete.", "type": "authorized"}
        return {"advice_code": declined.advice, "network_advice_code": None, "network_decline_code": "05",
                "network_status": "declined_by_network", "reason": declined.decline_code, "risk_level": "normal", "risk_score": 12,
                "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"}

    def card_details(self):
        card, intent = self.intent.card, self.intent
        made = {"amount_authorized": self.amount if self.status == "succeeded" else None, "authorization_code": "123456", "brand": card.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}, "country": card.country,
                "exp_month": 8, "exp_year": 2030, "extended_authorization": {"status": "disabled"}, "fingerprint": "sim" + card.last4,
                "funding": card.funding, "incremental_authorization": {"status": "unavailable"}, "installments": None, "last4": card.last4,
                "mandate": None, "multicapture": {"status": "available" if intent.multicapture else "unavailable"}, "network": card.brand,
                "network_token": {"used": False}, "network_transaction_id": "NTI" + self.id[-12:],
                "overcapture": {"maximum_amount_capturable": self.amount, "status": "unavailable"}, "regulated_status": "unregulated",
                "three_d_secure": None, "transaction_link_id": None, "wallet": None}
        if self.status == "succeeded" and not self.captured and intent.status == "requires_capture":
            made["capture_before"] = self.capture_before
        if intent.authenticated:
            made["three_d_secure"] = {"authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": None,
                                      "result": "authenticated", "result_reason": None, "transaction_id": self.id[-12:], "version": "2.2.0"}
        return made

    def fields(self):
        intent, declined = self.intent, self.decline
        return {
            "id": self.id, "object": "charge", "amount": self.amount, "amount_captured": self.captured_amount,
            "amount_refunded": self.refunded_amount, "application": None, "application_fee": None, "application_fee_amount": None,
            "balance_transaction": self.transaction, "billing_details": BILLING, "calculated_statement_descriptor": "NOVAPAY",
            "captured": self.captured, "created": self.created, "currency": intent.currency, "customer": intent.customer,
            "description": intent.description, "disputed": self.disputed, "failure_balance_transaction": None,
            "failure_code": declined.code if declined else None, "failure_message": declined.message if declined else None,
            "fraud_details": {}, "livemode": False, "metadata": self.metadata, "on_behalf_of": None, "outcome": self.outcome(),
            "paid": self.status == "succeeded", "payment_intent": intent.id, "payment_method": intent.method,
            "payment_method_details": {"card": self.card_details(), "type": "card"}, "receipt_email": intent.receipt_email,
            "receipt_number": None, "receipt_url": None, "refunded": self.refunded_amount >= self.amount > 0, "review": None, "shipping": None,
            "source": None, "source_transfer": None, "statement_descriptor": intent.descriptor,
            "statement_descriptor_suffix": intent.suffix, "status": self.status, "transfer_data": None, "transfer_group": None,
        }


class Refund(Thing):
    __slots__ = ("charge", "amount", "status", "reason", "metadata", "transaction", "failure_transaction", "failure_reason")

    def __init__(self, made_id, created, charge, amount, asked):
        super().__init__(made_id, created)
        self.charge, self.amount, self.status = charge, amount, "succeeded"
        self.reason, self.metadata = asked.get("reason"), asked.get("metadata") or {}
        self.transaction = self.failure_transaction = self.failure_reason = None

    def fields(self):
        intent = self.charge.intent
        made = {
            "id": self.id, "object": "refund", "amount": self.amount, "balance_transaction": self.transaction, "charge": self.charge.id,
            "created": self.created, "currency": intent.currency, "customer": intent.customer, "customer_account": None,
            "destination_details": {"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number",
                                             "type": "pending" if self.status == "pending" else "refund"}, "type": "card"},
            "metadata": self.metadata, "payment_intent": intent.id, "payment_method": intent.method, "reason": self.reason,
            "receipt_number": None, "source_transfer_reversal": None, "status": self.status, "transfer_reversal": None,
        }
        if self.status == "pending":
            made["pending_reason"] = "processing"
        if self.failure_reason:
            made["failure_reason"] = self.failure_reason
            if self.failure_transaction:
                made["failure_balance_transaction"] = self.failure_transaction
        return made


class Transaction(Thing):
    __slots__ = ("type", "amount", "fee", "currency", "source", "payout", "category", "payment")

    def __init__(self, made_id, created, kind, amount, taken, currency, source, payment, category=None):
        super().__init__(made_id, created)
        self.type, self.amount, self.fee, self.currency, self.source, self.payment = kind, amount, taken, currency, source, payment
        self.category, self.payout = category or kind, None

    def fields(self):
        details = [{"amount": self.fee, "application": None, "currency": self.currency, "description": "Stripe processing fees",
                    "type": "stripe_fee"}] if self.fee else []
        return {"id": self.id, "object": "balance_transaction", "amount": self.amount, "available_on": self.created,
                "balance_type": "payments", "created": self.created, "currency": self.currency, "description": None, "exchange_rate": None,
                "fee": self.fee, "fee_details": details, "net": self.amount - self.fee, "reporting_category": self.category,
                "source": self.source, "status": "available" if self.payout else "pending", "type": self.type}


class Payout(Thing):
    __slots__ = ("amount", "currency", "transaction", "status", "reconciliation", "transactions")

    def __init__(self, made_id, created, amount, currency):
        super().__init__(made_id, created)
        self.amount, self.currency, self.transaction = amount, currency, None
        self.status, self.reconciliation, self.transactions = "paid", "in_progress", []

    def fields(self):
        return {"id": self.id, "object": "payout", "amount": self.amount, "application_fee": None, "application_fee_amount": None,
                "arrival_date": self.created, "automatic": True, "balance_transaction": self.transaction, "created": self.created,
                "currency": self.currency, "description": "STRIPE PAYOUT", "destination": "ba_simulated",
                "failure_balance_transaction": None, "failure_code": None, "failure_message": None, "livemode": False, "metadata": {},
                "method": "standard", "original_payout": None, "payout_method": None, "reconciliation_status": self.reconciliation,
                "reversed_by": None, "source_type": "card", "statement_descriptor": None, "status": self.status,
                "trace_id": {"status": "pending", "value": None}, "type": "bank_account"}


class Dispute(Thing):
    __slots__ = ("charge", "amount", "reason", "status", "transactions", "text", "submissions")

    def __init__(self, made_id, created, charge, reason, status):
        super().__init__(made_id, created)
        self.charge, self.amount, self.reason, self.status = charge, charge.captured_amount, reason, status
        self.transactions, self.text, self.submissions = [], None, 0

    def fields(self):
        intent = self.charge.intent
        evidence = dict.fromkeys(EVIDENCE)
        evidence.update(enhanced_evidence={}, uncategorized_text=self.text)
        return {"id": self.id, "object": "dispute", "amount": self.amount,
                "balance_transactions": [each.fields() for each in self.transactions], "charge": self.charge.id, "created": self.created,
                "currency": intent.currency, "enhanced_eligibility_types": [], "evidence": evidence,
                "evidence_details": {"due_by": self.created + HOLD_S, "enhanced_eligibility": {}, "has_evidence": self.text is not None,
                                     "past_due": False, "submission_count": self.submissions},
                "is_charge_refundable": self.status.startswith("warning"), "livemode": False, "metadata": {},
                "network_reason_code": "10.4", "payment_intent": intent.id,
                "payment_method_details": {"card": {"brand": intent.card.brand, "case_type": "chargeback", "network": intent.card.brand, "network_reason_code": "10.4"},
                                           "type": "card"},
                "reason": self.reason, "status": self.status}


def plan_of(token, card):
    """fates.Plan of a payment method; None if its card says nothing."""
    text = token if token.startswith("fate_") else card.plan
    return fates.Plan.read(text) if text else None
