"""ledger: what the sandbox processor really charged (adapters/sandbox/ledger.hpp), the truth beside our own."""
import sqlite3
from contextlib import closing
from urllib.parse import quote

from server import until

CHARGES = ("authorize", "confirm")


class Ledger:
    def __init__(self, server):
        self.path = server.data / "sandbox.db"

    def rows(self, statement, *values):
        with closing(sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True, timeout=30)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(statement, values)]

    def operations(self, payment_id, kind=None):
        found = self.rows("select * from operation where payment = ? order by rowid", payment_id)
        return [row for row in found if kind in (None, row["kind"])]

    def sums(self, payment_id):
        """Of one payment; None if nothing was ever executed for it."""
        found = self.rows("select * from payment_sums where payment = ?", payment_id)
        return found[0] if found else None

    def anomalies(self):
        return self.rows("select * from anomaly")

    def agrees_with(self, payment):
        """One charge at most, and the same amounts as the payment shows; call it when nothing is under way."""
        sums = self.sums(payment["id"])
        captured, refunded, charges = (sums["captured_minor"], sums["refunded_minor"], sums["charges"]) if sums else (0, 0, 0)
        assert charges <= 1, (payment, sums)
        assert (captured, refunded) == (payment["amount_captured"], payment["amount_refunded"]), (payment, sums)
        if payment["status"] in ("authorized", "partially_captured", "captured", "settled"):
            assert charges == 1 and sums["authorized_minor"] == payment["amount"], (payment, sums)
        if payment["status"] == "failed" and not payment["captures"]:
            assert charges == 0, (payment, sums)


def is_quiet(payment):
    """Nothing is under way for it."""
    records = payment["captures"] + payment["refunds"]
    return payment["status"] not in ("pending", "processing") and all(r["status"] != "pending" for r in records)


def settle_down(client, payment_id, timeout_s=60):
    """Waits until nothing is under way for the payment, and gives it."""
    def quiet():
        now = client.read(payment_id)
        return now if is_quiet(now) else None
    return until(quiet, timeout_s, 0.1)
