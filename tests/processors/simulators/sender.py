"""sender: delivers webhooks over a bounded number of keep-alive connections, and again with growing waits until they are taken.

A Delivery knows how to write itself anew for each attempt (Stripe signs the time) and which answer it takes for a yes. While nobody
listens at the URL, everything waits: one connection probes.
"""
import asyncio
import collections
from urllib.parse import urlsplit

import httptools

ATTEMPT_TIMEOUT_S = 10
PROBE_S = (0.1, 0.25, 0.5, 1, 2)  # between attempts to connect, the last for ever


class Delivery:
    """One webhook to be delivered: `make()` → (headers as bytes, body)."""
    __slots__ = ("make", "accepts", "identity", "attempts", "attempts_max", "done", "delivered", "last")

    def __init__(self, identity, make, accepts, attempts_max, done=None):
        self.identity, self.make, self.accepts, self.attempts_max, self.done = identity, make, accepts, attempts_max, done
        self.attempts, self.delivered, self.last = 0, False, None


class Line(asyncio.Protocol):
    """One connection, one delivery at a time."""

    def __init__(self, sender):
        self.sender, self.transport, self.delivery, self.timer = sender, None, None, None
        self.parser, self.body = None, b""

    def connection_made(self, transport):
        self.transport = transport

    def send(self, delivery):
        self.delivery, self.body = delivery, b""
        self.parser = httptools.HttpResponseParser(self)
        self.timer = self.sender.loop.call_later(ATTEMPT_TIMEOUT_S, self.transport.abort)
        delivery.attempts += 1
        headers, body = delivery.make()
        self.transport.write(b"".join((self.sender.head, headers, b"Content-Length: %d\r\n\r\n" % len(body), body)))

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, AttributeError):
            self.transport.abort()

    def on_body(self, part):
        if len(self.body) < 4096:
            self.body += part

    def on_message_complete(self):
        status, keep = self.parser.get_status_code(), self.parser.should_keep_alive()
        if status < 200:
            return
        self.finish(status)
        if keep and not self.transport.is_closing():
            self.sender.free(self)
        else:
            self.transport.close()

    def connection_lost(self, why):
        if self.delivery is not None:
            self.finish(None)
        self.parser = None  # a cycle, which nobody collects
        self.sender.lost(self)

    def finish(self, status):
        delivery, self.delivery = self.delivery, None
        self.timer.cancel()
        delivery.last = status
        self.sender.answered(delivery, status is not None and delivery.accepts(status, self.body))


class Sender:
    """`retry(delivery)` is called for what was not taken and has attempts left: it puts it in again, later, with `send`."""

    def __init__(self, url=None, connections_max=16, retry=None):
        self.loop = asyncio.get_running_loop()
        self.connections_max, self.retry = connections_max, retry
        self.queue, self.idle, self.lines, self.connecting, self.unreachable = collections.deque(), [], set(), 0, 0
        self.paused, self.in_flight = False, 0
        self.counts = collections.Counter()
        self.host = self.port = self.head = self.url = None
        if url:
            self.set_url(url)

    def set_url(self, url):
        at = urlsplit(url)
        self.url, self.host, self.port = url, at.hostname, at.port or 80
        target = (at.path or "/") + ("?" + at.query if at.query else "")
        self.head = f"POST {target} HTTP/1.1\r\nHost: {at.netloc}\r\n".encode()
        for line in self.idle:
            line.transport.close()
        self.idle.clear()
        self.go()

    @property
    def pending(self):
        return len(self.queue) + self.in_flight

    def send(self, delivery):
        self.queue.append(delivery)
        self.go()

    def pause(self, paused):
        self.paused = paused
        self.go()

    def go(self):
        while self.queue and not self.paused and self.head is not None:
            while self.idle and self.idle[-1].transport.is_closing():
                self.idle.pop()
            if not self.idle:
                wanted = 1 if self.unreachable else min(self.connections_max, len(self.queue))
                if self.connecting == 0 or (not self.unreachable and len(self.lines) + self.connecting < wanted):
                    if len(self.lines) + self.connecting < self.connections_max:
                        self.connecting += 1
                        self.loop.create_task(self.connect())
                return
            self.in_flight += 1
            self.idle.pop().send(self.queue.popleft())

    async def connect(self):
        try:
            _, line = await asyncio.wait_for(self.loop.create_connection(lambda: Line(self), self.host, self.port), ATTEMPT_TIMEOUT_S)
        except (OSError, asyncio.TimeoutError):
            wait = PROBE_S[min(self.unreachable, len(PROBE_S) - 1)]
            self.unreachable += 1
            self.counts["unreachable"] += 1
            self.loop.call_later(wait, self.probe)
            return
        self.connecting -= 1
        self.unreachable = 0
        self.lines.add(line)
        self.free(line)
        self.go()  # perhaps another connection

    def probe(self):
        self.connecting -= 1
        self.go()

    def free(self, line):
        self.idle.append(line)
        self.go()

    def lost(self, line):
        self.lines.discard(line)
        if line in self.idle:
            self.idle.remove(line)
        self.go()

    def answered(self, delivery, taken):
        self.in_flight -= 1
        self.counts["attempts"] += 1
        if taken:
            delivery.delivered = True
            self.counts["delivered"] += 1
        elif delivery.attempts < delivery.attempts_max:
            self.counts["redelivered"] += 1
            self.retry(delivery)
            return
        else:
            self.counts["refused"] += 1
        if delivery.done is not None:
            delivery.done(delivery)
