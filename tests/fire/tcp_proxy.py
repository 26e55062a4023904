#!/usr/bin/env python3
"""tcp_proxy: a hop between NovaPay and PostgreSQL that a test can make fail at a chosen moment, while it runs.

It follows the frontend/backend protocol far enough to know where a request ends (Sync, or a simple Query), what it
executes, and where its answer ends (ReadyForQuery, which the server sends only after the commit). So a fault strikes one
commit exactly, and the proxy knows for certain whether that commit took place. One thread of its own carries all
connections. tests/contract/relay.cpp is its small cousin inside the C++ tests, which knows bytes but no messages.

    with Proxy(connection) as proxy:
        server = Server("postgres", folder, postgres=proxy.connection)
        proxy.arm(CUT_ANSWER, times=3)         # the next three commits
        proxy.on_commit = lambda exchange: …   # or: a fault, or None, for each commit
        proxy.await_struck(CUT_ANSWER, 3)
        proxy.cut_all(); proxy.stall(); proxy.resume(); proxy.refuse(); proxy.accept(); proxy.delay_s = 0.05

Run by itself (`tests/servers/with-postgres python3 tests/fire/tcp_proxy.py`) it proves that each fault does what it says.
"""
import asyncio
import collections
import os
import re
import socket
import struct
import subprocess
import sys
import threading

# What can happen to one commit. The first three: it never takes place. The others: it does.
CUT_REQUEST = "cut_request"            # the request is thrown away, both ends are closed
CUT_BEFORE_SYNC = "cut_before_sync"    # the statement arrives and runs, its Sync (which commits) does not; both ends closed
CUT_PARTIAL = "cut_partial"            # half of the request's bytes arrive; both ends closed
CUT_ANSWER = "cut_answer"              # the answer is thrown away once the server has committed; both ends closed
CUT_BEFORE_READY = "cut_before_ready"  # the result passes, ReadyForQuery does not; both ends closed
SWALLOW_ANSWER = "swallow_answer"      # this answer and all after it on this connection never arrive; it stays open
HOLD_REQUEST = "hold_request"          # kept back until release(), and then delivered even if the client has gone

NEVER_HAPPENS = (CUT_REQUEST, CUT_BEFORE_SYNC, CUT_PARTIAL)
HAPPENS_UNHEARD = (CUT_ANSWER, CUT_BEFORE_READY, SWALLOW_ANSWER)
FAULTS = NEVER_HAPPENS + HAPPENS_UNHEARD + (HOLD_REQUEST,)

CHUNK_BYTES = 1 << 16
CONNECTIONS_WAITING_MAX = 128
CALL_TIMEOUT_S = 30          # of a call into the proxy's own thread
WRITES = re.compile(r"\b(insert|update|delete|commit)\b", re.I)


class Exchange:
    """A request as it was sent, up to its Sync, and what became of it."""

    def __init__(self, statements, messages, answered):
        self.statements = statements  # SQL texts it executes
        self.messages = messages
        self.answered = answered      # ends with a ReadyForQuery of its own
        self.fault = None
        self.refused = False          # the server answered with an error

    @property
    def commits(self):
        return any(WRITES.search(sql) for sql in self.statements)


class Framer:
    """Cuts a stream into messages: a type byte (but for a connection's first one) and a length."""

    def __init__(self, starts_untyped):
        self.untyped = starts_untyped
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        at = 0
        while True:
            head = 0 if self.untyped else 1
            if len(self.buffer) - at < head + 4:
                break
            end = at + head + struct.unpack_from("!i", self.buffer, at + head)[0]
            if len(self.buffer) < end:
                break
            kind = "startup" if self.untyped else chr(self.buffer[at])
            self.untyped = False
            yield kind, bytes(self.buffer[at:end])
            at = end
        del self.buffer[:at]


def text_at(message, at):
    end = message.index(0, at)
    return message[at:end].decode(errors="replace"), end + 1


class Link:
    """One connection through the proxy."""

    def __init__(self, client, server):
        self.client, self.server = client, server  # (reader, writer) each
        self.prepared = {}                          # name → SQL
        self.portals = []                           # SQL bound since the last Sync
        self.unsent = []                            # messages of the request that is being received
        self.in_flight = collections.deque()        # requests the server has not answered
        self.held = []                              # requests kept back
        self.mute = self.client_gone = False
        self.tasks = []

    def cut(self):
        for _, writer in (self.client, self.server):
            writer.transport.abort()

    def note(self, kind, message):
        """Keeps track of what a request's messages execute; the exchange, when it is whole."""
        self.unsent.append(message)
        if kind == "P":  # Parse: name, SQL
            name, at = text_at(message, 5)
            self.prepared[name] = text_at(message, at)[0]
        elif kind == "B":  # Bind: portal, name
            _, at = text_at(message, 5)
            self.portals.append(self.prepared.get(text_at(message, at)[0], ""))
        elif kind == "Q":
            self.portals.append(text_at(message, 5)[0])
        if kind not in ("P", "B", "D", "E", "C"):  # all others are to be sent on at once
            made = Exchange(self.portals, self.unsent, kind in ("S", "Q", "F", "startup"))
            self.portals, self.unsent = [], []
            return made
        return None


class Proxy:
    """`target` is libpq's connection string with host= and port=. Every method may be called from any thread."""

    def __init__(self, target):
        self.host = re.search(r"\bhost=(\S+)", target).group(1)
        self.port = int(re.search(r"\bport=(\d+)", target).group(1))
        self.delay_s = 0.0            # each piece of data, either way, takes this much longer
        self.on_commit = None         # exchange → fault or None; called in the proxy's thread
        self.struck = collections.Counter()    # by fault: how often it struck
        self.committed = collections.Counter()  # by fault: how often the server committed all the same
        self.passed = 0               # commits that were relayed unharmed and done
        self.failures = []            # anything that went wrong in the proxy itself
        self._armed = collections.deque()
        self._changed = threading.Condition()
        self._links = set()
        self._loop = asyncio.new_event_loop()
        self._listening = self._bind(0)
        port = self._listening.getsockname()[1]
        self.connection = re.sub(r"\bport=\d+", f"port={port}", re.sub(r"\bhost=\S+", "host=127.0.0.1", target))
        self.connection += " sslmode=disable gssencmode=disable"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._open(port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- what a test says ---------------------------------------------------------------------------------------

    def arm(self, fault, times=1):
        """The next `times` commits meet this fault (after those armed before)."""
        assert fault in FAULTS, fault
        with self._changed:
            self._armed.extend([fault] * times)

    def disarm(self):
        with self._changed:
            self._armed.clear()

    def await_struck(self, fault, times=1, timeout_s=30):
        with self._changed:
            assert self._changed.wait_for(lambda: self.struck[fault] >= times, timeout_s), \
                f"{fault} struck {self.struck[fault]} times, not {times}, within {timeout_s} s"

    def release(self):
        """What HOLD_REQUEST keeps goes on its way."""
        self._run(self._release())

    def cut_all(self):
        """Closes every connection; new ones are accepted. Gives how many there were."""
        return self._run(self._cut_all())

    def stall(self):
        """Nothing moves any more; connections stay open, and new ones are not answered."""
        self._run(self._set_flowing(False))

    def resume(self):
        self._run(self._set_flowing(True))

    def refuse(self):
        """Nobody listens any more, as when the server's machine is there and the server is not. Cuts what is open."""
        self._run(self._refuse())

    def accept(self):
        self._run(self._open(int(re.search(r"port=(\d+)", self.connection).group(1))))

    def close(self):
        if self._thread.is_alive():
            self._run(self._refuse())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_TIMEOUT_S)
            self._loop.close()
        assert not self.failures, self.failures

    # ---- in the proxy's thread ----------------------------------------------------------------------------------

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_TIMEOUT_S)

    @staticmethod
    def _bind(port):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        return made

    async def _open(self, port):
        if not hasattr(self, "_flowing"):
            self._flowing = asyncio.Event()
            self._flowing.set()
        listening = self._listening or self._bind(port)
        self._server = await asyncio.start_server(self._carry, sock=listening, backlog=CONNECTIONS_WAITING_MAX)
        self._listening = listening

    async def _refuse(self):
        self._server.close()
        self._listening = None
        await self._cut_all()

    async def _set_flowing(self, flowing):
        (self._flowing.set if flowing else self._flowing.clear)()

    async def _cut_all(self):
        links = list(self._links)
        for link in links:
            link.cut()
            for task in link.tasks:
                task.cancel()
        return len(links)

    async def _release(self):
        for link in list(self._links):
            for exchange in link.held:
                if exchange.answered:
                    link.in_flight.append(exchange)
                link.server[1].write(b"".join(exchange.messages))
            link.held = []

    async def _carry(self, *client):
        try:
            server = await asyncio.open_connection(self.host, self.port)
        except OSError:
            client[1].transport.abort()
            return
        link = Link(client, server)
        self._links.add(link)
        link.tasks = [asyncio.ensure_future(self._requests(link)), asyncio.ensure_future(self._answers(link))]
        done = await asyncio.gather(*link.tasks, return_exceptions=True)
        for ended in done:
            if isinstance(ended, Exception) and not isinstance(ended, OSError):
                self.failures.append(repr(ended))
        link.cut()
        self._links.discard(link)

    async def _arrived(self, reader):
        data = await reader.read(CHUNK_BYTES)
        if data and self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._flowing.wait()
        return data

    async def _requests(self, link):
        framer = Framer(starts_untyped=True)
        while data := await self._arrived(link.client[0]):
            for kind, message in framer.feed(data):
                exchange = link.note(kind, message)
                if exchange and not self._forward(link, exchange):
                    return
            await link.server[1].drain()
        link.client_gone = True
        if not link.held:
            link.cut()

    def _forward(self, link, exchange):
        """False: the connection has been cut."""
        fault = exchange.fault = self._fault_for(exchange)
        request = b"".join(exchange.messages)
        if fault in NEVER_HAPPENS:
            kept = {CUT_REQUEST: b"", CUT_BEFORE_SYNC: b"".join(exchange.messages[:-1]),
                    CUT_PARTIAL: request[:len(request) // 2]}[fault]
            if kept:
                link.server[1].write(kept)
                link.server[1].close()  # sends what it was given, then closes
                link.client[1].transport.abort()
                link.tasks[1].cancel()
            else:
                link.cut()
            self._count_struck(fault)
            return False
        if fault == HOLD_REQUEST or link.held:
            link.held.append(exchange)
            self._count_struck(fault)
            return True
        if exchange.answered:
            link.in_flight.append(exchange)
        link.server[1].write(request)
        return True

    def _fault_for(self, exchange):
        if not exchange.commits:
            return None
        if self.on_commit is not None:
            return self.on_commit(exchange)
        with self._changed:
            return self._armed.popleft() if self._armed else None

    async def _answers(self, link):
        framer = Framer(starts_untyped=False)
        while data := await self._arrived(link.server[0]):
            out = []
            for kind, message in framer.feed(data):
                exchange = link.in_flight[0] if link.in_flight else None
                fault = exchange.fault if exchange else None
                if exchange and kind == "E":
                    exchange.refused = True
                if exchange and kind == "Z":
                    link.in_flight.popleft()
                    self._answered(link, exchange, message)
                if fault == SWALLOW_ANSWER:
                    link.mute = True
                dropped = fault == CUT_ANSWER or (fault == CUT_BEFORE_READY and kind == "Z")
                if not dropped and not link.mute:
                    out.append(message)
                if kind == "Z" and (fault in (CUT_ANSWER, CUT_BEFORE_READY) or link.client_gone):
                    await self._last_words(link, out)
                    return
            if out and not link.client_gone:
                link.client[1].write(b"".join(out))
                await link.client[1].drain()
        if not link.mute:
            link.cut()

    async def _last_words(self, link, out):
        """Sends these, then closes both ends."""
        if out and not link.client_gone:
            link.client[1].write(b"".join(out))
            link.client[1].close()
            await asyncio.wait({asyncio.ensure_future(link.client[1].wait_closed())}, timeout=1)
        link.cut()

    def _answered(self, link, exchange, ready):
        if not exchange.commits:
            return
        done = not exchange.refused and ready[5:6] == b"I"  # not inside a transaction block
        with self._changed:
            if exchange.fault is None:
                self.passed += done
            elif done:
                self.committed[exchange.fault] += 1
        if exchange.fault in HAPPENS_UNHEARD:
            self._count_struck(exchange.fault)

    def _count_struck(self, fault):
        if fault is None:
            return
        with self._changed:
            self.struck[fault] += 1
            self._changed.notify_all()


# ---- the proxy proves itself ------------------------------------------------------------------------------------

def self_test(target):
    def psql(connection, statement, timeout_s=20):
        try:
            done = subprocess.run(["psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", connection, "-c", statement],
                                  capture_output=True, text=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def rows(what):
        return psql(target, f"select count(*) from fault where what = '{what}'")

    assert psql(target, "create table fault (what text)") is not None
    with Proxy(target) as proxy:
        assert psql(proxy.connection, "insert into fault values ('none')") == "INSERT 0 1"
        assert proxy.passed == 1 and rows("none") == "1"
        for fault in FAULTS:
            proxy.arm(fault)
            silent = fault in (SWALLOW_ANSWER, HOLD_REQUEST)
            psql(proxy.connection, f"insert into fault values ('{fault}')", timeout_s=1 if silent else 20)
            proxy.await_struck(fault)
            expected = "1" if fault in HAPPENS_UNHEARD else "0"
            assert rows(fault) == expected, (fault, rows(fault))
            assert proxy.committed[fault] == int(expected), (fault, proxy.committed)
            assert psql(proxy.connection, "select 1") == "1", f"after {fault} new connections pass"
        proxy.release()
        for _ in range(1000):  # each a round trip: the held request arrives though its client has gone
            if rows(HOLD_REQUEST) == "1":
                break
        else:
            raise AssertionError("release() delivered nothing")
        proxy.refuse()
        assert psql(proxy.connection, "select 1") is None, "refused"
        proxy.accept()
        proxy.stall()
        assert psql(proxy.connection, "select 1", timeout_s=1) is None, "stalled"
        proxy.resume()
        proxy.delay_s = 0.05
        assert psql(proxy.connection, "select 1") == "1"
    print(f"tcp_proxy: {len(FAULTS)} faults, each struck once and did what it says")


def main(argv):
    if argv or "NOVAPAY_TEST_POSTGRES" not in os.environ:
        print(__doc__)
        return 2
    self_test(os.environ["NOVAPAY_TEST_POSTGRES"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
