"""HTTP as bytes: what no library would send. Each shape is refused by name, none is answered twice, and nobody waits for long."""
import json
import socket
import time
import uuid

import pytest

import server as server_module
from client import Wire, payment_body

GOOD = payment_body()


@pytest.fixture(scope="module", params=["sqlite"])  # nothing here depends on the store
def store(request):
    return request.param


@pytest.fixture
def wire(server):
    with Wire(server.address) as made:
        yield made


def request(client, target="/v1/payments?limit=1", method="GET", extra="", body="", version="HTTP/1.1"):
    return (f"{method} {target} {version}\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n{extra}\r\n{body}").encode("latin-1")


def post_head(client, extra):
    return request(client, "/v1/payments", "POST", f"Content-Type: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\n{extra}")


SMUGGLING = {
    "two different lengths": "Content-Length: 5\r\nContent-Length: 6\r\n",
    "two same lengths": "Content-Length: 5\r\nContent-Length: 5\r\n",
    "length and chunked": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "chunked and length": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "list of lengths": "Content-Length: 5, 5\r\n",
    "negative length": "Content-Length: -1\r\n",
    "signed length": "Content-Length: +5\r\n",
    "hexadecimal length": "Content-Length: 0x5\r\n",
    "no length": "Content-Length: \r\n",
    "overflowing length": "Content-Length: 18446744073709551621\r\n",
    "blank before colon": "Content-Length : 5\r\n",
    "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "chunked, chunked": "Transfer-Encoding: chunked, chunked\r\n",
    "chunked not last": "Transfer-Encoding: chunked, gzip\r\n",
    "unknown coding": "Transfer-Encoding: xchunked\r\n",
    "obsolete folding": "X-A: b\r\n Content-Length: 5\r\n",
    "bare CR": "X-A: b\rContent-Length: 5\r\n",
    "NUL in a header": "X-A: a\0b\r\n",
    "second host": "Host: elsewhere\r\n",
    "blank in a name": "Content Length: 5\r\n",
    "no colon": "nonsense\r\n",
    "empty name": ": value\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling_shapes_are_refused_and_the_connection_is_closed(client, wire, name):
    behind = request(client)  # a smuggled request: must never be answered
    wire.send(post_head(client, SMUGGLING[name]) + b"hello" + behind)
    answer = wire.answer()
    assert answer is not None and answer.status in (400, 501), answer
    assert answer.headers["connection"] == "close"
    assert wire.is_closed()


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "Content-Type", "X-Request-Id"])
def test_a_header_that_is_no_list_is_refused_when_it_comes_twice(client, wire, name):
    body = json.dumps(GOOD)
    wire.send(post_head(client, f"X-Request-Id: mine\r\n{name}: another\r\nContent-Length: {len(body)}\r\n") + body.encode())
    answer = wire.answer()
    assert (answer.status, answer.code, answer.param) == (400, "http_malformed", name), answer
    assert name in answer.json["error"]["message"]
    assert wire.send(request(client)).answer().status == 200


CHUNKS = {
    "size is no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "size negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "size overflows": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "no line end after data": b"5\r\nhello0\r\n\r\n",
    "data too long": b"5\r\nhello world\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_broken_chunks_are_refused(client, wire, name):
    wire.send(post_head(client, "Transfer-Encoding: chunked\r\n") + CHUNKS[name] + request(client))
    answer = wire.answer()
    assert answer is not None and answer.status == 400, answer
    assert wire.is_closed()


@pytest.mark.parametrize("line, status", [
    (b"GET\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", 400), (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / / HTTP/1.1\r\nHost: a\r\n\r\n", 400), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)])
def test_what_is_not_http_1_is_refused(wire, line, status):
    wire.send(line)
    answer = wire.answer()
    assert answer is not None and answer.status == status, answer
    assert wire.is_closed()


def test_a_head_too_large_is_431(client, wire):
    wire.send(request(client, extra="".join(f"X-{n}: {'y' * 1000}\r\n" for n in range(100))))
    assert wire.answer().status == 431
    assert wire.is_closed()


def test_a_request_line_too_long_is_refused(client, wire):
    wire.send(request(client, target="/v1/payments?reference=" + "y" * 100_000))
    assert wire.answer().status in (414, 431)


def test_an_announced_body_too_large_is_refused_before_it_is_sent(client, wire):
    wire.send(post_head(client, "Content-Length: 1000000000\r\n"))
    assert wire.answer().code == "body_too_large"
    assert wire.is_closed()


def test_a_chunked_body_too_large_is_refused(client, wire):
    wire.send(post_head(client, "Transfer-Encoding: chunked\r\n"))
    try:
        for _ in range(100):
            wire.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        pass  # cut off while still sending: what it is about
    answer = wire.answer()
    assert answer is None or answer.status == 413


def test_a_chunked_body_is_taken_byte_by_byte(client, wire):
    body = json.dumps(GOOD).encode()
    chunks = b"".join(b"1;ext=1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\nX-Trailer: no\r\n\r\n"
    whole = post_head(client, "Transfer-Encoding: chunked\r\n") + chunks
    for at in range(0, len(whole), 7):
        wire.send(whole[at:at + 7])
    assert wire.answer().status == 201


def test_pipelined_requests_are_answered_in_their_order(client, wire):
    wanted = [f"p-{n}" for n in range(20)]
    wire.send(b"".join(request(client, extra=f"X-Request-Id: {name}\r\n") for name in wanted))
    assert [wire.answer().headers["x-request-id"] for _ in wanted] == wanted


def test_pipelined_posts_do_not_overtake_each_other(client, wire):
    body = json.dumps(payment_body(token="tok_slow")).encode()
    slow = post_head(client, f"X-Request-Id: slow\r\nContent-Length: {len(body)}\r\n") + body
    wire.send(slow + request(client, extra="X-Request-Id: quick\r\n"))
    assert [wire.answer().headers["x-request-id"] for _ in range(2)] == ["slow", "quick"]


def test_expect_100_continue_is_answered_before_the_body(client, wire):
    body = json.dumps(GOOD).encode()
    wire.send(post_head(client, f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n"))
    assert wire.answer().status == 100
    assert wire.send(body).answer().status == 201


def test_any_other_expectation_is_417(client, wire):
    wire.send(post_head(client, "Expect: the-unexpected\r\nContent-Length: 2\r\n"))
    assert wire.answer().status == 417


def test_keep_alive_and_close(client, server):
    with Wire(server.address) as wire:
        for _ in range(3):
            assert wire.send(request(client)).answer().status == 200
        answer = wire.send(request(client, extra="Connection: close\r\n")).answer()
        assert answer.headers["connection"] == "close" and wire.is_closed()
    with Wire(server.address) as wire:
        assert wire.send(request(client, version="HTTP/1.0")).answer().status == 200
        assert wire.is_closed()


def test_the_answer_to_head_has_no_body(client, wire):
    """Or a 405; either way the answer's length is not waited for."""
    wire.send(request(client, "/openapi.json", "HEAD") + request(client, extra="X-Request-Id: next\r\n"))
    head = b""
    while b"x-request-id: next" not in head.lower():
        got = wire.socket.recv(65536)
        assert got, head
        head += got
    assert b"{" not in head.split(b"x-request-id: next")[0].lower()


def test_a_client_that_ends_its_sending_side_still_gets_its_answer(client, wire):
    wire.send(request(client))
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.answer().status == 200


def test_a_client_that_goes_away_in_the_middle_harms_nobody(client, server):
    for _ in range(50):
        with Wire(server.address) as wire:
            wire.send(post_head(client, "Content-Length: 100\r\n") + b'{"amount"')
    assert client.get("/v1/payments?limit=1").status == 200


# ---- slow clients; last, since they wait ---------------------------------------------------------------------------

def test_slow_clients_are_cut_off_and_disturb_nobody(client, server):
    """A head, and a body, that never get finished: 408 or a closed connection within the server's bounds."""
    started = time.monotonic()
    with Wire(server.address, 90) as slow_head, Wire(server.address, 90) as slow_body, Wire(server.address, 90) as silent:
        slow_head.send(b"GET /v1/payments HTTP/1.1\r\nHost: local")
        slow_body.send(post_head(client, "Content-Length: 100\r\n") + b'{"amo')
        for _ in range(20):
            begun = time.monotonic()
            assert client.get("/v1/payments?limit=1").status == 200
            assert time.monotonic() - begun < 1
        for wire in (slow_head, slow_body):
            answer = wire.answer()
            assert answer is None or (answer.status, answer.code) == (408, "request_timeout")
            assert wire.is_closed()
        assert silent.is_closed()
    assert time.monotonic() - started < 80


def test_fewer_files_than_connections_means_refusals_not_silence(store, tmp_path, monkeypatch):
    """With 600 files and 10,000 connections configured clients would wait in vain for a file."""
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -S -n 300 && ulimit -H -n 600 && exec {server_module.BINARY} "$@"\n')
    limited.chmod(0o755)
    monkeypatch.setattr(server_module, "BINARY", str(limited))
    node = server_module.Server(store, tmp_path / "node").start()
    wires = []
    try:
        told = next(line for line in node.log_lines() if "fewer connections" in line["msg"])
        assert (told["files"], told["configured"], told["connections"]) == (600, 10_000, 300)
        answers = []
        for _ in range(900):
            wires.append(Wire(node.address))
            wires[-1].send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            answers.append(wires[-1].answer())  # fails when there is none in time
        seen = [answer.status for answer in answers if answer]
        assert seen.count(200) >= 300 and set(seen) <= {200, 503}, seen
        assert node.admin_get("/readyz")[0] == 200
    finally:
        for wire in wires:
            wire.socket.close()
        node.kill()
