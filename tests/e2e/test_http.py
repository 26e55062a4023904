"""What a client can get wrong, in JSON, in HTTP and on the wire: each has its own clear answer, and nothing is lost."""
import json
import re

import pytest

import contract
from client import Client, Wire, payment_body
from server import until

GOOD = payment_body()


@pytest.fixture(scope="module", params=["sqlite"])  # nothing here depends on the store
def store(request):
    return request.param


def without(name):
    return {k: v for k, v in GOOD.items() if k != name}


def raw(text):
    """The good body with its amount written like that."""
    return json.dumps(GOOD).replace("1099", text).encode()


# ---- the body ------------------------------------------------------------------------------------------------------

BODIES = {  # name: (body, status, code, param)
    "empty": (b"", 400, "parameter_missing", None),
    "blank": (b" ", 400, "json_invalid", None),
    "broken": (b'{"amount": 1', 400, "json_invalid", None),
    "trailing garbage": (json.dumps(GOOD).encode() + b" x", 400, "json_invalid", None),
    "NaN": (raw("NaN"), 400, "json_invalid", None),
    "leading zero": (raw("01099"), 400, "json_invalid", None),
    "single quotes": (b"{'amount': 1}", 400, "json_invalid", None),
    "comment": (b"/* */ {}", 400, "json_invalid", None),
    "an array": (b"[]", 400, "parameter_invalid", None),
    "a string": (b'"pay"', 400, "parameter_invalid", None),
    "null": (b"null", 400, "parameter_invalid", None),
    "duplicate key": (b'{"amount": 1, "amount": 2}', 400, "json_duplicate_key", "amount"),
    "duplicate key inside": (b'{"metadata": {"a": "1", "a": "1"}}', 400, "json_duplicate_key", "metadata.a"),
    "duplicate key, escaped": (b'{"amount": 1, "am\\u006funt": 2}', 400, "json_duplicate_key", "amount"),
    "too deep": (b'{"a":' * 200 + b"1" + b"}" * 200, 400, "json_too_deep", None),
    "far too deep": (b"[" * 30000, 400, "json_too_deep", None),
    "too many values": (b'{"metadata": [' + b"1," * 5000 + b"1]}", 400, "json_too_complex", None),
    "not UTF-8": (b'{"reference": "\xff"}', 400, "utf8_invalid", None),
    "overlong UTF-8": (b'{"reference": "\xc0\xaf"}', 400, "utf8_invalid", None),
    "UTF-8 surrogate": (b'{"reference": "\xed\xa0\x80"}', 400, "utf8_invalid", None),
    "escaped lone surrogate": (b'{"reference": "\\ud800"}', 400, "json_invalid", None),
    "unknown field": (GOOD | {"colour": 1}, 400, "parameter_unknown", "colour"),
    "unknown inner field": (GOOD | {"payment_method": {"type": "card", "token": "tok_visa", "cvc": "1"}}, 400,
                            "parameter_unknown", "payment_method.cvc"),
    "no amount": (without("amount"), 400, "parameter_missing", "amount"),
    "no currency": (without("currency"), 400, "parameter_missing", "currency"),
    "no payment method": (without("payment_method"), 400, "parameter_missing", "payment_method"),
    "no token": (GOOD | {"payment_method": {"type": "card"}}, 400, "parameter_missing", "payment_method.token"),
    "amount as text": (GOOD | {"amount": "1099"}, 400, "parameter_invalid", "amount"),
    "amount true": (GOOD | {"amount": True}, 400, "parameter_invalid", "amount"),
    "amount null": (GOOD | {"amount": None}, 400, "parameter_invalid", "amount"),
    "amount an object": (GOOD | {"amount": {"minor": 1}}, 400, "parameter_invalid", "amount"),
    "amount fractional": (raw("10.99"), 400, "parameter_invalid", "amount"),
    "amount with a zero fraction": (raw("10.0"), 400, "parameter_invalid", "amount"),
    "amount with exponent": (raw("1e3"), 400, "parameter_invalid", "amount"),
    "amount zero": (raw("0"), 400, "parameter_invalid", "amount"),
    "amount minus zero": (raw("-0"), 400, "parameter_invalid", "amount"),
    "amount negative": (raw("-1"), 400, "parameter_invalid", "amount"),
    "amount of int64 max": (raw("9223372036854775807"), 400, "parameter_invalid", "amount"),
    "amount over int64": (raw("9223372036854775808"), 400, "parameter_invalid", "amount"),
    "amount over uint64": (raw("99999999999999999999"), 400, "parameter_invalid", "amount"),
    "amount beyond doubles": (raw("1" + "0" * 400), 400, "parameter_invalid", "amount"),
    "currency upper case": (GOOD | {"currency": "EUR"}, 400, "parameter_invalid", "currency"),
    "currency unknown": (GOOD | {"currency": "abc"}, 400, "parameter_invalid", "currency"),
    "currency no money": (GOOD | {"currency": "xau"}, 400, "parameter_invalid", "currency"),
    "currency too short": (GOOD | {"currency": "eu"}, 400, "parameter_invalid", "currency"),
    "currency a number": (GOOD | {"currency": 978}, 400, "parameter_invalid", "currency"),
    "capture method unknown": (GOOD | {"capture_method": "later"}, 400, "parameter_invalid", "capture_method"),
    "method type unknown": (GOOD | {"payment_method": {"type": "cash", "token": "tok_visa"}}, 400, "parameter_invalid",
                            "payment_method.type"),
    "token empty": (GOOD | {"payment_method": {"type": "card", "token": ""}}, 400, "parameter_invalid",
                    "payment_method.token"),
    "token with blanks": (GOOD | {"payment_method": {"type": "card", "token": "tok visa"}}, 400, "parameter_invalid",
                          "payment_method.token"),
    "reference too long": (GOOD | {"reference": "x" * 256}, 400, "parameter_invalid", "reference"),
    "reference with NUL": (GOOD | {"reference": "a\0b"}, 400, "parameter_invalid", "reference"),
    "reference a number": (GOOD | {"reference": 5}, 400, "parameter_invalid", "reference"),
    "description too long": (GOOD | {"description": "x" * 1001}, 400, "parameter_invalid", "description"),
    "descriptor too long": (GOOD | {"statement_descriptor": "A" * 23}, 400, "parameter_invalid", "statement_descriptor"),
    "descriptor with a star": (GOOD | {"statement_descriptor": "A*B"}, 400, "parameter_invalid", "statement_descriptor"),
    "metadata a list": (GOOD | {"metadata": []}, 400, "parameter_invalid", "metadata"),
    "metadata value a number": (GOOD | {"metadata": {"a": 1}}, 400, "parameter_invalid", "metadata.a"),
    "metadata key too long": (GOOD | {"metadata": {"k" * 41: ""}}, 400, "parameter_invalid", "metadata"),
    "metadata value too long": (GOOD | {"metadata": {"a": "v" * 501}}, 400, "parameter_invalid", "metadata.a"),
    "metadata too many": (GOOD | {"metadata": {str(n): "" for n in range(51)}}, 400, "parameter_invalid", "metadata"),
    "too large": (GOOD | {"description": "x" * 400_000}, 413, "body_too_large", None),
}


@pytest.mark.parametrize("name", BODIES)
def test_each_wrong_body_has_its_own_error(client, name):
    body, status, code, param = BODIES[name]
    answer = client.post("/v1/payments", body)
    assert (answer.status, answer.code) == (status, code), answer
    if param is not None:
        assert answer.param == param
    assert answer.headers["content-type"].startswith("application/json")
    assert len(answer.json["error"]["message"]) > 10


def test_every_error_says_what_where_and_which_request(client):
    error = client.post("/v1/payments", GOOD | {"amount": "1"}, headers={"X-Request-Id": "mine-42"})
    assert error.headers["x-request-id"] == "mine-42"
    assert set(error.json["error"]) == {"type", "code", "message", "param", "doc_url", "request_id"}
    assert error.json["error"]["request_id"] == "mine-42"
    assert error.json["error"]["type"] == "invalid_request_error"
    assert error.json["error"]["doc_url"].endswith("parameter_invalid")


def test_a_refused_body_makes_no_payment_and_keeps_its_key_free(client):
    assert client.post("/v1/payments", raw("0"), key="free-after-refusal").status == 400
    assert client.get("/v1/payments?idempotency_key=free-after-refusal").json["data"] == []
    assert client.post("/v1/payments", GOOD, key="free-after-refusal").status == 201


def test_amounts_at_their_edges_are_taken(client):
    assert client.payment(amount=1)["amount"] == 1
    assert client.payment(amount=999_999_999_999)["amount"] == 999_999_999_999
    for currency in ("jpy", "bhd", "clf", "usd"):  # 0, 3, 4 and 2 digits
        assert client.payment(amount=12345, currency=currency)["currency"] == currency


# ---- headers, routes and methods ----------------------------------------------------------------------------------

@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "application/x-www-form-urlencoded",
                                          "application/json; charset=latin1", "application/jsonx", ""])
def test_a_wrong_content_type_is_415(client, content_type):
    answer = client.post("/v1/payments", GOOD, headers={"Content-Type": content_type})
    assert (answer.status, answer.code) == (415, "unsupported_media_type"), answer


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'])
def test_json_content_types_are_taken(client, content_type):
    assert client.post("/v1/payments", GOOD, headers={"Content-Type": content_type}).status == 201


def test_content_encoding_is_415(client):
    assert client.post("/v1/payments", GOOD, headers={"Content-Encoding": "gzip"}).code == "unsupported_media_type"


@pytest.mark.parametrize("target", ["/", "/v1", "/v1/", "/v1/payment", "/v1/payments/", "/v2/payments", "/V1/payments",
                                    "/v1/payments/x/y/z", "/v1//payments", "/v1/payments/../payments", "/admin", "/metrics"])
def test_unknown_routes_are_404(client, target):
    answer = client.get(target)
    assert (answer.status, answer.code) == (404, "route_unknown"), answer


@pytest.mark.parametrize("method, target, allowed", [
    ("DELETE", "/v1/payments", {"GET", "POST"}), ("PUT", "/v1/payments/pay_0", {"GET"}),
    ("PATCH", "/v1/payments", {"GET", "POST"}), ("POST", "/openapi.json", {"GET"}),
    ("GET", "/v1/payments/pay_0/capture", {"POST"}), ("BREW", "/v1/payments", {"GET", "POST"})])
def test_a_wrong_method_is_405_and_says_which_are_right(client, method, target, allowed):
    answer = client.send(method, target)
    assert (answer.status, answer.code) == (405, "method_not_allowed"), answer
    assert allowed <= set(re.split(r",\s*", answer.headers["allow"]))


@pytest.mark.parametrize("payment_id", ["pay_00000000000000000000000000", "pay_0", "pay_", "ref_00000000000000000000000000",
                                        "x", "%00", "pay_ILOU", "PAY_00000000000000000000000000", "a" * 500])
def test_what_is_no_payment_is_404(client, payment_id):
    for answer in (client.get(f"/v1/payments/{payment_id}"), client.get(f"/v1/payments/{payment_id}/events"),
                   client.get(f"/v1/payments/{payment_id}/refunds"), client.do(payment_id, "capture"),
                   client.do(payment_id, "cancel"), client.do(payment_id, "refunds"), client.do(payment_id, "confirm")):
        assert (answer.status, answer.code) == (404, "resource_missing"), answer


@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer np_test_sk_wrong", "Bearer np_test_sk_" + "a" * 40,
    "Bearer " + "x" * 4000, "np_test_sk_"])
def test_without_a_good_key_everything_is_401(client, authorization):
    for answer in (client.send("GET", "/v1/payments", headers={"Authorization": authorization}),
                   client.post("/v1/payments", GOOD, headers={"Authorization": authorization})):
        assert (answer.status, answer.code) == (401, "authentication_failed"), answer
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_with_one_letter_changed_is_refused(server, client):
    last = client.key[-1]
    wrong = Client(server, client.key[:-1] + ("a" if last != "a" else "b"))
    assert wrong.get("/v1/payments").code == "authentication_failed"


@pytest.mark.parametrize("key, code", [(False, "idempotency_key_missing"), ("x" * 256, "idempotency_key_invalid"),
                                       ('"open', "idempotency_key_invalid"), ('""', "idempotency_key_invalid"),
                                       ("\u00e9", "idempotency_key_invalid"), ("a\tb", "idempotency_key_invalid")])
def test_a_missing_or_bad_idempotency_key_is_refused(client, key, code):
    answer = client.post("/v1/payments", GOOD, key)
    assert (answer.status, answer.code) == (400, code), answer


@pytest.mark.parametrize("sent", ["x" * 300, "bad id", "<script>"])
def test_a_request_id_that_cannot_be_trusted_is_replaced(client, sent):
    answer = client.get("/v1/payments?limit=1", headers={"X-Request-Id": sent})
    assert answer.status == 200
    assert answer.headers["x-request-id"] != sent


def test_request_ids_are_our_own_without_one(client):
    ids = {client.get("/v1/payments?limit=1").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


def test_server_timing_tells_our_time_and_the_processors_apart(client):
    answer = client.create(token="tok_slow")
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    own, processor = float(timing.pop("novapay")), float(timing.pop("processor"))
    assert processor >= 1400 > own, answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_an_impossible_accept_is_406(client):
    assert client.get("/v1/payments", headers={"Accept": "text/html"}).code == "not_acceptable"
    for accept in ("*/*", "application/*", "application/json;q=0.5, text/html", "application/json"):
        assert client.get("/v1/payments?limit=1", headers={"Accept": accept}).status == 200


# ---- the same for every route of the contract ---------------------------------------------------------------------

NOBODY = "pay_00000000000000000000000000"
ROUTES = [(method, template.replace("{id}", NOBODY), operation) for method, template, operation in contract.for_merchants()]
POSTS = [(method, target) for method, target, operation in ROUTES if method == "POST"]
MONEY = [(method, target) for method, target, operation in ROUTES
         if any(each.get("$ref", "").endswith("/IdempotencyKey") for each in operation.get("parameters", []))]
KEYED = [(method, target) for method, target, operation in ROUTES if operation.get("security") != []]


def send(client, method, target, body=b"{}", **headers):
    sent = {"Content-Type": "application/json", "Idempotency-Key": "route"} if method == "POST" else {}
    return client.send(method, target, body if method == "POST" else None, sent | headers)


@pytest.mark.parametrize("method, target", [(m, t) for m, t, _ in ROUTES])
def test_every_route_refuses_what_it_cannot_answer_in(client, method, target):
    assert send(client, method, target, Accept="image/png").code == "not_acceptable"


@pytest.mark.parametrize("method, target", KEYED)
def test_every_route_but_the_docs_needs_a_key(client, method, target):
    assert send(client, method, target, Authorization=None).code == "authentication_failed"


@pytest.mark.parametrize("method, target", KEYED)
def test_every_route_refuses_unknown_query_parameters(client, method, target):
    answer = send(client, method, target + "?colour=red")
    assert (answer.code, answer.param) == ("parameter_unknown", "colour")


@pytest.mark.parametrize("method, target", MONEY)
def test_everything_that_does_something_needs_an_idempotency_key(client, method, target):
    assert send(client, method, target, **{"Idempotency-Key": None}).code == "idempotency_key_missing"


@pytest.mark.parametrize("method, target", POSTS)
def test_every_post_is_held_to_the_same_rules(client, method, target):
    assert send(client, method, target, **{"Content-Type": "text/plain"}).code == "unsupported_media_type"
    assert send(client, method, target, b'{"colour": 1}').code == "parameter_unknown"
    assert send(client, method, target, b'{"colour": "4242424242424242"}').code == "card_number_not_allowed"
    assert send(client, method, target, b"{").code == "json_invalid"
    assert send(client, method, target, b" " * 400_000).code == "body_too_large"


@pytest.mark.parametrize("method, target", [(m, t) for m, t in KEYED if NOBODY in t])
def test_every_route_with_an_id_says_when_there_is_none(client, method, target):
    assert send(client, method, target).code == "resource_missing"


# ---- secrets ------------------------------------------------------------------------------------------------------

CARD = "4242424242424242"
CARD_PLACES = {
    "token": {"payment_method": {"type": "card", "token": CARD}},
    "reference": {"reference": CARD},
    "reference, grouped": {"reference": "card 4242 4242 4242 4242"},
    "reference, dashed": {"reference": "4242-4242-4242-4242"},
    "description": {"description": f"paid with {CARD}."},
    "metadata value": {"metadata": {"card": CARD}},
    "metadata key": {"metadata": {CARD: "x"}},
    "amount": {"amount": int(CARD)},
    "unknown field": {"card": {"number": CARD}},
    "amex": {"reference": "378282246310005"},
}


@pytest.mark.parametrize("place", CARD_PLACES)
def test_what_passes_as_a_card_number_is_refused(client, place):
    answer = client.post("/v1/payments", GOOD | CARD_PLACES[place])
    assert (answer.status, answer.code) == (400, "card_number_not_allowed"), answer
    assert not re.search(rb"4242|378282246310005", answer.body)


def test_card_numbers_in_query_path_and_key_are_refused(client):
    for answer in (client.get(f"/v1/payments?reference={CARD}"), client.get(f"/v1/payments/{CARD}"),
                   client.post("/v1/payments", GOOD, CARD)):
        assert answer.status in (400, 404) and CARD.encode() not in answer.body


def test_no_secret_is_in_a_log_metric_or_file(client, server):
    """Canaries through every door, good requests and bad; then nothing of them in logs, metrics, or (cards, keys) the data."""
    canary = "tok_canary_5f1e"
    client.create(token=canary)
    client.post("/v1/payments", GOOD | {"payment_method": {"type": "card", "token": canary + "\n"}})
    client.post("/v1/payments", GOOD | {"reference": f"{CARD}", "description": canary})
    client.get(f"/v1/payments?cursor={canary}&reference={CARD}")
    client.send("GET", f"/v1/{canary}/{CARD}")
    client.send("GET", "/v1/payments", headers={"Authorization": f"Bearer np_live_sk_{canary}"})
    client.send("GET", "/v1/payments", headers={"X-Request-Id": CARD, "X-Api-Key": canary})
    with Wire(server.address) as wire:
        wire.send(f"GET /{canary} HTTP/1.1\r\n{canary} {CARD}\r\n\r\n".encode()).answer()
    until(lambda: len(server.log_lines()) > 5)

    secrets = [CARD, CARD[:12], canary, client.key, client.key.split("_")[-1]]
    metrics = server.admin_get("/metrics")[2]
    for secret in secrets:
        assert secret not in server.log_path.read_text(), secret
        assert secret not in metrics
    for file in server.data.rglob("*"):
        if file.is_file() and file.name != "dev-key":
            content = file.read_bytes()
            assert CARD.encode() not in content and client.key.encode() not in content, file
