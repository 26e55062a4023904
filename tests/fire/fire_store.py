#!/usr/bin/env python3
"""fire_store: what becomes of NovaPay when its store stops, freezes, loses connections or has no byte left, under load.

  fire_store.py [SCENARIO…] [--seconds N] [--workers N] [--keep]      all scenarios, or those named

Each scenario starts a node and a store of its own, merchants at work (tests/e2e/load.py) and a few clients that note every answer
with its time, breaks the store for N seconds (30 by default), mends it, and judges:

  while it is broken   answers are successes or 503 with Retry-After whose message names the store; none takes longer than 12 s, and
                       refusals come at once when the outage is known; /readyz is 503 and says why, the metrics say so too
  when it is mended    the first payment succeeds, 90 % of all calls succeed and /readyz is 200 within 2 s, without a restart
  afterwards           nothing acknowledged is lost, no money moved twice, all that was owed is done (checker.py: clients' history,
                       API, store and the sandbox's ledger agree); the process is the same, and its log says once what was wrong and
                       once that it is over
"""
import argparse
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "e2e")]
import small_disk  # noqa: E402
from checker import check  # noqa: E402
from client import BROKEN  # noqa: E402
from history import History  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import Load  # noqa: E402
from server import Server, until  # noqa: E402
from store_scenarios import SCENARIOS  # noqa: E402

RECOVERED_WITHIN_S = 2.0
KNOWN_WITHIN_S = 8.0         # a silent store is found out by a call's deadline (5 s) and one try to connect
NOT_READY_WITHIN_S = 8.0
REFUSED_WITHIN_S = 1.0       # once the outage is known
ANSWERED_WITHIN_S = 12.0     # whatever was under way when it broke: half the request's deadline
WARM_PAYMENTS = 60
PAYERS = 4                   # who asks for payments by the clock: some of them may be waiting for the processor
CALM_S = 3.0                 # watched after the store is back
WINDOW_S = 1.0
SUCCEEDING = 0.9
SETTINGS = "limits: {idle_after_ms: 1000}\nsandbox: {settle_after_ms: 3000}\n"
OTHER_LINES_MAX = 12         # warnings and errors of one outage beside the two about the store
OF_THE_STORE = re.compile("store", re.I)


class Pulse:
    """Clients that ask on and on, and note when, and how they were answered. `calls`: (began, ended, status, code, message, retry-after)."""

    def __init__(self, connect, ask, clients=1, every_s=0.02):
        self.connect, self.ask, self.every_s = connect, ask, every_s
        self.calls = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _work(self):
        client = self.connect()
        while not self.stopping.wait(self.every_s):
            began = time.monotonic()
            try:
                answer = self.ask(client)
                error = answer.json["error"] if answer.status >= 400 else {}
                told = (answer.status, error.get("code", ""), error.get("message", ""), answer.headers.get("retry-after"))
            except BROKEN as why:
                client.close()
                told = ("broken", repr(why), "", None)
            self.calls.append((began, time.monotonic(), *told))
        client.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"


class Readiness:
    """/readyz, asked every 50 ms: (when, status, text)."""

    def __init__(self, server):
        self.server, self.seen = server, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.stopping.wait(0.05):
            at = time.monotonic()
            status, _, text = self.server.admin_get("/readyz")
            self.seen.append((at, status, text))

    def stop(self):
        self.stopping.set()
        self.thread.join(30)


# ---- one run ----------------------------------------------------------------------------------------------------------------

class Run:
    def __init__(self, scenario, folder, given):
        self.scenario, self.folder, self.seconds, self.workers = scenario, folder, given.seconds, given.workers
        self.problems = []

    def objects(self, what):
        self.problems.append(what)

    def go(self):
        (self.folder / "node.yaml").write_text(SETTINGS)
        how = self.scenario.prepare(self.folder)
        self.server = Server(self.scenario.store, self.folder, config=self.folder / "node.yaml", **how)
        try:
            self.server.start()
            self.under_load()
            self.judge_answers()
            self.judge_recovery()
            self.judge_readiness()
            self.judge_log()
            self.judge_truth()
            code = self.server.stop()
            if code != 0:
                self.objects(f"Ctrl-C ended it with {code}")
        finally:
            if self.server.process is not None:
                self.server.kill()
            self.scenario.close()
        return self.problems

    def under_load(self):
        self.process = self.server.process
        self.history = History(self.folder / "history.jsonl")
        load = Load([self.server], workers=self.workers, seed=3, connect=self.history.client)
        until(lambda: len(load.told) > WARM_PAYMENTS, 60)
        old = [told.latest["id"] for told in load.told if told.latest][:20]
        pick = random.Random(1)

        def connect():
            return self.history.client(self.server)
        self.pulses = {
            "create": Pulse(connect, lambda client: client.create(), clients=PAYERS),
            "read": Pulse(connect, lambda client: client.get(f"/v1/payments/{pick.choice(old)}")),
            "list": Pulse(connect, lambda client: client.get("/v1/payments?limit=5"))}
        self.ready = Readiness(self.server)
        self.wait(CALM_S)

        self.lines_before = len(self.server.log_lines())
        self.broken = time.monotonic()
        self.scenario.break_it()
        over = threading.Event()
        timer = threading.Timer(max(0.0, self.seconds - (time.monotonic() - self.broken)), over.set)
        timer.start()
        self.metrics_while = None
        asker = threading.Timer(self.seconds * 0.8, self.look_at_metrics)
        asker.start()
        self.scenario.during(over)
        asker.join()
        self.mended_from = time.monotonic()
        self.scenario.mend()
        self.back = time.monotonic()
        self.wait(CALM_S + RECOVERED_WITHIN_S)
        for pulse in self.pulses.values():
            pulse.stop()
        self.ready.stop()
        self.statuses = load.statuses
        load.stop()
        self.history.close()
        self.payments = len(load.told)

    def look_at_metrics(self):
        self.metrics_while = self.server.admin_get("/metrics")[2]

    def wait(self, seconds):
        """Time in which the load goes on; ends early if the process does."""
        threading.Event().wait(seconds)
        if self.process.poll() is not None:
            raise AssertionError(f"novapay ended with {self.process.returncode}:\n{self.server.log_tail()}")

    def judge_answers(self):
        slowest = 0.0
        for name, pulse in self.pulses.items():
            refused = 0
            for began, ended, status, code, message, retry in pulse.calls:
                took, when = ended - began, began - self.broken
                slowest = max(slowest, took)
                what = f"{name} at {when:+.2f} s: {status} {code} after {took:.2f} s"
                if took > ANSWERED_WITHIN_S:
                    self.objects(f"{what}: too late")
                if status in (200, 201, 202):
                    continue
                refused += 1
                if status != 503 or not retry:
                    self.objects(f"{what}: neither a success nor a 503 with Retry-After")
                elif code in ("unavailable", "outcome_unknown") and not OF_THE_STORE.search(message):
                    self.objects(f"{what}: the message does not name the store: {message}")
                elif code not in ("unavailable", "outcome_unknown", "deadline_exceeded", "overloaded"):
                    self.objects(f"{what}: not a refusal of this kind")
                if self.scenario.outage and when > KNOWN_WITHIN_S and began < self.mended_from and took > REFUSED_WITHIN_S:
                    self.objects(f"{what}: it is known by then, so it should be refused at once")
            if self.scenario.refuses and name == "create" and refused == 0:
                self.objects("nothing was ever refused: the scenario did not break the store")
            if not self.scenario.refuses and not self.scenario.outages_max and refused:
                self.objects(f"{refused} of {len(pulse.calls)} {name} calls were refused though the store was well")
        print(f"  slowest answer {slowest:.2f} s; answers to the load {dict(sorted(self.statuses.items(), key=str))}")

    def judge_recovery(self):
        good = [(began, ended) for began, ended, status, *_ in self.pulses["create"].calls
                if status == 201 and began >= self.broken and ended >= self.back]
        if not good:
            return self.objects("no payment succeeded after the store was back")
        first = min(ended for _, ended in good) - self.back
        answered = sorted((ended, status in (200, 201, 202)) for pulse in self.pulses.values()
                          for _, ended, status, *_ in pulse.calls if ended >= self.back)
        steady = next((at - self.back for at, _ in answered
                       if share([ok for ended, ok in answered if at <= ended < at + WINDOW_S]) >= SUCCEEDING), None)
        print(f"  back: first payment after {first:.2f} s, {SUCCEEDING:.0%} of calls after {steady if steady is None else round(steady, 2)} s")
        if first > RECOVERED_WITHIN_S:
            self.objects(f"the first payment succeeded {first:.2f} s after the store was back")
        if steady is None or steady > RECOVERED_WITHIN_S:
            self.objects(f"{SUCCEEDING:.0%} of calls succeeded only {steady} s after the store was back")

    def judge_readiness(self):
        meanwhile = [(at, status, text) for at, status, text in self.ready.seen if self.broken <= at < self.mended_from]
        after = [(at, status) for at, status, _ in self.ready.seen if at >= self.back]
        ready = next((at - self.back for at, status in after if status == 200), None)
        if ready is None or ready > RECOVERED_WITHIN_S or after[-1][1] != 200:
            self.objects(f"/readyz was 200 only {ready} s after the store was back")
        if not self.scenario.outage:
            return
        unready = next((at - self.broken for at, status, _ in meanwhile if status != 200), None)
        print(f"  /readyz: 503 after {unready if unready is None else round(unready, 2)} s, 200 {ready} s after the store was back")
        if unready is None or unready > NOT_READY_WITHIN_S:
            return self.objects(f"/readyz was 503 only {unready} s after the store was broken")
        wrong = [text for at, status, text in meanwhile if at > self.broken + unready and (status == 200 or "store fails" not in text)]
        if wrong:
            self.objects(f"/readyz does not tell the truth: {wrong[0]}")
        if 'novapay_store_up{side="writing"} 0' not in (self.metrics_while or ""):
            self.objects("the metrics show no outage")
        now = self.server.admin_get("/metrics")[2]
        if 'novapay_store_up{side="writing"} 1' not in now or 'novapay_store_up{side="reading"} 1' not in now:
            self.objects("the metrics do not show that the store is back")

    def judge_log(self):
        lines = [line for line in self.server.log_lines()[self.lines_before:] if line["msg"] != "request"]
        fails = [line for line in lines if line["msg"] == "the store fails"]
        works = [line for line in lines if line["msg"] == "the store works again"]
        other = [line for line in lines if line["level"] in ("warning", "error") and line not in fails]
        print(f"  log: {len(fails)} times 'the store fails' ({fails[0]['detail'][:100] if fails else ''}), {len(works)} times that it works "
              f"again, {len(other)} other warnings")
        if len(fails) > self.scenario.outages_max or len(fails) != len(works):
            self.objects(f"the log says {len(fails)} times that the store fails and {len(works)} times that it works again")
        if self.scenario.outage and not fails:
            self.objects("the log does not say that the store fails")
        if len(other) > OTHER_LINES_MAX * max(1, len(fails)):
            self.objects(f"a flood in the log: {len(other)} lines, as {other[:3]}")

    def judge_truth(self):
        if self.server.process is not self.process or self.process.poll() is not None:
            self.objects("the process is not the same")
        if self.scenario.store == "postgres" and hasattr(self.scenario, "direct"):
            self.server.postgres = self.scenario.direct
        found = check(self.server, self.folder / "history.jsonl")
        found += [f"the ledger's anomaly {row}" for row in Ledger(self.server).anomalies()]
        print(f"  {self.payments} payments, {len(found)} violations")
        for line in found[:20]:
            self.objects(line)


def share(oks):
    return sum(oks) / len(oks)


def run(name, given):
    scenario = SCENARIOS[name]()
    folder = Path(tempfile.mkdtemp(prefix=f"novapay-fire-{name}-"))
    print(f"{name}: {scenario.__doc__}", flush=True)
    try:
        problems = Run(scenario, folder, given).go()
    except Exception as why:  # told, and the other scenarios run
        traceback.print_exc()
        problems = [f"it could not be run: {why!r}"]
    for problem in problems[:20]:
        print(f"  WRONG: {problem}")
    if len(problems) > 20:
        print(f"  … and {len(problems) - 20} more")
    print(f"  {'FAILED, see ' + str(folder) if problems else 'ok'}", flush=True)
    if not problems and not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return not problems


def main(argv):
    asked = argparse.ArgumentParser(prog="fire_store", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                    epilog="scenarios:\n" + "\n".join(f"  {n:18} {made.__doc__}" for n, made in SCENARIOS.items()))
    asked.add_argument("scenario", nargs="*", metavar="SCENARIO", help="of the list below (default: all)")
    asked.add_argument("--seconds", type=float, default=30, help="how long the store stays broken (default: 30)")
    asked.add_argument("--workers", type=int, default=8, help="merchants at work (default: 8)")
    asked.add_argument("--keep", action="store_true", help="keep the folders of what went well, too")
    given = asked.parse_args(argv)
    unknown = [name for name in given.scenario if name not in SCENARIOS]
    if unknown:
        asked.error(f"no such scenario: {', '.join(unknown)}")
    names = given.scenario or list(SCENARIOS)
    no_mounts = small_disk.require() if any(SCENARIOS[name].needs_mount for name in names) else None
    failed = []
    for name in names:
        if no_mounts and SCENARIOS[name].needs_mount:
            print(f"{name}: SKIPPED, since {no_mounts}")
        elif not run(name, given):
            failed.append(name)
    print(f"fire_store: {len(names) - len(failed)} of {len(names)} scenarios well" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
