"""play: both simulated processors and a node wired to them, to be played with: prints where they are, their keys, what a token can bring
about, and commands to begin with. Ctrl-C ends all of it.
"""
import argparse
import datetime
import shlex
import signal
import sys
import tempfile
from pathlib import Path

import places  # noqa: F401
import run as processors  # tests/processors/run.py: the first that places.py names
from server import BINARY, SOURCE
from stage import Stage

EXAMPLES = """\
Try it (each payment goes to Stripe or Adyen, half of the customers to each):

  curl {api}/v1/payments -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: order-1' \\
    -d '{{"amount": 1099, "currency": "eur", "capture_method": "manual", "customer": "anna",
         "payment_method": {{"type": "card", "tokens": {{"stripe": "pm_card_visa", "adyen": "CARDVISA00000001"}}}}}}'

  curl {api}/v1/payments/PAYMENT/capture -X POST -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: capture-1' -d '{{"amount": 500}}'

  # the answer is lost, the money is held; NovaPay says so and finds out
  curl {api}/v1/payments -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -H 'Idempotency-Key: order-2' \\
    -d '{{"amount": 2000, "currency": "eur", "customer": "anna", "payment_method": {{"type": "card", "token": "fate_timeout"}}}}'

  curl {api}/v1/payments/PAYMENT/events -H 'Authorization: Bearer {key}'     # what happened to it
  curl {stripe}/_control/ledger?payment=PAYMENT                          # what Stripe really did; Adyen: {adyen}
  curl {stripe}/_control/outage -d '{{"mode": "refuse", "seconds": 30}}'       # Stripe is dead: see payments go to Adyen
  curl {stripe}/_control/misbehave -d '{{"rate": 0.25}}'                       # a quarter of all calls and webhooks goes wrong
  curl {admin}/metrics | grep circuit_breaker

  # our books beside Stripe's
  (. {keys}; {novapay} reconcile {where} --processor stripe --from {today} --to {tomorrow})
"""


def main(argv):
    made = argparse.ArgumentParser(prog="./dev run --processors simulated", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite",
                      help="postgres: the server that NOVAPAY_TEST_POSTGRES names (tests/servers/with-postgres)")
    made.add_argument("--data", metavar="FOLDER", help="keep the node's data there; by default it is gone with the node")
    made.add_argument("--misbehave", type=float, default=0.0, metavar="RATE", help="share of calls and webhooks that go wrong")
    made.add_argument("--seed", type=int, default=1, help="which ones")
    made.add_argument("--latency-ms", type=float, default=0.0, help="how long every call takes")
    given = made.parse_args(argv)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with tempfile.TemporaryDirectory(prefix="novapay-play-") as folder:
        with Stage(Path(given.data or folder), given.store, own_keys=False, misbehave=given.misbehave, seed=given.seed,
                   latency_ms=given.latency_ms) as stage:
            tell(stage)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
            print("\nstopping", flush=True)
    return 0


def tell(stage):
    server = stage.server
    api, admin = (f"http://{host}:{port}" for host, port in (server.address, server.admin))
    print(processors.table(), "\n")
    for name, simulator in stage.simulators.items():
        print(f"{name}:\n  API               {simulator.base_url}\n  control           {simulator.control_url}/_control/…\n"
              f"  API key           {simulator.api_key}\n  webhook secret    {simulator.webhook_secret}\n"
              f"  webhooks go to    {api}/webhooks/{name}\n  ledger            {stage.ledger_path(name)}")
    print(f"\nNovaPay:\n  API               {api}   reference: {api}/docs\n  API key           {server.dev_key}\n  admin             {admin}/metrics\n"
          f"  log               {server.log_path}\n  configuration     {stage.folder / 'node.yaml'}\n")
    keys = stage.folder / "keys.sh"
    keys.touch(mode=0o600)
    keys.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(stage.environment().items())))
    today = datetime.datetime.now(datetime.timezone.utc).date()
    print(EXAMPLES.format(api=api, admin=admin, key=server.dev_key, stripe=stage.simulators["stripe"].control_url,
                          adyen=stage.simulators["adyen"].control_url, keys=keys, novapay=BINARY,
                          where=shlex.join(server.where()), today=today, tomorrow=today + datetime.timedelta(1)))
    print("Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
