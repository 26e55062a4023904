"""`novapay reconcile`: our journal against Stripe's lists and Adyen's reports, while the node serves: clean books, then each kind of
difference made by hand at the processor or in the store; exit codes; what goes wrong."""
import base64
import csv
import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
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
    connect_timeout_ms: 500, call_timeout_ms: 1000}}
  adyen: {{kind: adyen, base_url: "{adyen}", merchant_account: {account}, api_key: {{env: TEST_ADYEN_KEY}},
    webhook_secrets: [{{env: TEST_ADYEN_SECRET}}]}}
  play: {{kind: sandbox}}
routing:
  rules: [{{name: pounds, when: {{currency: [gbp]}}, to: [adyen]}}]
  default: [stripe]
log: {{level: warning}}
"""
CARD = {"type": "card", "token": "pm_card_visa"}
ADYEN_CARD = {"type": "card", "token": "test_visa"}


def instant(seconds_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Books:
    """A node with a Stripe and an Adyen of its own; its period is everything so far."""

    def __init__(self, folder, stripe, adyen, store="postgres"):
        self.stripe, self.adyen, self.folder = stripe, adyen, folder
        self.config = folder / "node.yaml"
        self.config.write_text(NODE.format(stripe=stripe.base_url, adyen=adyen.base_url, account=adyen.merchant_account))
        self.node = e2e.Server(store, folder, config=self.config)
        self.node.environment = {"TEST_STRIPE_KEY": stripe.api_key, "TEST_STRIPE_SECRET": stripe.webhook_secret,
                                 "TEST_ADYEN_KEY": adyen.api_key, "TEST_ADYEN_SECRET": adyen.webhook_secret}
        self.node.start()
        for each in (stripe, adyen):
            each.webhooks(url=f"http://{self.node.address[0]}:{self.node.address[1]}/webhooks/{each.processor}", paused=False)
        self.client = Client(self.node)
        self.begins = instant(-2)

    def command(self, *arguments, processor="stripe", begins=None, ends=None):
        where = ["--postgres", self.node.postgres] if self.node.store == "postgres" else ["--data", self.node.data]
        return [e2e.BINARY, "reconcile", "--config", self.config, "--store", self.node.store, *where, "--processor", processor,
                "--from", begins or self.begins, "--to", ends or instant(5), *map(str, arguments)]

    def run(self, *arguments, timeout_s=60, **given):
        return subprocess.run(self.command(*arguments, **given), capture_output=True, text=True, timeout=timeout_s,
                              env=os.environ | self.node.environment, stdin=subprocess.DEVNULL)

    def reconcile(self, *arguments, **given):
        """(exit code, what the JSON says); everything that was done until now is due."""
        done = self.run("-o", "json", "--lag", "0s", *arguments, **given)
        assert done.returncode in (0, 65), done
        said = json.loads(done.stdout)
        assert said["clean"] == (done.returncode == 0) and "so far:" in done.stderr, done
        assert sum(said["counts"].values()) == len(said["differences"]) and said["not_shown"] == 0
        return done.returncode, said

    def finds(self, *arguments, **given):
        """Its differences: (kind, payment, operation)."""
        code, said = self.reconcile(*arguments, **given)
        found = [(each["kind"], each["payment"], each["operation"]) for each in said["differences"]]
        assert (code == 65) == bool(found) and all(each["why"] for each in said["differences"])
        return sorted(found, key=str)

    def until_quiet(self):
        """Nothing is under way on either side."""
        for each in (self.stripe, self.adyen):
            each.await_quiet()

    def paid(self, amount=1500, currency="eur", **more):
        card = ADYEN_CARD if currency == "gbp" else CARD
        return self.client.payment(payment_method=card, currency=currency, amount=amount, **more)

    def ended(self, payment_id):
        def known():
            now = self.client.read(payment_id)
            settled = now["status"] not in ("processing", "pending") and all(each["status"] != "pending" for each in now["captures"] + now["refunds"])
            return now if settled else None
        return e2e.until(known, 30)


@pytest.fixture
def books(tmp_path, request):
    with start("stripe") as stripe, start("adyen") as adyen:
        made = Books(tmp_path, stripe, adyen, getattr(request, "param", "postgres"))
        yield made
        made.client.close()
        assert made.node.stop() == 0


def stripe_life(books):
    """A bit of everything at Stripe. The ids of: captured and refunded, captured in part, canceled."""
    refunded = books.paid(2000)
    assert refunded["status"] == "captured"
    assert books.client.do(refunded["id"], "refunds", amount=300).json["status"] == "succeeded"
    part = books.paid(1000, capture_method="manual")
    assert books.client.do(part["id"], "capture", amount=600).status == 200
    canceled = books.paid(1100, "usd", capture_method="manual")
    assert books.client.do(canceled["id"], "cancel").json["status"] == "canceled"
    declined = books.client.payment(payment_method={"type": "card", "token": "pm_card_visa_chargeDeclined"}, currency="eur")
    assert declined["status"] == "failed"
    books.stripe.fate("timeout", operation="authorize")
    lost = books.paid(1300)
    assert books.ended(lost["id"])["status"] == "captured"
    books.until_quiet()
    return refunded["id"], part["id"], canceled["id"]


# ---- Stripe -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("books", ["sqlite", "postgres"], indirect=True)
def test_clean_books_with_their_totals(books):
    stripe_life(books)
    code, said = books.reconcile()
    assert code == 0 and said["differences"] == [] and said["under_way"] == said["not_listed_yet"] == 0, said
    totals = {(each["operation"], each["currency"]): each for each in said["totals"]}
    assert all(each["ours"] == each["theirs"] for each in said["totals"]), totals
    assert totals["authorize", "eur"]["ours"] == {"count": 3, "amount": 4300}
    assert totals["capture", "eur"]["ours"] == {"count": 3, "amount": 3900}
    assert totals["refund", "eur"]["matched"] == 1 and totals["cancel", "usd"]["matched"] == 1
    assert totals["cancel", "eur"]["matched"] == 1  # what the declined one left open
    assert said["matched"] == 10 and said["payments"] == 5

    table = books.run("--lag", "0s")
    assert table.returncode == 0 and "no difference" in table.stdout, table
    assert re.search(r"^capture +eur +3 +3 +3 +39\.00 eur +39\.00 eur$", table.stdout, re.M), table.stdout


def test_what_stripe_does_not_list_is_missing(books):
    refunded, part, canceled = stripe_life(books)
    assert books.stripe.tamper(part, "forget") == 1
    assert books.finds() == [("missing", part, "authorize:1"), ("missing", part, "capture:1")]
    assert books.stripe.tamper(refunded, "forget_refunds") == 1
    code, said = books.reconcile()
    assert code == 65 and said["counts"]["missing"] == 3
    refund = next(each for each in said["differences"] if each["operation"] == "refund:1")
    assert refund["payment"] == refunded and refund["theirs"] is None and refund["ours"]["amount"] == 300, refund

    table = books.run("--lag", "0s")
    assert table.returncode == 65 and "3 differences: 3 missing" in table.stdout, table.stdout
    assert re.search(rf"^missing +{refunded} +refund:1 +3\.00 eur +- ", table.stdout, re.M), table.stdout


def ask_stripe(books, path, **form):
    asked = urllib.request.Request(books.stripe.base_url + path, urllib.parse.urlencode(form).encode(),
                                   {"Authorization": f"Bearer {books.stripe.api_key}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def charge_at_stripe(books, amount, **metadata):
    names = {f"metadata[{name}]": value for name, value in metadata.items()}
    return ask_stripe(books, "/v1/payment_intents", amount=amount, currency="eur", payment_method="pm_card_visa", confirm="true",
                      **{"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}, **names)


def test_charges_we_know_nothing_of_are_extra_and_second_ones_duplicates(books):
    made = books.paid(1500)
    charge_at_stripe(books, 700)
    charge_at_stripe(books, 800, novapay_payment="pay_01m82ksgwdj9s23575y8scamh4", novapay_operation="authorize:1")
    charge_at_stripe(books, 1500, novapay_payment=made["id"], novapay_operation="authorize:1")
    books.until_quiet()
    assert books.finds() == sorted([
        ("extra", None, "authorize"), ("extra", None, "capture"),
        ("extra", "pay_01m82ksgwdj9s23575y8scamh4", "authorize:1"), ("extra", "pay_01m82ksgwdj9s23575y8scamh4", "capture"),
        ("duplicate", made["id"], "authorize:1"), ("duplicate", made["id"], "capture:1")], key=str)


def test_a_refund_that_nobody_asked_us_for_is_extra(books):
    made = books.paid(1500)
    intent = books.stripe.effects(made["id"])[0]["object"]
    ask_stripe(books, "/v1/refunds", payment_intent=intent, amount=200,
               **{"metadata[novapay_payment]": made["id"], "metadata[novapay_operation]": "refund:1"})
    assert books.finds() == [("extra", made["id"], "refund:1")]


def test_other_amounts_are_found(books):
    refunded, part, _ = stripe_life(books)
    books.stripe.tamper(part, "received", 601)
    books.stripe.tamper(refunded, "refunded", 30)
    code, said = books.reconcile()
    found = {(each["kind"], each["payment"]): (each["ours"]["amount"], each["theirs"]["amount"]) for each in said["differences"]}
    assert code == 65 and found == {("amount", part): (600, 601), ("amount", refunded): (300, 30)}, said


def test_what_the_store_has_lost_is_extra(books):
    made, kept = books.paid(1500), books.paid(1600)
    books.until_quiet()
    assert books.finds() == []
    row = next(each for each in books.node.rows("select id from entity order by id limit 1"))[0]
    e2e.psql(f"delete from entity where id = '{row}'", books.node.postgres)
    assert books.finds() == [("extra", made["id"], "authorize"), ("extra", made["id"], "capture:1")]
    assert kept["id"] not in json.dumps(books.reconcile()[1]["differences"])


def test_what_is_done_there_and_in_doubt_with_us(books):
    books.stripe.webhooks(paused=True)
    made = books.paid(1500, capture_method="manual")
    books.stripe.fate("timeout", operation="capture", times=1000)
    assert books.client.do(made["id"], "capture").json["status"] == "processing"
    e2e.until(lambda: "in_doubt" in [each["type"] for each in books.client.events(made["id"])], 20)
    code, said = books.reconcile()
    assert code == 65 and said["counts"]["doubt"] == 1, said
    found = said["differences"][0]
    assert (found["payment"], found["operation"]) == (made["id"], "capture:1") and "processor_timeout" in found["why"], found
    books.stripe.control("fates", clear=True)
    books.stripe.webhooks(paused=False)
    books.ended(made["id"])
    assert books.finds() == []


def test_periods_that_touch_leave_nothing_out(books):
    first = books.paid(1500)
    noon = instant(0)
    second = books.paid(1600)
    books.stripe.tamper(first["id"], "forget")
    books.stripe.tamper(second["id"], "received", 5)
    missing = {("missing", first["id"], "authorize:1"), ("missing", first["id"], "capture:1")}
    before, after = set(books.finds(ends=noon)), set(books.finds(begins=noon))
    assert missing <= before and not missing & after
    assert ("amount", second["id"], "capture:1") in after and before | after == set(books.finds())


def test_beside_a_node_that_takes_payments_nothing_is_made_up(books):
    stop, broken = threading.Event(), []

    def pay():
        client = Client(books.node)
        try:
            while not stop.is_set():
                made = client.payment(payment_method=CARD, currency="eur", amount=1200)
                client.do(made["id"], "refunds", amount=100)
        except Exception as failed:  # the main thread tells
            broken.append(failed)
        finally:
            client.close()
    paying = [threading.Thread(target=pay) for _ in range(2)]
    for each in paying:
        each.start()
    try:
        for _ in range(4):
            done = books.run("-o", "json")
            assert done.returncode == 0, done
            said = json.loads(done.stdout)
        assert said["payments"] > 4 and said["matched"] > 8, said
    finally:
        stop.set()
        for each in paying:
            each.join()
    assert not broken
    books.until_quiet()
    assert books.finds() == []


# ---- Adyen --------------------------------------------------------------------------------------------------------

def settled_report(books):
    """Adyen's settlement report of everything so far: (header, rows)."""
    name = books.adyen.settle()[0]
    url = f"{books.adyen.url}/reports/download/MerchantAccount/{books.adyen.merchant_account}/{name}"
    password = base64.b64encode(f"{books.adyen.report_user}:{books.adyen.report_password}".encode()).decode()
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Basic " + password}), timeout=10) as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    return rows


def written(books, rows, name="report.csv"):
    path = books.folder / name
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_adyens_reports(books):
    captured, refunded = books.paid(1500, "gbp"), books.paid(1600, "gbp")
    books.ended(captured["id"])
    books.ended(refunded["id"])
    assert books.client.do(refunded["id"], "refunds", amount=250).status == 202  # received
    books.ended(refunded["id"])
    held = books.paid(1700, "gbp", capture_method="manual")
    assert held["status"] == "authorized"
    rows = settled_report(books)

    def finds(changed):
        return books.finds("--report", written(books, changed), processor="adyen")
    assert finds(rows) == []
    code, said = books.reconcile("--report", written(books, rows), processor="adyen")
    assert code == 0 and said["matched"] == 3 and [each["operation"] for each in said["totals"]] == ["capture", "refund"], said

    def index(kind, payment):
        return next(i for i, row in enumerate(rows) if row["Type"] == kind and row["Merchant Reference"].startswith(payment))
    settled, back = index("Settled", captured["id"]), index("Refunded", refunded["id"])
    assert finds(rows[:settled] + rows[settled + 1:]) == [("missing", captured["id"], "capture:1")]
    second = rows[settled] | {"Modification Reference": "SECONDCAPTURE001"}
    assert finds([*rows, second]) == [("duplicate", captured["id"], "capture:1")]
    stranger = rows[back] | {"Modification Reference": "STRANGEREFUND001", "Modification Merchant Reference": refunded["id"] + ":refund:2"}
    assert finds([*rows, stranger]) == [("extra", refunded["id"], "refund:2")]
    more = rows[back] | {"Gross Debit (GC)": "2.51"}
    assert finds([*rows[:back], more, *rows[back + 1:]]) == [("amount", refunded["id"], "refund:1")]
    # The same report twice is one; in two files it is one book. Without --lag, what is a week old at most is only awaited.
    first, rest = written(books, rows[:back], "first.csv"), written(books, rows[back:], "rest.csv")
    assert books.finds("--report", first, "--report", rest, "--report", first, processor="adyen") == []
    waited = books.run("--report", first, processor="adyen")
    assert waited.returncode == 0 and re.search(r" [1-9]\d* not listed yet", waited.stdout), waited.stdout


def test_reports_that_cannot_be_used(books):
    report = books.folder / "report.csv"
    done = books.run(processor="adyen")
    assert done.returncode == 64 and "--report is missing" in done.stderr, done
    done = books.run("--report", report, processor="adyen")
    assert done.returncode == 64 and "report.csv cannot be read" in done.stderr, done
    report.write_text("Company Account,Type\nNovaPay,Settled\n")
    done = books.run("--report", report, processor="adyen")
    assert done.returncode == 66 and "unreadable_report" in done.stderr and not done.stdout, done
    done = books.run("--report", report)
    assert done.returncode == 64 and "--report is for Adyen only" in done.stderr, done


# ---- what goes wrong ----------------------------------------------------------------------------------------------

def test_wrong_options_are_told_with_what_would_be_right(books):
    for given, said in (
            ({"processor": "paypal"}, 'there is no "paypal"; configured: adyen, play, stripe|configured: stripe, adyen, play'),
            ({"processor": "play"}, "sandbox"),
            ({"begins": "yesterday"}, '--from must be a day or a time, such as 2026-11-21.*not "yesterday"'),
            ({"ends": "2026-13-01"}, "--to must be a day or a time"),
            ({"begins": "2026-11-21", "ends": "2026-11-21"}, "--to must be later than --from"),
            ({"begins": "2999-01-01", "ends": "2999-01-02"}, "--from must not lie in the future")):
        done = books.run(**given)
        assert done.returncode == 64 and re.search(said, done.stderr) and not done.stdout, (given, done)
    for extra, said in ((("--lag", "5 days"), "--lag must be a number of s, m, h or d"), (("-o", "xml"), "xml"), (("--colour",), "colour")):
        done = books.run(*extra)
        assert done.returncode == 64 and said in done.stderr, done
    done = subprocess.run([e2e.BINARY, "reconcile", "--processor", "stripe"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 64 and "--from" in done.stderr, done
    done = subprocess.run(books.command(), capture_output=True, text=True, timeout=20)  # without its keys
    assert done.returncode == 78 and "TEST_STRIPE_KEY is not set" in done.stderr, done
    helped = subprocess.run([e2e.BINARY, "reconcile", "--help"], capture_output=True, text=True, timeout=20)
    assert helped.returncode == 0
    for word in ("--processor", "--from", "--to", "--report", "--lag", "--output", "65", "64", "66", "69", "78", "130"):
        assert word in helped.stdout, word


def test_out_of_reach(books):
    books.paid(1500)
    real, books.node.postgres = books.node.postgres, "host=127.0.0.1 port=1 user=x dbname=x connect_timeout=2"
    done = books.run()
    assert done.returncode == 69 and re.search("connect|refused", done.stderr) and not done.stdout, done
    books.node.postgres = real
    books.stripe.outage("refuse")
    done = books.run()
    assert done.returncode == 69 and "stripe cannot be read: " in done.stderr and not done.stdout, done
    assert done.stderr.count("again in") == 4 and books.stripe.api_key not in done.stderr, done
    books.stripe.outage("none")
    assert books.run().returncode == 0


def test_ctrl_c_says_how_far_it_came(books):
    books.paid(1500)
    books.stripe.outage("hang")
    running = subprocess.Popen(books.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=os.environ | books.node.environment)
    assert "no page: processor_timeout" in running.stderr.readline()  # it is at it
    running.send_signal(signal.SIGINT)
    said, told = running.communicate(timeout=10)
    assert running.returncode == 130 and "interrupted after 0 lines of 0 pages" in told and not said, (running.returncode, told)
    books.stripe.outage("none")
