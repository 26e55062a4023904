"""evidence: what each side says of every payment, gathered when nothing is under way any more.

The API through HTTP, the store through its own client, the sandbox's ledger from its file, the replay from `novapay verify`.
`Evidence` holds it all as plain values, so that the checker can be shown evidence that never happened.
"""
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

import wire
from client import BROKEN, Client
from ledger import Ledger
from server import BINARY
from story import KINDS

CLAIM, EVENT = 1, 2
REST_WITHIN_S = 90          # longer than domain::resend_after and a few inquiries
DUE_SOON_MS = 2 * 3600 * 1000   # retry_longest is an hour; authorizations lapse after a week
PAGE = 100
READ_BY_ID_MAX = 500        # payments that are read by id as well: memory beside the store
PROGRESS = {1: "pending", 2: "pending", 3: "pending", 4: "needs_action", 5: "succeeded", 6: "failed", 7: "pending"}


@dataclass
class Record:
    """A line of the journal. `event` is what the payload says; None for a claim; a text if it cannot be read."""
    shard: int
    offset: int
    epoch: int
    type: int
    entity: str
    sequence: int
    at_ms: int
    event: Any = None


@dataclass
class Row:
    """A payment's row: its listed columns and its state."""
    id: str
    shard: int
    version: int
    scope: str
    status: str
    unit: str
    amount: int
    state: Any


@dataclass
class Evidence:
    calls: list = field(default_factory=list)
    payments: dict = field(default_factory=dict)     # id -> the API's JSON, from the list
    reads: dict = field(default_factory=dict)        # id -> the API's JSON, read by id
    journal: list = field(default_factory=list)      # Records by shard and offset
    rows: dict = field(default_factory=dict)         # id -> Row
    operations: list = field(default_factory=list)   # the ledger's
    sums: dict = field(default_factory=dict)         # id -> the ledger's payment_sums
    anomalies: list = field(default_factory=list)
    unrest: list = field(default_factory=list)       # (payment, what): still under way when we stopped waiting
    replay: list = field(default_factory=list)       # what `novapay verify` found; empty: all is well


def gather(server, calls, rest_within_s=REST_WITHIN_S):
    """Waits until the payments are at rest, then asks every side. The server runs and has no load."""
    made = Evidence(calls=calls)
    made.unrest = wait_for_rest(server, rest_within_s)
    client = Client(server, judged=False)
    made.payments = listed(client)
    for payment in sorted(made.payments)[:READ_BY_ID_MAX]:
        answer = client.get(f"/v1/payments/{payment}")
        made.reads[payment] = answer.json if answer.status == 200 else {"status": f"HTTP {answer.status}"}
    client.close()
    made.journal, made.rows = stored(server)
    ledger = Ledger(server)
    made.operations = ledger.rows("select * from operation order by rowid")
    made.sums = {row["payment"]: row for row in ledger.rows("select * from payment_sums")}
    made.anomalies = ledger.anomalies()
    made.replay = verify(server)
    return made


def wait_for_rest(server, within_s):
    """Nothing due soon in the store, no notice that the sandbox still has to deliver."""
    end = time.monotonic() + within_s
    ledger = Ledger(server)
    while True:
        soon = int(time.time() * 1000) + DUE_SOON_MS
        due = server.rows(f"select {hexed(server, 'id')}, status, wake_at_ms from entity where wake_at_ms < {soon} limit 20")
        notices = ledger.rows("select payment, kind, number from notice where acknowledged_at_ms is null limit 20")
        if not due and not notices:
            return []
        if time.monotonic() > end:
            return [(f"pay_{wire.entity_text(bytes.fromhex(raw))}", f"still {status}, due at {wake}, after {within_s} s without load")
                    for raw, status, wake in due] + \
                   [(n["payment"], f"the sandbox's notice of {n['kind']} {n['number']} was not taken in {within_s} s") for n in notices]
        time.sleep(0.1)


def listed(client):
    """Every payment the merchant can see, by the list's pages."""
    found, cursor = {}, ""
    while True:
        answer = client.get(f"/v1/payments?limit={PAGE}{cursor}")
        assert answer.status == 200, answer
        page = answer.json
        found |= {payment["id"]: payment for payment in page["data"]}
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def hexed(server, column):
    if server.store == "postgres":
        return f"encode(uuid_send({column}), 'hex')" if column in ("id", "entity_id") else f"encode({column}, 'hex')"
    return f"hex({column})"


def stored(server):
    """(journal, rows by id), straight from the store."""
    journal = []
    for shard, offset, epoch, kind, entity, sequence, at, payload in server.rows(
            f'select shard, "offset", epoch, type, {hexed(server, "entity_id")}, sequence, at_ms, {hexed(server, "payload")} '
            'from journal order by shard, "offset"'):
        record = Record(int(shard), int(offset), int(epoch), int(kind), "", int(sequence), int(at))
        if record.type == EVENT:
            record.entity = f"pay_{wire.entity_text(bytes.fromhex(entity))}"
            record.event = readable("PaymentEvent", payload)
        journal.append(record)
    rows = {}
    for entity, shard, version, scope, status, unit, amount, state in server.rows(
            f"select {hexed(server, 'id')}, shard, version, scope, status, unit, amount_minor, {hexed(server, 'state')} from entity"):
        payment = f"pay_{wire.entity_text(bytes.fromhex(entity))}"
        rows[payment] = Row(payment, int(shard), int(version), scope, status, unit, int(amount), readable("PaymentState", state))
    return journal, rows


def readable(message, payload):
    try:
        return wire.decode(message, bytes.fromhex(payload))
    except (ValueError, IndexError) as why:
        return f"cannot be read: {why}"


def state_sums(state):
    """(captured, refunded) of a stored state."""
    sums = {"capture": 0, "refund": 0}
    for operation in state["operations"]:
        kind = KINDS[operation["id"]["kind"]]
        if kind in sums and PROGRESS[operation["progress"]] == "succeeded":
            sums[kind] += operation["amount_minor"]
    return sums["capture"], sums["refund"]


def store_arguments(server):
    """What names this server's store on a command line."""
    made = ["--store", server.store, "--data", str(server.data)]
    return made + (["--postgres", server.postgres] if server.postgres else [])


def verify(server):
    """What `novapay verify` objects to; [] if it finds the store sound."""
    done = subprocess.run([BINARY, "verify", *store_arguments(server)], capture_output=True, text=True, timeout=600)
    if done.returncode == 0:
        return []
    findings = [line for line in done.stdout.splitlines() if not line.startswith("verified ")]
    return findings or [f"novapay verify ended with {done.returncode}: {done.stderr[-500:]}"]
