#!/usr/bin/env python3
"""bench: what a payment costs here, beside what it costs elsewhere, in one run on one machine.

A payment is two HTTP calls: create and authorize (manual), then capture. Durable on both stores: PostgreSQL with
synchronous_commit=on, SQLite with synchronous=FULL. Server, database and load generator share the machine, and the CPU of
all of them is counted. Every figure is the median of the rounds; in a round each contender runs once.

  ours       NovaPay on both stores, closed loop over some numbers of connections; then at half of the maximum rate
  naive      (a) the same rows by pgbench, one transaction a step
  batched    (b) the final rows, 100 payments a statement, by pgbench: the least the database can be asked
  nginx      (c) a fixed answer of the same size to the same requests
  ideal      cores / (CPU a payment of b + CPU of two requests of c, both sides)

Run it as ./dev bench; it wants to be inside tests/servers/with-postgres.
"""
import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import machine  # noqa: E402
import server as e2e  # noqa: E402

PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
CONNECTIONS = (16, 64, 256, 384)  # beyond, new payments are refused: cluster-config/node.yaml, commands_in_hand
HALF_LOAD_CONNECTIONS = 256
NAIVE_CLIENTS = (8, 32, 64)
BATCH = 100
BATCH_CLIENTS = 2
BODY = ('{"amount":1099,"currency":"eur","capture_method":"manual","payment_method":{"type":"card","token":"tok_visa"},'
        '"reference":"bench"}')  # as in payments.lua
SETTINGS = "sandbox: {settle_after_ms: 0}\nlog: {level: warning}\n"


class Postgres:
    """The database server's processes."""
    pid = int(os.environ.get("NOVAPAY_TEST_POSTGRES_PID", "0"))

    @staticmethod
    def cpu():
        return machine.cpu_of_family(Postgres.pid)


def measured(command, *sides):
    """Runs it; (stdout, seconds, CPU seconds of its own, of each side and of the whole machine)."""
    before = [side() for side in sides], children_cpu(), machine.busy_cpu(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    after = [side() for side in sides], children_cpu(), machine.busy_cpu(), time.monotonic()
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    spent = [b - a for a, b in zip(before[0], after[0])]
    return done.stdout, after[3] - before[3], after[1] - before[1], spent, after[2] - before[2]


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Load:
    """wrk with payments.lua."""
    runs = 0

    @classmethod
    def run(cls, address, key, connections, seconds, *sides, pause_ms=0):
        cls.runs += 1
        out, _, own, spent, busy = measured(
            ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", "payments.lua", "--timeout", "30s",
             f"http://{address[0]}:{address[1]}", "--", key, f"{os.getpid()}r{cls.runs}", str(pause_ms)], *sides)
        line = next(line for line in out.splitlines() if line.startswith("RESULT "))
        found = json.loads(line.removeprefix("RESULT "))
        if found["wrong"] or found["socket_errors"]:
            raise RuntimeError(f"the load met errors: {found['wrong']} wrong answers ({found['first_wrong']}), "
                               f"{found['socket_errors']} socket errors")
        found |= {"load_cpu": own, "sides_cpu": spent, "busy": busy / found["seconds"]}
        found["own_p50_ms"], found["own_p99_ms"] = (percentile(found["own_tenths"], p) for p in (50, 99))
        return found


def percentile(histogram, wanted):
    """Of [[tenths of a millisecond, count], …]; the upper edge of its step."""
    histogram = sorted(histogram)
    total, left = sum(n for _, n in histogram), 0
    for tenths, count in histogram:
        left += count
        if left * 100 >= total * wanted:
            return (tenths + 1) / 10
    return 0.0


def micro(seconds, count):
    return round(seconds / count * 1e6, 1) if count else 0.0


# ---- the contenders ------------------------------------------------------------------------------------------------

def ours(node, store, connections, seconds, pause_ms=0):
    sides = [lambda: machine.cpu_of(node.process.pid)] + ([Postgres.cpu] if store == "postgres" else [])
    before = machine.cpu_of_threads(node.process.pid)
    found = Load.run(node.address, node.dev_key, connections, seconds, *sides, pause_ms=pause_ms)
    after = machine.cpu_of_threads(node.process.pid)
    paid = found["payments"]
    return {"payments_per_s": round(paid / found["seconds"]), "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"],
            "own_p50_ms": found["own_p50_ms"], "own_p99_ms": found["own_p99_ms"],
            "server_us": micro(found["sides_cpu"][0], paid), "database_us": micro(sum(found["sides_cpu"][1:]), paid),
            "load_us": micro(found["load_cpu"], paid), "busy_cores": round(found["busy"], 2), "refused": found["refused"],
            "busiest_thread": round(max(cpu - before.get(thread, 0) for thread, cpu in after.items()) / found["seconds"], 2)}


def pgbench(database, script, clients, seconds, **variables):
    out, took, own, (spent,), busy = measured(
        [PGBENCH, "-n", "-M", "prepared", "-f", script, "-c", str(clients), "-j", "1", "-T", str(seconds),
         *[f"-D{name}={value}" for name, value in variables.items()], database], Postgres.cpu)
    count = int(next(line for line in out.splitlines() if "actually processed" in line).split(":")[1].split("/")[0])
    return count, took, own, spent, busy


def naive(database, sizes, clients, seconds):
    count, took, own, spent, busy = pgbench(database, "naive.sql", clients, seconds, payload=hexed(sizes[0]), state=hexed(sizes[1]))
    return {"payments_per_s": round(count / took), "database_us": micro(spent, count), "load_us": micro(own, count),
            "busy_cores": round(busy / took, 2)}


def batched(database, sizes, seconds):
    def array(size, number):
        return "{" + ",".join('"\\' + hexed(size) + '"' for _ in range(number)) + "}"

    count, took, own, spent, busy = pgbench(database, "batch.sql", BATCH_CLIENTS, seconds, payloads=array(sizes[0], 4 * BATCH),
                                            states=array(sizes[1], BATCH))
    count *= BATCH
    return {"payments_per_s": round(count / took), "database_us": micro(spent, count), "load_us": micro(own, count),
            "busy_cores": round(busy / took, 2)}


def hexed(size):
    return "\\x" + os.urandom(size).hex()


class Nginx:
    """Answers the load's two requests with fixed answers: real ones, taken from NovaPay."""

    def __init__(self, folder, created, captured):
        self.port = free_port()
        self.folder = folder
        config = (HERE / "nginx.conf").read_text()
        for name, value in {"PORT": self.port, "FOLDER": folder, "CREATED": quoted(created), "CAPTURED": quoted(captured)}.items():
            config = config.replace("{{" + name + "}}", str(value))
        (folder / "nginx.conf").write_text(config)
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
        e2e.until(self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def run(self, connections, seconds):
        found = Load.run(("127.0.0.1", self.port), "key", connections, seconds, lambda: machine.cpu_of_family(self.process.pid))
        calls = found["requests"]
        return {"requests_per_s": round(calls / found["seconds"]), "server_us": micro(found["sides_cpu"][0], calls),
                "load_us": micro(found["load_cpu"], calls), "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"],
                "busy_cores": round(found["busy"], 2)}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- the run -------------------------------------------------------------------------------------------------------

def post(node, path, body, key):
    request = urllib.request.Request(f"http://{node.address[0]}:{node.address[1]}{path}", body.encode(), {
        "Authorization": f"Bearer {node.dev_key}", "Content-Type": "application/json", "Idempotency-Key": key})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def example_answers(node):
    """What NovaPay really says to the load's two requests, and the average sizes of what it stores for them."""
    created = post(node, "/v1/payments", BODY, "example-1")
    captured = post(node, f"/v1/payments/{json.loads(created)['id']}/capture", "{}", "example-2")
    payload = float(node.rows("select avg(octet_length(payload)) from journal where type = 2")[0][0])
    state = float(node.rows("select avg(octet_length(state)) from entity")[0][0])
    return created, captured, (round(payload), round(state))


def medians(rounds):
    """[{contender: {figure: value}}] → {contender: {figure: median}}."""
    return {name: {figure: statistics.median(one[name][figure] for one in rounds) for figure in rounds[0][name]}
            for name in rounds[0]}


def say(text):
    print(text, file=sys.stderr, flush=True)


def bench(arguments, folder):
    nodes = {}
    (folder / "node.yaml").write_text(SETTINGS)
    try:
        for store in ("postgres", "sqlite"):
            nodes[store] = e2e.Server(store, folder / store, config=folder / "node.yaml").start()
        created, captured, sizes = example_answers(nodes["postgres"])
        database = e2e.migrated_database()
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", HERE / "setup.sql"], check=True,
                       stdout=subprocess.DEVNULL)
        (folder / "nginx").mkdir()
        nginx = Nginx(folder / "nginx", created, captured)
        rounds = []
        try:
            for number in range(arguments.rounds):
                rounds.append(one_round(number, arguments, nodes, database, sizes, nginx))
        finally:
            nginx.stop()
        return {"machine": machine.describe(folder, os.environ["NOVAPAY_TEST_POSTGRES"]), "rounds": arguments.rounds,
                "seconds": arguments.seconds, "event_bytes": sizes[0], "state_bytes": sizes[1]} | summary(medians(rounds))
    finally:
        for node in nodes.values():
            if node.process is not None:
                node.kill()


def one_round(number, arguments, nodes, database, sizes, nginx):
    found, seconds = {}, arguments.seconds

    def run(name, contender, *how, **more):
        say(f"round {number + 1}/{arguments.rounds}: {name}")
        found[name] = contender(*how, **more)

    for store, node in nodes.items():
        for connections in CONNECTIONS:
            run(f"ours, {store}, {connections} connections", ours, node, store, connections, seconds)
        best = max(found[f"ours, {store}, {c} connections"]["payments_per_s"] for c in CONNECTIONS)
        pause = 1000 * HALF_LOAD_CONNECTIONS / max(best, 1)  # two calls a payment, each after a pause: half of the maximum
        run(f"ours, {store}, at half of the maximum", ours, node, store, HALF_LOAD_CONNECTIONS, seconds, pause_ms=round(pause))
    for clients in NAIVE_CLIENTS:
        run(f"naive, {clients} clients", naive, database, sizes, clients, seconds)
    run("batched", batched, database, sizes, seconds)
    run("nginx", nginx.run, CONNECTIONS[1], seconds)
    return found


def summary(figures):
    cores = os.cpu_count()
    best = {store: max((f for name, f in figures.items() if name.startswith(f"ours, {store}") and "half" not in name),
                       key=lambda f: f["payments_per_s"]) for store in ("postgres", "sqlite")}
    naive_best = max((f for name, f in figures.items() if name.startswith("naive")), key=lambda f: f["payments_per_s"])
    a_payment = figures["batched"]["database_us"] + 2 * (figures["nginx"]["server_us"] + figures["nginx"]["load_us"])
    ideal = cores * 1e6 / a_payment
    half = figures["ours, postgres, at half of the maximum"]
    return {"figures": figures, "ideal_payments_per_s": round(ideal), "limited_by": {s: limit(f, cores) for s, f in best.items()},
            "goals": {
                "times the naive way": (round(best["postgres"]["payments_per_s"] / naive_best["payments_per_s"], 2), ">= 3"),
                "part of the ideal": (round(best["postgres"]["payments_per_s"] / ideal, 2), ">= 0.4"),
                "own p50 at half load, ms": (half["own_p50_ms"], "<= 3"),
                "own p99 at half load, ms": (half["own_p99_ms"], "<= 15")}}


def limit(best, cores):
    used = best["busy_cores"]
    if used >= 0.9 * cores:
        parts = {"NovaPay": best["server_us"], "database": best["database_us"], "load generator": best["load_us"]}
        return f"CPU ({used} of {cores} cores; most of it {max(parts, key=parts.get)})"
    if best["busiest_thread"] >= 0.85:
        return f"one thread of NovaPay ({best['busiest_thread']} of a core; {used} of {cores} cores busy)"
    return f"waiting for each other and for the disk ({used} of {cores} cores, the busiest thread of NovaPay {best['busiest_thread']})"


def shown(figure):
    return f"{round(figure, 2):g}" if isinstance(figure, float) and figure < 1000 else figure if isinstance(figure, str) else round(figure)


def table(found):
    lines = [found["machine"], f"medians of {found['rounds']} rounds of {found['seconds']} s; an event of "
             f"{found['event_bytes']} bytes, a state of {found['state_bytes']}; CPU in microseconds a payment (nginx: a request)", ""]
    columns = {"payments_per_s": "payments/s", "requests_per_s": "requests/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms",
               "own_p50_ms": "own p50 ms", "own_p99_ms": "own p99 ms", "server_us": "server CPU", "database_us": "database CPU",
               "load_us": "load CPU", "busy_cores": "cores", "busiest_thread": "thread max"}
    lines.append(" " * 42 + "".join(f"{head:>13}" for head in columns.values()))
    for name, figures in found["figures"].items():
        lines.append(f"{name:42}" + "".join(f"{shown(figures.get(column, '')):>13}" for column in columns))
    lines += ["", f"ideal: {found['ideal_payments_per_s']} payments/s"]
    lines += [f"limit, {store}: {what}" for store, what in found["limited_by"].items()]
    lines += [f"{name}: {value} (goal {goal})" for name, (value, goal) in found["goals"].items()]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--novapay", default=e2e.BINARY, help="the program")
    arguments = parser.parse_args()
    if not Postgres.pid:
        parser.error("there is no PostgreSQL: run ./dev bench, or this inside tests/servers/with-postgres")
    e2e.BINARY = str(Path(arguments.novapay).resolve())
    with tempfile.TemporaryDirectory(prefix="novapay-bench-") as folder:
        os.chmod(folder, 0o755)
        found = bench(arguments, Path(folder))
    print(json.dumps(found, indent=2) if arguments.json else table(found))


if __name__ == "__main__":
    main()
