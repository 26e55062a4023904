#!/usr/bin/env python3
"""memory: what a payment weighs while it is here, and that nothing stays behind when it has gone.

  idle       100,000 payments are made and authorized on a node that lets none leave (a high cap, a late passivation). The resident
             memory they add, divided by their number, <= 3 kB. Found after as many again have warmed the node up: buffers, caches and
             keys that are kept for each shard have filled by then, and do not count as the payment's.
  through    1,000,000 payments are created and captured at full speed, each under an idempotency key of its own, on a node with its
             default settings. The most memory it ever had (VmHWM, by the kernel) <= 512 MiB.

Runs on PostgreSQL unless told otherwise. Run it as ./dev fire memory, or inside tests/servers/with-postgres.
"""
import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "perf")]
import generator  # noqa: E402
import machine  # noqa: E402
import server as e2e  # noqa: E402
import verdict  # noqa: E402

IDLE_KB_MAX = 3.0
CEILING_MB = 512
CONNECTIONS = 128
SETTINGS = "sandbox: {settle_after_ms: 0}\nlog: {level: warning}\n"
KEEPS_ALL = SETTINGS + "limits: {live_entities_per_shard: 1000, idle_after_ms: 3600000}\n"
ENOUGH_SECONDS = 3600  # the number of payments ends the load, not the time
SETTLED_S, SETTLE_TIMEOUT_S = 3, 60


def node_with(settings, store, folder):
    folder.mkdir()
    (folder / "node.yaml").write_text(settings)
    return e2e.Server(store, folder / store, config=folder / "node.yaml").start()


def offer(node, payments, *more):
    found = generator.run(node.address, node.dev_key, (None, ENOUGH_SECONDS), connections=CONNECTIONS,
                          more=("--payments", str(payments), *more))
    total = found["total"]
    assert total["created"] == payments, total
    return found


def metric(node, name):
    return float(re.search(rf"^{name} (\S+)$", node.admin_get("/metrics")[2], re.M).group(1))


def settled_memory_kb(pid):
    """Once payments rest and the allocator has given back what it no longer needs: for SETTLED_S within half a percent of where it was."""
    def settled():
        nonlocal last, since
        now = machine.memory_kb(pid)
        if abs(now - last) * 200 > last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= SETTLED_S
    last, since = machine.memory_kb(pid), time.monotonic()
    e2e.until(settled, SETTLE_TIMEOUT_S, 0.1)
    return last


def idle(store, folder, payments):
    node = node_with(KEEPS_ALL, store, folder)
    try:
        rss = []
        for _ in range(2):
            offer(node, payments, "--only-create")
            rss.append(settled_memory_kb(node.process.pid))
        live = metric(node, "novapay_entities_live")
        assert live == 2 * payments, f"{live} payments are live, {2 * payments} should be"
        return {"idle_payments": payments, "rss_before_mb": round(rss[0] / 1024, 1), "rss_after_mb": round(rss[1] / 1024, 1),
                "idle_payment_kb": round((rss[1] - rss[0]) / payments, 2)}
    finally:
        node.kill()


def through(store, folder, payments):
    node = node_with(SETTINGS, store, folder)
    try:
        at_start = machine.memory_kb(node.process.pid)
        highs, begun = [], time.monotonic()
        for _ in range(10):
            found = offer(node, payments // 10)
            assert found["total"]["paid"] == payments // 10, found["total"]
            highs.append(round(machine.memory_kb(node.process.pid, "VmHWM") / 1024, 1))
            print(f"through: {highs[-1]} MiB at most so far, {found['total']['paid'] / found['elapsed_s']:.0f} payments/s",
                  file=sys.stderr, flush=True)
        return {"payments": payments, "payments_per_s": round(payments / (time.monotonic() - begun)),
                "rss_at_start_mb": round(at_start / 1024, 1), "most_mb_by_tenths": highs, "most_mb": highs[-1]}
    finally:
        node.kill()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--idle", type=int, default=100_000, help="live payments (default 100000)")
    parser.add_argument("--through", type=int, default=1_000_000, help="payments that pass (default 1000000)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    figures = {"store": arguments.store}
    checks = {}
    with tempfile.TemporaryDirectory(prefix="novapay-memory-") as folder:
        if arguments.idle:
            figures |= idle(arguments.store, Path(folder) / "idle", arguments.idle)
            checks[f"a live idle payment <= {IDLE_KB_MAX} kB"] = figures["idle_payment_kb"] <= IDLE_KB_MAX
        if arguments.through:
            figures |= through(arguments.store, Path(folder) / "through", arguments.through)
            checks[f"{arguments.through} payments within {CEILING_MB} MiB"] = figures["most_mb"] <= CEILING_MB
    return verdict.tell(figures, checks, arguments.json, "idle_payment_kb payments most_mb payments_per_s")


if __name__ == "__main__":
    sys.exit(main())
