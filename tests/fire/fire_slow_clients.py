#!/usr/bin/env python3
"""slow_clients: 2,000 clients at one byte a second, and what an honest one notices of them.

A quarter each: they send a head byte by byte; a body with a Content-Length; a chunked body; or they ask for many large answers and
read a byte a second. When the node cuts one off, it comes again. The honest client pays at an even 100 payments a second (open loop,
so a stall is not overlooked), first alone, then beside them, in turn, all in one run against one node.

Judged by: the honest client's p99 beside them <= twice that without, medians of the rounds; every one of its calls succeeds; the slow
ones were really there (at least 95 % of them connected whenever it is counted); and afterwards nobody's place is taken for ever: none
of their connections is left.

Run it as ./dev fire slow_clients; it needs no PostgreSQL unless told to use it.
"""
import argparse
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "perf")]
import generator  # noqa: E402
import server as e2e  # noqa: E402
import verdict  # noqa: E402

TIMES_MAX = 2
CONNECTED_MIN = 0.95
TICK_S = 0.02
RATE = 100
SETTINGS = "sandbox: {settle_after_ms: 0}\nlog: {level: warning}\n"
HOST = b"Host: x\r\n"
ASKS = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
KINDS = (  # what is sent at once, what then comes byte by byte, for ever
    (b"GET /v1/payments HTTP/1.1\r\n" + HOST + b"X-Slow: ", b"a"),
    (b"POST /v1/payments HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n", b"b"),
    (b"POST /v1/payments HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b"c"),
    (ASKS * 40, None),  # None: nothing more; the answers are read byte by byte
)


# ---- the slow ones: a process of their own --------------------------------------------------------------------------

class Slow:
    def __init__(self, address, kind):
        self.address, (self.first, self.drip) = address, KINDS[kind % len(KINDS)]
        self.socket = None

    def connect(self):
        self.close()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.socket.connect_ex(self.address)
        self.greeted = False

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def step(self):
        """Its one byte; whether it is (still) connected."""
        try:
            if self.socket is None:
                self.connect()
                return False
            if not self.greeted:
                self.socket.send(self.first)
                self.greeted = True
            elif self.drip is None:
                return self.socket.recv(1) != b"" or self.close()
            else:
                self.socket.send(self.drip)
                if self.socket.recv(4096, socket.MSG_DONTWAIT) == b"":
                    return self.close()
        except BlockingIOError:
            pass
        except OSError:  # cut off
            self.close()
        return self.socket is not None


def be_slow(port, count):
    """Until a line comes on standard input, which is answered with how many are connected."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [Slow(("127.0.0.1", port), n) for n in range(count)]
    connected = [False] * count
    turn, begun = 0, time.monotonic()
    asked = selectors.DefaultSelector()
    asked.register(sys.stdin, selectors.EVENT_READ)
    while True:
        due = int((time.monotonic() - begun) * count)  # each once a second
        for turn in range(turn, due):
            connected[turn % count] = bool(clients[turn % count].step())
        turn = due
        if asked.select(TICK_S):
            if not sys.stdin.readline():
                return
            print(sum(connected), flush=True)


class Crowd:
    def __init__(self, port, count):
        self.process = subprocess.Popen([sys.executable, __file__, "--be-slow", str(port), "--clients", str(count)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count = count
        e2e.until(lambda: self.connected() >= CONNECTED_MIN * count, timeout_s=20, every_s=0.2)

    def connected(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def leave(self):
        self.process.stdin.close()
        self.process.wait(10)


# ---- the proof -------------------------------------------------------------------------------------------------------

def honest(node, seconds):
    found = generator.run(node.address, node.dev_key, (RATE, seconds), connections=32, more=("--even",))
    total = found["total"]
    well = not (total["other"] or total["broken"] or total["refused_creates"] or total["refused_captures"]
                or total["unsent"] or found["unanswered"])
    return total["ok_ms"]["p99"], total["ok_ms"]["p50"], well


def sockets_of(pid):
    return sum(1 for entry in os.scandir(f"/proc/{pid}/fd") if os.path.islink(entry.path)
               and os.readlink(entry.path).startswith("socket:"))


def prove(node, arguments):
    without, beside, well, there = [], [], True, []
    honest(node, 2)
    before = sockets_of(node.process.pid)
    for turn in range(arguments.rounds):
        without.append(honest(node, arguments.seconds))
        crowd = Crowd(node.address[1], arguments.clients)
        there.append(crowd.connected())
        beside.append(honest(node, arguments.seconds))
        there.append(crowd.connected())
        crowd.leave()
        e2e.until(lambda: sockets_of(node.process.pid) <= before, timeout_s=10)
        print(f"round {turn + 1}: p99 {without[-1][0]} ms without, {beside[-1][0]} ms beside {there[-1]}", file=sys.stderr, flush=True)
    quiet, crowded = (statistics.median(p99 for p99, _, _ in those) for those in (without, beside))
    figures = {"rounds": arguments.rounds, "slow_clients": arguments.clients, "connected_least": min(there),
               "p50_without_ms": statistics.median(p50 for _, p50, _ in without),
               "p50_beside_ms": statistics.median(p50 for _, p50, _ in beside),
               "p99_without_ms": quiet, "p99_beside_ms": crowded, "times": round(crowded / quiet, 2)}
    checks = {f"p99 beside <= {TIMES_MAX} times that without": crowded <= TIMES_MAX * quiet,
              "every call of the honest client succeeds": all(w for _, _, w in without + beside),
              f"at least {CONNECTED_MIN:.0%} of the slow ones are connected": min(there) >= CONNECTED_MIN * arguments.clients,
              "none of them is left in the end": sockets_of(node.process.pid) <= before}
    return figures, checks


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=("postgres", "sqlite"), default="sqlite")
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--be-slow", type=int, metavar="PORT", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.be_slow:
        return be_slow(arguments.be_slow, arguments.clients)
    with tempfile.TemporaryDirectory(prefix="novapay-slow-") as folder:
        (Path(folder) / "node.yaml").write_text(SETTINGS)
        node = e2e.Server(arguments.store, Path(folder) / "node", config=Path(folder) / "node.yaml").start()
        try:
            figures, checks = prove(node, arguments)
        finally:
            node.kill()
    return verdict.tell(figures, checks, arguments.json, "p99_without_ms p99_beside_ms times connected_least")


if __name__ == "__main__":
    sys.exit(main())
