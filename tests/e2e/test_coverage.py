"""The contract against what the other tests saw: every route, every answer and every error code it promises was given."""
import json
import os
from pathlib import Path

import contract

# What a test from outside cannot bring about; tests/unit and tests/sim do.
NOT_FROM_OUTSIDE = {
    "internal_error": "a bug of ours",
    "overloaded": "needs more load than a functional test makes",
    "unavailable": "the store out of reach",
    "deadline_exceeded": "the same",
    "payment_quarantined": "a bug of ours, three times",
    "outcome_unknown": "an answer of the store lost at the very commit",
    "too_many_operations": "two thousand of them",
    "unknown_operation": "a mistaken processor",
    "invalid_amount": "the request's form refuses it before the payment does",
}


def seen():
    folder = Path(os.environ["NOVAPAY_E2E_SEEN"]).parent
    lines = [line for file in sorted(folder.glob("*")) for line in file.read_text().splitlines()]
    assert lines, "no recordings: run this after the other e2e tests"
    return {tuple(json.loads(line)) for line in lines}


def test_every_status_of_every_route_was_seen():
    had = {(method, template, str(status)) for method, template, status, _ in seen()}
    promised = set()
    for method, template, operation in contract.operations():
        for status in operation["responses"]:
            codes = set(contract.answer_of(operation, status).get("x-error-codes", ("",)))
            if status != "default" and not codes <= set(NOT_FROM_OUTSIDE):
                promised.add((method, template, status))
    assert not promised - had, sorted(promised - had)


def test_every_error_code_was_seen_and_no_other():
    codes = {code for *_, code in seen() if code}
    promised = set(contract.error_statuses())
    assert not promised - codes - set(NOT_FROM_OUTSIDE), sorted(promised - codes - set(NOT_FROM_OUTSIDE))
    assert codes <= promised, sorted(codes - promised)
    named = {code for _, _, operation in contract.operations() for status in operation["responses"]
             for code in contract.answer_of(operation, status).get("x-error-codes", ())}
    assert named == promised, "each code belongs to some route, and each route's codes are in the table"
