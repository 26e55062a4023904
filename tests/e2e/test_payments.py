"""The whole life of a payment over REST, on both stores, with the sandbox's ledger as the second opinion."""
import json
import re
import subprocess
import uuid
from urllib.parse import urlencode

import pytest

from client import Client
from ledger import Ledger, settle_down
from server import BINARY, until


@pytest.fixture(scope="module", autouse=True)
def nothing_strange_in_the_end(server):
    yield
    assert Ledger(server).anomalies() == []


@pytest.fixture
def ledger(server):
    return Ledger(server)


def types(client, payment):
    events = client.events(payment["id"])
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    return [event["type"] for event in events]


def amounts(payment):
    return {name: payment[f"amount_{name}"] for name in ("capturable", "captured", "refunded")}


# ---- the straight paths -------------------------------------------------------------------------------------------

def test_automatic_capture(client, ledger):
    answer = client.create(reference="order-1", description="Two books", statement_descriptor="NOVABOOKS",
                           metadata={"cart": "17", "empty": ""})
    made = answer.json
    assert answer.status == 201 and answer.headers["location"] == f"/v1/payments/{made['id']}"
    assert re.fullmatch(r"pay_[0-9a-z]{26}", made["id"])
    assert made["status"] == "captured" and made["amount"] == 1099 and made["currency"] == "eur"
    assert amounts(made) == {"capturable": 0, "captured": 1099, "refunded": 0}
    assert made["reference"] == "order-1" and made["description"] == "Two books"
    assert made["statement_descriptor"] == "NOVABOOKS" and made["metadata"] == {"cart": "17", "empty": ""}
    assert made["livemode"] is False and made["next_action"] is None and made["failure"] is None
    assert "token" not in json.dumps(made)
    assert client.read(made["id"]) == made
    assert types(client, made) == ["created", "authorized", "capture_requested", "captured"]
    ledger.agrees_with(made)


def test_manual_capture_in_parts(client, ledger):
    made = client.payment(capture_method="manual")
    assert made["status"] == "authorized" and amounts(made) == {"capturable": 1099, "captured": 0, "refunded": 0}
    assert made["expires_at"] is not None
    part = client.do(made["id"], "capture", amount=300)
    assert part.status == 200 and part.json["status"] == "partially_captured"
    assert amounts(part.json) == {"capturable": 799, "captured": 300, "refunded": 0}
    too_much = client.do(made["id"], "capture", amount=800)
    assert (too_much.status, too_much.code, too_much.param) == (422, "amount_exceeds_capturable", "amount")
    rest = client.do(made["id"], "capture")
    assert rest.json["status"] == "captured" and amounts(rest.json)["captured"] == 1099
    assert [(c["amount"], c["status"]) for c in rest.json["captures"]] == [(300, "succeeded"), (799, "succeeded")]
    ledger.agrees_with(client.read(made["id"]))


def test_a_final_part_gives_up_the_rest(client, ledger):
    made = client.payment(capture_method="manual")
    done = client.do(made["id"], "capture", amount=400, final=True).json
    assert done["status"] == "captured" and amounts(done) == {"capturable": 0, "captured": 400, "refunded": 0}
    assert client.do(made["id"], "capture", amount=1).status in (409, 422)
    ledger.agrees_with(client.read(made["id"]))


def test_cancel_releases_the_authorization(client, ledger):
    made = client.payment(capture_method="manual")
    gone = client.do(made["id"], "cancel", reason="out of stock")
    assert gone.status == 200 and gone.json["status"] == "canceled"
    assert amounts(gone.json) == {"capturable": 0, "captured": 0, "refunded": 0}
    for what in ("capture", "cancel", "refunds"):
        refused = client.do(made["id"], what)
        assert (refused.status, refused.code) == (409, "payment_unexpected_state"), refused
    assert types(client, made) == ["created", "authorized", "cancel_requested", "canceled"]
    assert ledger.sums(made["id"])["cancels"] == 1


def test_what_is_captured_cannot_be_canceled_and_the_refusal_says_what_can(client):
    refused = client.do(client.payment()["id"], "cancel")
    assert refused.code == "payment_unexpected_state"
    assert "refund" in refused.json["error"]["message"]


def test_refunds_in_parts(client, ledger):
    made = client.payment()
    first = client.do(made["id"], "refunds", amount=99, reason="requested_by_customer")
    assert first.status == 201
    refund = first.json
    assert refund["payment"] == made["id"] and refund["amount"] == 99 and refund["status"] == "succeeded"
    assert refund["reason"] == "requested_by_customer" and refund["id"].startswith("ref_")
    too_much = client.do(made["id"], "refunds", amount=1001)
    assert (too_much.status, too_much.code, too_much.param) == (422, "amount_exceeds_refundable", "amount")
    assert client.do(made["id"], "refunds").json["amount"] == 1000
    now = client.read(made["id"])
    assert amounts(now) == {"capturable": 0, "captured": 1099, "refunded": 1099} and now["status"] == "captured"
    listed = client.get(f"/v1/payments/{made['id']}/refunds").json
    assert [r["amount"] for r in listed["data"]] == [99, 1000] and listed["has_more"] is False
    assert client.do(made["id"], "refunds").status in (409, 422)
    ledger.agrees_with(now)


def test_a_partly_captured_payment_can_be_refunded_up_to_what_was_captured(client, ledger):
    made = client.payment(capture_method="manual")
    client.do(made["id"], "capture", amount=500)
    assert client.do(made["id"], "refunds", amount=501).code == "amount_exceeds_refundable"
    assert client.do(made["id"], "refunds", amount=500).status == 201
    assert client.do(made["id"], "capture").json["amount_captured"] == 1099
    ledger.agrees_with(client.read(made["id"]))


@pytest.mark.parametrize("body, param", [({"amount": 0}, "amount"), ({"amount": "5"}, "amount"), ({"amount": -5}, "amount"),
                                         ({"sum": 5}, "sum")])
def test_captures_and_refunds_are_held_to_the_same_form(client, body, param):
    held = client.payment(capture_method="manual")
    for what in ("capture", "refunds"):
        refused = client.do(held["id"], what, **body)
        assert refused.status == 400 and refused.param == param


# ---- 3-D Secure ---------------------------------------------------------------------------------------------------

def test_3ds_confirmed(client, ledger):
    answer = client.create(token="tok_3ds_required")
    made = answer.json
    assert answer.status == 201 and made["status"] == "requires_action"
    assert made["next_action"]["type"] == "redirect" and made["next_action"]["redirect"]["url"].startswith("https://")
    assert client.do(made["id"], "capture").code == "payment_unexpected_state"
    done = client.do(made["id"], "confirm", details={"result": "Y"})
    assert done.status == 200 and done.json["status"] == "captured" and done.json["next_action"] is None
    assert "result" not in json.dumps(client.events(made["id"])), "what the action returned stays with us"
    ledger.agrees_with(client.read(made["id"]))


@pytest.mark.parametrize("token, code, decline_code", [("tok_3ds_fails", "authentication_failed", None),
                                                       ("tok_3ds_declined_insufficient_funds", "card_declined", "insufficient_funds")])
def test_3ds_failed(client, ledger, token, code, decline_code):
    made = client.payment(token=token, capture_method="manual")
    done = client.do(made["id"], "confirm", details={"result": "N"}).json
    assert done["status"] == "failed"
    assert (done["failure"]["code"], done["failure"]["decline_code"]) == (code, decline_code)
    ledger.agrees_with(done)


def come_back(client, payment_id, query):
    return client.get(f"/v1/payments/{payment_id}/return?{query}", headers={"Authorization": None})


def test_the_customers_browser_comes_back_and_is_sent_on(client, ledger):
    shop = "https://shop.example/back?order=7"
    made = client.payment(token="tok_3ds_required", return_url=shop)
    for _ in range(3):  # the page is loaded again: it confirms once
        back = come_back(client, made["id"], "redirectResult=abc%2Fd&result=Y")
        assert back.status == 303 and back.body == b""
        assert back.headers["location"] == f"{shop}&payment={made['id']}&status=captured"
    done = client.read(made["id"])
    assert done["status"] == "captured" and done["return_url"] == shop
    events = client.events(made["id"])
    assert [event["type"] for event in events].count("confirm_requested") == 1
    assert "abc" not in json.dumps(events), "what the action returned stays with us"
    ledger.agrees_with(done)


def test_a_return_without_an_address_shows_a_page_that_says_nothing(client):
    made = client.payment(token="tok_3ds_fails")
    page = come_back(client, made["id"], "result=N")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert client.read(made["id"])["status"] == "failed"
    nobody = made["id"][:-8] + ("00000000" if made["id"][-8:] != "00000000" else "00000001")
    assert made["id"].encode() not in page.body
    assert come_back(client, nobody, "result=N").code == "resource_missing"


def test_a_return_that_no_bank_sends_confirms_nothing(client):
    made = client.payment(token="tok_3ds_required")
    for query in ("a=%zz", "a=1&a=2", "&".join(f"p{n}=v" for n in range(21))):
        assert come_back(client, made["id"], query).status == 400
    assert client.read(made["id"])["status"] == "requires_action"
    held = client.payment(capture_method="manual")
    assert come_back(client, held["id"], "result=Y").status == 200
    assert client.read(held["id"]) == held


def test_a_payment_goes_only_where_it_has_a_token(client):
    method = {"type": "card", "brand": "visa", "country": "DE"}
    refused = client.post("/v1/payments", {"amount": 1, "currency": "eur", "payment_method": method | {"tokens": {"elsewhere": "pm_1"}}}, "tokens-1")
    assert refused.status == 422 and refused.code == "no_processor"
    made = client.post("/v1/payments", {"amount": 1, "currency": "eur", "payment_method": method | {"tokens": {"sandbox": "tok_visa"}}}, "tokens-1")
    assert made.status == 201 and made.json["status"] == "captured", "a refused request frees its key"
    assert made.json["payment_method"] == method and made.json["processor"] == "sandbox"
    assert "tok_visa" not in made.body.decode()
    created = client.events(made.json["id"])[0]["data"]
    assert created["route"] == ["sandbox"] and created["rule"] == "default"


def test_3ds_abandoned(client):
    made = client.payment(token="tok_3ds_required")
    assert client.do(made["id"], "cancel").json["status"] == "canceled"
    assert client.do(made["id"], "confirm").code == "payment_unexpected_state"


def test_confirming_what_needs_no_action_is_refused(client):
    assert client.do(client.payment()["id"], "confirm").code == "payment_unexpected_state"


# ---- every token of the shared table ------------------------------------------------------------------------------

def tokens():
    done = subprocess.run([BINARY, "tokens"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_each_decline_is_told_with_its_code(client, ledger):
    declines = [t for t in tokens() if t["token"].startswith("tok_declined_")]
    assert len(declines) >= 10
    for token in declines:
        made = client.payment(token=token["token"])
        assert made["status"] == "failed", token
        assert made["failure"]["code"] == token["code"] and made["failure"]["decline_code"] == token.get("decline_code")
        assert len(made["failure"]["message"]) > 10
        ledger.agrees_with(made)
    assert client.payment(token="tok_nobody_knows")["failure"]["code"] == "payment_method_not_found"


LOST = ["tok_timeout_before", "tok_answer_lost", "tok_answer_lost_thrice", "tok_rate_limited", "tok_very_slow"]


@pytest.mark.parametrize("token", LOST)
def test_an_unknown_outcome_is_said_to_be_unknown_and_found_out(client, ledger, token):
    answer = client.create(token=token)
    made = answer.json
    if answer.status == 202:
        assert made["status"] == "processing" and made["processing_reason"], made
        assert client.do(made["id"], "refunds").status in (409, 422), "nothing is decided on a guess"
    else:
        assert answer.status == 201
    done = settle_down(client, made["id"], 30)
    assert done["status"] == "captured" and done["processing_reason"] is None
    assert sum(op["executions"] for op in ledger.operations(made["id"], "authorize")) == 1
    ledger.agrees_with(done)


def test_what_takes_too_long_is_answered_202_within_the_bound(client):
    answer = client.create(token="tok_very_slow")
    assert answer.status == 202 and answer.json["status"] == "processing"


def test_a_3ds_confirm_whose_answer_is_lost(client, ledger):
    made = client.payment(token="tok_3ds_answer_lost")
    client.do(made["id"], "confirm", details={"result": "Y"})
    ledger.agrees_with(settle_down(client, made["id"]))


@pytest.mark.parametrize("token", ["tok_capture_answer_lost", "tok_capture_timeout_before"])
def test_a_capture_in_doubt_keeps_its_reservation(client, ledger, token):
    made = client.payment(token=token, capture_method="manual")
    answer = client.do(made["id"], "capture", amount=1000)
    assert answer.status in (200, 202)
    assert client.do(made["id"], "capture", amount=100).code == "amount_exceeds_capturable"
    done = settle_down(client, made["id"])
    assert amounts(done) == {"capturable": 99, "captured": 1000, "refunded": 0}
    ledger.agrees_with(done)


@pytest.mark.parametrize("token", ["tok_refund_answer_lost", "tok_refund_timeout_before"])
def test_a_refund_in_doubt_keeps_its_reservation(client, ledger, token):
    made = client.payment(token=token)
    answer = client.do(made["id"], "refunds", amount=1000)
    assert answer.status in (201, 202)
    assert client.do(made["id"], "refunds", amount=100).code == "amount_exceeds_refundable"
    done = settle_down(client, made["id"])
    assert amounts(done) == {"capturable": 0, "captured": 1099, "refunded": 1000}
    ledger.agrees_with(done)


def test_a_cancel_whose_answer_is_lost(client, ledger):
    made = client.payment(token="tok_cancel_answer_lost", capture_method="manual")
    assert client.do(made["id"], "cancel").status in (200, 202)
    until(lambda: client.read(made["id"])["status"] == "canceled", 30)
    assert ledger.sums(made["id"])["cancels"] == 1


def test_refused_captures_refunds_and_cancels_change_nothing(client, ledger):
    held = client.payment(token="tok_capture_declined", capture_method="manual")
    no = client.do(held["id"], "capture", amount=5).json
    assert no["captures"][0]["status"] == "failed" and no["captures"][0]["failure"]["code"] == "charge_expired_for_capture"
    assert amounts(no)["captured"] == 0

    paid = client.payment(token="tok_refund_declined")
    no = client.do(paid["id"], "refunds").json
    assert no["status"] == "failed" and no["failure"]["code"] == "charge_not_refundable"
    assert client.read(paid["id"])["amount_refunded"] == 0

    held = client.payment(token="tok_cancel_declined", capture_method="manual")
    assert client.do(held["id"], "cancel").json["status"] == "authorized"
    assert client.do(held["id"], "capture").json["status"] == "captured"
    ledger.agrees_with(client.read(held["id"]))


def test_what_fails_later_is_taken_back(client, ledger):
    lost = client.payment(token="tok_capture_fails_later")
    sent_back = client.payment(token="tok_refund_fails_later")
    assert client.do(sent_back["id"], "refunds", amount=99).json["status"] == "succeeded"
    until(lambda: client.read(lost["id"])["amount_captured"] == 0, 30, 0.2)
    until(lambda: client.read(sent_back["id"])["amount_refunded"] == 0, 30, 0.2)
    now = client.read(lost["id"])
    assert now["captures"][0]["status"] == "failed" and now["captures"][0]["failure"]["code"] == "capture_failed"
    assert client.get(f"/v1/payments/{sent_back['id']}/refunds").json["data"][0]["status"] == "failed"
    assert client.do(sent_back["id"], "refunds").json["amount"] == 1099, "its money can be refunded again"
    for payment in (lost, sent_back):
        ledger.agrees_with(settle_down(client, payment["id"]))


@pytest.mark.parametrize("token", ["tok_visa", "tok_duplicate_answer"])
def test_captured_payments_settle_and_can_still_be_refunded(client, ledger, token):
    made = client.payment(token=token)
    until(lambda: client.read(made["id"])["status"] == "settled", 40, 0.2)
    assert types(client, made).count("settled") == 1
    assert client.do(made["id"], "refunds", amount=100).status == 201
    ledger.agrees_with(client.read(made["id"]))


# ---- lists --------------------------------------------------------------------------------------------------------

def listed(client, **filters):
    query = urlencode({name.replace("__", "[") + "]" if "__" in name else name: value for name, value in filters.items()})
    answer = client.get(f"/v1/payments?{query}")
    assert answer.status == 200, answer
    return answer.json


def ids(page):
    return [payment["id"] for payment in page["data"]]


def test_a_list_is_never_behind_its_answers_and_newest_first(client):
    mark = uuid.uuid4().hex
    made = [client.payment(reference=mark)["id"] for _ in range(5)]
    assert ids(listed(client, reference=mark)) == made[::-1]
    held = client.payment(reference=mark, capture_method="manual")["id"]
    client.do(held, "cancel")
    assert ids(listed(client, reference=mark, status="canceled")) == [held]


def test_each_filter(client):
    mark = uuid.uuid4().hex
    small = client.payment(metadata={mark: "red"}, amount=100)
    large = client.payment(metadata={mark: "blue"}, amount=5000)
    bad = client.payment(metadata={mark: "red"}, token="tok_declined_generic", amount=700)
    key = {"metadata_key": mark}
    assert ids(listed(client, **key)) == [bad["id"], large["id"], small["id"]]
    assert ids(listed(client, **{f"metadata[{mark}]": "red"})) == [bad["id"], small["id"]]
    assert ids(listed(client, **key, status="failed")) == [bad["id"]]
    assert ids(listed(client, **key, amount__gte=700)) == [bad["id"], large["id"]]
    assert ids(listed(client, **key, amount__gte=101, amount__lte=4999)) == [bad["id"]]
    assert ids(listed(client, **key, created__gte=large["created_at"])) == [bad["id"], large["id"]]
    assert small["id"] in ids(listed(client, **key, created__lte=small["created_at"]))
    assert ids(listed(client, **key, created__lt=small["created_at"])) == []
    assert bad["id"] not in ids(listed(client, **key, created__gt=bad["created_at"]))
    assert ids(listed(client, reference="nobody-has-this")) == []


def test_pages_meet_without_gap_or_overlap(client):
    mark = uuid.uuid4().hex
    made = [client.payment(reference=mark)["id"] for _ in range(7)]
    seen, cursor = [], None
    while True:
        page = listed(client, reference=mark, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["next_cursor"]
        client.payment(reference="something newer meanwhile")
        if not page["has_more"]:
            break
        assert len(page["data"]) == 3 and cursor
    assert seen == made[::-1] and cursor is None


@pytest.mark.parametrize("query, param", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=1&limit=2", "limit"), ("status=gone", "status"),
    ("cursor=x", "cursor"), ("cursor=", "cursor"), ("created[gte]=yesterday", "created[gte]"), ("amount[gte]=1.5", "amount[gte]"),
    ("amount[lte]=-1", "amount[lte]"), ("reference=", "reference"), ("colour=red", "colour"), ("status=%ff", None),
    ("status=%zz", None), ("idempotency_key=a&status=failed", "idempotency_key"), ("created[gte]=2026-13-01T00:00:00Z", "created[gte]")])
def test_wrong_filters_are_refused_by_name(client, query, param):
    refused = client.get(f"/v1/payments?{query}")
    assert refused.status == 400, refused
    if param:
        assert refused.param == param


def test_found_by_its_idempotency_key(client):
    key = f"find me {uuid.uuid4()}"
    made = client.payment(key=key)
    assert ids(listed(client, idempotency_key=key)) == [made["id"]]
    assert ids(listed(client, idempotency_key=key + "x")) == []


# ---- who may see what ---------------------------------------------------------------------------------------------

def test_nobody_sees_another_merchants_payments(other_keys, server, client):
    mark = uuid.uuid4().hex
    mine = client.payment(reference=mark, key=mark, capture_method="manual")
    for key in other_keys.values():
        other = Client(server, key)
        for answer in (other.get(f"/v1/payments/{mine['id']}"), other.get(f"/v1/payments/{mine['id']}/events"),
                       other.get(f"/v1/payments/{mine['id']}/refunds"), other.do(mine["id"], "capture"),
                       other.do(mine["id"], "cancel"), other.do(mine["id"], "refunds"), other.do(mine["id"], "confirm")):
            assert (answer.status, answer.code) == (404, "resource_missing"), answer
        assert ids(listed(other, reference=mark)) == [] and ids(listed(other, idempotency_key=mark)) == []
        theirs = other.payment(key=mark, reference=mark, amount=77)  # the same key is theirs to use
        assert theirs["id"] != mine["id"] and theirs["amount"] == 77
        assert ids(listed(other, reference=mark)) == [theirs["id"]]
        other.close()
    assert client.read(mine["id"])["status"] == "authorized"


def test_live_and_test_are_two_worlds(other_keys, server):
    test, live = Client(server, other_keys["test"]), Client(server, other_keys["live"])
    made = live.payment()
    assert made["livemode"] is True
    assert test.get(f"/v1/payments/{made['id']}").status == 404
    assert live.get(f"/v1/payments/{made['id']}").status == 200
