"""openapi.yaml against the server: what it serves is that file, and requests made up from it are answered as it says."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import contract
from client import Client
from ledger import Ledger, settle_down

SECONDS = 60


@pytest.fixture(scope="module", params=["sqlite"])
def store(request):
    return request.param


def test_the_contract_is_served_as_it_is_written(client):
    served = client.send("GET", "/openapi.json", headers={"Authorization": None})
    assert served.status == 200 and served.headers["content-type"].startswith("application/json")
    assert served.json == json.loads(json.dumps(contract.DOCUMENT, default=str))
    assert served.json["openapi"].startswith("3.1")


def test_docs_are_served_and_load_nothing_from_elsewhere(client):
    page = client.send("GET", "/docs", headers={"Authorization": None})
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert b"{{nonce}}" not in page.body


def test_the_contract_is_strict_about_what_comes_in():
    """No body schema lets unknown members through, so a member the server takes is in the contract."""
    for method, template, operation in contract.for_merchants():
        body = operation.get("requestBody")
        if body:
            schema = contract.resolve(contract.resolve(body)["content"]["application/json"]["schema"])
            assert schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False, (method, template)


def test_every_documented_example_of_a_request_is_taken(client):
    """Examples are what people copy."""
    taken = 0
    for method, template, operation in contract.for_merchants():
        body = operation.get("requestBody")
        if not body or "{" in template:
            continue
        media = contract.resolve(body)["content"]["application/json"]
        schema = contract.resolve(media["schema"])
        examples = [e.get("value") for e in map(contract.resolve, media.get("examples", {}).values())]
        examples += [media["example"]] if "example" in media else []
        for example in examples + schema.get("examples", []):
            answer = client.post(template, example)
            assert answer.status in (201, 202), (example, answer)
            taken += 1
    assert taken, "no example of creating a payment"


def test_requests_made_up_from_the_contract_are_answered_as_it_says(server, tmp_path):
    """schemathesis: thousands of good and bad requests. Its settings are in schemathesis.toml beside this file."""
    for settings in Path(__file__).parent.glob("schemathesis*"):  # it looks for them, and leaves its traces, where it runs
        shutil.copy(settings, tmp_path)
    made = [Client(server).payment(capture_method=how)["id"] for how in ("manual", "automatic")]
    schemathesis = Path(sys.executable).parent / "schemathesis"
    done = subprocess.run(
        [schemathesis, "run", f"http://{server.address[0]}:{server.address[1]}/openapi.json", "--header", f"Authorization: Bearer {server.dev_key}",
         "--max-time", str(SECONDS), "--seed", "1"],
        capture_output=True, text=True, timeout=SECONDS * 3, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    print(done.stdout[-2000:])
    client = Client(server)
    for payment in made + [p["id"] for p in client.get("/v1/payments?limit=100").json["data"]]:
        Ledger(server).agrees_with(settle_down(client, payment))
    assert Ledger(server).anomalies() == []
