#!/usr/bin/env python3
"""run: starts the Stripe and Adyen simulators and prints where they are, their keys and secrets, and what can happen to a payment.

    tests/processors/run.py                                      # both, on ports 12111 (Stripe) and 12112 (Adyen)
    tests/processors/run.py stripe --misbehave 0.25 --seed 7     # one of them, a quarter of all calls and webhooks misbehaving
    tests/processors/run.py --novapay http://127.0.0.1:8080      # webhooks go to NovaPay's /webhooks/stripe and /webhooks/adyen
    tests/processors/run.py --table                              # only the tokens and fates

Ends with Ctrl-C.
"""
import argparse
import json
import signal
import sys
from pathlib import Path

from simulators import fates, options, start

PORTS = {"stripe": (12111, 12121), "adyen": (12112, 12122)}  # API, control


def table():
    """What a token can say."""
    lines = ["Tokens: a plan is `fate_` and parts joined by dots, each [OPERATION-]NAME[-ARGUMENT]; without an operation: the authorization.",
             "  fate_timeout   fate_capture-reset.webhook-twice   fate_decline-lost_card.slow-1500   fate_3ds.capture-fail",
             "  Stripe: payment_method, metadata[fate]; also every pm_card_… of Stripe's documentation.",
             "  Adyen: storedPaymentMethodId, holderName, encryptedCardNumber, metadata.fate; also every test holder name (NOT_ENOUGH_BALANCE, …),",
             "  additionalData.RequestedTestAcquirerResponseCode and RequestedTestErrorResponseCode.", "", "What can happen to a call:"]
    lines += [f"  {name:22}{'executed' if done else 'not executed':14}{what}" for name, (done, what) in fates.CALLS.items()]
    lines += ["", "What can come out of it:"]
    lines += [f"  {name:22}{on:28}{what}" for name, (on, what) in fates.OUTCOMES.items()]
    lines += ["", "What can happen to its webhooks (webhook-NAME):"]
    lines += [f"  {name:22}{what}" for name, what in fates.WEBHOOKS.items()]
    lines += ["", "With --fates-by-amount, the last four digits of an amount: "
              + ", ".join(f"{digits} {name}" for digits, name in fates.AMOUNTS.items())]
    return "\n".join(lines)


def main(argv):
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("processors", nargs="*", metavar="PROCESSOR", help="stripe, adyen; both by default")
    made.add_argument("--novapay", metavar="URL", help="webhooks go to URL/webhooks/stripe and URL/webhooks/adyen")
    made.add_argument("--ledgers", metavar="FOLDER", help="the ledgers are appended to FOLDER/stripe.jsonl and FOLDER/adyen.jsonl")
    made.add_argument("--any-port", action="store_true", help="free ports, not the usual ones")
    made.add_argument("--json", action="store_true", help="prints one line of JSON instead of text")
    made.add_argument("--table", action="store_true", help="prints the tokens and fates, starts nothing")
    options.add_common(made)
    given = made.parse_args(argv)
    if given.table:
        print(table())
        return 0
    wanted = given.processors or list(PORTS)
    if not set(wanted) <= set(PORTS):
        made.error(f"processors are {' and '.join(PORTS)}")
    own = ("processors", "novapay", "ledgers", "any_port", "json", "table")
    common = {name: value for name, value in vars(given).items() if name not in own}
    if given.ledgers:
        Path(given.ledgers).mkdir(parents=True, exist_ok=True)
    running = []
    try:
        for name in wanted:
            port, control = (0, 0) if given.any_port else PORTS[name]
            running.append(start(name, port=port, control_port=control, ledger=f"{given.ledgers}/{name}.jsonl" if given.ledgers else None,
                                 webhook_url=f"{given.novapay.rstrip('/')}/webhooks/{name}" if given.novapay else None, **common))
        said = [{key: value for key, value in vars(each).items() if key != "process"} for each in running]
        if given.json:
            print(json.dumps(said), flush=True)
        else:
            for each in said:
                print(f"{each['processor']}:")
                for key, value in each.items():
                    if key not in ("processor", "webhook_secrets"):
                        print(f"  {key:18}{value}")
            print(f"\n{table()}\n\nCtrl-C ends it.", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        for each in running:
            each.stop()
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main(sys.argv[1:]))
