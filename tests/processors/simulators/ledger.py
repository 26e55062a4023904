"""ledger: what a processor really did, append-only. It is lenient: a second charge is executed, and stands here.

A line of JSON for each entry, appended to the file (if there is one) in one write before the call is answered, so that neither a
kill of the simulator nor the reader can see an answer without its entry. Two kinds:

  effect  money or state has changed: seq, at, operation, effect, payment ("pay_…" as our reference named it), reference ("capture:2"),
          amount, currency, object (the payment's id here), operation_object, key, request
  call    a POST was received: seq, at, method, path, key, hash (of method, path and parameters), operation, payment, reference, fate,
          executed, replayed, status (null: never answered)

Effects: authorized, declined, captured, refunded, canceled, expired, capture_failed, refund_failed, refund_reversed, adjusted, disputed,
dispute_won, dispute_lost, paid_out. Amounts are positive, in minor units.
"""
import datetime
import os

import orjson


def instant(unix_s):
    return datetime.datetime.fromtimestamp(unix_s, datetime.timezone.utc).isoformat(timespec="milliseconds")


def written(entry):
    """A line to keep: orjson leaves its bytes in a buffer several times their size."""
    return bytes(memoryview(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)))


class Ledger:
    def __init__(self, path=None):
        self.path = path
        self.lines, self.unwritten = [], []
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None
        self.by_payment = {}

    def add(self, kind, now, **entry):
        entry = {"seq": len(self.lines) + 1, "kind": kind, "at": instant(now), **entry}
        line = written(entry)
        self.lines.append(line)
        self.unwritten.append(line)
        if entry.get("payment"):
            self.by_payment.setdefault(entry["payment"], []).append(len(self.lines) - 1)

    def write(self):
        """Before an answer leaves."""
        if self.unwritten:
            if self.file is not None:
                data = b"".join(self.unwritten)
                while data:
                    data = data[os.write(self.file, data):]
            self.unwritten.clear()

    def read(self, payment=None, after=0, limit=10000, kind=None):
        """JSON lines; and the last sequence number looked at."""
        if payment is not None:
            found = [self.lines[index] for index in self.by_payment.get(payment, []) if index >= after][:limit]
            last = len(self.lines)
        else:
            found = self.lines[after:after + limit]
            last = after + len(found)
        if kind is not None:
            mark = b'"kind":"' + kind.encode() + b'"'
            found = [line for line in found if mark in line[:60]]
        return found, last
