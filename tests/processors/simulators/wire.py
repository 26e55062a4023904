"""wire: HTTP/1.1 as a server that can also misbehave: keep-alive, one request at a time for each connection, and ways not to answer.

Every request becomes an Exchange, which is ended exactly once: `reply`, `hang` (never answered), `reset` (RST), `close` (no answer),
`truncate` (an answer that breaks off). One thread, no task for each request.
"""
import asyncio
import collections
import socket
import struct
import traceback

import httptools

BODY_BYTES_MAX = 1 << 20
WAITING_MAX = 64  # requests that a client has pipelined
BACKLOG = 4096

REASONS = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
           403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
           415: "Unsupported Media Type", 422: "Unprocessable Entity", 424: "Failed Dependency", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
STATUS_LINES = {code: f"HTTP/1.1 {code} {text}\r\n".encode() for code, text in REASONS.items()}


class Exchange:
    """One request and its connection."""
    __slots__ = ("connection", "method", "path", "query", "headers", "body", "ended")

    def __init__(self, connection, method, path, query, headers, body):
        self.connection, self.method, self.path, self.query = connection, method, path, query
        self.headers = headers  # lower-case names, as bytes
        self.body = body
        self.ended = False

    def header(self, name):
        return self.headers.get(name, b"").decode("latin-1")

    @staticmethod
    def written(status, body, headers, content_type, length):
        lines = [STATUS_LINES[status], b"Content-Type: ", content_type, b"\r\nContent-Length: %d\r\n" % length]
        for name, value in headers:
            lines.append(f"{name}: {value}\r\n".encode("latin-1"))
        lines.append(b"\r\n")
        lines.append(body)
        return b"".join(lines)

    def reply(self, status, body=b"", headers=(), content_type=b"application/json"):
        if not self.end():
            return
        transport = self.connection.transport
        if not transport.is_closing():
            transport.write(self.written(status, body, headers, content_type, len(body)))
        self.connection.ended()

    def truncate(self, status, body, headers=(), content_type=b"application/json"):
        transport = self.connection.transport
        if self.end() and not transport.is_closing():
            transport.write(self.written(status, body[:len(body) // 2], headers, content_type, len(body)))
            transport.close()

    def close(self):
        if self.end():
            self.connection.transport.close()

    def reset(self):
        if self.end():
            self.connection.reset()

    def hang(self):
        """Never answered: the client gives up, or the connection ends some other way."""
        self.end()

    def end(self):
        was, self.ended = self.ended, True
        return not was


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server = server
        self.transport = None
        self.parser = httptools.HttpRequestParser(self)
        self.target, self.headers, self.parts, self.size = b"", {}, [], 0
        self.current, self.waiting, self.keep = None, collections.deque(), True

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, why):
        self.server.connections.discard(self)
        self.waiting.clear()
        self.current = self.parser = None  # cycles, which nobody collects

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()

    # what the parser calls
    def on_message_begin(self):
        self.target, self.headers, self.parts, self.size = b"", {}, [], 0

    def on_url(self, part):
        self.target += part

    def on_header(self, name, value):
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.headers[name] = value

    def on_body(self, part):
        self.size += len(part)
        if self.size <= BODY_BYTES_MAX:
            self.parts.append(part)

    def on_message_complete(self):
        self.keep = self.parser.should_keep_alive()
        path, _, query = self.target.decode("latin-1").partition("?")
        exchange = Exchange(self, self.parser.get_method().decode(), path, query, self.headers, b"".join(self.parts))
        if self.size > BODY_BYTES_MAX:
            exchange.reply(413)
            self.transport.close()
        elif self.current is None:
            self.begin(exchange)
        elif len(self.waiting) < WAITING_MAX:
            self.waiting.append(exchange)
        else:
            self.transport.close()

    def begin(self, exchange):
        self.current = exchange
        try:
            self.server.handle(exchange)
        except Exception:  # a bug of the simulator's: to be seen as one, not as an answer of a processor's
            traceback.print_exc()
            self.server.bugs += 1
            exchange.reply(500, b"the simulator has a bug; see its standard error", (), b"text/plain")

    def ended(self):
        self.current = None
        if not self.keep and not self.waiting:
            self.transport.close()
        if self.waiting and not self.transport.is_closing():
            asyncio.get_running_loop().call_soon(self.begin, self.waiting.popleft())

    def reset(self):
        if self.transport.is_closing():
            return
        opened = self.transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class HttpServer:
    """Listens until `refuse`; `listen` again on the same port. `handle(exchange)` is called on the loop's thread."""

    def __init__(self, handle, host="127.0.0.1", port=0, tls=None):
        self.handle, self.host, self.port, self.tls = handle, host, port, tls
        self.connections = set()
        self.listening = None
        self.bugs = 0

    async def listen(self):
        if self.listening is None:
            loop = asyncio.get_running_loop()
            self.listening = await loop.create_server(lambda: Connection(self), self.host, self.port, backlog=BACKLOG, ssl=self.tls,
                                                      reuse_address=True)
            self.port = self.listening.sockets[0].getsockname()[1]

    def refuse(self):
        """Nobody gets in, and who is in gets out, without an answer."""
        if self.listening is not None:
            self.listening.close()
            self.listening = None
        for connection in list(self.connections):
            connection.reset()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"
