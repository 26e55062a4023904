"""simulators: Stripe and Adyen as servers of a test's own.

    from simulators import start

    with start("stripe", misbehave=0.25, seed=7, webhook_url="http://127.0.0.1:8080/webhooks/stripe") as stripe:
        stripe.base_url, stripe.api_key, stripe.webhook_secret    # what the node is configured with
        stripe.fate("timeout", operation="capture", payment="pay_…")
        stripe.outage("refuse", seconds=60)
        stripe.advance(25 * 3600)                                 # keys are forgotten
        for entry in stripe.ledger("pay_…"): …                    # what really happened

Options are those of `run.py --help`, with underscores. Needs only the standard library here; the server's packages are in build/venv.
"""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 30
CALL_TIMEOUT_S = 60
PYTHON = FOLDER.parents[1] / "build" / "venv" / "bin" / "python"


def start(processor, **options):
    return Simulator(processor, **options)


class Simulator:
    """A running simulator; a context manager. Threads: each call is one of its own."""

    def __init__(self, processor, python=None, **options):
        command = [str(python or (PYTHON if PYTHON.exists() else sys.executable)), "-m", "simulators.serve", processor]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            if name == "multicapture":
                command += [] if value else ["--no-multicapture"]
            elif value is True:
                command.append(flag)
            elif isinstance(value, (list, tuple)):
                for each in value:
                    command += [flag, str(each)]
            elif value is not None and value is not False:
                command += [flag, str(value)]
        self.process = subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {processor} simulator did not start: {self.process.wait(START_TIMEOUT_S)}")
        for name, value in json.loads(line).items():
            setattr(self, name, value)
        self.webhook_secret = self.webhook_secrets[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Its exit code."""
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(START_TIMEOUT_S)

    def control(self, name, **given):
        """POST; what it answers."""
        asked = urllib.request.Request(f"{self.control_url}/_control/{name}", json.dumps(given).encode(), {"Content-Type": "application/json"})
        return self.opened(asked)

    def get(self, name, **given):
        query = "&".join(f"{key}={value}" for key, value in given.items())
        return self.opened(f"{self.control_url}/_control/{name}?{query}")

    @staticmethod
    def opened(asked):
        try:
            with urllib.request.urlopen(asked, timeout=CALL_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise ValueError(refused.read().decode()) from None

    def ledger(self, payment=None, kind=None):
        """Every entry, or those of one payment ("pay_…"); kind: "effect" or "call"."""
        after, found = 0, []
        while True:
            query = f"after={after}&limit=20000" + (f"&payment={payment}" if payment else "") + (f"&kind={kind}" if kind else "")
            with urllib.request.urlopen(f"{self.control_url}/_control/ledger?{query}", timeout=CALL_TIMEOUT_S) as answer:
                following = int(answer.headers["Ledger-Next"])
                found += [json.loads(line) for line in answer]
            if payment or following == after:
                return found
            after = following

    def effects(self, payment=None):
        return self.ledger(payment, "effect")

    def calls(self, payment=None):
        return self.ledger(payment, "call")

    def sums(self):
        return self.get("sums")

    def stats(self):
        return self.get("stats")

    def fate(self, fate, operation=None, payment=None, times=1):
        return self.control("fates", fate=fate, operation=operation, payment=payment, times=times)

    def outage(self, mode, seconds=None):
        return self.control("outage", mode=mode, seconds=seconds)

    def advance(self, seconds):
        return self.control("clock", advance_s=seconds)

    def settle(self):
        return self.control("settle")["settled"]

    def happen(self, payment, what):
        return self.control("happen", payment=payment, what=what)["happened"]

    def tamper(self, payment, what, amount=None):
        """Its lists are wrong from now on. How many objects were changed."""
        return self.control("tamper", payment=payment, what=what, amount=amount)["changed"]

    def notify(self, **given):
        """A webhook of the test's own making: type, object (Adyen: item), times. Its identity."""
        return self.control("notify", **given)["identity"]

    def webhooks(self, **given):
        return self.control("webhooks", **given)

    def resend(self, **given):
        return self.control("resend", **given)["resent"]

    def misbehave(self, rate, webhook_rate=None):
        return self.control("misbehave", rate=rate, webhook_rate=rate if webhook_rate is None else webhook_rate)

    def await_quiet(self, timeout_s=60):
        """Until no webhook waits to be delivered; those kept back do not count."""
        ends = time.monotonic() + timeout_s
        while self.stats()["webhooks"]["pending"]:
            if time.monotonic() > ends:
                raise TimeoutError(f"{self.processor}: webhooks are still pending: {self.stats()['webhooks']}")
            time.sleep(0.02)
