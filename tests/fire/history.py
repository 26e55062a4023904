"""history: every call of every client, written down before it is sent and after it was answered: what the checker judges by.

A history is a file of JSON lines, two for each call:

  {"call": "4711-17", "phase": "invoked", "at": 12.25, "operation": "capture", "payment": "pay_…", "key": "k", "merchant": "mrc_x/test",
   "fields": {"amount": 100}}
  {"call": "4711-17", "phase": "ok", "at": 12.26, "status": 200, "payment": "pay_…", "replayed": false, "answer": {…}, "body": "9f86d081…"}

  ok        2xx: `answer` is what of the body the checker needs (digest), `body` the hash of all of it
  refused   the server says that nothing was done: any 4xx, a 503 but for outcome_unknown; or no connection could be made
  unknown   anything else: cut off, out of time, 500, outcome_unknown. It may or may not have happened

`at` is CLOCK_MONOTONIC, one clock for every process of the machine: calls of several programs may be joined in one file.
"""
import hashlib
import itertools
import json
import os
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
from client import BROKEN, Client, payment_body  # noqa: E402

OPERATIONS = {"create": "create", "capture": "capture", "refunds": "refund", "cancel": "cancel", "confirm": "confirm"}
OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
NOT_CONNECTED = "not_connected"
STATUS_LETTER = {"pending": "p", "succeeded": "s", "failed": "f"}


@dataclass
class Call:
    """One call, both its lines. `ended` and `outcome` are None for one that was still under way when the history ended."""
    call: str
    operation: str                  # create, capture, refund, cancel, confirm, read
    invoked: float
    payment: Optional[str] = None   # a create's becomes known by its answer
    key: Optional[str] = None
    merchant: str = ""
    fields: dict = field(default_factory=dict)
    ended: Optional[float] = None
    outcome: Optional[str] = None
    status: Optional[int] = None
    code: Optional[str] = None      # of a refusal
    replayed: bool = False
    answer: Any = None
    body: Optional[str] = None
    detail: str = ""

    @property
    def may_have_happened(self):
        return self.outcome != REFUSED

    def __str__(self):
        amount = "" if "amount" not in self.fields else f" of {self.fields['amount']}"
        told = self.code or self.status or self.detail or "no answer"
        ended = "…" if self.ended is None else f"{self.ended:.3f}"
        return f"{self.operation}{amount} key {self.key!r}: {self.outcome or 'under way'} ({told}) at {self.invoked:.3f}–{ended} s"


def digest(body):
    """What of an answer is kept: everything of a refund; of a payment the sums, and of its records the statuses, a letter each."""
    if body.get("object") != "payment":
        return body
    kept = {name: body[name] for name in (
        "id", "object", "status", "processing_reason", "amount", "amount_capturable", "amount_captured", "amount_refunded",
        "currency", "capture_method", "reference", "created_at", "updated_at")}
    for records in ("captures", "refunds"):
        kept[records] = "".join(STATUS_LETTER[record["status"]] for record in body[records])
    return kept


def outcome_of(answer):
    """(outcome, code) of an Answer."""
    if answer.status < 300:
        return OK, None
    code = answer.code
    did_nothing = answer.status < 500 or (answer.status == 503 and code != "outcome_unknown")
    return (REFUSED if did_nothing else UNKNOWN), code


class History:
    def __init__(self, path):
        self.path = Path(path)
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.file = open(self.path, "a", buffering=1 << 20)

    def invoked(self, operation, payment=None, key=None, merchant="", fields=None):
        """Gives the call's name, for what follows."""
        call = f"{os.getpid()}-{next(self.numbers)}"
        self._write({"call": call, "phase": "invoked", "at": time.monotonic(), "operation": operation, "payment": payment,
                     "key": key, "merchant": merchant, "fields": fields or {}})
        return call

    def answered(self, call, answer):
        at = time.monotonic()
        outcome, code = outcome_of(answer)
        line = {"call": call, "phase": outcome, "at": at, "status": answer.status}
        if outcome == OK:
            body = answer.json
            line |= {"payment": body.get("payment", body["id"]), "replayed": answer.replayed, "answer": digest(body),
                     "body": hashlib.sha256(answer.body).hexdigest()[:16]}
        else:
            line["code"] = code
        self._write(line)

    def broken(self, call, why):
        refused = isinstance(why, ConnectionRefusedError)  # nothing was sent
        self._write({"call": call, "phase": REFUSED if refused else UNKNOWN, "at": time.monotonic(),
                     "code": NOT_CONNECTED if refused else None, "detail": repr(why)})

    def client(self, server, **more):
        """A Client whose calls are written down here; what Load takes as `connect`."""
        return Recorder(server, self, **more)

    def calls(self):
        with self.lock:
            self.file.flush()
        return read_calls(self.path)

    def close(self):
        with self.lock:
            self.file.close()

    def _write(self, line):
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self.lock:
            self.file.write(text)


def read_calls(path):
    """Every Call of a history, in the order of their invocation."""
    calls = {}
    with open(path) as lines:
        for line in lines:
            told = json.loads(line)
            if told["phase"] == "invoked":
                calls[told["call"]] = Call(told["call"], told["operation"], told["at"], told["payment"], told["key"],
                                           told["merchant"], told["fields"])
                continue
            call = calls[told["call"]]
            call.outcome, call.ended = told["phase"], told["at"]
            call.payment = told.get("payment") or call.payment
            for name in ("status", "code", "answer", "body"):
                setattr(call, name, told.get(name))
            call.replayed = told.get("replayed", False)
            call.detail = told.get("detail", "")
    return sorted(calls.values(), key=lambda call: call.invoked)


class Recorder(Client):
    """A merchant's client that writes its calls into a history. Belongs to one thread, as a Client does."""

    def __init__(self, server, history, key=None, judged=True, merchant="mrc_demo/test"):
        super().__init__(server, key, judged)
        self.history = history
        self.merchant = merchant

    def create(self, key=None, **fields):
        key = key or str(uuid.uuid4())
        body = payment_body(**fields)
        return self._recorded("create", None, key, body, lambda: self.post("/v1/payments", body, key))

    def do(self, payment_id, what, key=None, **fields):
        key = key or str(uuid.uuid4())
        return self._recorded(OPERATIONS[what], payment_id, key, fields,
                              lambda: self.post(f"/v1/payments/{payment_id}/{what}", fields, key))

    def look(self, payment_id):
        """A GET, whatever it is answered with."""
        return self._recorded("read", payment_id, None, {}, lambda: self.get(f"/v1/payments/{payment_id}"))

    def _recorded(self, operation, payment, key, fields, call):
        name = self.history.invoked(operation, payment, key, self.merchant, fields)
        try:
            answer = call()
        except BROKEN as why:
            self.history.broken(name, why)
            raise
        self.history.answered(name, answer)
        return answer
