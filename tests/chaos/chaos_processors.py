"""processors: payments at two misbehaving processors, the node killed three times; then API, database and ledgers agree.

A quarter of all calls and of all webhooks goes wrong: executed and never answered, reset, cut off, stored 500s, conflicts, rate limits;
webhooks late, twice, shuffled, before the answer, contradictory, forged, kept back. Merchants capture in whole and in part, cancel and
refund at random. The node is killed (-9) at three moments of the load and started again. Afterwards what was kept back is sent, and
within 60 s nothing may be under way; then the audit (audit.py) judges and the canary (canary.py) searches.
"""
import argparse
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import places  # noqa: F401
from audit import audit
from canary import search
from checker import report
from history import History
from merchants import Merchants, Tokens
from sources import REST_WITHIN_S, await_rest, gather
from stage import Stage, add_kinds, kinds_of
from verdict import tell
from watch import Progress

PAYMENTS, KILLS, MISBEHAVE, AT_ONCE = 100_000, 3, 0.25, 384
WEBHOOK_MISDEEDS = ("before", "late", "twice", "shuffled", "never", "contradictory", "forged", "batched")
EVERY_MISDEED_FROM = 1000   # payments: with fewer, one of them may happen not to come up


class Killer:
    """Kills the node at moments of the load, and starts it again."""

    def __init__(self, stage, merchants, payments, kills, say):
        self.stage, self.merchants, self.say = stage, merchants, say
        self.moments = [payments * (n + 1) // (kills + 1) for n in range(kills)]
        self.down, self.wrong = [], []
        self.thread = threading.Thread(target=self.guarded, daemon=True)
        self.thread.start()

    def guarded(self):
        try:
            self.work()
        except BaseException as why:
            self.wrong.append(repr(why)[:2000])
            self.merchants.stopping = True

    def work(self):
        for moment in self.moments:
            while self.merchants.done < moment:
                if self.merchants.stopping:
                    return
                time.sleep(0.01)
            began = time.monotonic()
            self.stage.kill()
            self.stage.start()
            self.down.append(time.monotonic() - began)
            self.say(f"killed the node at {moment} payments; it took {self.down[-1]:.1f} s to be back")


def forged_accepted(stage):
    return sum(simulator.stats()["counts"].get("forged accepted", 0) for simulator in stage.simulators.values())


def contradictions(stage):
    return sum(simulator.stats()["counts"].get("webhook contradictory", 0) for simulator in stage.simulators.values())


def protocol(stage):
    """What the simulators object to: requests that the descriptions do not allow, keys used for something else, bugs of their own."""
    found = []
    for name, simulator in stage.simulators.items():
        stats = simulator.stats()
        counts = stats["counts"]
        found += [f"{name} rejected: {each}" for each in stats["rejected"][:3] if not about_a_strange_token(each)]
        found += [f"{name}: {counts[what]} {what}" for what in ("mismatched keys",) if counts.get(what)]
        if stats["bugs"]:
            found.append(f"{name}: the simulator itself failed {stats['bugs']} times")
    return found


def about_a_strange_token(rejected):
    """A merchant's token that the processor does not know is the merchant's mistake, and part of the load."""
    return any(said in str(rejected) for said in ("No such PaymentMethod", "PaymentDetail not found"))


def misdeeds(stage):
    """Names of those that never came up."""
    stats = [simulator.stats()["counts"] for simulator in stage.simulators.values()]
    possible = [name for name in WEBHOOK_MISDEEDS if name != "batched" or "adyen" in stage.kinds.values()]
    return [name for name in possible if not any(counts.get(f"webhook {name}") for counts in stats)]


def prove(given, folder):
    checks, figures = {}, {}
    with Stage(folder, misbehave=given.misbehave, seed=given.seed, kinds=kinds_of(given)) as stage:
        history = History(folder / "history.jsonl")
        tokens = Tokens(stage.kinds)
        merchants = Merchants(stage.server, history, tokens, given.seed, given.at_once)
        began = time.monotonic()
        with Progress(merchants, given.payments) as progress:
            killer = Killer(stage, merchants, given.payments, given.kills, progress.say)
            merchants.run(payments=given.payments)
            killer.thread.join()
            assert not killer.wrong, killer.wrong
            took = time.monotonic() - began
            progress.say("the load is over; what was kept back is sent")
            waited, unrest = await_rest(stage)
            progress.say(f"nothing is under way after {waited:.1f} s" if not unrest else f"{len(unrest)} still under way after {waited:.1f} s")
            begun_reading = time.monotonic()
            sources = gather(stage, history.calls(), unrest)
            violations, audited = audit(sources)
            progress.say(f"read and audited in {time.monotonic() - begun_reading:.0f} s")
            leaks, searched = search(stage, sources, tokens.canaries, merchants.errors, folder / "searched")
        objections, missing = protocol(stage), misdeeds(stage)
        figures |= {"seed": given.seed, "load": f"{took:.0f} s, {given.payments / took:.0f} payments/s"} | audited | {
            "kills": f"{len(killer.down)}, back in {max(killer.down, default=0):.1f} s at most", "at rest after": f"{waited:.1f} s",
            "left processing": merchants.left, "searched": searched, "violations": len(violations)}
        print(report(violations + leaks + objections))
        checks[f"nothing is under way {REST_WITHIN_S} s after the load"] = not unrest
        checks["API, database and ledgers agree; nobody is charged twice; nothing acknowledged is lost"] = not violations
        checks["no key or token is anywhere it does not belong"] = not leaks
        checks["nobody is told of a failure that was none, but by a processor that lied"] = audited["told failed, then done"] <= contradictions(stage)
        checks["the processors have nothing to object to"] = not objections
        checks["no forged webhook was taken"] = forged_accepted(stage) == 0
        checks[f"the node was killed {given.kills} times"] = len(killer.down) == given.kills
        if given.payments >= EVERY_MISDEED_FROM and given.misbehave:
            checks[f"every webhook misdeed came up{' but ' + ', '.join(missing) if missing else ''}"] = not missing
        history.close()
    return figures, checks


def main(argv):
    made = argparse.ArgumentParser(prog="./dev chaos --processors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--payments", type=int, default=PAYMENTS)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--kills", type=int, default=KILLS)
    made.add_argument("--misbehave", type=float, default=MISBEHAVE, metavar="RATE", help="share of calls and of webhooks that go wrong")
    add_kinds(made)
    made.add_argument("--at-once", type=int, default=AT_ONCE, help="payments under way at once")
    made.add_argument("--keep", metavar="FOLDER", help="node, ledgers and history stay there")
    made.add_argument("--json", action="store_true")
    given = made.parse_args(argv)
    folder = Path(given.keep or tempfile.mkdtemp(prefix="novapay-chaos-"))
    try:
        figures, checks = prove(given, folder)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return tell(figures, checks, given.json, key="payments kills unknowns violations")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
