"""Adyen's payments as the reference tells them; every answer is held against the description by the caller."""
import csv
import io
from decimal import Decimal

import pytest
import requests
from callers import fresh
from simulators import specs

CODES = specs.load("adyen/adyen-codes.json")
SAMPLE = (specs.SPECS / "adyen" / "settlement-details-sample.csv").read_text()


def effects(adyen, payment):
    return [(entry["effect"], entry["amount"]) for entry in adyen.simulator.effects(payment)]


def test_the_life_of_a_payment(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    captured = adyen.capture(payment, psp)
    assert captured.status_code == 201
    said = captured.json()
    assert (said["status"], said["paymentPspReference"], said["reference"]) == ("received", psp, f"{payment}:capture:1")
    assert said["pspReference"] != psp and len(said["pspReference"]) == 16
    assert adyen.refund(payment, psp, amount=99).status_code == 201
    assert effects(adyen, payment) == [("authorized", 1099), ("captured", 1099), ("refunded", 99)]
    assert [entry["reference"] for entry in adyen.simulator.effects(payment)] == ["authorize:1", "capture:1", "refund:1"]


@pytest.mark.parametrize("refusal", CODES["refusal_reasons"], ids=lambda each: each["code"])
def test_every_refusal(adyen, refusal):
    payment = fresh()
    token = refusal["test_holder_name"] or f"fate_decline-{refusal['code']}"
    answer = adyen.create(payment, token)
    assert (answer.status_code, answer.json()["resultCode"]) == (200, refusal["result_code"])
    assert (answer.json()["refusalReasonCode"], answer.json()["refusalReason"]) == (refusal["code"], refusal["reason"])
    assert effects(adyen, payment) == [("declined", 1099)]
    adyen.capture(payment, answer.json()["pspReference"])
    assert effects(adyen, payment)[1:] == [("capture_failed", 1099)]


def test_test_values_in_every_place_that_adyen_takes_them(adyen):
    card = {"type": "scheme", "encryptedCardNumber": "test_4111111111111111", "encryptedExpiryMonth": "test_03",
            "encryptedExpiryYear": "test_2030", "encryptedSecurityCode": "test_737"}
    assert adyen.create(fresh(), paymentMethod=card).json()["resultCode"] == "Authorised"
    assert adyen.create(fresh(), paymentMethod={**card, "holderName": "CARD_EXPIRED"}).json()["refusalReasonCode"] == "6"
    asked = {"RequestedTestAcquirerResponseCode": "2"}
    assert adyen.create(fresh(), paymentMethod=card, additionalData=asked).json()["refusalReasonCode"] == "2"
    partial = adyen.create(fresh(), paymentMethod={**card, "holderName": "PARTIALLY_APPROVED"}).json()
    assert (partial["resultCode"], partial["amount"]["value"]) == ("Authorised", 549)


@pytest.mark.parametrize("value, status, again", [("NO_CONNECTION_AVAILABLE", 503, 200), ("IOEXCEPTION_RECEIVED", 500, 500)])
def test_error_hooks(adyen, value, status, again):
    payment = fresh()
    hook = {"additionalData": {"manualCapture": "true", "RequestedTestErrorResponseCode": value}}
    first = adyen.create(payment, **hook)
    assert first.status_code == status
    assert (first.headers.get("Transient-Error") == "true") == (status == 503)
    assert effects(adyen, payment) == []
    assert adyen.create(payment, **hook).status_code == again


@pytest.mark.parametrize("token, result, code", [("fate_3ds", "success", "Authorised"), ("fate_3ds", "fail", "Refused"),
                                                 ("fate_3ds-fail", "success", "Refused"), ("fate_3ds-12", "success", "Refused")])
def test_three_d_secure(adyen, token, result, code):
    payment = fresh()
    asked = adyen.create(payment, token, returnUrl="https://shop.test/back?order=1").json()
    assert asked["resultCode"] == "RedirectShopper" and "pspReference" not in asked
    assert effects(adyen, payment) == []
    assert "Your bank asks" in requests.get(asked["action"]["url"], timeout=5).text
    back = requests.get(f"{asked['action']['url']}?result={result}", allow_redirects=False, timeout=5).headers["Location"]
    address, _, token = back.partition("&redirectResult=")
    assert address == "https://shop.test/back?order=1"

    details = {"details": {"redirectResult": token}}
    answer = adyen.call("/payments/details", details, f"{payment}:confirm").json()
    assert (answer["resultCode"], answer["merchantReference"]) == (code, f"{payment}:authorize:1")
    assert adyen.call("/payments/details", details, f"{payment}:confirm:2").json() == answer  # another key: still one charge
    assert [effect for effect, _ in effects(adyen, payment)] == ["authorized" if code == "Authorised" else "declined"]


def test_a_redirect_result_that_was_never_given(adyen):
    answer = adyen.call("/payments/details", {"details": {"redirectResult": "made up"}})
    assert (answer.status_code, answer.json()["errorCode"]) == (422, "14_018")


def test_outcomes_that_come_later(adyen):
    good, bad = fresh(), fresh()
    assert adyen.create(good, "PENDING").json()["resultCode"] == "Received"
    assert adyen.create(bad, "fate_async-fail").json()["resultCode"] == "Received"
    adyen.simulator.advance(2)
    assert effects(adyen, good) == [("authorized", 1099)] and effects(adyen, bad) == [("declined", 1099)]


def test_a_hold_lapses_after_28_days(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    adyen.simulator.advance(28 * 24 * 3600 + 1)
    assert effects(adyen, payment)[-1] == ("expired", 1099)
    adyen.capture(payment, psp)
    assert effects(adyen, payment)[-1] == ("capture_failed", 1099)


def test_cancels(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    assert adyen.cancel(payment, psp).status_code == 201
    assert effects(adyen, payment)[-1] == ("canceled", 1099)

    payment = fresh()  # by our reference, without knowing theirs
    adyen.authorized(payment)
    answer = adyen.call("/cancels", {"merchantAccount": "NovaPayECOM", "paymentReference": f"{payment}:authorize:1"}, f"{payment}:cancel")
    assert (answer.status_code, answer.json()["paymentReference"]) == (201, f"{payment}:authorize:1")
    assert effects(adyen, payment)[-1] == ("canceled", 1099)

    payment = fresh()  # too late
    psp = adyen.authorized(payment)
    adyen.capture(payment, psp)
    assert adyen.cancel(payment, psp).status_code == 201
    assert effects(adyen, payment)[-1] == ("captured", 1099)


def test_reversals_cancel_or_refund(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    assert adyen.modify("reversals", payment, psp, "reversal:1").status_code == 201
    assert effects(adyen, payment)[-1] == ("canceled", 1099)
    payment = fresh()
    psp = adyen.authorized(payment)
    adyen.capture(payment, psp)
    assert adyen.modify("reversals", payment, psp, "reversal:1").status_code == 201
    assert effects(adyen, payment)[-1] == ("refunded", 1099)


def test_amount_updates(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    assert adyen.modify("amountUpdates", payment, psp, "update:1", 2000).status_code == 201
    assert effects(adyen, payment)[-1] == ("adjusted", 2000)


def test_it_is_lenient_on_money_and_the_ledger_shows_it(adyen):
    payment = fresh()
    psp = adyen.authorized(payment)
    adyen.capture(payment, psp, 1)
    adyen.capture(payment, psp, 2)
    adyen.refund(payment, psp, 1, amount=5000)
    assert adyen.create(payment, key=f"{payment}:again").status_code == 200  # references need not be unique
    sums = adyen.simulator.sums()[f"{payment} eur"]
    assert (sums["charges"], sums["captured"], sums["refunded"]) == (2, 2198, 5000)


def test_strict_money_fails_like_the_real_one(own):
    adyen, payment = own("adyen", strict_money=True, multicapture=False), fresh()
    psp = adyen.authorized(payment)
    adyen.capture(payment, psp, 1, 1100)
    adyen.capture(payment, psp, 2, 1000)
    adyen.capture(payment, psp, 3, 99)  # the rest is gone
    adyen.refund(payment, psp, 1, 1001)
    adyen.refund(payment, psp, 2, 1000)
    assert effects(adyen, payment) == [("authorized", 1099), ("capture_failed", 1100), ("captured", 1000), ("released", 99),
                                       ("capture_failed", 99), ("refund_failed", 1001), ("refunded", 1000)]


def test_failures_that_come_late(adyen):
    payment = fresh()
    psp = adyen.authorized(payment, "fate_capture-fail_late.refund-reverse")
    adyen.capture(payment, psp, 1)
    adyen.simulator.advance(2)
    assert effects(adyen, payment)[-1] == ("capture_failed", 1099)
    adyen.capture(payment, psp, 2)
    adyen.simulator.advance(2)
    assert effects(adyen, payment)[-1] == ("capture_failed", 1099)
    payment = fresh()
    psp = adyen.authorized(payment, "fate_refund-reverse")
    adyen.capture(payment, psp)
    adyen.refund(payment, psp)
    adyen.simulator.advance(2)
    assert effects(adyen, payment)[-1] == ("refund_reversed", 1099)


# ---- settlement ----------------------------------------------------------------------------------------------------------


def test_the_settlement_report_balances(own):
    adyen = own("adyen")
    for token, amount in (("fate_ok", 10_000), ("fate_refund-fail_late", 2000), ("fate_capture-dispute", 5000)):
        payment = fresh()
        psp = adyen.authorized(payment, token, amount)
        adyen.capture(payment, psp, amount=amount)
        adyen.refund(payment, psp, amount=amount // 10)
    adyen.simulator.advance(2)
    name, = adyen.simulator.settle()
    assert name == "settlement_detail_report_batch_1.csv"
    url = f"{adyen.simulator.url}/reports/download/MerchantAccount/NovaPayECOM/{name}"
    assert requests.get(url, timeout=5).status_code == 401
    report = requests.get(url, auth=(adyen.simulator.report_user, adyen.simulator.report_password), timeout=5)
    rows = list(csv.DictReader(io.StringIO(report.text)))

    assert report.text.splitlines()[0] == SAMPLE.splitlines()[0]
    assert [row["Type"] for row in rows] == ["Settled", "Refunded", "Settled", "Refunded", "Settled", "Refunded", "RefundedReversed", "Chargeback",
                                             "Fee", "MerchantPayout"]
    assert sum(Decimal(row["Net Credit (NC)"] or 0) - Decimal(row["Net Debit (NC)"] or 0) for row in rows) == 0
    first = rows[0]
    fees = sum(Decimal(first[name] or 0) for name in ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"))
    assert Decimal(first["Gross Credit (GC)"]) == 100 == Decimal(first["Net Credit (NC)"]) + fees
    assert first["Modification Merchant Reference"].endswith(":capture:1") and first["Merchant Reference"].endswith(":authorize:1")
    assert adyen.simulator.settle() == []


def test_amounts_in_reports_have_each_currencys_decimals(own):
    adyen = own("adyen")
    for currency, amount in (("JPY", 1099), ("KWD", 1099), ("ISK", 1099)):
        payment = fresh()
        money = {"value": amount, "currency": currency}
        body = {"merchantAccount": "NovaPayECOM", "reference": f"{payment}:authorize:1", "amount": money, "returnUrl": "https://novapay.test",
                "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "fate_ok"}, "shopperReference": "customer-1"}
        psp = adyen.call("/payments", body).json()["pspReference"]
        assert effects(adyen, payment) == [("authorized", amount), ("captured", amount)]  # without manualCapture: at once
        assert adyen.call(f"/payments/{psp}/refunds", {"merchantAccount": "NovaPayECOM", "amount": {"value": 1, "currency": "EUR"}}).status_code == 422
    name, = adyen.simulator.settle()
    text = requests.get(f"{adyen.simulator.url}/reports/download/MerchantAccount/NovaPayECOM/{name}",
                        headers={"X-API-Key": adyen.simulator.api_key}, timeout=5).text
    settled = {row["Gross Currency"]: row["Gross Credit (GC)"] for row in csv.DictReader(io.StringIO(text)) if row["Type"] == "Settled"}
    assert settled == {"JPY": "1099", "KWD": "1.099", "ISK": "10.99"}


# ---- the door ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, status, code", [
    ({"amount": None}, 422, "100"),
    ({"reference": None}, 422, "130"),
    ({"returnUrl": None}, 422, "14_030"),
    ({"paymentMethod": None}, 422, "14_006"),
    ({"merchantAccount": None}, 403, "901"),
    ({"merchantAccount": "SomebodyElse"}, 403, "901"),
    ({"shopperReference": None}, 422, "158"),
    ({"colour": "red"}, 400, "702"),
    ({"amount": {"value": "1099", "currency": "EUR"}}, 422, "192"),
    ({"amount": {"value": -1, "currency": "EUR"}}, 422, "137"),
    ({"amount": {"value": 1, "currency": "eur"}}, 422, "138"),
    ({"reference": "r" * 81}, 422, "198"),
    ({"metadata": {"k" * 21: "v"}}, 422, "177"),
    ({"captureDelayHours": 673}, 422, "164"),
    ({"paymentMethod": {"type": "scheme"}}, 422, "101"),
    ({"paymentMethod": {"type": "scheme", "storedPaymentMethodId": "unknown"}}, 422, "803"),
])
def test_what_the_description_does_not_allow_is_refused(adyen, change, status, code):
    payment = fresh()
    body = {"merchantAccount": "NovaPayECOM", "reference": f"{payment}:authorize:1", "amount": {"value": 1099, "currency": "EUR"},
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "fate_ok"}, "shopperReference": "customer-1",
            "returnUrl": "https://novapay.test", **change}
    answer = adyen.call("/payments", {name: value for name, value in body.items() if value is not None})
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code), answer.text
    assert adyen.simulator.effects(payment) == []


def test_who_may_call_and_how(adyen):
    assert adyen.call("/payments", {}, **{"X-API-Key": "another"}).status_code == 401
    bad = requests.post(adyen.simulator.base_url + "/payments", "{", headers={"X-API-Key": adyen.simulator.api_key, "Content-Type": "application/json"},
                        timeout=5)
    assert (bad.status_code, bad.json()["errorCode"]) == (400, "702")
    assert adyen.capture(fresh(), "NOSUCHREFERENCE1").json()["errorCode"] == "167"
