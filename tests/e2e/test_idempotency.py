"""One key, one intent: whoever repeats, however often, at once or later, across a crash."""
import json
import threading
import uuid

import pytest

from client import Client, Wire, at_once, payment_body, same
from ledger import Ledger, settle_down

CONNECTIONS = 50
CALLS = 200


@pytest.fixture(scope="module", autouse=True)
def nothing_strange_in_the_end(server):
    yield
    assert Ledger(server).anomalies() == []


def many(server, call):
    """`call(client)` CALLS times over CONNECTIONS connections at once."""
    mine, clients = threading.local(), []

    def one():
        if not hasattr(mine, "client"):
            mine.client = Client(server)
            clients.append(mine.client)
        return call(mine.client)

    answers = at_once([one] * CALLS, CONNECTIONS)
    for used in clients:
        used.close()
    return answers


def is_one_answer(answers, status):
    assert {answer.status for answer in answers} == {status}, {(a.status, a.body) for a in answers}
    assert len({answer.body for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    return answers[0].json


@pytest.mark.parametrize("token", ["tok_visa", "tok_slow", "tok_declined_generic", "tok_3ds_required"])
def test_200_concurrent_creates_are_one_payment_and_one_charge(server, client, token):
    key = str(uuid.uuid4())
    made = is_one_answer(many(server, lambda c: c.create(key, token=token, reference=key)), 201)
    assert [p["id"] for p in client.get(f"/v1/payments?reference={key}").json["data"]] == [made["id"]]
    authorizations = Ledger(server).operations(made["id"], "authorize")
    assert len(authorizations) == 1 and authorizations[0]["attempts"] == 1
    Ledger(server).agrees_with(client.read(made["id"]))


def test_200_concurrent_captures_and_refunds_with_one_key_move_money_once(server, client):
    held = client.payment(capture_method="manual")
    done = is_one_answer(many(server, lambda c: c.do(held["id"], "capture", key="one capture", amount=600)), 200)
    assert done["amount_captured"] == 600 and len(done["captures"]) == 1
    refund = is_one_answer(many(server, lambda c: c.do(held["id"], "refunds", key="one refund", amount=200)), 201)
    now = client.read(held["id"])
    assert now["amount_refunded"] == 200 and [r["id"] for r in now["refunds"]] == [refund["id"]]
    Ledger(server).agrees_with(now)


def test_200_concurrent_captures_with_keys_of_their_own_never_exceed_the_authorization(server, client):
    held = client.payment(capture_method="manual", amount=1000)
    answers = many(server, lambda c: c.do(held["id"], "capture", amount=30))
    assert sorted(a.status for a in answers) == [200] * 33 + [422] * (CALLS - 33)
    assert {a.code for a in answers if a.status == 422} == {"amount_exceeds_capturable"}
    answers = many(server, lambda c: c.do(held["id"], "refunds", amount=40))
    assert sorted(a.status for a in answers) == [201] * 24 + [422] * (CALLS - 24)
    Ledger(server).agrees_with(client.read(held["id"]))


def test_concurrent_other_bodies_lose_against_the_first(server):
    key = str(uuid.uuid4())
    answers = at_once([lambda n=n: Client(server).create(key, amount=1000 + n % 2) for n in range(40)], 40)
    won = {a.json["amount"] for a in answers if a.status == 201}
    assert len(won) == 1 and len({a.body for a in answers if a.status == 201}) == 1
    lost = [a for a in answers if a.status != 201]
    assert len(lost) == 20 and {(a.status, a.code, a.param) for a in lost} == {(422, "idempotency_key_reused", "amount")}


# ---- replays ------------------------------------------------------------------------------------------------------

CREATES = [{}, {"capture_method": "manual"}, {"token": "tok_declined_insufficient_funds"}, {"token": "tok_3ds_required"},
           {"metadata": {"a": "\u00e9\n\U0001f600"}, "description": "\"quoted\" \\ /"}]


@pytest.mark.parametrize("fields", CREATES)
def test_a_replay_is_the_same_byte_for_byte(client, fields):
    key = str(uuid.uuid4())
    first, again = client.create(key, **fields), client.create(key, **fields)
    assert not first.replayed
    same(first, again)
    assert first.headers.get("location") == again.headers.get("location")
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


def test_what_happened_later_does_not_change_the_first_answer(client):
    key = str(uuid.uuid4())
    first = client.create(key, capture_method="manual")
    payment = first.json["id"]
    captured = client.do(payment, "capture", key="c", amount=500)
    refunded = client.do(payment, "refunds", key="r", amount=100)
    client.do(payment, "capture")
    same(first, client.create(key, capture_method="manual"))
    same(captured, client.do(payment, "capture", key="c", amount=500))
    same(refunded, client.do(payment, "refunds", key="r", amount=100))
    assert client.read(payment)["amount_captured"] == 1099


def test_a_replay_after_a_restart_is_the_same_byte_for_byte(own_server):
    own_server.start()
    key, client = str(uuid.uuid4()), Client(own_server)
    calls = [lambda: client.create(key, capture_method="manual")]
    payment = calls[0]().json["id"]
    calls += [lambda: client.do(payment, "capture", key="c", amount=500), lambda: client.do(payment, "refunds", key="r"),
              lambda: client.create(key + "2", token="tok_declined_generic"),
              lambda: client.create(key + "3", token="tok_3ds_required")]
    first = [call() for call in calls]
    first[0] = calls[0]()
    for end in (own_server.kill, own_server.stop):
        end()
        own_server.start()
        client.close()
        for answer, call in zip(first, calls):
            same(answer, call())


def test_the_meaning_counts_not_the_spelling(client):
    """Other whitespace, order and escapes are the same intent; so is the key quoted as a structured field."""
    key = str(uuid.uuid4())
    first = client.create(key, reference="a/b")
    spelled = (b'{ "reference" : "\\u0061\\/b", "payment_method": {"token":"tok_visa","type":"card"},\n"currency":"eur",'
               b'"capture_method":"automatic", "amount":1099, "metadata": {} }')
    again = client.post("/v1/payments", spelled, f'"{key}"')
    assert again.replayed and again.body == first.body


CHANGES = [({"amount": 1100}, "amount"), ({"currency": "usd"}, "currency"), ({"capture_method": "manual"}, "capture_method"),
           ({"token": "tok_amex"}, "payment_method.token"), ({"reference": "other"}, "reference"),
           ({"description": "other"}, "description"), ({"statement_descriptor": "OTHER"}, "statement_descriptor"),
           ({"metadata": {"a": "2"}}, "metadata"), ({"amount": 1, "currency": "usd"}, "amount"),
           ({"customer": "other"}, "customer"), ({"return_url": "https://other.example"}, "return_url")]


@pytest.mark.parametrize("change, param", CHANGES)
def test_the_same_key_with_another_body_is_refused_and_names_the_field(client, change, param):
    key = str(uuid.uuid4())
    first = client.create(key)
    other = client.create(key, **change)
    assert (other.status, other.code, other.param) == (422, "idempotency_key_reused", param)
    assert client.create(key).body == first.body


@pytest.mark.parametrize("what, first, other, param", [
    ("capture", {"amount": 5}, {"amount": 6}, "amount"), ("capture", {"amount": 5}, {"amount": 5, "final": True}, "final"),
    ("capture", {"amount": 1099}, {}, "amount"), ("cancel", {"reason": "a"}, {"reason": "b"}, "reason")])
def test_keys_of_operations_are_held_to_their_bodies(client, what, first, other, param):
    payment = client.payment(capture_method="manual")["id"]
    assert client.do(payment, what, key="k", **first).status == 200
    refused = client.do(payment, what, key="k", **other)
    assert (refused.status, refused.code, refused.param) == (422, "idempotency_key_reused", param)
    assert client.do(payment, what, key="k", **first).replayed


def test_keys_of_refunds_and_confirms_too(client):
    paid = client.payment()["id"]
    client.do(paid, "refunds", key="k", amount=5, reason="duplicate")
    assert client.do(paid, "refunds", key="k", amount=6, reason="duplicate").param == "amount"
    assert client.do(paid, "refunds", key="k", amount=5).param == "reason"
    asked = client.payment(token="tok_3ds_required")["id"]
    first = client.do(asked, "confirm", key="k", details={"a": "1"})
    assert client.do(asked, "confirm", key="k", details={"a": "2"}).code == "idempotency_key_reused"
    again = client.do(asked, "confirm", key="k", details={"a": "1"})
    assert again.replayed and again.body == first.body


def test_one_key_on_two_payments_is_two_intents(client):
    one, two = (client.payment(capture_method="manual")["id"] for _ in range(2))
    assert not client.do(one, "capture", key="shared").replayed
    assert not client.do(two, "capture", key="shared").replayed


def test_one_key_for_two_operations_of_a_payment_is_refused(client):
    payment = client.payment(capture_method="manual")["id"]
    client.do(payment, "capture", key="k", amount=5)
    refused = client.do(payment, "refunds", key="k", amount=5)
    assert (refused.status, refused.code, refused.param) == (422, "idempotency_key_reused", "operation")


def test_a_refusal_is_no_outcome_and_does_not_use_up_the_key(client):
    payment = client.payment(capture_method="manual")["id"]
    assert client.do(payment, "refunds", key="later", amount=5).status == 409
    client.do(payment, "capture")
    assert client.do(payment, "refunds", key="later", amount=5).status == 201


def test_a_202_is_replayed_as_it_was_and_reading_tells_the_outcome(client):
    key = str(uuid.uuid4())
    first = client.create(key, token="tok_very_slow")
    assert first.status == 202 and first.json["status"] == "processing"
    assert settle_down(client, first.json["id"])["status"] == "captured"
    again = client.create(key, token="tok_very_slow")
    same(first, again)
    assert len(Ledger(client.server).operations(first.json["id"], "authorize")) == 1


def test_a_client_that_hangs_up_and_repeats_pays_once(server, client):
    keys = [str(uuid.uuid4()) for _ in range(20)]
    body = json.dumps(payment_body(token="tok_slow")).encode()
    for key in keys:
        with Wire(server.address) as wire:
            wire.send((f"POST /v1/payments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {client.key}\r\n"
                       f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    for key in keys:
        made = client.create(key, token="tok_slow")
        assert made.status == 201 and made.json["status"] == "captured"
        charged = Ledger(server).operations(made.json["id"], "authorize")
        assert len(charged) == 1 and charged[0]["attempts"] == 1
