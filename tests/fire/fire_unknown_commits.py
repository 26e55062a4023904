#!/usr/bin/env python3
"""unknown_commits: 200 commits whose answer is lost, 200 that never took place, each resolved right.

Shows, under load in many small batches and through tcp_proxy.py, commits whose fate NovaPay cannot know when they break: the answer
thrown away, cut short or swallowed (it happened); the request cut off before it, inside it, or before its Sync (it did not); the
request delivered later, when nobody counts on it any more (either). The same for claims, at a start.

Judged by the journal, record by record: whatever such a commit was to write stands in it once, at the offset it was tried at,
as it was sent: not lost, not repeated elsewhere. The proxy knows which of them the server had committed, and counts. Then by
checker.py, over what the clients were told.

Needs a PostgreSQL (run it inside tests/servers/with-postgres, or as `./dev fire unknown_commits`).
"""
import argparse
import collections
import random
import re
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/fire"), str(ROOT / "tests/e2e")]

from checker import check  # noqa: E402
from history import History  # noqa: E402
from load import Load  # noqa: E402
from server import Server, migrated_database, psql, until  # noqa: E402
from tcp_proxy import (CUT_ANSWER, CUT_BEFORE_READY, CUT_BEFORE_SYNC, CUT_PARTIAL, CUT_REQUEST, HAPPENS_UNHEARD, HOLD_REQUEST,  # noqa: E402
                       NEVER_HAPPENS, SWALLOW_ANSWER, Proxy)

OF_EACH = 200
# Shares of each kind of loss. A swallowed answer and a held request cost NovaPay's deadline each, so there are fewer.
HAPPENED = {CUT_ANSWER: 0.45, CUT_BEFORE_READY: 0.45, SWALLOW_ANSWER: 0.1}
NEVER = {CUT_REQUEST: 0.35, CUT_BEFORE_SYNC: 0.35, CUT_PARTIAL: 0.3}
LATE = 0.1
STRIKE = 0.4                 # of the commits
TWICE = 0.1                  # of what never happens: its retry is lost as well, so that it stays open beyond its call
WORKERS = 12
CLAIMS = 3                   # starts for each way to lose a claim
STORE_TIMEOUT_MS = 1000
LIMIT_S = 240
SETTINGS = f"""
node: {{shard_bits: 6}}
store: {{timeout_ms: {STORE_TIMEOUT_MS}}}
sandbox: {{settle_after_ms: 500, notice_retry_ms: 100}}
"""
INSERT = re.compile(r'insert into journal \(([^)]*)\)\s*select (.*)', re.DOTALL)  # the main statement: it comes last


class Plan:
    """Which commits are struck, and what each was to write."""

    def __init__(self, of_each, seed):
        self.pick = random.Random(seed)
        self.left = collections.Counter({fault: round(of_each * share) for shares in (HAPPENED, NEVER) for fault, share in shares.items()})
        self.left[HOLD_REQUEST] = round(of_each * LATE)
        self.twice_left = max(1, round(of_each * TWICE))
        self.strike_retry = False
        self.struck = []         # (fault, records)
        self.held = threading.Event()

    def on_commit(self, exchange):
        retry, self.strike_retry = self.strike_retry, False
        possible = [fault for fault, count in self.left.items() if count > 0 and (not retry or fault in NEVER)]
        if not possible or not (retry or self.pick.random() < STRIKE):
            return None
        fault = self.pick.choice(possible)
        records = written_by(exchange)
        if not records:  # no append
            return None
        self.left[fault] -= 1
        self.struck.append((fault, records))
        if not retry and fault in NEVER and self.twice_left > 0 and any(self.left[other] > 0 for other in NEVER):
            self.strike_retry = True
            self.twice_left -= 1
        if fault == HOLD_REQUEST:
            self.held.set()
        return fault

    @property
    def done(self):
        return not +self.left


def array(raw):
    """The elements of a binary array."""
    dimensions, _, _ = struct.unpack_from("!iii", raw)
    if dimensions == 0:
        return []
    count, at, made = struct.unpack_from("!i", raw, 12)[0], 20, []
    for _ in range(count):
        size = struct.unpack_from("!i", raw, at)[0]
        made.append(raw[at + 4:at + 4 + size])
        at += 4 + size
    return made


def parameters(bind):
    """What a Bind message binds, raw."""
    at = bind.index(0, bind.index(0, 5) + 1) + 1
    formats = struct.unpack_from("!h", bind, at)[0]
    at += 2 + 2 * formats
    count, at, made = struct.unpack_from("!h", bind, at)[0], at + 2, []
    for _ in range(count):
        size = struct.unpack_from("!i", bind, at)[0]
        made.append(bind[at + 4:at + 4 + size])
        at += 4 + size
    return made


def written_by(exchange):
    """The journal's records in an append: (shard, offset, entity, sequence, payload)."""
    binds = [message for message in exchange.messages if message[:1] == b"B"]
    made = []
    for sql, bind in zip(exchange.statements, binds):
        found = INSERT.search(sql)
        if not found:
            continue
        columns = [name.strip(' "') for name in found.group(1).split(",")]
        numbers = [int(number) for number in re.findall(r"\$(\d+)", found.group(2))]
        bound = parameters(bind)
        of = {name: array(bound[number - 1]) for name, number in zip(columns, numbers)}
        whole = [int.from_bytes(value, "big") for value in of["shard"]], [int.from_bytes(value, "big") for value in of["offset"]], \
            [value.hex() for value in of["entity_id"]], [int.from_bytes(value, "big") for value in of["sequence"]], \
            [value.hex() for value in of["payload"]]
        made += list(zip(*whole))
    return made


def journal(connection):
    rows = psql("select shard, \"offset\", encode(uuid_send(entity_id), 'hex'), sequence, encode(payload, 'hex') from journal", connection)
    return [(int(shard), int(offset), entity, int(sequence), payload) for shard, offset, entity, sequence, payload in rows]


def judge_records(struck, stored):
    """Violations; and of each fault, how many records were sought and found."""
    at = {(shard, offset): (entity, sequence, payload) for shard, offset, entity, sequence, payload in stored}
    copies = collections.Counter((entity, sequence) for _, _, entity, sequence, _ in stored if sequence)
    sums, wrong = collections.defaultdict(lambda: [0, 0]), []
    for fault, records in struck:
        sums[fault][0] += 1
        sums[fault][1] += len(records)
        for shard, offset, entity, sequence, payload in records:
            where = f"{fault}: shard {shard} offset {offset}, entity {entity} event {sequence}"
            if at.get((shard, offset)) != (entity, sequence, payload):
                wrong.append(f"{where}: not what stands there: {at.get((shard, offset), 'nothing')}")
            if sequence and copies[entity, sequence] != 1:
                wrong.append(f"{where}: {copies[entity, sequence]} times in the journal")
    return wrong, sums


def release_late(plan, proxy, stopping):
    """What was held back is delivered at any time: before NovaPay's deadline, while it looks, or long after its retry."""
    pick = random.Random(3)
    while not stopping.is_set():
        if plan.held.wait(0.1):
            plan.held.clear()
            stopping.wait(pick.uniform(0, 2.5 * STORE_TIMEOUT_MS / 1000))
            proxy.release()
    proxy.release()


def lose_claims(server, proxy):
    """Starts whose claims meet each fault; every one must become ready."""
    for fault in (*NEVER_HAPPENS, *HAPPENS_UNHEARD):
        for _ in range(CLAIMS):
            server.stop()
            before = proxy.struck[fault]
            proxy.arm(fault)
            server.start()
            assert proxy.struck[fault] == before + 1, f"{fault} did not strike the claim"


def strike_all(plan, load):
    """Until every loss has struck; what went wrong instead."""
    began = said = time.monotonic()
    while not plan.done:
        now = time.monotonic()
        if load.unexpected:
            return []  # load.stop() tells
        if now - began > LIMIT_S:
            return [f"still to be struck after {LIMIT_S} s: {dict(+plan.left)}"]
        if now - said > 5:
            said = now
            print(f"  {now - began:4.0f} s: {len(plan.struck)} commits struck, {sum(plan.left.values())} to go, "
                  f"{len(load.told)} payments", flush=True)
        load.stopping.wait(0.1)
    return []


def metric(server, name):
    return sum(float(line.split()[-1]) for line in server.admin_get("/metrics")[2].splitlines() if line.startswith(name))


def run(of_each, seed, folder):
    target = migrated_database()
    (folder / "node.yaml").write_text(SETTINGS)
    plan, wrong = Plan(of_each, seed), []
    with Proxy(target) as proxy:
        server = Server("postgres", folder, config=folder / "node.yaml", postgres=proxy.connection)
        history = History(folder / "history.jsonl")
        stopping = threading.Event()
        releasing = threading.Thread(target=release_late, args=(plan, proxy, stopping))
        try:
            server.start()
            load = Load([server], workers=WORKERS, seed=seed, connect=history.client)
            proxy.on_commit = plan.on_commit
            releasing.start()
            wrong += strike_all(plan, load)
            proxy.on_commit = None
            stopping.set()
            releasing.join()
            try:
                load.stop()
            except AssertionError as why:  # told beside what the checker finds
                wrong.append(str(why))
            unresolved = metric(server, "novapay_journal_unknown_commits_total")
            lose_claims(server, proxy)
            wrong += check(server, history)
            record_wrong, sums = judge_records(plan.struck, journal(target))
            wrong += record_wrong
            assert server.stop() == 0
        finally:
            stopping.set()
            if server.process is not None:
                server.kill()
            history.close()
    report(plan, proxy, sums, load, unresolved)
    wrong += counts_wrong(plan, proxy, of_each)
    if not unresolved:
        wrong.append("no commit stayed open beyond its call: that path was not met")
    return wrong


def counts_wrong(plan, proxy, of_each):
    """200 of each really occurred: the proxy saw which were committed."""
    happened = sum(proxy.committed[fault] for fault in HAPPENED)
    never = sum(proxy.struck[fault] for fault in NEVER)
    if happened < of_each or any(proxy.committed[fault] < count for fault, count in struck_counts(plan, HAPPENED).items()):
        yield f"only {happened} commits took place unheard, not {of_each}"
    if never < of_each or any(proxy.committed[fault] for fault in NEVER):
        yield f"only {never} commits never took place, not {of_each}; took place all the same: {proxy.committed}"


def struck_counts(plan, faults):
    return collections.Counter(fault for fault, _ in plan.struck if fault in faults)


def report(plan, proxy, sums, load, unresolved):
    print(f"\n{'fault':18}{'commits struck':>16}{'of these committed':>20}{'records, each found once':>26}")
    for fault in (*HAPPENED, *NEVER, HOLD_REQUEST):
        commits, records = sums[fault]
        print(f"{fault:18}{commits:>16}{sum_committed(proxy, fault, commits):>20}{records:>26}")
    claims = CLAIMS * len(NEVER_HAPPENS + HAPPENS_UNHEARD)
    print(f"\n{proxy.passed} other commits, {claims} claims struck, {unresolved:.0f} commits open beyond their call, "
          f"{len(load.told)} payments, answers {dict(sorted(load.statuses.items(), key=str))}")


def sum_committed(proxy, fault, commits):
    return proxy.committed[fault] - (CLAIMS if fault in HAPPENS_UNHEARD else 0)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of-each", type=int, default=OF_EACH)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="novapay-unknown-") as folder:
        wrong = run(asked.of_each, asked.seed, Path(folder))
    for line in wrong[:30]:
        print(f"  {line}")
    print(f"unknown commits: {'clean' if not wrong else f'{len(wrong)} violations'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
