#!/usr/bin/env python3
"""bench --processors: what calls to a processor cost, and how much of an answer's time is ours.

The processor is a Stripe that answers after a fixed time (callgen serve); the node is `novapay serve` on PostgreSQL. Everything shares this
machine. Every figure is the median of the rounds.

  client     only the HTTP client: 2,000 calls under way all the time, each answered after 100 ms
  node       payments through REST, two calls to the processor each, which takes 100 ms for one: as many as it can (closed loop), then a
             quarter and a half of that at scheduled instants; last with a processor that takes 2.5 s, at the rate that has 2,000 of its
             calls under way: at 100 ms that would be 10,000 payments a second, which no node on a few cores makes
  webhooks   Stripe's: authorizations that have lapsed, each signed, over HTTP; verified, stored and applied to its payment

  own        the answer's time that is not the processor's, by Server-Timing: from the request's head to the answer, both commits included
  beyond     what a client waits in all from its request to the answer, less the processor's time: with sockets, threads and the processor's
             own lateness
  cores      of the node (of the client, when it is alone), the database, the processor, the load generator, the whole machine

Run it as ./dev bench --processors; it wants to be inside tests/servers/with-postgres.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import generator
import machine
from bench import Postgres, e2e

CALLGEN = os.environ.get("NOVAPAY_CALLGEN", str(generator.SOURCE / "build/release/bin/callgen"))
IN_FLIGHT = 2000
DELAY_MS = 100
LONG_DELAY_MS = 2500
CALLS_A_PAYMENT = 2
CLOSED_LOOP_CONNECTIONS = 512
WARM_UP_S = 3
SAMPLE_EVERY_S = 0.25
BROKEN_PART_MAX = 0.001  # a connection may end for want of use in the moment in which it is used
WEBHOOKS = 20_000
WEBHOOK_CONNECTIONS = 64
NODE = """\
log: {{level: warning}}
processors:
  stripe:
    kind: stripe
    base_url: http://127.0.0.1:{port}
    api_key: {{env: BENCH_STRIPE_KEY}}
    webhook_secrets: [{{env: BENCH_STRIPE_SECRET}}]
    calls_max: 4096
routing: {{default: [stripe]}}
limits: {{requests_in_flight: 8192}}
circuit_breaker: {{stall_after_ms: 10000}}  # it is not dead, it is slow
"""
KEYS = {"BENCH_STRIPE_KEY": "sk_test_bench", "BENCH_STRIPE_SECRET": "whsec_bench"}


class Stripe:
    """callgen serve: a processor that answers after so many milliseconds."""

    def __init__(self, delay_ms):
        self.delay_ms = delay_ms
        self.process = subprocess.Popen([CALLGEN, "serve", str(delay_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def expire(self, port, path, secret, connections):
        """Sends a webhook for each payment it has authorized since the last time; returns when all are answered."""
        self.process.stdin.write(f"expire {port} {path} {secret} {connections}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


class Stage:
    """A node and its processor."""

    def __init__(self, folder, delay_ms):
        folder.mkdir()
        self.stripe = Stripe(delay_ms)
        (folder / "node.yaml").write_text(NODE.format(port=self.stripe.port))
        self.node = e2e.Server("postgres", folder / "node", config=folder / "node.yaml")
        self.node.environment = KEYS
        self.node.start()

    def stop(self):
        if self.node.process is not None:
            self.node.kill()
        self.stripe.stop()

    def calls_in_flight(self):
        _, _, text = self.node.admin_get("/metrics")
        return float(re.search(r'^novapay_processor_requests_in_flight\{processor="stripe"\} (\S+)', text, re.M).group(1))

    def load(self, rate, seconds):
        """Payments at this rate (None: closed loop); its figures, without those of the warm-up."""
        connections = connections_for(rate * CALLS_A_PAYMENT * self.stripe.delay_ms / 1000) if rate else CLOSED_LOOP_CONNECTIONS
        warm_up = WARM_UP_S + CALLS_A_PAYMENT * self.stripe.delay_ms / 1000
        process = generator.start(self.node.address, self.node.dev_key, (rate, warm_up), (rate, seconds), connections=connections,
                                  more=["--processor-ms", str(self.stripe.delay_ms)])
        sides = {"node": lambda: machine.cpu_of(self.node.process.pid), "database": Postgres.cpu,
                 "stripe": lambda: machine.cpu_of(self.stripe.process.pid), "load": lambda: machine.cpu_of(process.pid),
                 "busy": machine.busy_cpu}
        time.sleep(warm_up + 0.1 * seconds)
        before, began, in_flight = {name: side() for name, side in sides.items()}, time.monotonic(), []
        while time.monotonic() < began + 0.8 * seconds:
            in_flight.append(self.calls_in_flight())
            time.sleep(SAMPLE_EVERY_S)
        took = time.monotonic() - began
        cores = {f"{name}_cores": (side() - before[name]) / took for name, side in sides.items()}
        found = generator.found(process)
        phase = found["phases"][1]
        lost = {name: found["total"][name] for name in ("broken", "unsent") if found["total"][name]}
        if found["total"]["other"] or found["unanswered"] or sum(lost.values()) > BROKEN_PART_MAX * found["total"]["sent"]:
            raise RuntimeError(f"the load met errors: {found['total']['other']}, {lost}, {found['unanswered']} unanswered")
        return {"payments_per_s": phase["paid"] / seconds, "refused": phase["refused_creates"] + phase["refused_captures"],
                "in_flight": statistics.mean(in_flight), **cores,
                "own_p50_ms": phase["own_ms"]["p50"], "own_p99_ms": phase["own_ms"]["p99"],
                "beyond_p50_ms": phase["beyond_ms"]["p50"], "beyond_p99_ms": phase["beyond_ms"]["p99"]}


    def webhooks(self, count):
        """Authorizes so many payments, and has their webhooks delivered."""
        made = generator.run(self.node.address, self.node.dev_key, (None, 120), connections=256,
                             more=["--only-create", "--payments", str(count)])
        if made["total"]["created"] < count - made["total"]["refused_creates"]:
            raise RuntimeError(f"not all of {count} payments were authorized: {made['total']}")
        sides = {"node": lambda: machine.cpu_of(self.node.process.pid), "database": Postgres.cpu,
                 "stripe": lambda: machine.cpu_of(self.stripe.process.pid), "busy": machine.busy_cpu}
        before, began = {name: side() for name, side in sides.items()}, time.monotonic()
        sent = self.stripe.expire(self.node.address[1], "/webhooks/stripe", KEYS["BENCH_STRIPE_SECRET"], WEBHOOK_CONNECTIONS)
        acknowledged = time.monotonic() - began
        e2e.until(lambda: self.node.rows("select count(*) from webhook_open")[0][0] == "0", 120, SAMPLE_EVERY_S / 5)
        took = time.monotonic() - began
        cores = {f"{name}_cores": (side() - before[name]) / took for name, side in sides.items()}
        if set(sent["answers"]) != {"200"} or sent["webhooks"] != made["total"]["created"]:
            raise RuntimeError(f"the webhooks met errors: {sent}")
        return {"webhooks_per_s": sent["webhooks"] / took, "acknowledged_per_s": sent["webhooks"] / acknowledged, **cores}


def connections_for(in_flight):
    """Enough for what chance gathers, and few that are never used: the node gives up on those after ten seconds."""
    return round(1.05 * in_flight + 5 * in_flight ** 0.5 + 32)


def client_alone(seconds):
    """The HTTP client without a node."""
    stripe = Stripe(DELAY_MS)
    try:
        url = f"http://127.0.0.1:{stripe.port}/v1/payment_intents"
        done = subprocess.run([CALLGEN, "call", url, str(IN_FLIGHT), str(seconds)], capture_output=True, text=True, check=True)
    finally:
        stripe.stop()
    found = json.loads(done.stdout)
    if set(found["fates"]) != {"answered 200"}:
        raise RuntimeError(f"the client's calls ended otherwise: {found['fates']}")
    return {"calls_per_s": found["calls_per_s"], "in_flight": float(IN_FLIGHT), "node_cores": found["cores"],
            "beyond_p50_ms": found["p50_ms"] - DELAY_MS, "beyond_p99_ms": found["p99_ms"] - DELAY_MS}


def one_round(number, arguments, usual, slow, prompt):
    found, seconds = {}, arguments.seconds

    def run(name, what, *how):
        print(f"round {number + 1}/{arguments.rounds}: {name}", file=sys.stderr, flush=True)
        found[name] = what(*how)

    run(f"client alone, {IN_FLIGHT} calls", client_alone, seconds)
    run("node, as many as it can", usual.load, None, seconds)
    most = found["node, as many as it can"]["payments_per_s"]
    run("node, at a quarter of that", usual.load, most / 4, seconds)
    run("node, at half of that", usual.load, most / 2, seconds)
    run(f"node, {IN_FLIGHT} calls in flight", slow.load, IN_FLIGHT / (CALLS_A_PAYMENT * LONG_DELAY_MS / 1000), seconds)
    run("webhooks", prompt.webhooks, WEBHOOKS)
    return found


def goals(figures):
    """(what, figure, the goal's relation, the goal)."""
    held = figures[f"node, {IN_FLIGHT} calls in flight"]
    return [("client alone, cores at 2,000 calls in flight", figures[f"client alone, {IN_FLIGHT} calls"]["node_cores"], "<=", 1),
            ("node, calls in flight", round(held["in_flight"], -2), ">=", IN_FLIGHT),
            ("node, cores at that", held["node_cores"], "<=", 1),
            ("own p99 at that, ms", held["own_p99_ms"], "<=", 15),
            ("own p99 at a quarter, ms", figures["node, at a quarter of that"]["own_p99_ms"], "<=", 15),
            ("own p99 at half, ms", figures["node, at half of that"]["own_p99_ms"], "<=", 15),
            ("webhooks verified, stored and applied each second", figures["webhooks"]["webhooks_per_s"], ">=", 5000)]


def met(figure, relation, goal):
    return figure <= goal if relation == "<=" else figure >= goal


def medians(rounds):
    return {name: {figure: statistics.median(one[name][figure] for one in rounds) for figure in rounds[0][name]} for name in rounds[0]}


def bench(arguments, folder):
    stages, load_average = [], os.getloadavg()[0]
    try:
        for delay_ms in (DELAY_MS, LONG_DELAY_MS, 0):
            stages.append(Stage(folder / str(delay_ms), delay_ms))
        figures = medians([one_round(number, arguments, *stages) for number in range(arguments.rounds)])
    finally:
        for stage in stages:
            stage.stop()
    return {"machine": machine.describe(folder, os.environ["NOVAPAY_TEST_POSTGRES"]), "load_average": load_average,
            "rounds": arguments.rounds, "seconds": arguments.seconds, "figures": figures,
            "goals": [{"what": what, "figure": figure, "goal": f"{relation} {goal}", "met": met(figure, relation, goal)}
                      for what, figure, relation, goal in goals(figures)]}


COLUMNS = {"payments_per_s": "payments/s", "calls_per_s": "calls/s", "webhooks_per_s": "webhooks/s", "refused": "refused", "in_flight": "in flight", "node_cores": "node cores",
           "database_cores": "database", "stripe_cores": "processor", "load_cores": "load", "busy_cores": "all cores",
           "own_p50_ms": "own p50 ms", "own_p99_ms": "own p99", "beyond_p50_ms": "beyond p50", "beyond_p99_ms": "beyond p99"}


def shown(figure):
    return figure if isinstance(figure, str) else f"{figure:.0f}" if figure == 0 or abs(figure) >= 100 else f"{figure:.2f}"


def table(found):
    lines = [found["machine"], f"load average before: {found['load_average']:.1f}; who else works on this machine is in every figure",
             f"medians of {found['rounds']} rounds of {found['seconds']} s; the processor takes {DELAY_MS} ms, in the last row of the node "
             f"{LONG_DELAY_MS} ms", "", " " * 32 + "".join(f"{head:>12}" for head in COLUMNS.values())]
    for name, figures in found["figures"].items():
        lines.append(f"{name:32}" + "".join(f"{shown(figures.get(column, '')):>12}" for column in COLUMNS))
    lines.append("")
    lines += [f"{'met   ' if one['met'] else 'MISSED'} {one['what']}: {shown(one['figure'])} (goal {one['goal']})" for one in found["goals"]]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench --processors", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement, beside its warm-up (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--novapay", default=e2e.BINARY, help="the program")
    arguments = parser.parse_args()
    if not Postgres.pid:
        parser.error("there is no PostgreSQL: run ./dev bench --processors, or this inside tests/servers/with-postgres")
    e2e.BINARY = str(Path(arguments.novapay).resolve())
    with tempfile.TemporaryDirectory(prefix="novapay-bench-") as folder:
        os.chmod(folder, 0o755)
        found = bench(arguments, Path(folder))
    print(json.dumps(found, indent=2) if arguments.json else table(found))


if __name__ == "__main__":
    main()
