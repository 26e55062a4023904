"""Secrets: card numbers, API keys, tokens and passwords sent through every door there is, then searched for wherever anything stays.

The doors come from gateway/openapi.yaml, so a new field or parameter is tried from the day it is in the contract: every member of every
body (as text, number, member name, inside lists; whole and cut off), every query and path parameter, every header, the request line, chunk
trailers. Judged by two things: what is sent where it does not belong is refused, by name; and afterwards none of it is in any answer that
is an error, the metrics, the log, standard output, any file of the data folder, any table or file of PostgreSQL, or a core file.

Stored by design, and looked for everywhere else:
  payment_method.token   in the journal and the sandbox's ledger: a payment interrupted by a crash is sent again from the journal. No
                         answer shows it. The merchant's other texts (reference, metadata …) are stored and shown as they were sent, so
                         a token written there is in the database too; card numbers and API keys are not: such requests are refused.
  confirm's details      in the journal, for the same reason; no answer shows them.
  X-Request-Id           in the log, and in the answer: it is the client's name for its request. One that resembles a key, a token or a card
                         number is replaced; a password in it cannot be told from a name. So it is with the name of an unknown parameter,
                         which the error repeats.
  the development key    in DATA/dev-key and on standard output: that is how `novapay serve` gives it to who starts it.
"""
import base64
import copy
import json
import os
import resource
import signal
import subprocess
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest

import contract
from client import Client, Wire, payment_body
from server import BINARY, Server, psql, until

# Valid numbers of each network (Luhn), used by nobody else in these tests.
CARDS = {"visa": "4539148803436467", "mastercard": "5425233430109903", "mastercard 2": "2223000048400011", "amex": "374245455400126",
         "discover": "6011000991543426", "jcb": "3566000020000410", "diners": "36006666333344", "unionpay": "6250941006528599"}
TOKEN = "tok_canary_" + uuid.uuid4().hex         # as a payment method's token
WORD = "tok_astray_" + uuid.uuid4().hex          # a token in texts and headers where none belongs
DETAIL = "redirect-canary-" + uuid.uuid4().hex   # what a confirm brings along
PASSWORD = "password-canary-" + uuid.uuid4().hex  # in headers and URLs; never in a body, where it would be any other text
UNKNOWN_KEY = "np_live_sk_8sVq0JZkTn3xW2aLr5Yb7cDf9GhM1pQe2uYZ2E"  # well formed, nobody's


# ---- how a card number can be written ------------------------------------------------------------------------------

def grouped(card, by):
    return by.join(card[at:at + 4] for at in range(0, len(card), 4))


def in_script(card, zero):
    return "".join(chr(zero + int(digit)) for digit in card)


FULLWIDTH, ARABIC = 0xFF10, 0x0660


def texts(card):
    """As a person would write it into a text."""
    return [card, grouped(card, " "), grouped(card, "-"), f"card {card}, thanks", in_script(card, FULLWIDTH), grouped(in_script(card, FULLWIDTH), "\u3000"),
            grouped(card, "\u00a0"), grouped(card, "\u2013"), in_script(card, ARABIC)]


def literals(card):
    """As JSON: texts with and without escapes, numbers, and inside other values."""
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in card)
    wide = "".join(f"\\u{FULLWIDTH + int(digit):04X}" for digit in card)
    return [json.dumps(text, ensure_ascii=False) for text in texts(card)] + [
        f'"{escaped}"', f'"{wide}"', card, f"-{card}", f"{card}.0", f'["{card}"]', f'{{"{card}": "x"}}', f'{{"a": {{"b": ["{card}"]}}}}']


def traces(secret):
    """Every form in which it, or most of it, could be left behind, as bytes."""
    part = secret[:12] if secret.isdigit() else secret
    found = {part.encode(), part.encode().hex().encode(), quote(part, safe="").encode(), json.dumps(part)[1:-1].encode()}
    if secret.isdigit():
        for text in (grouped(secret, " ")[:14], grouped(secret, "-")[:14], grouped(secret, "\u00a0")[:14], grouped(secret, "\u2013")[:14],
                     in_script(secret, FULLWIDTH)[:12], in_script(secret, ARABIC)[:12], grouped(in_script(secret, FULLWIDTH), "\u3000")[:14]):
            found |= {text.encode(), text.encode().hex().encode(), quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
        found |= {"".join(f"\\u{ord(digit):04x}" for digit in part).encode(), "".join(f"%{ord(digit):02x}" for digit in part).encode()}
    elif secret.startswith("np_"):
        found = {form.replace(secret.encode(), secret[11:35].encode()) for form in found} | {secret[11:35].encode().hex().encode()}
    return found


def all_traces(*secrets):
    return sorted(set().union(*map(traces, secrets)))


def found_in(paths, needles, folder):
    """[(file, what)] of all places; GNU grep, because a WAL is large."""
    patterns = folder / "needles"
    patterns.write_bytes(b"\n".join(needles) + b"\n")
    done = subprocess.run(["grep", "-r", "-a", "-o", "-F", "-f", patterns, "--", *paths], capture_output=True, env=os.environ | {"LC_ALL": "C"})
    patterns.unlink()
    assert done.returncode in (0, 1) or b"No such file" in done.stderr, done.stderr  # a store may drop a file meanwhile
    return sorted(set(done.stdout.splitlines()))


# ---- the doors, from the contract ---------------------------------------------------------------------------------

def members(schema, where=()):
    """(path, kind) of every member of a body's schema; kind is "map" for members that name themselves."""
    schema = contract.resolve(schema)
    for name, inner in schema.get("properties", {}).items():
        inner = contract.resolve(inner)
        if inner.get("type") == "object":
            if isinstance(inner.get("additionalProperties"), dict):
                yield where + (name,), "map"
            yield from members(inner, where + (name,))
        yield where + (name,), "value"


def media_of(operation):
    body = operation.get("requestBody")
    return contract.resolve(body)["content"]["application/json"] if body else None


def example_of(template, media):
    if template == "/v1/payments":
        return payment_body()
    found = [contract.resolve(e)["value"] for e in media.get("examples", {}).values()]
    return found[0] if found else {}


PLACEHOLDER = "@@canary@@"


def put(body, path, literal, name=None):
    """The body's text with that JSON in that place; with `name`, as the value of a member so called."""
    made = copy.deepcopy(body)
    inside = made
    for step in path[:-1]:
        inside = inside.setdefault(step, {})
    inside[path[-1]] = PLACEHOLDER if name is None else {name: PLACEHOLDER}
    return json.dumps(made, ensure_ascii=False).replace(f'"{PLACEHOLDER}"', literal).encode()


def bodies(operation, template):
    """(put a literal there → body) for every member, and for one the contract does not know."""
    media = media_of(operation)
    if media is None:
        return
    example = example_of(template, media)
    for path, kind in [*members(media["schema"]), (("colour",), "value")]:
        yield lambda literal, path=path: put(example, path, literal)
        if kind == "map":
            yield lambda literal, path=path: put(example, path, literal, "key")
            yield lambda literal, path=path: put(example, path, '"x"', json.loads(literal) if literal.startswith('"') else literal)


def parameters(method, template, operation, where):
    both = operation.get("parameters", []) + contract.DOCUMENT["paths"][template].get("parameters", [])
    return [each["name"] for each in map(contract.resolve, both) if each["in"] == where]


HEADERS = ["Authorization", "Idempotency-Key", "X-Request-Id", "Content-Type", "Content-Encoding", "Accept", "Accept-Language", "User-Agent", "Referer", "Cookie",
           "From", "X-Api-Key", "Proxy-Authorization", "X-Forwarded-For", "Forwarded", "Traceparent", "Origin", "Expect", "If-Match", "X-Card-Number"]


class Visitor:
    """Sends requests and keeps every answer in which something could have been said that should not."""

    def __init__(self, server, payment):
        self.server, self.payment = server, payment
        self.client = Client(server)
        self.errors, self.successes = [], []

    def send(self, method, target, body=None, **headers):
        sent = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"} if method == "POST" else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.send(method, target, body if method == "POST" else None, sent)
        (self.errors if answer.status >= 400 else self.successes).append(str(answer.headers).encode() + answer.body)
        return answer

    def target(self, template):
        return template.replace("{id}", self.payment)


def refused(answer, code):
    assert (answer.status, answer.code) == (400, code), answer


def visit_bodies(visitor, method, template, operation):
    """Card numbers and API keys in every member of the body: refused whole, harmless cut off."""
    target, cards, keys = visitor.target(template), list(CARDS.values()), [visitor.client.key, UNKNOWN_KEY]
    for at, make in enumerate(bodies(operation, template)):
        for literal in literals(cards[at % len(cards)]):
            whole = make(literal)
            refused(visitor.send(method, target, whole), "card_number_not_allowed")
            cut = whole[:whole.rindex(literal.encode()) + len(literal.encode())] if literal.encode() in whole else whole[:-1]
            if cut != whole:
                assert visitor.send(method, target, cut).status == 400
        for key in keys:
            for literal in (f'"{key}"', f'"my key: {key}!"', f'["{key}"]', '"' + "".join(f"\\u{ord(c):04x}" for c in key) + '"'):
                refused(visitor.send(method, target, make(literal)), "api_key_not_allowed")
            refused(visitor.send(method, target, make(f'"{key}"') + b"}"), "api_key_not_allowed")
        visitor.send(method, target, make(f'"{WORD}"'))  # text like any other where text is taken
        visitor.send(method, target, make(f'["{WORD}"]'))


def visit_target(visitor, method, template, operation):
    """The same in path and query, as sent and percent-encoded."""
    cards = list(CARDS.values())
    keyed = operation.get("security") != []
    targets = [(visitor.target(template), name) for name in parameters(method, template, operation, "query") + ["colour"]]
    for at, (target, name) in enumerate(targets if keyed else []):
        for text in texts(cards[at % len(cards)]):
            for written in {quote(text, safe=""), "".join(f"%{byte:02X}" for byte in text.encode())}:
                refused(visitor.send(method, f"{target}?{quote(name)}={written}"), "card_number_not_allowed")
                refused(visitor.send(method, f"{target}?{written}=x"), "card_number_not_allowed")
                visitor.send(method, f"{target}?{quote(name)}={written}%zz")
        for key in (visitor.client.key, UNKNOWN_KEY):
            refused(visitor.send(method, f"{target}?{quote(name)}={key}"), "api_key_not_allowed")
            refused(visitor.send(method, f"{target}?{key}"), "api_key_not_allowed")
        visitor.send(method, f"{target}?{WORD}=x")
        for secret in (WORD, PASSWORD):
            if name not in ("reference", "metadata_key", "metadata"):
                visitor.send(method, f"{target}?{quote(name)}={secret}")
    if "{id}" in template:
        for card in cards:
            for text in texts(card):
                refused(visitor.send(method, template.replace("{id}", quote(text, safe=""))), "card_number_not_allowed")
        for secret, code in ((visitor.client.key, "api_key_not_allowed"), (WORD, "resource_missing"), (PASSWORD, "resource_missing")):
            answer = visitor.send(method, template.replace("{id}", secret))
            assert answer.code == code, answer


def visit_headers(visitor, method, template, operation):
    """In every header; those that mean nothing to NovaPay are let through and forgotten."""
    target, cards = visitor.target(template), list(CARDS.values())
    basic = "Basic " + base64.b64encode(f"merchant:{PASSWORD}".encode()).decode()
    for at, name in enumerate(HEADERS + [p for p in parameters(method, template, operation, "header") if p not in HEADERS]):
        card = cards[at % len(cards)]
        values = [card, grouped(card, " "), in_script(card, FULLWIDTH).encode(), WORD, PASSWORD, basic, f"Bearer {WORD}", f'"{card}"']
        if name == "X-Request-Id":
            values.remove(PASSWORD)
        values += [] if name == "Authorization" else [UNKNOWN_KEY, visitor.client.key, f"Bearer {visitor.client.key}"]
        for value in values:
            answer = visitor.send(method, target, b"{}" if method == "POST" else None, **{name.replace("-", "_"): value})
            assert answer.status >= 400 or method == "GET" or name not in ("Authorization", "Idempotency-Key") or value in (WORD, PASSWORD, basic, f"Bearer {WORD}"), answer


def visit_wire(visitor):
    """What no HTTP library sends: secrets in broken request lines, methods, versions, trailers, and the userinfo of a URL."""
    key, card = visitor.client.key, CARDS["visa"]
    head = f"Host: x\r\nAuthorization: Bearer {key}\r\n"
    body = json.dumps(payment_body()).encode()
    for data in (f"{card} / HTTP/1.1\r\n{head}\r\n", f"GET /{card} HTTP/1.1\r\n{WORD} {card}\r\n\r\n", f"GET / HTTP/{card}\r\n{head}\r\n",
                 f"{WORD} /v1/payments HTTP/1.1\r\n{head}\r\n", f"{card}", f"{key}\r\n\r\n", f"GET http://merchant:{PASSWORD}@x/v1/payments HTTP/1.1\r\n{head}\r\n",
                 f"GET /v1/payments HTTP/1.1\r\nHost: {card}\r\nAuthorization: Bearer {key}\r\n\r\n",
                 f"GET /v1/payments HTTP/1.1\r\n{head}Authorization: Bearer {UNKNOWN_KEY}\r\n\r\n",
                 f"GET /v1/payments HTTP/1.1\r\n{head}Content-Length: {card}\r\n\r\n", f"GET /v1/payments HTTP/1.1\r\n{head}Transfer-Encoding: {WORD}\r\n\r\n",
                 f"GET /v1/payments HTTP/1.1\r\n{head}X: {card}\r\n folded {key}\r\n\r\n",
                 f"POST /v1/payments HTTP/1.1\r\n{head}Content-Type: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\nTransfer-Encoding: chunked\r\n\r\n"
                 f"{len(body):x};ext={WORD}\r\n{body.decode()}\r\n0\r\nX-Card: {card}\r\nAuthorization: Bearer {UNKNOWN_KEY}\r\n\r\n"):
        with Wire(visitor.server.address, 5) as wire:
            wire.send(data.encode())
            wire.socket.shutdown(1)  # for the one that is no request yet
            answer = wire.answer()
            if answer is not None:
                (visitor.errors if answer.status >= 400 else visitor.successes).append(str(answer.headers).encode() + answer.body)


def visit_admin(visitor):
    admin = Client(visitor.server.admin, key=PASSWORD, judged=False)
    for secret in (CARDS["visa"], visitor.client.key, WORD, PASSWORD):
        for method, target in (("GET", f"/{secret}"), ("GET", f"/metrics?{secret}={secret}"), ("POST", f"/quarantine/{secret}/release"), (secret, "/metrics")):
            answer = admin.send(method, target, headers={"X-Secret": secret})
            visitor.errors.append(str(answer.headers).encode() + answer.body)
    admin.close()


@pytest.fixture(scope="module")
def visited(store, tmp_path_factory):
    """A server through whose every door every secret has gone; it may leave core files, if it ever would."""
    folder = tmp_path_factory.mktemp(f"secrets-{store}")
    server = Server(store, folder, arguments=["--log-level", "debug"])
    before = allow_core_files()
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    for mode in ("test", "live"):
        subprocess.run([BINARY, "keygen", "--merchant", "mrc_canary", "--mode", mode, "--file", server.data / "credentials.yaml"], check=True, stdout=subprocess.DEVNULL)
    client = Client(server)
    made = client.payment(token=TOKEN, capture_method="manual")
    asked = client.payment(token="tok_3ds_required")
    client.do(asked["id"], "confirm", details={DETAIL: DETAIL})
    visitor = Visitor(server, made["id"])
    for method, template, operation in contract.for_merchants():
        visit_bodies(visitor, method, template, operation)
        visit_target(visitor, method, template, operation)
        visit_headers(visitor, method, template, operation)
    visit_wire(visitor)
    visit_admin(visitor)
    for payment in (made["id"], asked["id"]):
        visitor.successes += [client.send("GET", f"/v1/payments/{payment}{what}").body for what in ("", "/events", "/refunds")]
    visitor.successes.append(client.get("/v1/payments?limit=100").body)
    yield visitor
    if server.process is not None:
        server.kill()


def allow_core_files():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    return before


NOWHERE = [*CARDS.values(), UNKNOWN_KEY, PASSWORD]  # besides the key in use, which each test adds


def everything(visitor):
    return all_traces(*NOWHERE, WORD, TOKEN, DETAIL, visitor.client.key)


def test_no_error_answer_repeats_a_secret(visited):
    assert len(visited.errors) > 1000
    for answer in visited.errors:
        for trace in everything(visited):
            assert trace not in answer, (trace, answer)


def test_no_answer_shows_what_only_the_processor_may_know(visited):
    for answer in visited.successes:
        for trace in all_traces(*NOWHERE, TOKEN, DETAIL, visited.client.key):
            assert trace not in answer, (trace, answer)


def test_no_metric_has_a_secret(visited):
    text = visited.server.admin_get("/metrics")[2].encode()
    assert b"novapay_http_requests_total" in text
    assert not [trace for trace in everything(visited) if trace in text]


def test_no_log_line_has_a_secret(visited, tmp_path):
    lines = until(lambda: len(visited.server.log_path.read_bytes().splitlines()) > 1000 and visited.server.log_path)
    assert found_in([lines], everything(visited), tmp_path) == []
    without_dev_key = all_traces(*NOWHERE, WORD, TOKEN, DETAIL)
    assert found_in([visited.server.out_path], without_dev_key, tmp_path) == []


def test_no_file_and_no_table_has_a_card_number_a_key_or_a_password(visited, store, tmp_path):
    server = visited.server
    needles = all_traces(*NOWHERE, visited.client.key)
    places = [file for file in server.data.rglob("*") if file.is_file() and file.name != "dev-key"]
    stored = [server.data / "novapay.db", server.data / "novapay.db-wal"]
    if store == "postgres":
        psql("checkpoint", server.postgres)
        stored = [Path(os.environ["NOVAPAY_TEST_POSTGRES_DATA"])]
        places += stored
        dump = tmp_path / "dump"
        dump.write_bytes(subprocess.run(["pg_dump", "-d", server.postgres], check=True, capture_output=True).stdout)
        assert dump.stat().st_size > 100_000, "the dump holds what was sent"
        places.append(dump)
    assert found_in(places, needles, tmp_path) == []
    for secret in (TOKEN, DETAIL):  # by design; and it shows that the search finds what is there
        assert found_in(stored, [secret.encode()], tmp_path), secret


def ended_by_abort(server):
    """Was a core dumped?"""
    server.process.send_signal(signal.SIGABRT)
    ended = os.waitid(os.P_PID, server.process.pid, os.WEXITED | os.WNOWAIT)
    server.process.wait(20)
    server.process = None
    return ended.si_code == os.CLD_DUMPED


def core_files(folder):
    return [file for file in folder.glob("**/*core*") if file.is_file()]


def test_a_crash_leaves_no_core_file(visited, tmp_path, monkeypatch):
    """None at all: memory that has just served a request shows the key it came with. A server that is told to leave one does, so the
    machine would have let the other do it too."""
    if allow_core_files()[1] == 0:
        pytest.skip("this machine lets nobody leave a core file")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node.yaml").write_text("core_files: true\n")
    talkative = Server("sqlite", tmp_path / "talkative", config=tmp_path / "node.yaml").start()
    client = Client(talkative)
    assert client.get("/v1/payments").status == 200
    key = client.key
    assert ended_by_abort(talkative), "core_files: true lets a core file be left"
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    if not pattern.startswith(("|", "/")):
        assert found_in(core_files(tmp_path), [key.encode()], tmp_path), "such a core file shows the key: this is why there is none otherwise"

    (tmp_path / "silent").mkdir()
    monkeypatch.chdir(tmp_path / "silent")
    silent = Server("sqlite", tmp_path / "silent" / "node").start()
    assert Client(silent).get("/v1/payments").status == 200
    assert not ended_by_abort(silent)
    assert core_files(tmp_path / "silent") == []
    assert not ended_by_abort(visited.server) and core_files(visited.server.folder) == []


@pytest.mark.parametrize("connection", [
    f"host=127.0.0.1 port=1 user=x password={PASSWORD} dbname=x connect_timeout=2", f"host=127.0.0.1 password={PASSWORD} bogus",
    f"host=127.0.0.1 password='{PASSWORD}", f"password={PASSWORD} nonsense=1", f"postgresql://x:{PASSWORD}@127.0.0.1:1/x?connect_timeout=2",
    f"postgresql://x:abc@{PASSWORD}@127.0.0.1:1/x", f"postgresql://x:{PASSWORD}%zz@127.0.0.1:1/x", f"host=127.0.0.1 password=first {PASSWORD}",
    f"postgresql://x:{PASSWORD}@127.0.0.1:1/x?nonsense={PASSWORD}", f"postgresql://x:{PASSWORD}@[::1/x"])
def test_no_message_repeats_the_database_password(connection, tmp_path):
    for command in ("serve", "migrate"):
        done = subprocess.run([BINARY, command, "--data", tmp_path / "data", "--store", "postgres", "--postgres", connection], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode != 0
        assert PASSWORD not in done.stdout + done.stderr and PASSWORD[4:] not in done.stdout + done.stderr, done.stderr
        assert "postgres" in done.stderr or "connect" in done.stderr, "and yet it says what is wrong"


def test_a_row_that_the_database_refuses_is_not_quoted_in_the_log(tmp_path):
    """PostgreSQL's DETAIL quotes rows, and with them what merchants sent."""
    server = Server("postgres", tmp_path).start()
    psql("alter table journal add constraint no_more check (false) not valid", server.postgres)
    assert Client(server).create(token=TOKEN, reference=WORD).status >= 500
    until(lambda: b"no_more" in server.log_path.read_bytes())
    assert found_in([server.log_path], [b"Failing row", *all_traces(TOKEN, WORD)], tmp_path) == []
    server.kill()
