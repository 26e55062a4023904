"""stripe_later: what comes by itself, or after a payment is over: disputes, payouts."""
from .stripe_errors import refusal
from .stripe_objects import Dispute, Payout, Transaction

SOON_S = 1.0  # of virtual time


class Later:
    """The part of Stripe that happens after payments."""

    # ---- disputes ------------------------------------------------------------------------------------------------------------

    def dispute(self, intent, argument=None):
        charge = intent.charge
        if charge is None or not charge.captured or charge.disputed:
            return None
        inquiry = argument == "inquiry"
        made = self.new(Dispute, "dp_", self.disputes, charge, "general" if inquiry else argument or "fraudulent",
                        "warning_needs_response" if inquiry else "needs_response")
        events = [self.event("charge.dispute.created", made, intent, "dispute")]
        if not inquiry:
            charge.disputed = True
            charge.changed()
            made.transactions.append(self.move("adjustment", -made.amount, 1500, made.id, intent, "dispute"))
            made.changed()
            self.effect("dispute", "disputed", intent.payment, made.amount, intent.currency, intent.id, made.id)
            events.append(self.event("charge.dispute.funds_withdrawn", made, intent, "dispute"))
        self.happened(*events)
        return made

    def resolve(self, dispute, won):
        """won or lost; an inquiry is closed."""
        intent, charge = dispute.charge.intent, dispute.charge
        if dispute.status in ("won", "lost", "warning_closed"):
            return
        events = []
        if dispute.status.startswith("warning"):
            dispute.status = "warning_closed"
        else:
            dispute.status = "won" if won else "lost"
            self.effect("dispute", "dispute_" + dispute.status, intent.payment, dispute.amount, intent.currency, intent.id, dispute.id)
            if won:
                charge.disputed = False
                charge.changed()
                dispute.transactions.append(self.move("adjustment", dispute.amount, -1500, dispute.id, intent, "dispute_reversal"))
                dispute.changed()
                events.append(self.event("charge.dispute.funds_reinstated", dispute, intent, "dispute"))
        dispute.changed()
        self.happened(*events, self.event("charge.dispute.closed", dispute, intent, "dispute"))

    def update_dispute(self, params, dispute, call):
        evidence = params.get("evidence") or {}
        dispute.text = evidence.get("uncategorized_text", dispute.text)
        if params.get("submit"):
            if dispute.status not in ("needs_response", "warning_needs_response"):
                raise refusal(400, f"This dispute is {dispute.status}.", None)
            dispute.submissions += 1
            dispute.status = "warning_under_review" if dispute.status.startswith("warning") else "under_review"
            if dispute.text in ("winning_evidence", "losing_evidence"):
                self.after(SOON_S, lambda: self.resolve(dispute, dispute.text == "winning_evidence"))
        dispute.changed()
        return dispute, [self.event("charge.dispute.updated", dispute, dispute.charge.intent, "dispute", call)]

    def close_dispute(self, params, dispute, call):
        self.resolve(dispute, False)
        return dispute, []

    # ---- settlement ------------------------------------------------------------------------------------------------------------

    def move(self, kind, amount, taken, source, intent, category=None):
        made = self.new(Transaction, "txn_", self.transactions, kind, amount, taken, intent.currency, source, intent.payment, category)
        self.unpaid.append(made)
        return made

    def settle(self):
        """Pays out what has gathered, one payout for each currency whose sum is positive; the rest waits. Their ids."""
        made, kept = [], []
        for currency in sorted({each.currency for each in self.unpaid}):
            mine = [each for each in self.unpaid if each.currency == currency]
            net = sum(each.amount - each.fee for each in mine)
            if net <= 0:
                kept += mine
                continue
            payout = self.new(Payout, "po_", self.payouts, net, currency)
            payed = self.new(Transaction, "txn_", self.transactions, "payout", -net, 0, currency, payout.id, None)
            payout.transaction = payed.id
            for each in (*mine, payed):
                each.payout = payout.id
                each.changed()
            self.effect("payout", "paid_out", None, net, currency, payout.id, payed.id)
            self.happened(self.event("payout.created", payout, None, "payout"), self.event("payout.paid", payout, None, "payout"))
            payout.reconciliation = "completed"
            payout.changed()
            self.happened(self.event("payout.reconciliation_completed", payout, None, "payout"))
            payout.transactions = [*mine, payed]
            made.append(payout.id)
        self.unpaid = kept
        return made

    # ---- by hand -----------------------------------------------------------------------------------------------------------------

    def happen(self, wanted, what):
        """Something that comes by itself; wanted: our payment or a PaymentIntent. False: it cannot."""
        intent = self.objects.get(wanted) or next((each for each in reversed(self.intents) if each.payment == wanted and each.charges), None)
        if intent is None:
            raise ValueError(f"there is no payment '{wanted}'")
        if what in ("dispute", "inquiry"):
            return self.dispute(intent, what if what == "inquiry" else None) is not None
        if what in ("dispute_won", "dispute_lost"):
            found = [each for each in self.disputes if each.charge.intent is intent]
            for each in found[-1:]:
                self.resolve(each, what == "dispute_won")
            return bool(found)
        if what == "expire":
            held = intent.status == "requires_capture"
            self.lapse(intent)
            return held
        refunds = [refund for charge in intent.charges for refund in charge.refunds if refund.status == "succeeded"]
        if what == "refund_failed":
            return bool(refunds) and self.bounce(refunds[-1])
        raise ValueError(f"'{what}' does not happen at Stripe")

    def tamper(self, wanted, what, amount=None):
        """Stripe's own books made wrong: nobody is told, and the ledger stays. How many objects."""
        found = [each for each in self.intents if each.payment == wanted]
        refunds = [refund for intent in found for charge in intent.charges for refund in charge.refunds]
        if what == "forget":
            self.intents = [each for each in self.intents if each not in found]
        elif what == "forget_refunds":
            self.refunds, found = [each for each in self.refunds if each not in refunds], refunds
        elif what == "refunded":
            for each in refunds:
                each.amount = int(amount)
            found = refunds
        elif what == "received":
            for each in found:
                each.received = each.charge.captured_amount = int(amount)
        else:
            raise ValueError(f"'{what}' cannot be done to the books")
        for each in found:
            each.changed()
        return len(found)
