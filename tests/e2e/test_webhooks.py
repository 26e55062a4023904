"""Webhooks from outside, by the simulators of tests/processors and by hand: what is authentic takes effect once, what is not changes
nothing, and operators see the inbox."""
import hashlib
import hmac
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "processors"))
import server as e2e  # noqa: E402
from client import Client  # noqa: E402
from simulators import start  # noqa: E402

NODE = """
processors:
  stripe: {{kind: stripe, base_url: "{stripe}", api_key: {{env: TEST_STRIPE_KEY}}, webhook_secrets: [{{env: TEST_NEW}}, {{env: TEST_STRIPE}}]}}
  adyen: {{kind: adyen, base_url: "{adyen}", merchant_account: {account}, api_key: {{env: TEST_ADYEN_KEY}}, webhook_secrets: [{{env: TEST_ADYEN}}]}}
routing:
  rules:
    - {{name: pounds, when: {{currency: [gbp]}}, to: [adyen]}}
  default: [stripe]
log: {{level: warning}}
"""
NEW_SECRET = "whsec_of_the_rotation"
NOBODYS = "pay_00000000000000000000000000"
CARD = {"type": "card", "token": "pm_card_visa"}


def admin(server):
    return Client(server.admin, key="", judged=False)


@pytest.fixture(scope="module")
def stripe():
    with start("stripe") as running:
        yield running


@pytest.fixture(scope="module")
def adyen():
    with start("adyen") as running:
        yield running


@pytest.fixture(scope="module")
def node(store, stripe, adyen, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"webhooks-{store}")
    (folder / "node.yaml").write_text(NODE.format(stripe=stripe.base_url, adyen=adyen.base_url, account=adyen.merchant_account))
    made = e2e.Server(store, folder, config=folder / "node.yaml")
    made.environment = {"TEST_STRIPE_KEY": stripe.api_key, "TEST_ADYEN_KEY": adyen.api_key, "TEST_STRIPE": stripe.webhook_secret,
                        "TEST_NEW": NEW_SECRET, "TEST_ADYEN": adyen.webhook_secret}
    made.start()
    for simulator in (stripe, adyen):
        simulator.webhooks(url=f"http://{made.address[0]}:{made.address[1]}/webhooks/{simulator.processor}")
    yield made
    assert made.stop() == 0


@pytest.fixture
def merchant(node):
    made = Client(node)
    yield made
    made.close()


def event(identity, reference=NOBODYS):
    """A refund that Stripe tells of, of a payment that it says is ours."""
    fields = {"novapay_payment": reference, "novapay_operation": "refund:1"}
    refund = {"id": "re_1", "object": "refund", "amount": 100, "currency": "eur", "status": "succeeded", "metadata": fields}
    return json.dumps({"id": identity, "object": "event", "api_version": "2026-10-28.endive", "created": int(time.time()), "livemode": False,
                       "type": "refund.updated", "data": {"object": refund}, "request": {"id": None, "idempotency_key": None}}).encode()


def post(client, body, secret, at=None, signature=None):
    at = int(time.time()) if at is None else at
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return client.send("POST", "/webhooks/stripe", body, {"Authorization": None, "Content-Type": "application/json",
                                                          "Stripe-Signature": signature or f"t={at},v1={made}"})


def entries(node, **query):
    desk = admin(node)
    found = desk.get("/webhooks?limit=100&" + "&".join(f"{name}={value}" for name, value in query.items())).json["data"]
    desk.close()
    return found


def test_a_forged_one_is_refused_and_kept_as_evidence(node, merchant, stripe):
    body = event("evt_forged")
    before = len(entries(node, state="rejected"))
    for answer in (post(merchant, body, "whsec_guessed"), post(merchant, body, stripe.webhook_secret, at=int(time.time()) - 3600),
                   post(merchant, body, stripe.webhook_secret, signature="t=1")):
        assert (answer.status, answer.code) == (401, "webhook_not_authentic"), answer
    e2e.until(lambda: len(entries(node, state="rejected")) == before + 3)
    desk = admin(node)
    kept = desk.get(f"/webhooks/{entries(node, state='rejected')[0]['id']}").json
    assert json.loads(kept["body"])["id"] == "evt_forged" and kept["processor"] == "stripe"
    assert desk.send("POST", f"/webhooks/{kept['id']}/replay").status == 409
    desk.close()


def test_one_for_a_payment_nobody_knows_waits_and_is_replayed(node, merchant, stripe):
    for secret in (stripe.webhook_secret, NEW_SECRET):  # one is being rotated
        assert post(merchant, event(f"evt_{secret[-4:]}"), secret).status == 200
    waiting = e2e.until(lambda: len(found := entries(node, state="unmatched", processor="stripe")) == 2 and found)
    assert waiting[0]["detail"] == "there is no such payment" and waiting[0]["next_attempt_at_ms"]
    desk = admin(node)
    shown = desk.get(f"/webhooks/{waiting[0]['id']}").json
    names = {field["name"] for field in shown["fields"]}
    assert "stripe-signature" in names and not names & {"authorization", "cookie"}
    assert desk.send("POST", f"/webhooks/{waiting[0]['id']}/replay").json == {"replayed": waiting[0]["id"], "was": "unmatched"}
    e2e.until(lambda: len(entries(node, state="unmatched", processor="stripe")) == 2)
    assert post(merchant, b"{}", NEW_SECRET).status == 200  # authentic, and nothing we know
    e2e.until(lambda: [each for each in entries(node, state="unreadable") if each["detail"].startswith("it is authentic")])
    desk.close()


def test_what_the_processor_tells_takes_effect_once_however_often_it_comes(node, merchant, stripe):
    """The refund's first answer is lost; its webhook, ten times at once, says how it ended."""
    made = merchant.payment(payment_method=CARD, currency="eur", amount=900)
    refund = merchant.do(made["id"], "refunds", amount=300).json
    body = event("evt_ten").replace(NOBODYS.encode(), made["id"].encode()).replace(b'"amount": 100', b'"amount": 300')
    body = body.replace(b'"re_1"', json.dumps(refund.get("processor_reference") or "re_1").encode())

    def once(_):
        client = Client(node)
        try:
            return post(client, body, NEW_SECRET).status
        finally:
            client.close()

    with ThreadPoolExecutor(10) as many:
        assert list(many.map(once, range(10))) == [200] * 10
    e2e.until(lambda: not entries(node, state="received"))
    after = merchant.read(made["id"])
    assert after["amount_refunded"] == 300
    types = [each["type"] for each in merchant.get(f"/v1/payments/{made['id']}/events").json["data"]]
    assert types.count("refunded") == 1, types


def test_stripes_payouts_and_adyens_notifications_reach_their_payments(node, merchant, stripe, adyen):
    before = len(entries(node, state="unreadable"))
    euros = merchant.payment(payment_method=CARD, currency="eur", amount=1500)
    pounds = merchant.payment(payment_method={"type": "card", "token": "test_visa"}, currency="gbp", amount=1200)
    # Adyen only receives a capture; its notification says that it was done.
    e2e.until(lambda: merchant.read(euros["id"])["status"] in ("captured", "settled"), 20)
    stripe.settle()
    e2e.until(lambda: merchant.read(euros["id"])["status"] == "settled", 30)
    e2e.until(lambda: merchant.read(pounds["id"])["status"] == "captured", 30)
    for simulator in (stripe, adyen):
        simulator.await_quiet()
    e2e.until(lambda: not entries(node, state="received"))
    assert len(entries(node, state="unreadable")) == before


def test_nobody_sends_webhooks_to_a_node_with_a_sandbox_only(client):
    for name in ("stripe", "nobody", "%2e%2e"):
        answer = client.send("POST", f"/webhooks/{name}", b'{"type": "x"}', {"Authorization": None, "Content-Type": "application/json"})
        assert (answer.status, answer.code) == (404, "route_unknown"), answer
    too_large = client.send("POST", "/webhooks/stripe", b" " * 400_000, {"Authorization": None, "Content-Type": "application/json"})
    assert (too_large.status, too_large.code) == (413, "body_too_large")
    client.close()
    assert client.send("GET", "/webhooks/stripe").code == "method_not_allowed"


def test_operators_see_an_empty_inbox_and_are_told_what_can_be_asked(server):
    desk = admin(server)
    assert desk.get("/webhooks").json == {"data": [], "next_cursor": None}
    assert desk.get("/webhooks?state=unmatched&processor=stripe&limit=5").json["data"] == []
    assert desk.send("POST", "/webhooks/replay?state=unmatched").json == {"replayed": 0}
    for method, path, status in (("GET", "/webhooks?state=odd", 400), ("GET", "/webhooks?limit=1000", 400), ("GET", "/webhooks?cursor=x", 400),
                                 ("GET", "/webhooks?colour=red", 400), ("GET", "/webhooks/7", 404), ("POST", "/webhooks/7/replay", 404),
                                 ("POST", "/webhooks/replay", 400), ("POST", "/webhooks/replay?state=rejected", 400),
                                 ("POST", "/webhooks", 405), ("GET", "/webhooks/replay", 405), ("DELETE", "/webhooks/7", 405),
                                 ("GET", "/webhooks/seven", 404)):
        answer = desk.send(method, path)
        assert answer.status == status and "error" in json.loads(answer.body), (method, path, answer)
    desk.close()


def test_the_inbox_is_measured(server):
    text = server.admin_get("/metrics")[2]
    for name in ('novapay_webhook_inbox_entries{state="received"}', "novapay_webhook_oldest_seconds", "novapay_webhook_in_hand",
                 "novapay_webhook_apply_seconds_count"):
        assert name in text, name
