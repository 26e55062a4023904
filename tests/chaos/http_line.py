"""http_line: HTTP for many merchants at once on one thread: connections that each carry one request at a time, kept for the next one.

Raw on purpose: a client library costs more than the server it would measure.
"""
import asyncio

import httptools

import places  # noqa: F401
from client import Answer

TIMEOUT_S = 30


class Line(asyncio.Protocol):
    def __init__(self):
        self.transport, self.waiting, self.parser = None, None, None
        self.headers, self.parts = {}, []

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, data, loop):
        self.waiting, self.headers, self.parts = loop.create_future(), {}, []
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(data)
        return self.waiting

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, AttributeError) as why:
            self.connection_lost(ConnectionError(repr(why)))
            self.transport.abort()

    def on_header(self, name, value):
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part):
        self.parts.append(part)

    def on_message_complete(self):
        if not self.waiting.done():
            self.waiting.set_result(Answer(self.parser.get_status_code(), self.headers, b"".join(self.parts)))

    def connection_lost(self, why):
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(ConnectionResetError("closed before the answer") if why is None else ConnectionError(str(why)))


class Lines:
    """`server` is a Server whose address may change. Bound by who uses it: there are as many connections as calls at once."""

    def __init__(self, server, key):
        self.server, self.free = server, []
        self.fields = f"Host: novapay\r\nAuthorization: Bearer {key}\r\n"

    async def ask(self, method, target, body=None, key=None):
        """An Answer. ConnectionRefusedError: nothing was sent. Any other OSError: nobody knows."""
        loop = asyncio.get_running_loop()
        line = await self.line(loop)
        head = f"{method} {target} HTTP/1.1\r\n{self.fields}"
        if body is not None:
            head += f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n"
        answered = line.ask(head.encode() + b"\r\n" + (body or b""), loop)
        try:
            answer = await asyncio.wait_for(answered, TIMEOUT_S)
        except asyncio.TimeoutError:
            line.transport.abort()
            raise ConnectionError(f"no answer in {TIMEOUT_S} s") from None
        if answer.headers.get("connection") == "close":
            line.transport.close()
        else:
            self.free.append((self.server.address, line))
        return answer

    async def line(self, loop):
        where = self.server.address
        while self.free:
            address, line = self.free.pop()
            if address == where and not line.transport.is_closing():
                return line
            line.transport.abort()
        if where is None:
            raise ConnectionRefusedError("the server is being started")
        try:
            return (await asyncio.wait_for(loop.create_connection(Line, *where), TIMEOUT_S))[1]
        except (asyncio.TimeoutError, OSError) as why:
            raise ConnectionRefusedError(repr(why)) from None

    def close(self):
        for _, line in self.free:
            line.transport.abort()
        self.free.clear()
