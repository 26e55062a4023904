"""story: the life of one payment told a second time, from the words of actors/domain/payment.hpp and not from its code.

Applies events and says of each whether it was legal: captured <= authorized and refunded <= captured, counting what is
reserved, at every instant; one key, one operation; nothing after the end. The checker replays the journal with it, and searches
for orders of the calls with it.
"""
AUTHORIZE, CONFIRM, CAPTURE, REFUND, CANCEL = "authorize", "confirm", "capture", "refund", "cancel"
KINDS = {1: AUTHORIZE, 2: CONFIRM, 3: CAPTURE, 4: REFUND, 5: CANCEL}
OPERATIONS_MAX = 2000
# What says only how a call is getting on.
WAITING = ("in_doubt", "deferred", "attempt_started", "answer_deferred", "accepted", "flagged")


class Operation:
    def __init__(self, kind, number, key, amount, final=False, elsewhere=False):
        self.kind, self.number, self.key, self.amount, self.final = kind, number, key, amount, final
        self.elsewhere = elsewhere    # a cancel of an authorization that is not the payment's
        self.progress = "pending"     # needs_action, succeeded, failed
        self.late = False             # failed after it had succeeded
        self.contested = False        # the processor took back what had been refunded
        self.settled = False

    def __str__(self):
        key = f" key {self.key!r}" if self.key else ""
        return f"{self.kind} {self.number}{key} of {self.amount} {self.progress}"


def subject(event):
    """(kind, number) of the operation an event is about, or None."""
    what, body = event["what"], event[event["what"]]
    if what == "created":
        return AUTHORIZE, 1
    if what in ("authorized", "declined", "action_required"):
        return KINDS[body["by"]["kind"]], body["by"]["number"]
    if what in WAITING:
        return KINDS[body["about"]["kind"]], body["about"]["number"]
    if what == "rerouted":
        return KINDS[body["from"]["kind"]], body["from"]["number"]
    if what in ("expired", "late_authorization", "break_noted", "voided", "disputed", "authorization_expiring"):
        return None
    kind = {"settled": CAPTURE, "captured": CAPTURE, "refunded": REFUND, "canceled": CANCEL}.get(what) or what.split("_")[0]
    return kind, body["number"]


class Story:
    def __init__(self):
        self.terms = None
        self.stage = "none"
        self.version = 0
        self.operations = {}          # (kind, number) -> Operation, in the order asked
        self.keys = {}                # key -> Operation
        self.lapsed = False
        self.reserved = self.captured = self.refunds_reserved = self.refunded = 0
        self.pending = {kind: 0 for kind in KINDS.values()}
        self.final = 0                # final captures that have not failed
        self.contested = 0

    # ---- what can be asked of it --------------------------------------------------------------------------------

    @property
    def amount(self):
        return self.terms["amount_minor"] if self.terms else 0

    @property
    def authorized(self):
        """What the customer was charged or held for: 0 unless an authorization stands or stood."""
        return self.amount if any(
            o.progress == "succeeded" for o in self.operations.values() if o.kind in (AUTHORIZE, CONFIRM)) else 0

    @property
    def closed(self):
        return self.stage != "authorized" or self.lapsed or self.pending[CANCEL] > 0 or self.final > 0

    @property
    def capturable(self):
        return 0 if self.closed else self.amount - self.reserved

    @property
    def refundable(self):
        return self.captured - self.refunds_reserved

    @property
    def cancelable(self):
        if self.pending[CANCEL]:
            return False
        return self.stage == "requires_action" or (self.stage == "authorized" and not self.lapsed and self.reserved == 0)

    def of(self, kind):
        return [operation for operation in self.operations.values() if operation.kind == kind]

    def waiting(self):
        return [operation for operation in self.operations.values() if operation.progress == "pending"]

    def refusal_is_legal(self, operation, fields, code):
        """Would this call be refused with this code now? None: the code says nothing about the payment."""
        amount = fields.get("amount")
        if code == "payment_unexpected_state":
            if operation == CAPTURE:
                return self.closed or (self.capturable == 0 and self.pending[CAPTURE] == 0)
            if operation == REFUND:
                return self.captured == 0 or self.contested > 0
            if operation == CANCEL:
                return not self.cancelable
            return self.stage != "requires_action" or self.pending[CANCEL] > 0
        if code == "amount_exceeds_capturable":
            return not self.closed and (self.capturable == 0 or (amount or 0) > self.capturable)
        if code == "amount_exceeds_refundable":
            return self.captured > 0 and (self.refundable == 0 or (amount or 0) > self.refundable)
        if code == "too_many_operations":
            return len(self.operations) >= OPERATIONS_MAX
        if code == "resource_missing":
            return self.stage == "none"
        return None

    def shows(self, answer):
        """Is this payment, as a client was told of it, the one we have now?"""
        if (answer["amount_captured"], answer["amount_refunded"], answer["amount_capturable"]) != (
                self.captured, self.refunded, self.capturable):
            return False
        if (answer["status"] in ("failed", "canceled", "expired", "requires_action")) and answer["status"] != self.stage:
            return self.lapsed and answer["status"] == "expired"
        return True

    # ---- what happens to it -------------------------------------------------------------------------------------

    def objection(self, event):
        """Why this event cannot happen now, or None."""
        what, body = event["what"], event[event["what"]]
        if (what == "created") != (self.stage == "none"):
            return f"{what} in stage {self.stage}"
        which = subject(event)
        if what.endswith("_requested"):
            if which in self.operations:
                return f"{which[0]} {which[1]} is asked for twice"
            if body["idempotency_key"] and body["idempotency_key"] in self.keys:
                return f"the key {body['idempotency_key']!r} makes a second operation beside {self.keys[body['idempotency_key']]}"
            return self._objection_to_request(what, body)
        if what == "created" or which is None:
            return None
        operation = self.operations.get(which)
        if operation is None:
            return f"{what} {which[0]} {which[1]}, which was never asked for"
        return self._objection_to_outcome(what, body, operation)

    def _objection_to_request(self, what, body):
        amount = body.get("amount_minor", 0)
        if what == "capture_requested":
            if self.closed:
                return f"a capture in stage {self.stage}, closed to captures"
            if amount < 1 or amount > self.capturable:
                return f"a capture of {amount} where {self.capturable} of {self.amount} is left"
            if body["asked_minor"] not in (None, amount) or (body["asked_minor"] is None and amount != self.capturable):
                return f"a capture of {amount} for one who asked for {body['asked_minor']}"
        elif what == "refund_requested":
            if self.captured == 0 or self.contested:
                return "a refund where nothing is captured, or it is contested"
            if amount < 1 or amount > self.refundable:
                return f"a refund of {amount} where {self.refundable} of {self.captured} captured is left"
            if body["asked_minor"] not in (None, amount) or (body["asked_minor"] is None and amount != self.refundable):
                return f"a refund of {amount} for one who asked for {body['asked_minor']}"
        elif what == "cancel_requested" and body["idempotency_key"] and not self.cancelable:
            return f"a cancel in stage {self.stage} with {self.reserved} captured or being captured"
        elif what == "confirm_requested" and self.stage != "requires_action":
            return f"a confirm in stage {self.stage}"
        if len(self.operations) >= OPERATIONS_MAX:
            return f"more than {OPERATIONS_MAX} operations"
        return None

    def _objection_to_outcome(self, what, body, operation):
        if what in WAITING:
            return None if operation.progress == "pending" else f"{what}, but {operation} is over"
        if what == "settled":
            return None if operation.progress == "succeeded" else f"settled, but {operation}"
        if what == "capture_contested":
            return None if operation.progress == "succeeded" and not operation.contested else f"contested, but {operation}"
        if what == "rerouted":
            if operation.kind != AUTHORIZE or operation.progress != "pending" or body["number"] != operation.number + 1:
                return f"rerouted to authorize {body['number']}, but {operation}"
            return None
        if what == "action_required" and operation.progress == "needs_action":
            return f"{what} again: {operation}"
        if what in ("authorized", "declined") and operation.progress == "needs_action":  # the customer is done, the processor told
            return None if self.stage in ("authorizing", "requires_action") else f"{what} in stage {self.stage}: {operation}"
        if operation.progress == "pending":
            return None
        if what == "capture_failed" and body["late"] and operation.progress == "succeeded":
            return None if self.captured - operation.amount >= self.refunds_reserved else \
                f"{operation} is taken back, below the refunds of {self.refunds_reserved}"
        if what == "refund_failed" and body["late"] and operation.progress == "succeeded":
            return None
        if operation.progress == "failed" and not operation.late:  # the processor did it after all
            if what == "captured" and operation.amount <= self.amount - self.reserved:
                return None
            if what == "refunded" and operation.amount <= self.refundable:
                return None
            if what == "canceled" and self.reserved == 0:
                return None
        return f"{what}, but {operation}"

    def apply(self, event):
        """The event happens, legal or not."""
        what, body = event["what"], event[event["what"]]
        self.version += 1
        which = subject(event)
        if what == "created":
            self.terms, self.stage = body["agreed"], "authorizing"
            self._add(Operation(AUTHORIZE, 1, self.terms["idempotency_key"], self.terms["amount_minor"]))
        elif what.endswith("_requested"):
            self._add(Operation(*which, body["idempotency_key"], body.get("amount_minor", 0), body.get("final", False),
                                bool(body.get("target_reference"))))
            if what == "confirm_requested":
                self.stage = "authorizing"
        elif what == "voided":
            self._end(AUTHORIZE, "failed")
            self._end(CONFIRM, "failed")
            if self.stage == "authorized" and self.reserved > 0:
                self.lapsed = True
            else:
                self.stage = "expired" if body["reason"] == "expired" else "canceled"
        elif what == "expired":
            if self.stage == "authorized" and self.reserved > 0:
                self.lapsed = True
            else:
                self.stage = "expired"
        elif which in self.operations and what not in WAITING:
            self._finish(what, body, self.operations[which])
            if what == "rerouted":
                self._add(Operation(AUTHORIZE, body["number"], "", self.amount))
            if what in ("authorized", "declined"):  # its confirms under way end with it
                self._end(CONFIRM, "succeeded" if what == "authorized" else "failed")

    def _add(self, operation):
        self.operations[operation.kind, operation.number] = operation
        if operation.key:
            self.keys[operation.key] = operation
        self._count(operation, 1)

    def _end(self, kind, progress):
        for operation in self.of(kind):
            if operation.progress == "pending":
                self._count(operation, -1)
                operation.progress = progress
                self._count(operation, 1)

    def _finish(self, what, body, operation):
        self._count(operation, -1)
        if what in ("authorized", "captured", "refunded", "canceled"):
            operation.progress = "succeeded"
        elif what == "action_required":
            operation.progress = "needs_action"
        elif what == "settled":
            operation.settled = True
        elif what == "capture_contested":
            operation.contested = True
        else:  # declined, rerouted, *_failed
            operation.progress, operation.late, operation.contested = "failed", bool(body.get("late")), False
        self._count(operation, 1)
        stages = {"authorized": "authorized", "declined": "failed", "action_required": "requires_action",
                  "confirm_failed": "requires_action"}
        self.stage = stages.get(what, self.stage)
        if what == "canceled" and not operation.elsewhere and self.stage in ("requires_action", "authorized"):
            self.stage = "canceled"

    def _count(self, operation, by):
        if operation.progress == "pending" and not operation.elsewhere:
            self.pending[operation.kind] += by
        self.contested += by * operation.contested
        if operation.progress == "failed":
            return
        if operation.kind == CAPTURE:
            self.reserved += by * operation.amount
            self.captured += by * operation.amount * (operation.progress == "succeeded")
            self.final += by * operation.final
        elif operation.kind == REFUND:
            self.refunds_reserved += by * operation.amount
            self.refunded += by * operation.amount * (operation.progress == "succeeded")


def told(events):
    """(story, objections) of a payment's events, in their order."""
    story, objections = Story(), []
    for event in events:
        objection = story.objection(event)
        if objection:
            objections.append(f"event {story.version + 1}: {objection}")
        story.apply(event)
    return story, objections
