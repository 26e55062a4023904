"""races: a thousand refunds and a thousand captures at once, each on one payment, with a kill -9 in the middle.

Each round starts a fresh node, makes a payment to be captured and one to be refunded, and sends both thousands, shuffled, over 50
connections. Together they ask for half as much again as there is, in random amounts; some keys are sent by two clients at once.
In the middle the node is killed and started again. Clients repeat what got no answer, under the same key, until they are told.
Rounds alternate between SQLite and PostgreSQL.

Judged by: what is read over the API, and in the sandbox's books, at every instant between: never above the limit; afterwards the
checker (checker.py): clients, API, store and sandbox agree to the minor unit, and some legal order explains every answer; and what
is left is less than the least that was refused for want of it.
"""
import argparse
import queue
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from checker import check, report
from history import REFUSED, History
from client import BROKEN
from ledger import Ledger
from load import until_told
from server import Server

CALLS, CONNECTIONS, ROUNDS = 1000, 50, 50
LIMIT = 100_000         # of each payment, minor units
DEMAND = 1.5            # what is asked for, of the limit
TWICE = 0.05            # of the keys are sent by two clients
READ_EVERY_S = 0.1
SETTINGS = "sandbox: {settle_after_ms: 0}\n"
FINAL_REFUSALS = ("amount_exceeds_capturable", "amount_exceeds_refundable", "payment_unexpected_state")


def jobs_of(pick, payment, what, count):
    """(payment, what, key, amount) in no order."""
    most = max(2, round(2 * LIMIT * DEMAND / count))
    made = [(payment, what, f"{what}-{n}", pick.randint(1, most)) for n in range(count)]
    return made + pick.sample(made, round(TWICE * count))


class Race:
    def __init__(self, server, history, seed, calls, connections):
        self.server, self.history = server, history
        self.pick = random.Random(seed)
        recorder = history.client(server, judged=False)
        self.capturing = recorder.payment(key="to-capture", amount=LIMIT, capture_method="manual", reference="to-capture")["id"]
        self.refunding = recorder.payment(key="to-refund", amount=LIMIT, capture_method="automatic", reference="to-refund")["id"]
        recorder.close()
        self.jobs = queue.SimpleQueue()
        jobs = jobs_of(self.pick, self.capturing, "capture", calls) + jobs_of(self.pick, self.refunding, "refunds", calls)
        self.pick.shuffle(jobs)
        for job in jobs:
            self.jobs.put(job)
        self.total, self.left = len(jobs), len(jobs)
        self.answers = Counter()
        self.refused = {"capture": [], "refunds": []}   # amounts that found too little left
        self.above, self.broken = [], []                # what no instant may show; what went wrong with the proof itself
        self.readings = 0
        self.lock, self.over = threading.Lock(), threading.Event()
        self.workers = [threading.Thread(target=self.guarded, args=(self.work,), daemon=True) for _ in range(connections)]
        self.readers = [threading.Thread(target=self.guarded, args=(read,), daemon=True) for read in (self.read, self.read_ledger)]

    def run(self):
        """The race, with the kill at some moment in its middle. Gives the share of jobs that were done by then."""
        middle = round(self.total * self.pick.uniform(0.3, 0.7))
        for thread in self.workers + self.readers:
            thread.start()
        while self.left > middle and not self.broken:
            time.sleep(0.002)
        done = self.total - self.left
        self.server.kill()
        self.server.start()
        for thread in self.workers:
            while thread.is_alive():
                thread.join(1)
                if self.server.process.poll() is not None and not self.broken:
                    self.broken.append(f"the node ended by itself with {self.server.process.returncode}: {self.server.log_tail()[-1000:]}")
        self.over.set()
        for thread in self.readers:
            thread.join()
        return done / self.total

    def guarded(self, what):
        try:
            what()
        except Exception as why:  # told by the round; the first says why
            if not self.broken:
                self.broken.append(repr(why)[:1000])

    def work(self):
        client = self.history.client(self.server, judged=False)
        while not self.broken:
            try:
                payment, what, key, amount = self.jobs.get_nowait()
            except queue.Empty:
                break

            def send(over):
                if self.broken:
                    raise AssertionError("given up")
                return over.do(payment, what, key=key, amount=amount)
            answer = until_told([client], send, self.count)
            with self.lock:
                self.left -= 1
                if answer.status >= 300:
                    if answer.code not in FINAL_REFUSALS:
                        raise AssertionError(f"{what} of {amount} was answered {answer}")
                    self.refused[what].append(amount)
        client.close()

    def count(self, status):
        with self.lock:
            self.answers[status] += 1

    def read(self):
        """Both payments over the API, again and again, as any merchant might."""
        client = self.history.client(self.server, judged=False)
        while not self.over.wait(READ_EVERY_S):
            for payment in (self.capturing, self.refunding):
                try:
                    answer = client.look(payment)
                except BROKEN:
                    client.close()
                    continue
                if answer.status == 200:
                    now = answer.json
                    self.judge(f"the API's {payment}", now["amount"], now["amount_captured"], now["amount_refunded"])
        client.close()

    def read_ledger(self):
        """The sandbox's books, while it writes them."""
        ledger = Ledger(self.server)
        while not self.over.wait(READ_EVERY_S):
            for payment in (self.capturing, self.refunding):
                sums = ledger.sums(payment)
                self.judge(f"the ledger's {payment}", sums["authorized_minor"], sums["captured_minor"], sums["refunded_minor"])

    def judge(self, whose, authorized, captured, refunded):
        self.readings += 1
        if authorized > LIMIT or captured > authorized or refunded > captured:
            self.above.append(f"{whose}: authorized {authorized}, captured {captured}, refunded {refunded}")

    def leftovers(self):
        """What is left is less than the least that was refused for want of it: nothing was refused too early."""
        sums = Ledger(self.server).sums(self.capturing), Ledger(self.server).sums(self.refunding)
        left = {"capture": LIMIT - sums[0]["captured_minor"], "refunds": LIMIT - sums[1]["refunded_minor"]}
        for what, amounts in self.refused.items():
            if not amounts:
                yield f"{what}: none was refused, though {DEMAND} of the limit was asked for"
            elif left[what] >= min(amounts):
                yield f"{what}: {left[what]} is left, and {min(amounts)} was refused"


def one_round(store, folder, seed, calls, connections):
    """Gives (what went wrong, one line about it)."""
    (folder / "node.yaml").write_text(SETTINGS)
    begun = time.monotonic()
    server = Server(store, folder, config=folder / "node.yaml").start()
    history = History(folder / "history.jsonl")
    try:
        race = Race(server, history, seed, calls, connections)
        killed_at = race.run()
        raced = time.monotonic() - begun
        wrong = race.broken + race.above
        if not race.broken:
            wrong += list(race.leftovers()) + check(server, history)
        unknown = sum(call.outcome not in ("ok", REFUSED) for call in history.calls())
        return wrong, (f"{race.total} calls, {race.answers[200] + race.answers[201]} done, {sum(map(len, race.refused.values()))} "
                       f"refused, {unknown} cut off and {race.answers[503]} put off and repeated, killed at {killed_at:.0%}, "
                       f"{race.readings} readings, {raced:.1f} + {time.monotonic() - begun - raced:.1f} s")
    finally:
        history.close()
        if server.process is not None:
            server.kill()


def main(argv):
    asked = argparse.ArgumentParser(prog="fire_races", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--calls", type=int, default=CALLS, help=f"refunds, and captures, a round (default {CALLS})")
    asked.add_argument("--connections", type=int, default=CONNECTIONS)
    asked.add_argument("--store", choices=("sqlite", "postgres"), help="only this one")
    asked.add_argument("--seed", type=int, default=1, help="of the first round; the next ones count on")
    how = asked.parse_args(argv)
    stores = [how.store] if how.store else ["sqlite", "postgres"]
    failed = 0
    for number in range(how.rounds):
        store, seed = stores[number % len(stores)], how.seed + number
        folder = Path(tempfile.mkdtemp(prefix="novapay-races-"))
        wrong, said = one_round(store, folder, seed, how.calls, how.connections)
        print(f"round {number + 1}/{how.rounds} {store} seed {seed}: {'WRONG' if wrong else 'clean'}: {said}", flush=True)
        if wrong:
            failed += 1
            print(report(wrong) + f"\nkept: {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    if failed:
        print(f"{failed} of {how.rounds} rounds went wrong")
        return 1
    print(f"{how.rounds} rounds of {how.calls} captures and {how.calls} refunds: never above the limit, every side agrees")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
