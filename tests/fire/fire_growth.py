#!/usr/bin/env python3
"""growth: ten million stored payments cost what ten thousand cost, lists stay short, and a start stays quick.

Two databases in one store, filled with copies of payments that were really made (growth_fill.py): one with few
payments, one with many. It judges by:

  the copies   sound for `novapay verify`; read through the API as their originals; replayed by their idempotency keys; every
               shard's log without a gap
  start        with due timers: ready within 5 s; every one of them done within a minute
  lists        every filter and thousands of combinations, at every depth, of merchants of unequal size: p99 <= 50 ms, and
               nothing in them that was not asked for
  cost         CPU of database and server, and bytes of WAL, per payment (create and authorize, then capture; its key,
               reference and metadata random), each right after a checkpoint, the two databases in turn: <= 1.3 times

  tests/fire/fire_growth.py --payments 100000          a quick look
  tests/fire/fire_growth.py --keep /big/disk/growth    keeps what it filled (25 GB) and goes on from it the next time
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "perf")]
import growth_lists  # noqa: E402
import growth_seeds  # noqa: E402
import machine  # noqa: E402
import server as e2e  # noqa: E402
from client import Client  # noqa: E402
from growth_fill import ALPHABET  # noqa: E402
from growth_postgres import Postgres  # noqa: E402
from growth_sqlite import Sqlite  # noqa: E402
from load import until_told  # noqa: E402

PERF = HERE.parent / "perf"
SETTINGS = "sandbox: {settle_after_ms: 0}\nlog: {level: warning}\n"
DAYS = 180                     # over which what is stored is spread
READY_MAX_S = 5.0
DUE_DONE_MAX_S = 60.0
LIST_P99_MAX_MS = 50.0
COST_MAX = 1.3
COPIES_READ = 40
ACTION_WINDOW_MS = 7 * 24 * 3600 * 1000  # after which an authorization lapses


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


STORES = {"postgres": Postgres, "sqlite": Sqlite}


def prepare(store, folder, few, many, pick):
    """Fills both, unless the folder has them already. Gives what is remembered of it: counts, keys, and the seeds' database."""
    remembered = folder / "growth.json"
    if remembered.exists():
        kept = json.loads(remembered.read_text())
        if (kept["few"], kept["many"], kept["store"]) != (few, many, store.kind):
            raise SystemExit(f"{folder} holds {kept['few']} and {kept['many']} payments in {kept['store']}: take another folder, or remove it")
        return kept
    with running(Postgres(folder), fast=True) as server:  # the seeds are made there, whatever the store
        data, keys, seeds_database, claim = growth_seeds.make(folder, say)
        seeds = growth_seeds.read(server.database(seeds_database))
        for name, count in (("few", few), ("many", many)):
            target = server if store.kind == "postgres" else store
            target.make(name)
            target.fill(name, seeds, claim, count, DAYS, pick, say)
            (folder / name / "data").mkdir(parents=True, exist_ok=True)
            for file in ("credentials.yaml", "dev-key"):
                shutil.copy(data / file, folder / name / "data" / file)
        server.rows("postgres", "checkpoint")
    kept = {"store": store.kind, "few": few, "many": many, "keys": keys, "seeds": seeds_database}
    remembered.write_text(json.dumps(kept))
    return kept


@contextmanager
def running(store, fast=False):
    try:
        yield store.start(fast)
    finally:
        store.stop()


def node_on(store, folder, name):
    (folder / "node.yaml").write_text(SETTINGS)
    return store.node(name, folder / "node.yaml")


class Judge:
    """What was promised and what was found; `failed` when it is over."""

    def __init__(self):
        self.lines, self.failed = [], False

    def __call__(self, what, found, limit, unit=""):
        good = found <= limit
        self.failed = self.failed or not good
        self.lines.append(f"{'ok  ' if good else 'FAIL'} {what}: {found:.2f}{unit} (at most {limit:g}{unit})")
        say(self.lines[-1])


def verify(store, folder, name):
    """Every copy's history, replayed by the program itself, gives what is stored of it."""
    done = subprocess.run([e2e.BINARY, "verify", "--data", folder / name / "data", *store.options(name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    say(f"novapay verify, {name}: {(done.stdout.strip().splitlines() or ['sound'])[-1]}")


# ---- the start -----------------------------------------------------------------------------------------------------

def start_with_due(store, folder, seeds, due, pick, judge):
    held = [seed for seed in seeds if seed.status == "authorized"]
    now_ms = int(time.time() * 1000)
    store.add("many", held, due, now_ms - ACTION_WINDOW_MS - 600_000, now_ms - ACTION_WINDOW_MS - 60_000, pick)

    def due_left():
        return int(store.rows("many", f"select count(*) from entity where wake_at_ms is not null and wake_at_ms <= {now_ms}")[0][0])

    before = due_left()
    assert before >= due, (before, due)
    node = node_on(store, folder, "many")
    begun = time.monotonic()
    node.start()
    judge(f"start to ready with {before:,} due timers", time.monotonic() - begun, READY_MAX_S, " s")

    def all_done():
        return due_left() == 0
    e2e.until(all_done, 10 * DUE_DONE_MAX_S, 0.1)
    judge("due timers done after", time.monotonic() - begun, DUE_DONE_MAX_S, " s")
    return node


# ---- the copies ----------------------------------------------------------------------------------------------------

def id_bytes(payment_id):
    number = 0
    for digit in payment_id.removeprefix("pay_"):
        number = number << 5 | ALPHABET.index(digit)
    return number.to_bytes(16)


def sample(client, pick, count):
    """Payments of any age."""
    now = int(time.time())
    pages = [client.get(f"/v1/payments?limit=1&created[lt]={now - pick.randrange(DAYS * 86400)}").json["data"] for _ in range(count)]
    return [page[0] for page in pages if page]


def read_copies(store, node, key, pick):
    """Copies are payments: their histories lead to what is stored of them, and no log has a gap."""
    client, replayed = Client(node, key), 0
    chosen = sample(client, pick, COPIES_READ)
    assert len(chosen) > COPIES_READ / 2
    for listed in chosen:
        seen = client.read(listed["id"])
        assert seen == listed
        version = int(store.rows("many", f"select version from entity where id = {store.id(id_bytes(seen['id']))}")[0][0])
        events = client.events(seen["id"])
        assert len(events) == version and events[0]["created_at"] == seen["created_at"], (seen, events)
        assert events[-1]["created_at"] == seen["updated_at"], (seen, events)
        name = seen["reference"].removeprefix("r-")
        found = client.get(f"/v1/payments?idempotency_key=k-{name}").json["data"]
        assert [one["id"] for one in found] in ([], [seen["id"]])
        if found and seen["status"] in ("captured", "settled"):
            replay(client, f"k-{name}", seen)
            replayed += 1
    client.close()
    gaps = store.rows("many", 'select count(*) from (select 1 from journal group by shard having count(*) <> max("offset") + 1) gap')
    assert gaps == [["0"]], f"{gaps[0][0]} logs have a gap"
    say(f"{len(chosen)} copies read with their histories, {replayed} repeated under their keys; no log has a gap")


def replay(client, key, seen):
    """Its token is not shown: of those it may have had, one repeats the payment, the others are another intent."""
    body = {name: seen[name] for name in ("amount", "currency", "reference", "capture_method", "description", "metadata")}
    answers = [until_told([client], lambda c, token=token: c.create(key=key, token=token, **body))
               for token in ("tok_visa", "tok_mastercard", "tok_amex")]
    assert sorted(answer.status for answer in answers) == [201, 422, 422], answers
    again = next(answer for answer in answers if answer.status == 201)
    assert again.replayed and again.json["id"] == seen["id"], again


# ---- lists ---------------------------------------------------------------------------------------------------------

def examples(node, key, offset):
    """Payments of a merchant from old to new: (id, reference, order)."""
    client, now = Client(node, key), int(time.time())
    days = range(DAYS - 1 - offset, 0, -DAYS // 12)
    pages = [client.get(f"/v1/payments?limit=1&created[lt]={now - day * 86400}").json["data"] for day in days]
    client.close()
    return [(page[0]["id"], page[0]["reference"], page[0]["metadata"]["order"]) for page in pages if page]


def percentile(times, part):
    return times[min(len(times) - 1, int(len(times) * part / 100))]


def lists(node, keys, pick, count, judge):
    """Once with everything still on the disk, where its speed decides; judged is the second time, of other payments."""
    for offset, when in ((0, "first"), (5, "then")):
        taken, slowest = growth_lists.measure(node, keys, {m: examples(node, key, offset) for m, key in keys.items()}, pick, count, say)
        for kind, times in taken.items():
            say(f"{when}: {len(times)} lists, {kind}: p50 {percentile(times, 50):.1f} ms, p90 {percentile(times, 90):.1f}, p99 "
                f"{percentile(times, 99):.1f}, longest {times[-1]:.1f}")
        for took, merchant, query, found in slowest[:5]:
            say(f"   {took:.1f} ms: {merchant} {query} ({found} payments)")
    judge("lists with one filter, p99", percentile(taken["simple"], 99), LIST_P99_MAX_MS, " ms")
    judge("lists with several filters, p99", percentile(taken["combined"], 99), LIST_P99_MAX_MS, " ms")
    rare = growth_seeds.RARE_AMOUNT
    growth_lists.walk(node, keys["mrc_many"], {"limit": 100, "metadata_key": "campaign"}, say)
    growth_lists.walk(node, keys["mrc_many"], {"limit": 100, "amount[gte]": rare, "amount[lte]": rare}, say)


# ---- cost ----------------------------------------------------------------------------------------------------------

def load(store, node, name, seconds, connections, run):
    """What a payment costs: {figure: value}."""
    store.settle(name)
    before = store.bytes_written(node), store.cpu(), machine.cpu_of(node.process.pid)
    done = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(HERE / "growth.lua"), "--timeout", "30s",
                           f"http://{node.address[0]}:{node.address[1]}", "--", node.dev_key, run, "0"],
                          capture_output=True, text=True, cwd=PERF)
    after = store.bytes_written(node), store.cpu(), machine.cpu_of(node.process.pid)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))[7:])
    assert not found["wrong"] and not found["socket_errors"] and found["payments"], found
    paid = found["payments"]
    written, database, server = (b - a for a, b in zip(before, after))
    return {"payments": paid, "written": written / paid, "database_us": database / paid * 1e6, "server_us": server / paid * 1e6,
            "p99_ms": found["p99_ms"]}


def cost(store, nodes, rounds, seconds, connections, judge):
    found = {name: [] for name in nodes}
    for number in range(rounds + 1):  # the first one warms up
        for name, node in nodes.items():
            figures = load(store, node, name, seconds, connections, f"{os.getpid()}n{number}{name}")
            if number:
                found[name].append(figures)
            say(f"{'round ' + str(number) if number else 'warm-up'}, {name}: {figures['payments']} payments, CPU of database "
                f"{figures['database_us']:.0f} us and server {figures['server_us']:.0f} us, {figures['written']:.0f} {store.written} a payment, "
                f"p99 {figures['p99_ms']:.1f} ms")

    def ratio(figure):
        return statistics.median(figure(many) / figure(few) for few, many in zip(found["few"], found["many"]))

    judge("CPU of database and server per payment", ratio(lambda f: f["database_us"] + f["server_us"]), COST_MAX, " times")
    judge(f"{store.written} per payment", ratio(lambda f: f["written"]), COST_MAX, " times")


# ---- the run -------------------------------------------------------------------------------------------------------

def prove(folder, arguments):
    pick = random.Random(arguments.seed)
    kept = prepare(STORES[arguments.store](folder), folder, arguments.few, arguments.payments, pick)
    judge, nodes = Judge(), {}
    with running(Postgres(folder)) as server:
        seeds = growth_seeds.read(server.database(kept["seeds"]))
        store = server if arguments.store == "postgres" else Sqlite(folder)
        for name in ("few", "many"):  # what was kept may be older than the program
            store.migrate(name)
        say(f"{arguments.payments:,} payments: {store.size('many')}")
        verify(store, folder, "few")
        try:
            nodes["many"] = start_with_due(store, folder, seeds, arguments.due, pick, judge)
            read_copies(store, nodes["many"], kept["keys"]["mrc_demo"], pick)
            lists(nodes["many"], kept["keys"], pick, arguments.lists, judge)
            nodes["few"] = node_on(store, folder, "few").start()
            cost(store, {name: nodes[name] for name in ("few", "many")}, arguments.rounds, arguments.seconds, arguments.connections, judge)
        finally:
            for node in nodes.values():
                if node.process is not None:
                    node.kill()
    return judge


def main(argv):
    parser = argparse.ArgumentParser(prog="fire_growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=STORES, default="postgres")
    parser.add_argument("--payments", type=int, help="stored in the large database (default 10,000,000; SQLite 2,000,000)")
    parser.add_argument("--few", type=int, default=10_000, help="stored in the small one (default 10,000)")
    parser.add_argument("--due", type=int, default=10_000, help="timers that are due at the start (default 10,000)")
    parser.add_argument("--lists", type=int, default=4000, help="combinations of filters that are asked for (default 4,000)")
    parser.add_argument("--rounds", type=int, default=3, help="of the cost's measurement (default 3)")
    parser.add_argument("--seconds", type=int, default=20, help="of each (default 20)")
    parser.add_argument("--connections", type=int, default=64, help="of the load (default 64)")
    parser.add_argument("--keep", metavar="FOLDER", help="where it is filled, and kept for the next time")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (default 1)")
    arguments = parser.parse_args(argv)
    arguments.payments = arguments.payments or (2_000_000 if arguments.store == "sqlite" else 10_000_000)
    folder = Path(arguments.keep or tempfile.mkdtemp(prefix="novapay-growth-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        judge = prove(folder, arguments)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(judge.lines))
    print("growth: FAILED" if judge.failed else f"growth: {arguments.payments:,} stored payments in {arguments.store} cost what {arguments.few:,} do")
    return 1 if judge.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
