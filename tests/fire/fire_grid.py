#!/usr/bin/env python3
"""grid: the program dies at every named place, on both stores, under load, and nothing is lost.

Shows, for each crash point of runtime/crash_point.hpp, several passings of it and each store: clients are at work, the process
ends itself at the point (`_exit`, as by a power cut), is started again, armed for the next passing, and so on; the last start is
unarmed, the load goes on and comes to its end. Judged by checker.py over the clients' history, the API, the store and the
sandbox's ledger. A point that is not reached, or a process that ends in any other way, is a failure; so is a grid that takes
longer than its limit.

Needs the build `./dev build fire` and a PostgreSQL (run it inside tests/servers/with-postgres, or as `./dev fire grid`).
"""
import argparse
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("NOVAPAY_BINARY", str(ROOT / "build/fire/bin/novapay"))
sys.path[:0] = [str(ROOT / "tests/fire"), str(ROOT / "tests/e2e")]

from checker import check  # noqa: E402
from history import History  # noqa: E402
from load import Load  # noqa: E402
from server import BINARY, Server, migrated_database, until  # noqa: E402
from tcp_proxy import CUT_ANSWER, CUT_REQUEST, Proxy  # noqa: E402

STORES = ("sqlite", "postgres")
CRASH_EXIT = 86              # adapters/system/crash_points.hpp
WORKERS = 12
AFTERWARDS = 60              # payments that the load completes after the last start
BEFORE_A_KILL = 60           # … and before a kill -9, where a point needs something to recover
REACHED_WITHIN_S = 30
LINGER_MS = 30               # long for an answer that runs ahead of its commit
LIMIT_S = 480

# Few shards and a small cap: payments leave memory and come back all the time. What the sandbox puts off comes soon.
SETTINGS = """
node: {shard_bits: 3}
limits: {live_entities_per_shard: 4}
sandbox: {latency_ms: 2, answer_timeout_ms: 50, settle_after_ms: 300, notice_retry_ms: 100}
"""
TOKENS = ("tok_visa",) * 9 + ("tok_answer_lost", "tok_capture_answer_lost", "tok_refund_answer_lost", "tok_timeout_before",
                              "tok_rate_limited", "tok_duplicate_answer", "tok_declined_generic")
DOUBTFUL = ("tok_visa", "tok_answer_lost", "tok_timeout_before", "tok_capture_answer_lost")


@dataclass
class Plan:
    """How a point is reached. A death is a passing; with a "+" the thread that passes first stands still for LINGER_MS while the
    others go on; "kill" is kill -9 from outside, for what only a recovery passes."""
    deaths: tuple = ("1", "2+", "7", "25+", "80", "200+")
    stores: tuple = STORES
    tokens: tuple = TOKENS
    cut_commits: bool = False  # through a proxy that loses the answer, or the request, of one commit in five


ONCE_A_START = Plan(("1", "1+", "kill", "1", "kill", "1+"))
PLANS = {
    "claim.before": ONCE_A_START,
    "claim.after": ONCE_A_START,
    "maintenance.before": ONCE_A_START,
    "maintenance.after": ONCE_A_START,
    "resume.before": Plan(("kill", "1+", "2", "3+", "kill", "4"), tokens=DOUBTFUL),
    "wake.before": Plan(("1", "kill", "1+", "5", "15+", "40"), tokens=DOUBTFUL),
    "wake.after": Plan(("1", "kill", "1+", "5", "15+", "40"), tokens=DOUBTFUL),
    "commit.before": Plan(stores=("sqlite",)),
    "commit.sent": Plan(stores=("postgres",)),
    "doubt.before": Plan(("1", "2+", "5", "12+", "30"), ("postgres",), cut_commits=True),
    "doubt.after": Plan(("1", "2+", "5", "12+", "30"), ("postgres",), cut_commits=True),
}


@dataclass
class Outcome:
    point: str
    store: str
    deaths: list = field(default_factory=list)   # those that came as planned
    payments: int = 0
    calls: int = 0
    took_s: float = 0.0
    wrong: list = field(default_factory=list)
    folder: str = ""


def lossy_proxy(seed):
    """A proxy that loses one commit in five: its answer, or the commit itself."""
    proxy = Proxy(migrated_database())
    pick = random.Random(seed)
    proxy.on_commit = lambda _: pick.choice((CUT_ANSWER, CUT_REQUEST)) if pick.random() < 0.2 else None
    return proxy


class Mortal(Server):
    def start_armed(self, point, passing):
        self.environment = {"NOVAPAY_CRASH_AT": f"{point}:{passing.rstrip('+')}" + (f":{LINGER_MS}" if "+" in passing else "")}
        self.launch()
        until(lambda: (self.data / "dev-key").exists() or self.process.poll() is not None)

    def await_death(self, within_s):
        """Its exit code, or None if it lives on."""
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None
        self.address = None  # until the next start nobody is to connect there: the port may be another's
        self.process = None
        return code

    def start_unarmed(self):
        self.environment = {}
        return self.start()


def completed(load):
    with load.lock:
        return sum(told.done for told in load.told)


def await_progress(load, payments):
    goal = completed(load) + payments
    until(lambda: load.unexpected or completed(load) >= goal, 60)


def walk(point, store, plan, folder, seed):
    """One point on one store: every death of its plan, one after the other, over one history."""
    made = Outcome(point, store, folder=str(folder))
    began = time.monotonic()
    folder.mkdir(parents=True)
    (folder / "node.yaml").write_text(SETTINGS)
    proxy = lossy_proxy(seed) if plan.cut_commits else None
    server = Mortal(store, folder, config=folder / "node.yaml", postgres=proxy.connection if proxy else None)
    history = History(folder / "history.jsonl")
    load = None
    try:
        for death in plan.deaths:
            if death == "kill":
                server.start_unarmed()
            else:
                server.start_armed(point, death)
            load = load or Load([server], workers=WORKERS, seed=seed, tokens=plan.tokens, connect=history.client)
            if death == "kill":
                await_progress(load, BEFORE_A_KILL)
                server.kill()
                continue
            code = server.await_death(REACHED_WITHIN_S)
            if code != CRASH_EXIT:
                raise AssertionError(f"passing {death}: " + (
                    f"not reached within {REACHED_WITHIN_S} s" if code is None else f"ended with {code}:\n{server.log_tail()}"))
            made.deaths.append(death)
        server.start_unarmed()
        await_progress(load, AFTERWARDS)
        try:
            load.stop()
        except AssertionError as why:  # told beside what the checker finds
            made.wrong.append(str(why))
        if proxy:
            proxy.on_commit = None
        made.payments = len(load.told)
        made.calls = len(history.calls())
        made.wrong += check(server, history)
        code = server.stop()
        if code != 0:
            made.wrong.append(f"Ctrl-C ended it with {code}")
    except Exception as why:  # one point must not hide the others
        made.wrong.append(f"{type(why).__name__}: {why}")
        if load is not None:
            load.stopping.set()
    finally:
        if server.process is not None:
            server.kill()
        history.close()
        if proxy:
            proxy.close()
    if not made.wrong:
        shutil.rmtree(folder)
    made.took_s = time.monotonic() - began
    return made


def known_points():
    """The program's own list; and it refuses to be armed with anything else."""
    listed = subprocess.run([BINARY, "crash-points"], capture_output=True, text=True)
    assert listed.returncode == 0, f"{BINARY} has no crash points: ./dev build fire\n{listed.stderr}"
    points = listed.stdout.split()
    for wrong in ("append.befor", "append.before:0", "append.before:x", "append.before:1:x", ""):
        refused = subprocess.run([BINARY, "serve"], env=os.environ | {"NOVAPAY_CRASH_AT": wrong}, capture_output=True, text=True)
        assert refused.returncode == 64 and "NOVAPAY_CRASH_AT" in refused.stderr, (wrong, refused)
    assert set(PLANS) <= set(points), f"no such points: {set(PLANS) - set(points)}"
    return points


def tell(outcome, done, total):
    deaths = " ".join(outcome.deaths) or "none"
    print(f"[{done:3}/{total}] {outcome.store:8} {outcome.point:18} died at {deaths:22} {outcome.payments:5} payments "
          f"{outcome.calls:6} calls {outcome.took_s:5.1f} s  {'clean' if not outcome.wrong else 'FAILED'}", flush=True)
    for line in outcome.wrong[:20]:
        print(f"          {line}")
    if len(outcome.wrong) > 20:
        print(f"          … and {len(outcome.wrong) - 20} more")
    if outcome.wrong:
        print(f"          kept: {outcome.folder}", flush=True)


def table(points, outcomes):
    found = {(o.point, o.store): o for o in outcomes}
    print(f"\n{'crash point':20}" + "".join(f"{store:>30}" for store in STORES))
    for point in points:
        cells = []
        for store in STORES:
            o = found.get((point, store))
            cells.append("–" if o is None else "FAILED" if o.wrong else f"{len(o.deaths)} deaths, {o.payments} payments")
        print(f"{point:20}" + "".join(f"{cell:>30}" for cell in cells))


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--point", action="append", help="only this one (may be repeated)")
    parser.add_argument("--store", choices=STORES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2, help="points that are walked at the same time")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds the whole may take")
    asked = parser.parse_args(argv)

    points = known_points()
    unknown = set(asked.point or ()) - set(points)
    if unknown:
        parser.error(f"no such point: {', '.join(sorted(unknown))}; there are {', '.join(points)}")
    points = asked.point or points
    jobs = [(point, store, PLANS.get(point, Plan())) for point in points for store in STORES
            if store in PLANS.get(point, Plan()).stores and asked.store in (None, store)]
    scratch = Path(tempfile.mkdtemp(prefix="novapay-grid-"))
    began = time.monotonic()
    outcomes = []
    with concurrent.futures.ProcessPoolExecutor(asked.at_once) as pool:
        running = [pool.submit(walk, point, store, plan, scratch / f"{store}-{point}", asked.seed * 1000 + n)
                   for n, (point, store, plan) in enumerate(jobs)]
        for done in concurrent.futures.as_completed(running):
            outcomes.append(done.result())
            tell(outcomes[-1], len(outcomes), len(jobs))
    took = time.monotonic() - began
    table(points, outcomes)
    failed = sum(bool(o.wrong) for o in outcomes)
    print(f"\ngrid: {len(points)} points, {sum(len(o.deaths) for o in outcomes)} deaths, {sum(o.payments for o in outcomes)} payments, "
          f"{sum(o.calls for o in outcomes)} calls, {failed} failed, {took:.0f} s of {asked.limit:.0f} s")
    if not failed:
        shutil.rmtree(scratch)
    return 1 if failed or took > asked.limit else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
