"""The operator's side: health, metrics, logs."""
import re
import time
import uuid

import pytest

from client import Client


def samples(text):
    """{(name, labels): value} of Prometheus's text format; fails on a line that is none."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-zA-Z_:][\w:]* .+", line) or not line, line
            continue
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)( \d+)?", line)
        assert match, line
        found[match.group(1), match.group(2) or ""] = float(match.group(3))
    return found


def test_healthy_and_ready(server):
    for path in ("/healthz", "/readyz"):
        status, _, _ = server.admin_get(path)
        assert status == 200, path
    assert server.admin_get("/nothing-here")[0] == 404


def test_the_public_port_has_no_admin_and_the_other_way_round(server, client):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status == 404
    assert server.admin_get("/v1/payments")[0] == 404


def test_metrics_count_what_happened(server, client):
    before = samples(server.admin_get("/metrics")[2])
    for _ in range(5):
        client.payment()
    client.get("/v1/nothing")
    status, headers, text = server.admin_get("/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    after = samples(text)

    def grew(name, *labels):
        return sum(value - before.get(key, 0) for key, value in after.items()
                   if key[0] == name and all(label in key[1] for label in labels))

    assert grew("novapay_http_requests_total", 'status="201"', 'route="/v1/payments"') == 5
    assert grew("novapay_http_requests_total", 'status="404"') == 1
    assert grew("novapay_http_request_duration_seconds_count") >= 6
    names = {name for name, _ in after}
    for word in ("commit|batch", "queue", "live|entities", "processor"):  # what the issue asks to be seen
        assert any(re.search(word, name) for name in names), (word, sorted(names))
    assert all(name.startswith("novapay_") for name in names), sorted(names)


def test_labels_never_carry_ids(server, client):
    made = client.payment(reference="find-me-nowhere")
    text = server.admin_get("/metrics")[2]
    assert made["id"] not in text and made["id"][4:] not in text and "find-me-nowhere" not in text


def test_each_request_is_one_line_of_json(server, client):
    request_id = f"log-{uuid.uuid4().hex}"
    made = client.get(f"/v1/payments/{client.payment()['id']}", headers={"X-Request-Id": request_id}).json
    end = time.monotonic() + 10
    while True:
        lines = [line for line in server.log_lines() if line.get("request_id") == request_id]
        if lines or time.monotonic() > end:
            break
    assert len(lines) == 1
    line = lines[0]
    assert line["payment_id"] == made["id"] and line["status"] == 200 and line["duration_ms"] >= 0
    assert {"level", "ts", "msg"} <= set(line), line


def test_what_a_client_sends_cannot_forge_a_log_line(server, client):
    client.send("GET", "/v1/%0a%7B%22level%22:%22forged%22%7D")
    client.send("GET", '/v1/payments?reference=%22,%22forged%22:%22x')
    client.get("/v1/payments", headers={"X-Request-Id": '","forged":"1'})
    assert all("forged" not in line for line in server.log_lines())


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_admin_refuses_other_methods(server, path):
    admin = Client(server.admin, key="", judged=False)
    answer = admin.send("DELETE", path)
    assert answer.status == 405
    admin.close()
