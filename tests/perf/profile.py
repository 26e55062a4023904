#!/usr/bin/env python3
"""profile: where the server's CPU time goes under the bench's load.

Starts one node, loads it as bench.py does, records it with perf, and prints the CPU of each thread and the top functions,
of the server and, on PostgreSQL, of the database. With --callers the call chains of the server are recorded as well (slower:
trust the shares, not the rate). --keep leaves perf's files for `perf report -i FILE`.

Run it as ./dev profile; it wants to be inside tests/servers/with-postgres.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import bench
import machine
from bench import Load, Postgres, e2e

FREQUENCY_HZ = 997
CALLERS_FREQUENCY_HZ = 299
WARM_UP_S = 2


def record(pids, seconds, target, callers=False):
    how = ["--call-graph", "dwarf,16384", "-m", "64M", "-F", str(CALLERS_FREQUENCY_HZ)] if callers else ["-F", str(FREQUENCY_HZ)]
    return subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", *how, "-p", ",".join(map(str, pids)), "-o", str(target),
                             "--", "sleep", str(seconds)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def report(source, *arguments):
    done = subprocess.run(["perf", "report", "--stdio", "-q", "-i", str(source), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"perf report failed: {done.stderr.strip()}")
    return [line for line in done.stdout.splitlines() if line.strip()]


def print_top(title, source, lines, *arguments):
    print(f"\n{title}")
    print("\n".join(report(source, *arguments)[:lines]))


def profile(arguments, folder):
    (folder / "node.yaml").write_text(bench.SETTINGS + "core_files: true\n")  # which lets perf attach
    node = e2e.Server(arguments.store, folder / "node", config=folder / "node.yaml").start()
    try:
        Load.run(node.address, node.dev_key, arguments.connections, WARM_UP_S)
        found = {}
        load = threading.Thread(target=lambda: found.update(
            bench.ours(node, arguments.store, arguments.connections, arguments.seconds + 2)))
        load.start()
        recordings = {"server": record([node.process.pid], arguments.seconds, folder / "server.perf", arguments.callers)}
        if arguments.store == "postgres":
            family = machine.family_of(Postgres.pid)
            recordings["database"] = record(family, arguments.seconds, folder / "database.perf")
        for name, recording in recordings.items():
            _, said = recording.communicate()
            if recording.returncode != 0:
                raise SystemExit(f"perf record failed: {said.strip()}\nperf needs root, or kernel.perf_event_paranoid <= 1")
        load.join()
        print(f"{arguments.store}, {arguments.connections} connections: {found['payments_per_s']} payments/s; CPU a payment: server "
              f"{found['server_us']} us, database {found['database_us']} us, load generator {found['load_us']} us")
        print_top("server, by thread", folder / "server.perf", 20, "--sort", "comm", "-g", "none")
        print_top("server, by library", folder / "server.perf", 12, "--sort", "dso", "-g", "none")
        print_top("server, by function", folder / "server.perf", arguments.top, "--sort", "comm,symbol", "-g", "none")
        if arguments.callers:
            print_top("server, with what they call", folder / "server.perf", 20 * arguments.top, "--children", "--sort", "symbol",
                      "-g", "caller,0.5,callee,function,percent", "--max-stack", "12", "--percent-limit", "1.5")
        if arguments.store == "postgres":
            print_top("database, by function", folder / "database.perf", arguments.top, "--sort", "symbol", "-g", "none")
    finally:
        node.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--connections", type=int, default=64, help="(default 64)")
    parser.add_argument("--seconds", type=int, default=8, help="of the recording (default 8)")
    parser.add_argument("--top", type=int, default=40, help="lines of each table (default 40)")
    parser.add_argument("--callers", action="store_true", help="record call chains of the server")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep perf's recordings there")
    parser.add_argument("--novapay", default=e2e.BINARY, help="the program")
    arguments = parser.parse_args()
    if arguments.store == "postgres" and not Postgres.pid:
        parser.error("there is no PostgreSQL: run ./dev profile, or this inside tests/servers/with-postgres")
    e2e.BINARY = str(Path(arguments.novapay).resolve())
    with tempfile.TemporaryDirectory(prefix="novapay-profile-") as folder:
        profile(arguments, Path(folder))
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            for made in Path(folder).glob("*.perf"):
                (arguments.keep / made.name).write_bytes(made.read_bytes())


if __name__ == "__main__":
    main()
