"""client: HTTP as a merchant's program speaks it. One Client is one connection; it belongs to one thread."""
import http.client
import json
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import contract

TIMEOUT_S = 30
VISA = {"type": "card", "token": "tok_visa"}
BROKEN = (OSError, http.client.HTTPException)  # what a client sees when its server is killed


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def param(self):
        return self.json["error"]["param"]

    @property
    def replayed(self):
        return self.headers.get("idempotent-replayed") == "true"

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class Client:
    """`server` is a Server (its address may change when it is restarted) or a (host, port)."""

    def __init__(self, server, key=None, judged=True):
        self.server = server
        self.key = key if key is not None else server.dev_key
        self.judged = judged
        self.connection = None

    def address(self):
        where = self.server if isinstance(self.server, tuple) else self.server.address
        if where is None:
            raise ConnectionRefusedError("the server is being started")
        return where

    def send(self, method, target, body=None, headers=None):
        """Exactly this request: body as bytes, no header added but Authorization."""
        sent = {"Authorization": f"Bearer {self.key}"} | (headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address(), timeout=TIMEOUT_S)
        try:
            self.connection.request(method, target, body=body, headers=sent)
            answer = self.connection.getresponse()
            made = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except BROKEN:
            self.close()
            raise
        if self.judged:
            contract.judge(method, target, made.status, made.body)
            assert made.headers["x-request-id"], "every answer carries a request id"
        return made

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, target, headers=None):
        return self.send("GET", target, headers=headers)

    def post(self, target, body=None, key=None, headers=None):
        """A POST with a JSON body and an idempotency key (a fresh one unless given; key=False: none)."""
        sent = {"Content-Type": "application/json"}
        if key is not False:
            sent["Idempotency-Key"] = key or str(uuid.uuid4())
        raw = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        return self.send("POST", target, raw, sent | (headers or {}))

    def create(self, key=None, **fields):
        return self.post("/v1/payments", payment_body(**fields), key)

    def payment(self, key=None, **fields):
        """A payment, made; gives its JSON."""
        made = self.create(key, **fields)
        assert made.status in (201, 202), made
        return made.json

    def read(self, payment_id):
        found = self.get(f"/v1/payments/{payment_id}")
        assert found.status == 200, found
        return found.json

    def do(self, payment_id, what, key=None, **fields):
        return self.post(f"/v1/payments/{payment_id}/{what}", fields, key)

    def events(self, payment_id):
        found = self.get(f"/v1/payments/{payment_id}/events")
        assert found.status == 200, found
        return found.json["data"]


def payment_body(token="tok_visa", **fields):
    return {"amount": 1099, "currency": "eur", "payment_method": VISA | {"token": token}} | fields


def at_once(jobs, workers):
    """Runs the jobs in that many threads, which all start together; the results in order."""
    gate = threading.Barrier(workers)

    def begin(job):
        return job()

    with ThreadPoolExecutor(workers, initializer=gate.wait) as pool:
        return list(pool.map(begin, jobs))


class Wire:
    """A socket, for what no HTTP library would send."""

    def __init__(self, address, timeout_s=TIMEOUT_S):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        got = self.socket.recv(65536)
        self.buffer += got
        return bool(got)

    def answer(self):
        """The next answer, or None if the server has closed the connection instead."""
        while b"\r\n\r\n" not in self.buffer:
            try:
                if not self._more():
                    assert not self.buffer, f"cut off in the middle of an answer: {self.buffer!r}"
                    return None
            except ConnectionResetError:
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        length = 0 if status < 200 or status in (204, 304) else int(headers["content-length"])
        while len(self.buffer) < length:
            assert self._more(), "cut off in the middle of a body"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if status >= 400:
            contract.judge("", "", status, body)  # what was asked may not even have been a request
        return Answer(status, headers, body)

    def is_closed(self):
        """Waits (up to the socket's timeout) for the server to close; no further byte may come."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return self.buffer == b""


def same(first, again):
    """A replay is the first answer byte for byte; the message shows where it is not."""
    assert again.status == first.status, (first, again)
    if again.body != first.body:
        at = next(n for n, (a, b) in enumerate(zip(again.body + b"\0", first.body + b"\0")) if a != b)
        raise AssertionError(f"differs at {at}: first …{first.body[max(0, at - 80):at + 80]}…, again …{again.body[max(0, at - 80):at + 80]}…")
    assert again.replayed, again
