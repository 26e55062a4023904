"""outage: one processor is dead for a minute under load, in each of three ways; nobody waits for it and nobody is charged twice.

Payments begin on a schedule. Then Stripe hangs (connections are taken and nothing is answered), refuses connections, or answers 503, for a
minute each, with time to recover between. Shown for each way:

  - the breaker of its authorizations is open within 2 s
  - payments begun from then on until it is back are authorized by the other, at once
  - those that were in doubt when it died wait for it, and end with it: none is charged at both
  - a minute after it is back nothing is under way, and the audit (audit.py) finds nothing
"""
import argparse
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import places  # noqa: F401
from audit import Audit
from checker import report
from history import History
from merchants import Merchants, Tokens
from sources import await_rest, gather
from stage import Stage, add_kinds, kinds_of
from story import AUTHORIZE, subject
from verdict import tell
from watch import Breakers, Progress

MODES = ("hang", "refuse", "503")
DEAD = "stripe"
SECONDS, PER_SECOND, BEFORE_S, AFTER_S = 60, 100, 5, 20
OPENS_WITHIN_S = 2
ANSWERED_WITHIN_S = 1       # a payment that goes to the healthy one
FLOWING = 0.99              # share of the payments begun while the breaker is open that are no probes
PROBES, OPEN_FOR_S, OPEN_LONGEST_S = 3, 2, 15   # defaults of domain::breaker_settings: so many payments find out whether it is back, so often


class Outages:
    """Breaks the processor in each way in turn while the load goes on."""

    def __init__(self, stage, modes, seconds, say):
        self.stage, self.modes, self.seconds, self.say = stage, modes, seconds, say
        self.begun, self.wrong = [], []      # (mode, from, to) by CLOCK_MONOTONIC
        self.thread = threading.Thread(target=self.guarded, daemon=True)
        self.thread.start()

    def guarded(self):
        try:
            self.work()
        except BaseException as why:
            self.wrong.append(repr(why)[:2000])

    def work(self):
        time.sleep(BEFORE_S)  # load without an outage: what healthy looks like is part of the proof
        for mode in self.modes:
            begun = time.monotonic()
            self.stage.simulators[DEAD].outage(mode)
            self.say(f"{DEAD} is dead: {mode}")
            time.sleep(self.seconds)
            self.stage.simulators[DEAD].outage("none")
            self.begun.append((mode, begun, time.monotonic()))
            self.say(f"{DEAD} is back")
            time.sleep(AFTER_S)


def wall_ms(monotonic_s):
    return int((time.time() - time.monotonic() + monotonic_s) * 1000)


def judged(mode, since, until, breakers, merchants, audit):
    """(figures, checks) of one outage."""
    opened = breakers.first_open(DEAD, "authorize", since)
    open_at = opened if opened is not None else since + OPENS_WITHIN_S
    begun = [(answered - sent, payment) for sent, answered, _, payment in merchants.created if open_at + 0.1 <= sent < until - 0.5]
    flowed = [payment for took, payment in begun
              if took <= ANSWERED_WITHIN_S and audit.seen.payments.get(payment, {}).get("processor") != DEAD]
    probes = {payment for _, payment in begun if audit.asked.get(payment, {}).get((AUTHORIZE, 1)) == DEAD} - set(flowed)
    waited = [(took, payment) for took, payment, which in audit.unknowns
              if audit.asked[payment].get(which) == DEAD and began_within(audit, payment, which, wall_ms(since) - 5000, wall_ms(until))]
    both = [payment for payment, book in audit.books.of.items()
            if len({charge.processor for charge in book.charges.values() if charge.counts}) > 1]
    figures = {f"{mode}: opened after": "never" if opened is None else f"{opened - since:.2f} s",
               f"{mode}: begun while open": f"{len(begun)}, {len(flowed)} with the other within {ANSWERED_WITHIN_S} s, {len(probes)} probes",
               f"{mode}: in doubt": f"{len(waited)}, ended at most {max((took for took, _ in waited), default=0):.1f} s after it was back"}
    checks = {f"{mode}: the breaker is open within {OPENS_WITHIN_S} s": opened is not None and opened - since <= OPENS_WITHIN_S,
              f"{mode}: new payments flow to the other": len(begun) > 0 and len(flowed) >= FLOWING * (len(begun) - len(probes)),
              f"{mode}: few payments find out whether it is back": len(probes) <= PROBES * probings(until - since),
              f"{mode}: none is charged at both": not both}
    return figures, checks


def probings(seconds):
    """How often a breaker may have let payments through, at most."""
    times, passed, wait = 0, 0, OPEN_FOR_S
    while passed + wait < seconds:
        times, passed, wait = times + 1, passed + wait, min(2 * wait, OPEN_LONGEST_S)
    return times


def began_within(audit, payment, which, since_ms, until_ms):
    return any(record.event["what"] == "in_doubt" and subject(record.event) == which and since_ms <= record.at_ms <= until_ms
               for record in audit.events[payment])


def prove(given, folder):
    modes = given.modes or MODES
    total_s = BEFORE_S + len(modes) * (given.seconds + AFTER_S)
    with Stage(folder, seed=given.seed, misbehave=given.misbehave, kinds=kinds_of(given)) as stage:
        history = History(folder / "history.jsonl")
        merchants = Merchants(stage.server, history, Tokens(stage.kinds), given.seed)
        with Progress(merchants, round(given.rate * total_s)) as progress, Breakers(stage.server) as breakers:
            outages = Outages(stage, modes, given.seconds, progress.say)
            merchants.run(per_second=given.rate, seconds=total_s)
            outages.thread.join()
            assert not outages.wrong, outages.wrong
            waited, unrest = await_rest(stage)
            progress.say(f"nothing is under way after {waited:.1f} s" if not unrest else f"{len(unrest)} still under way")
            sources = gather(stage, history.calls(), unrest, [(DEAD, wall_ms(since), wall_ms(until)) for _, since, until in outages.begun])
        audit = Audit(sources)
        violations = audit.violations()
        print(report(violations))
        figures, checks = {"payments a second": given.rate, "seconds dead": given.seconds}, {}
        for mode, since, until in outages.begun:
            more, held = judged(mode, since, until, breakers, merchants, audit)
            figures |= more
            checks |= held
        doubted = [payment for _, payment, which in audit.unknowns if audit.asked[payment].get(which) == DEAD]
        figures |= audit.figures() | {"at rest after": f"{waited:.1f} s", "violations": len(violations)}
        checks["somebody was in doubt when it died"] = len(doubted) > 0
        checks["API, database and ledgers agree; nobody is charged twice; nothing acknowledged is lost"] = not violations
        checks["afterwards nothing is under way"] = not unrest
        history.close()
    return figures, checks


def main(argv):
    made = argparse.ArgumentParser(prog="./dev chaos --outage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("modes", nargs="*", metavar="MODE", help=f"how it dies: {', '.join(MODES)}; all of them by default")
    made.add_argument("--seconds", type=float, default=SECONDS, help="how long it is dead each time")
    made.add_argument("--rate", type=float, default=PER_SECOND, help="payments begun a second")
    made.add_argument("--misbehave", type=float, default=0.0, metavar="RATE", help="share of calls and webhooks that go wrong besides")
    add_kinds(made)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--keep", metavar="FOLDER", help="node, ledgers and history stay there")
    made.add_argument("--json", action="store_true")
    given = made.parse_args(argv)
    if not set(given.modes) <= set(MODES):
        made.error(f"a processor dies by {', '.join(MODES)}")
    folder = Path(given.keep or tempfile.mkdtemp(prefix="novapay-outage-"))
    try:
        figures, checks = prove(given, folder)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return tell(figures, checks, given.json, key="payments unknowns rerouted violations")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
