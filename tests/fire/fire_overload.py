#!/usr/bin/env python3
"""overload: three times what the node can do, for a minute, and what becomes of it.

Everything is found in one run, one process of the node, one of the generator:

  maximum    the closed loop over some numbers of connections; the best payments/s (create and capture), before and after
  base       half of the maximum, open loop: normal latency
  overload   three times the maximum, open loop (Poisson), over 2,000 kept-alive connections
  after      half of the maximum again

Judged by: completed payments in the overload >= 90 % of the maximum (the mean of before and after); every other answer is a 503
`overloaded` with Retry-After, its p99 within 10 ms; no capture refused; nobody's connection broken; the resident memory of the
overload's last quarter no higher than that of the quarter before (payments leave memory 30 s after their last command, so their
number has settled by half-time); and at the latest 10 s after the load has fallen, p99 is normal again (no
more than twice the base's, in every second from then on).

Cores: node and database share one, the generator has the other, in all phases. So what the generator needs for 40,000 calls a second
is not taken from the node only when there is overload, and the maximum is that of the same core. A refusal's latency is the client's,
from the scheduled instant to the answer read: it includes the wait for the node's only core, which the database and eight threads
share. (The node itself writes a refusal in the same step in which it has read the head; it has no time of its own to report.)

Run it as ./dev fire overload, or inside tests/servers/with-postgres.
"""
import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "perf")]
import generator  # noqa: E402
import machine  # noqa: E402
import server as e2e  # noqa: E402
import verdict  # noqa: E402

TIMES = 3
GOODPUT_MIN = 0.90
REFUSED_P99_MS = 10
RECOVERY_S = 10
LATENCY_TIMES = 2
RSS_GROWTH_MAX = 0.05
CONNECTIONS = (64, 128, 256, 512)
CONNECTIONS_OVERLOAD = 2000
# Connections that wait for the overload are not to be closed meanwhile.
SETTINGS = ("sandbox: {settle_after_ms: 0}\nlog: {level: warning}\n"
            "limits: {head_timeout_ms: 600000, idle_timeout_ms: 600000}\n")
NODE_CORE, LOAD_CORE = {0}, {1}


def pinned_node(store, folder):
    """A node, and PostgreSQL if it needs one, on the first core."""
    (folder / "node.yaml").write_text(SETTINGS)
    if store == "postgres":
        machine.pin_family(int(os.environ["NOVAPAY_TEST_POSTGRES_PID"]), NODE_CORE)
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, NODE_CORE)  # the node inherits it
    try:
        return e2e.Server(store, folder / store, config=folder / "node.yaml").start()
    finally:
        os.sched_setaffinity(0, all_cores)


def maximum(node, seconds):
    """The best of the closed loop: payments a second, and over how many connections."""
    found = {}
    for connections in CONNECTIONS:
        run = generator.run(node.address, node.dev_key, (None, 1), (None, seconds), connections=connections, cpus=LOAD_CORE)
        found[connections] = run["phases"][1]["paid"] / seconds
    best = max(found, key=found.get)
    say(f"closed loop: {', '.join(f'{c} connections {rate:.0f}/s' for c, rate in found.items())}")
    return found[best]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Watch:
    """Samples the node's resident memory and its and the database's CPU while something else goes on."""

    def __init__(self, node):
        self.pid, self.rss = node.process.pid, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(0.5):
            self.rss.append((time.monotonic(), machine.memory_kb(self.pid)))

    def between(self, start, end):
        return [kb for at, kb in self.rss if start <= at < end]

    def stop(self):
        self.stopped.set()
        self.thread.join()


def overload(node, arguments):
    before = maximum(node, arguments.max_seconds)
    half, over = before / 2, before * TIMES
    phases = ((half, arguments.base_seconds), (over, arguments.seconds), (half, RECOVERY_S + arguments.base_seconds))
    say(f"offering {half:.0f}/s for {phases[0][1]} s, {over:.0f}/s for {phases[1][1]} s, {half:.0f}/s for {phases[2][1]} s")
    watch, begun = Watch(node), time.monotonic()
    found = generator.run(node.address, node.dev_key, *phases, connections=CONNECTIONS_OVERLOAD, cpus=LOAD_CORE)
    watch.stop()
    after = maximum(node, arguments.max_seconds)
    base, loaded, _ = found["phases"]
    seconds = found["seconds"]
    start, end = phases[0][1], phases[0][1] + phases[1][1]
    half_way, three_quarters = start + (end - start) / 2, start + (end - start) * 3 / 4
    best = statistics.mean((before, after))
    recovered = [second["ok_ms"]["p99"] for second in seconds[end + RECOVERY_S:end + phases[2][1]]]
    third, fourth = (max(watch.between(begun + a, begun + b)) for a, b in ((half_way, three_quarters), (three_quarters, end)))
    figures = {
        "maximum_before": round(before), "maximum_after": round(after), "offered_per_s": round(loaded["offered"] / phases[1][1]),
        "goodput_per_s": round(loaded["paid"] / phases[1][1]), "goodput_of_maximum": round(loaded["paid"] / phases[1][1] / best, 3),
        "refused_creates": loaded["refused_creates"], "refused_captures": loaded["refused_captures"], "other": found["total"]["other"],
        "broken": found["total"]["broken"], "unsent": found["total"]["unsent"], "unanswered": found["unanswered"],
        "refused_p50_ms": loaded["refused_ms"]["p50"], "refused_p99_ms": loaded["refused_ms"]["p99"],
        "refused_p999_ms": loaded["refused_ms"]["p999"], "refused_max_ms": loaded["refused_ms"]["max"],
        "generator_lag_p99_ms": loaded["lag_ms"]["p99"], "busy_connections_max": found["busy_connections_max"],
        "ok_p50_ms": loaded["ok_ms"]["p50"], "ok_p99_ms": loaded["ok_ms"]["p99"], "own_p50_ms": loaded["own_ms"]["p50"],
        "base_p50_ms": base["ok_ms"]["p50"], "base_p99_ms": base["ok_ms"]["p99"], "recovered_p99_ms": max(recovered),
        "recovered_after_s": recovered_after(seconds[end:], base), "base_refused": base["refused_creates"],
        "rss_third_quarter_mb": round(third / 1024, 1), "rss_fourth_quarter_mb": round(fourth / 1024, 1),
    }
    checks = {
        f"goodput >= {GOODPUT_MIN:.0%} of the maximum": figures["goodput_of_maximum"] >= GOODPUT_MIN,
        f"refusals' p99 <= {REFUSED_P99_MS} ms at the client": figures["refused_p99_ms"] <= REFUSED_P99_MS,
        "it was an overload: there were refusals": loaded["refused_creates"] > 0,
        "no capture refused": found["total"]["refused_captures"] == 0,
        "no other answer, nothing broken, unsent or unanswered":
            not (figures["other"] or figures["broken"] or figures["unsent"] or figures["unanswered"]),
        "nothing refused at half of the maximum": base["refused_creates"] == 0,
        f"memory: the last quarter <= {1 + RSS_GROWTH_MAX} times the one before": fourth <= third * (1 + RSS_GROWTH_MAX),
        f"p99 normal within {RECOVERY_S} s": max(recovered) <= LATENCY_TIMES * figures["base_p99_ms"],
    }
    return figures, checks


def recovered_after(seconds, base):
    """The first second after the overload from which on p99 stays normal; -1: never."""
    slow = [n for n, one in enumerate(seconds) if one["ok_ms"]["p99"] > LATENCY_TIMES * base["ok_ms"]["p99"]]
    after = max(slow) + 1 if slow else 0
    return after if after < len(seconds) else -1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("postgres", "sqlite"), action="append", help="(default: both)")
    parser.add_argument("--seconds", type=int, default=60, help="of overload (default 60)")
    parser.add_argument("--base-seconds", type=int, default=10, help="at half of the maximum, before and after (default 10)")
    parser.add_argument("--max-seconds", type=int, default=4, help="of each closed loop (default 4)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("this needs two cores: one for the node, one for the load")
    figures, checks = {}, {}
    for store in arguments.store or ("postgres", "sqlite"):
        with tempfile.TemporaryDirectory(prefix="novapay-overload-") as folder:
            node = pinned_node(store, Path(folder))
            try:
                found, held = overload(node, arguments)
            finally:
                node.kill()
        figures |= {f"{store}.{name}": value for name, value in found.items()}
        checks |= {f"{store}: {name}": value for name, value in held.items()}
    key = " ".join(f"{store}.{name}" for store in ("postgres", "sqlite") for name in ("goodput_of_maximum", "refused_p99_ms"))
    return verdict.tell(figures, checks, arguments.json, key)


if __name__ == "__main__":
    sys.exit(main())
