"""watch: threads beside a run: one shows how it is going, one sees when a circuit breaker opens and closes."""
import re
import threading
import time

SHOW_EVERY_S = 5
WORKING_EVERY_S = 30
LOOK_EVERY_S = 0.05
OPEN = re.compile(r'^novapay_circuit_breaker_open\{([^}]*)\} ([01])', re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Progress:
    """Prints a line from time to time, and at once when `say` is told something. After the load only `say` does, and every
    WORKING_EVERY_S a line that it goes on."""

    def __init__(self, merchants, payments, every_s=SHOW_EVERY_S):
        self.merchants, self.payments, self.every_s = merchants, payments, every_s
        self.began, self.over = time.monotonic(), threading.Event()
        self.said = ""
        self.thread = threading.Thread(target=self.show, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def say(self, what):
        self.said = what
        self.print(what)

    def print(self, what):
        print(f"[{time.monotonic() - self.began:6.1f} s] {what}", flush=True)

    def show(self):
        last = 0
        while not self.over.wait(self.every_s):
            done, busy = self.merchants.done, self.merchants.begun - self.merchants.done
            said = ", ".join(f"{count} {what}" for what, count in sorted(self.merchants.statuses.items(), key=str))
            self.print(f"{done} of {self.payments} payments, {(done - last) / self.every_s:.0f}/s, {busy} under way; answers: {said}")
            last = done
            if done >= self.payments and not busy:
                break
        while not self.over.wait(WORKING_EVERY_S):
            self.print(f"since then: {self.said}; working on")


class Breakers:
    """What the node's metrics say of its breakers: (when, processor, operation, open), by CLOCK_MONOTONIC."""

    def __init__(self, server):
        self.server, self.seen, self.now = server, [], {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look(self):
        while not self.over.wait(LOOK_EVERY_S):
            try:
                text = self.server.admin_get("/metrics")[2]
            except OSError:
                continue
            at = time.monotonic()
            for labels, value in OPEN.findall(text):
                named = dict(LABEL.findall(labels))
                which = named["processor"], named["operation"]
                if value != self.now.get(which, "0"):
                    self.now[which] = value
                    self.seen.append((at, *which, value == "1"))

    def first_open(self, processor, operation, after):
        return next((at for at, who, what, is_open in self.seen if (who, what, is_open) == (processor, operation, True) and at >= after), None)
