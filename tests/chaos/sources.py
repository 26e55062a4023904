"""sources: what the audit reads, gathered after a run: the API by its list, the database by its own client, the ledgers from their files.

Streams: a hundred thousand payments are a million records.
"""
import gc
import subprocess
import time

import orjson

import places  # noqa: F401
import wire
from audit import Sources
from client import Client
from evidence import DUE_SOON_MS, EVENT, Record, Row, hexed, listed, readable, verify

REST_WITHIN_S = 60
RESEND_EVERY_S = 1


def await_rest(stage, within_s=REST_WITHIN_S):
    """(seconds until nothing was under way, what still was after `within_s`). Webhooks that were kept back are sent meanwhile."""
    began = time.monotonic()
    resent = 0.0
    while True:
        waited = time.monotonic() - began
        if waited >= resent:
            for simulator in stage.simulators.values():
                simulator.resend()
            resent = waited + RESEND_EVERY_S
        due = unrest(stage.server)
        owed = {name: simulator.stats()["webhooks"] for name, simulator in stage.simulators.items()}
        if not due and not any(each["pending"] or each["withheld"] for each in owed.values()):
            return waited, []
        if waited > within_s:
            return waited, [(payment, f"still {status}, due at {wake}, {within_s} s after the load") for payment, status, wake in due] + [
                (name, f"{each['pending']} webhooks are not delivered") for name, each in owed.items() if each["pending"]]
        time.sleep(0.1)


def unrest(server):
    """(payment, status, when it is looked at next) of some that wait for a processor."""
    soon = int(time.time() * 1000) + DUE_SOON_MS
    return [(f"pay_{wire.entity_text(bytes.fromhex(raw))}", status, wake) for raw, status, wake in server.rows(
        f"select {hexed(server, 'id')}, status, wake_at_ms from entity where wake_at_ms < {soon} limit 50")]


def gather(stage, calls, unrest=(), outages=()):
    """The node runs and has no load. `calls`: of the history."""
    gc.disable()  # nothing here makes cycles, and a million objects are looked at for nothing
    try:
        client = Client(stage.server, judged=False)
        made = Sources(calls=calls, payments=listed(client), unrest=[each for each in unrest if each[0].startswith("pay_")], outages=outages)
        client.close()
        made.journal, made.rows = journal_of(stage.server), rows_of(stage.server)
        made.replay = verify(stage.server) + [f"{about}: {what}" for about, what in unrest if not about.startswith("pay_")]
        made.ledgers = {name: ledger_of(stage.ledger_path(name)) for name in stage.simulators}
        return made
    finally:
        gc.enable()


def ledger_of(path):
    with open(path, "rb") as lines:
        return [orjson.loads(line) for line in lines]


def copied(server, query):
    """Rows of a query, as they come."""
    with subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.postgres, "-c", f"copy ({query}) to stdout"],
                          stdout=subprocess.PIPE, text=True) as psql:
        for line in psql.stdout:
            yield line.rstrip("\n").split("\t")
    assert psql.returncode == 0, f"psql ended with {psql.returncode}"


def journal_of(server):
    journal = []
    for shard, offset, epoch, kind, entity, sequence, at, payload in copied(
            server, f'select shard, "offset", epoch, type, {hexed(server, "entity_id")}, sequence, at_ms, {hexed(server, "payload")} '
            'from journal order by shard, "offset"'):
        record = Record(int(shard), int(offset), int(epoch), int(kind), "", int(sequence), int(at))
        if record.type == EVENT:
            record.entity = f"pay_{wire.entity_text(bytes.fromhex(entity))}"
            record.event = readable("PaymentEvent", payload)
        journal.append(record)
    return journal


def rows_of(server):
    rows = {}
    for entity, shard, version, scope, status, unit, amount, state in copied(
            server, f"select {hexed(server, 'id')}, shard, version, scope, status, unit, amount_minor, {hexed(server, 'state')} from entity"):
        payment = f"pay_{wire.entity_text(bytes.fromhex(entity))}"
        rows[payment] = Row(payment, int(shard), int(version), scope, status, unit, int(amount), readable("PaymentState", state))
    return rows
