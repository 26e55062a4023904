"""load: merchants at work while something goes wrong, each remembering exactly what it was told.

A worker makes payments through their life: create, capture, refund or cancel. A call that got no answer, or one that says
"repeat" (503, 504), is repeated with the same key until there is one: that is what a careful client does.
"""
import random
import threading
import time

from client import BROKEN, Client
from ledger import is_quiet

GIVE_UP_AFTER_S = 60
# What may come after what, as a merchant sees it; the same is always allowed.
FORWARD = {
    "pending": {"processing", "requires_action", "authorized", "partially_captured", "captured", "settled", "failed", "canceled"},
    "processing": {"requires_action", "authorized", "partially_captured", "captured", "settled", "failed", "canceled"},
    "authorized": {"processing", "partially_captured", "captured", "settled", "canceled"},
    "partially_captured": {"processing", "captured", "settled"},
    "captured": {"processing", "settled"},
    "settled": {"processing"},
    "failed": set(),
    "canceled": set(),
}


def until_told(clients, call, count=lambda status: None):
    """Repeats the call, over these clients in turn, until there is an answer that says what happened; gives that Answer."""
    end = time.monotonic() + GIVE_UP_AFTER_S
    turn = 0
    while time.monotonic() < end:
        client = clients[turn % len(clients)]
        turn += 1
        try:
            answer = call(client)
        except BROKEN:
            count("broken")
            client.close()
            time.sleep(0.02)
            continue
        count(answer.status)
        if answer.status not in (503, 504):
            return answer
        if answer.status == 503:
            assert answer.headers.get("retry-after"), answer
        time.sleep(0.05)
    raise AssertionError(f"no answer within {GIVE_UP_AFTER_S} s")


class Told:
    """One payment as its merchant knows it."""

    def __init__(self, key, body):
        self.key = key
        self.body = body
        self.first = None      # the create's Answer
        self.latest = None     # JSON of the latest answer about it
        self.refunds = []      # JSON of acknowledged refunds
        self.done = False      # no more calls will be made

    @property
    def id(self):
        return self.latest["id"]

    def note(self, payment):
        self.latest = payment


class Load:
    def __init__(self, servers, workers=8, seed=1, tokens=("tok_visa",) * 8 + ("tok_answer_lost", "tok_declined_generic"),
                 connect=Client):
        self.servers = servers  # a worker's calls go to them in turn
        self.connect = connect  # makes a client of a server: tests/fire/history.py's writes its calls down
        self.tokens = tokens
        self.seed = seed
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.told = []
        self.unexpected = []
        self.statuses = {}      # how often each status was answered; "broken": no answer
        self.threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(workers)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(GIVE_UP_AFTER_S + 30)
            assert not thread.is_alive(), "a worker is stuck"
        assert not self.unexpected, self.unexpected[:3]

    def snapshot(self):
        with self.lock:
            return [(told, told.latest) for told in self.told if told.latest is not None]

    def _count(self, status):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def _until_told(self, clients, call):
        return until_told(clients, call, self._count)

    def _work(self, number):
        pick = random.Random(self.seed * 1000 + number)
        clients = [self.connect(server) for server in self.servers]
        turn = 0
        try:
            while not self.stopping.is_set():
                turn += 1
                pick.shuffle(clients)
                self._one_payment(pick, clients, f"{self.seed}-{number}-{turn}")
        except Exception as why:  # told to the test by stop()
            self.unexpected.append(repr(why))
        for client in clients:
            client.close()

    def _one_payment(self, pick, clients, key):
        amount = pick.randint(1, 100_000)
        body = {"amount": amount, "token": pick.choice(self.tokens), "reference": key,
                "capture_method": pick.choice(("manual", "automatic"))}
        told = Told(key, body)
        with self.lock:
            self.told.append(told)
        told.first = self._until_told(clients, lambda c: c.create(key, **body))
        assert told.first.status in (201, 202), told.first
        told.note(told.first.json)
        if told.latest["status"] == "authorized":
            if pick.random() < 0.15:
                self._operate(clients, told, "cancel", f"{key}-x", {})
            else:
                self._operate(clients, told, "capture", f"{key}-c", {"amount": pick.randint(1, amount)})
                if pick.random() < 0.3:
                    self._operate(clients, told, "capture", f"{key}-d", {})
        if told.latest["amount_captured"] > 0 and pick.random() < 0.4:
            part = pick.randint(1, told.latest["amount_captured"])
            refund = self._until_told(clients, lambda c: c.do(told.id, "refunds", key=f"{key}-r", amount=part))
            assert refund.status in (201, 202), refund
            told.refunds.append(refund.json)
        told.done = True

    def _operate(self, clients, told, what, key, fields):
        answer = self._until_told(clients, lambda c: c.do(told.id, what, key=key, **fields))
        assert answer.status in (200, 202) or answer.code in ("payment_unexpected_state", "amount_exceeds_capturable"), answer
        if answer.status < 300:
            told.note(answer.json)


def still_stands(told, then, now):
    """What was acknowledged is still so, or has moved on legally."""
    for name in ("id", "amount", "currency", "reference", "capture_method", "created_at", "livemode"):
        assert now[name] == then[name], (name, then, now)
    assert now["status"] == then["status"] or now["status"] in FORWARD[then["status"]], (then, now)
    captures = {c["id"]: c for c in now["captures"]}
    for capture in then["captures"]:
        found = captures[capture["id"]]
        assert found["amount"] == capture["amount"], (then, now)
        assert capture["status"] in ("pending", found["status"]), (then, now)
    assert now["amount_captured"] >= then["amount_captured"] and now["amount_captured"] <= now["amount"]
    assert now["amount_refunded"] <= now["amount_captured"]
    refunds = {r["id"]: r for r in now["refunds"]}
    for refund in told.refunds:
        assert refunds[refund["id"]]["amount"] == refund["amount"]


def wait_until_all_is_done(client, payment_ids, timeout_s):
    """Everything owed gets done: the ids of payments, read until nothing is under way for any."""
    end = time.monotonic() + timeout_s
    settled, left = {}, list(payment_ids)
    while left:
        now = [client.read(payment_id) for payment_id in left]
        settled |= {p["id"]: p for p in now if is_quiet(p)}
        left = [p["id"] for p in now if not is_quiet(p)]
        if left:
            assert time.monotonic() < end, f"{len(left)} payments still wait after {timeout_s} s: {now[-1]}"
            time.sleep(0.2)
    return settled
