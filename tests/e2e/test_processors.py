"""Payments through Stripe's and Adyen's own HTTP, by the simulators of tests/processors; routes, failover, breakers; what a wrong file is told."""
import http.client
import json
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "processors"))
import server as e2e  # noqa: E402
from client import Client  # noqa: E402
from simulators import start  # noqa: E402

NODE = """
processors:
  stripe: {{kind: stripe, base_url: "{stripe}", api_key: {{env: TEST_STRIPE_KEY}}, webhook_secrets: [{{env: TEST_STRIPE_SECRET}}],
    connect_timeout_ms: 500, call_timeout_ms: 1500}}
  second: {{kind: stripe, base_url: "{second}", api_key: {{env: TEST_STRIPE_KEY}}}}
  adyen: {{kind: adyen, base_url: "{adyen}", merchant_account: {account}, api_key: {{env: TEST_ADYEN_KEY}},
    webhook_secrets: [{{env: TEST_ADYEN_SECRET}}]}}
routing:
  rules:
    - {{name: dollars, when: {{currency: [usd]}}, to: [second]}}
    - {{name: pounds, when: {{currency: [gbp]}}, to: [adyen]}}
  default: [stripe, second]
log: {{level: warning}}
"""
CARD = {"type": "card", "token": "pm_card_visa"}


@pytest.fixture(scope="module")
def stripe():
    with start("stripe") as running:
        yield running


@pytest.fixture(scope="module")
def second():
    with start("stripe") as running:
        yield running


@pytest.fixture(scope="module")
def adyen():
    with start("adyen") as running:
        yield running


@pytest.fixture(scope="module")
def node(stripe, second, adyen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("node")
    (folder / "node.yaml").write_text(NODE.format(stripe=stripe.base_url, second=second.base_url, adyen=adyen.base_url,
                                                  account=adyen.merchant_account))
    made = e2e.Server("sqlite", folder, config=folder / "node.yaml")
    made.environment = {"TEST_STRIPE_KEY": stripe.api_key, "TEST_STRIPE_SECRET": stripe.webhook_secret,
                        "TEST_ADYEN_KEY": adyen.api_key, "TEST_ADYEN_SECRET": adyen.webhook_secret}
    made.start()
    for simulator in (stripe, adyen):
        simulator.webhooks(url=f"http://{made.address[0]}:{made.address[1]}/webhooks/{simulator.processor}", paused=False)
    yield made
    made.stop()


@pytest.fixture
def client(node):
    with_key = Client(node)
    yield with_key
    with_key.close()


def ended(client, payment_id, timeout_s=20):
    """The payment as soon as its outcome is known."""
    def known():
        now = client.read(payment_id)
        return now if now["status"] not in ("processing", "pending") else None
    return e2e.until(known, timeout_s)


def effects(simulator, payment_id, effect):
    return [entry for entry in simulator.effects(payment_id) if entry["effect"] == effect]


def test_a_payment_is_authorized_captured_in_part_and_refunded(client, stripe):
    made = client.payment(payment_method=CARD, currency="eur", amount=2000, capture_method="manual")
    assert (made["status"], made["processor"]) == ("authorized", "stripe")
    captured = client.do(made["id"], "capture", amount=1500).json
    assert captured["amount_captured"] == 1500
    # Without multicapture Stripe releases what a capture leaves: the adapter tells.
    e2e.until(lambda: client.read(made["id"])["amount_capturable"] == 0)
    refund = client.do(made["id"], "refunds", amount=400).json
    assert (refund["status"], refund["amount"]) == ("succeeded", 400)
    assert client.read(made["id"])["amount_refunded"] == 400
    money = [(entry["effect"], entry["amount"]) for entry in stripe.effects(made["id"])]
    assert money == [("authorized", 2000), ("captured", 1500), ("released", 500), ("refunded", 400)], money


def test_a_decline_says_what_to_do_about_it(client):
    made = client.payment(payment_method={"type": "card", "token": "pm_card_visa_chargeDeclinedInsufficientFunds"}, currency="eur")
    assert made["status"] == "failed"
    why = made["failure"]
    assert (why["code"], why["decline_code"], why["advice"]) == ("card_declined", "insufficient_funds", "retry_later"), why
    assert why["processor_code"] == "card_declined/insufficient_funds"


def test_a_rule_sends_dollars_to_the_second_and_explains_itself(client, second):
    body = {"amount": 700, "currency": "usd", "payment_method": CARD}
    told = client.send("POST", "/v1/routing/explain", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert told.status == 200 and told.json["processors"] == ["second"] and told.json["rule"] == "dollars", told
    assert "rule 'dollars' fits" in told.json["explanation"]
    made = client.payment(**body)
    assert (made["processor"], made["status"]) == ("second", "captured")
    assert effects(second, made["id"], "authorized")


def test_a_lost_answer_is_found_out_and_charged_once(client, stripe):
    stripe.fate("timeout", operation="authorize")
    made = client.payment(payment_method=CARD, currency="eur", amount=1234)
    assert made["status"] in ("processing", "captured"), made  # its webhook may be faster than the next inquiry
    assert ended(client, made["id"])["status"] == "captured"
    assert len(effects(stripe, made["id"], "authorized")) == 1


def test_who_turns_the_connection_away_is_passed_over_at_once(client, stripe, second):
    stripe.outage("refuse", seconds=3)
    # On a connection that was open already the end is not certain: that one stays with its processor.
    first = client.payment(payment_method=CARD, currency="eur", amount=4320)
    made = client.payment(payment_method=CARD, currency="eur", amount=4321)
    assert (made["status"], made["processor"]) == ("captured", "second")
    types = [event["type"] for event in client.events(made["id"])]
    assert "rerouted" in types
    assert not effects(stripe, made["id"], "authorized") and len(effects(second, made["id"], "authorized")) == 1
    assert ended(client, first["id"])["status"] == "captured"
    e2e.until(lambda: client.payment(payment_method=CARD, currency="eur", amount=100)["processor"] == "stripe")  # it is back
    charges = effects(stripe, first["id"], "authorized") + effects(second, first["id"], "authorized")
    assert len(charges) == 1, charges


def breakers(node, path="", method="GET"):
    connection = http.client.HTTPConnection(*node.admin, timeout=10)
    connection.request(method, "/breakers" + path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_an_operator_opens_a_breaker_and_gives_it_back(client, node):
    assert breakers(node, "/nobody?override=open", "POST")[0] == 404
    assert breakers(node, "/stripe?override=ajar", "POST")[0] == 400
    assert breakers(node, "/stripe?override=open&operation=sing", "POST")[0] == 400
    status, listed = breakers(node, "/stripe?override=open&operation=authorize", "POST")
    assert status == 200
    assert [one["override"] for one in listed["data"] if one["processor"] == "stripe" and one["operation"] == "authorize"] == ["open"]
    made = client.payment(payment_method=CARD, currency="eur", amount=999)
    assert (made["status"], made["processor"]) == ("captured", "second")
    assert breakers(node, "/stripe?override=none", "POST")[0] == 200


def through_the_bank(url):
    """Where the bank's page sends the browser after a success."""
    bank = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(bank.hostname, bank.port, timeout=10)
    connection.request("GET", f"{bank.path}?{bank.query}{'&' if bank.query else ''}result=success")
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (302, 303), answer.status
    return answer.headers["Location"]


def test_the_customer_goes_to_the_bank_and_comes_back(client):
    made = client.payment(payment_method={"type": "card", "token": "pm_card_authenticationRequired"}, currency="eur",
                          return_url="http://127.0.0.1:9/shop?order=1")
    assert made["status"] == "requires_action" and made["next_action"]["type"] == "redirect"
    assert through_the_bank(made["next_action"]["redirect"]["url"]).startswith("http://127.0.0.1:9/shop?order=1")
    assert client.do(made["id"], "confirm").json["status"] == "captured"


# ---- Adyen --------------------------------------------------------------------------------------------------------

ADYEN_CARD = {"type": "card", "token": "test_visa"}


def test_adyen_takes_a_capture_and_its_webhook_confirms_it(client, adyen):
    made = client.payment(payment_method=ADYEN_CARD, currency="gbp", amount=1500, capture_method="manual")
    assert (made["status"], made["processor"]) == ("authorized", "adyen")
    adyen.webhooks(paused=True)
    captured = client.do(made["id"], "capture").json
    # 201 "received" is not success: the webhook says what became of it.
    assert (captured["status"], captured["processing_reason"]) == ("processing", "accepted_by_processor")
    assert captured["amount_captured"] == 0 and captured["captures"][0]["status"] == "pending"
    assert [entry["effect"] for entry in adyen.effects(made["id"])][:2] == ["authorized", "captured"]
    adyen.webhooks(paused=False)
    now = ended(client, made["id"])
    assert (now["status"], now["amount_captured"]) == ("captured", 1500)


# ---- webhooks -----------------------------------------------------------------------------------------------------

def test_settlement_is_fetched_when_a_webhook_announces_it(client, stripe):
    made = client.payment(payment_method=CARD, currency="eur", amount=5000)
    assert (made["status"], made["processor"]) == ("captured", "stripe")
    stripe.settle()
    now = e2e.until(lambda: (p := client.read(made["id"]))["status"] == "settled" and p, 30)
    paid = now["captures"][0]["settlement"]
    assert paid["net"] + paid["fee"] == 5000 and paid["fee"] > 0 and paid["payout"], paid


def test_a_dispute_shows_on_the_payment(client, stripe):
    made = client.payment(payment_method={"type": "card", "token": "pm_card_createDispute"}, currency="eur", amount=2500)
    assert made["status"] == "captured"
    now = e2e.until(lambda: (p := client.read(made["id"]))["disputes"] and p, 30)
    assert now["disputes"][0]["amount"] == 2500, now["disputes"]


def test_forged_webhooks_are_refused_and_shown_to_operators(node, client):
    body = b'{"id": "evt_1", "type": "payment_intent.succeeded"}'
    connection = http.client.HTTPConnection(*node.address, timeout=10)
    connection.request("POST", "/webhooks/stripe", body, {"Stripe-Signature": "t=1,v1=00", "Content-Type": "application/json"})
    assert connection.getresponse().status == 401
    connection = http.client.HTTPConnection(*node.address, timeout=10)
    connection.request("POST", "/webhooks/nobody", body)
    assert connection.getresponse().status == 404
    e2e.until(lambda: any(one["processor"] == "stripe" for one in
                          json.loads(node.admin_get("/webhooks?state=rejected")[2])["data"]))


def test_a_webhook_about_a_stranger_waits_and_is_replayed(node, stripe):
    stripe.notify(type="payment_intent.succeeded", object={"id": "pi_stranger", "object": "payment_intent", "status": "succeeded",
                                                           "amount": 100, "amount_received": 100, "currency": "eur",
                                                           "metadata": {"novapay_payment": "pay_01m82ksgwdj9s23575y8scamh4",
                                                                        "novapay_operation": "capture:1"}})

    def waiting():
        return [one for one in json.loads(node.admin_get("/webhooks?state=unmatched")[2])["data"] if one["processor"] == "stripe"]
    found = e2e.until(waiting, 20)
    connection = http.client.HTTPConnection(*node.admin, timeout=10)
    connection.request("POST", f"/webhooks/{found[0]['id']}/replay")
    assert connection.getresponse().status == 200


# ---- Adyen's answers ----------------------------------------------------------------------------------------------

def test_adyen_declines_with_unified_codes(client):
    made = client.payment(payment_method={"type": "card", "token": "test_visa:NOT_ENOUGH_BALANCE"}, currency="gbp")
    why = made["failure"]
    assert made["status"] == "failed" and (why["code"], why["decline_code"]) == ("card_declined", "insufficient_funds"), why
    assert why["advice"] == "retry_later" and "12" in why["processor_code"]


def test_a_lost_answer_of_adyens_is_found_out_and_charged_once(client, adyen):
    adyen.fate("timeout", operation="authorize")
    made = client.payment(payment_method=ADYEN_CARD, currency="gbp", amount=1777, capture_method="manual")
    assert made["status"] in ("processing", "authorized")
    assert ended(client, made["id"], 60)["status"] == "authorized"
    assert len(effects(adyen, made["id"], "authorized")) == 1


WRONG = {
    "kind": ("processors: {a: {kind: paypal}}", ":1: processors.a.kind: must be one of sandbox, stripe, adyen, not \"paypal\""),
    "no key": ("processors:\n  a:\n    kind: stripe", ":2: processors.a: api_key is missing"),
    "key in the file": ("processors:\n  a:\n    kind: stripe\n    api_key: sk_test_1", ":4: processors.a.api_key: must be a mapping"),
    "variable": ("processors:\n  a:\n    kind: stripe\n    api_key: {env: NOT_SET_AT_ALL}",
                 ":4: processors.a.api_key.env: the environment variable NOT_SET_AT_ALL is not set"),
    "http": ("processors:\n  a: {kind: stripe, api_key: {env: HOME},\n      base_url: \"http://api.stripe.com\"}", "base_url: must begin with https://"),
    "unknown processor": ("routing:\n  default: [worldpay]", ":2: routing.default: \"worldpay\" is no processor of this file"),
    "percents": ("routing:\n  rules:\n    - name: x\n      split: [{to: sandbox, percent: 99}]",
                 ":4: routing.rules[0].split: the percents must add up to 100, not 99"),
    "lead": ("expiring: {action: capture}", ":1: expiring: lead_ms is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path, name):
    text, said = WRONG[name]
    (tmp_path / "node.yaml").write_text(text + "\n")
    done = subprocess.run([e2e.BINARY, "serve", "--config", tmp_path / "node.yaml", "--data", tmp_path], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 78 and said in done.stderr, done


def test_the_example_file_is_good(tmp_path):
    names = ("STRIPE_KEY", "STRIPE_WEBHOOK_SECRET", "ADYEN_KEY", "ADYEN_HMAC_KEY", "ADYEN_REPORT_PASSWORD")
    node = e2e.Server("sqlite", tmp_path, config=e2e.SOURCE / "cluster-config" / "processors.yaml")
    node.environment = dict.fromkeys(names, "00ff")
    node.start()
    assert any("processors stripe-eu, adyen" in line for line in node.said)
    assert node.stop() == 0
