"""contract: gateway/openapi.yaml as a judge. Every answer the tests see is held against it, and remembered, so that in
the end test_coverage.py can hold the contract against what was seen."""
import atexit
import json
import os
import re
from functools import lru_cache
from pathlib import Path

import jsonschema_rs
import yaml

from server import SOURCE

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


DOCUMENT = yaml.load((SOURCE / "gateway/openapi.yaml").read_text(), yaml.CSafeLoader)  # at once: threads will ask for it


def resolve(node):
    while "$ref" in node:
        found = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


@lru_cache(maxsize=None)
def routes():
    """(template, pattern), those without parameters first."""
    made = [(path, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path) + r"\Z")) for path in DOCUMENT["paths"]]
    return sorted(made, key=lambda route: "{" in route[0])


def template_of(target):
    path = target.split("?", 1)[0]
    for template, pattern in routes():
        if pattern.match(path):
            return template
    return None


def operations():
    """(method, template, operation) of everything in the contract."""
    for template, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), template, item[method]


def for_merchants():
    """operations() but for webhooks, which are no merchant's: no key, no JSON of ours."""
    return [each for each in operations() if "Webhooks" not in each[2]["tags"]]


def operation_of(method, template):
    return DOCUMENT["paths"].get(template, {}).get(method.lower())


def answer_of(operation, status):
    """What the contract says of that status; `default` is what any request can be answered with."""
    responses = operation["responses"]
    return resolve(responses.get(str(status), responses["default"]))


def any_request():
    return resolve({"$ref": "#/components/responses/AnyRequest"})


seen = set()


def judge(method, target, status, body):
    """Fails if the contract does not foresee this answer: its status, its error code, its body."""
    template = template_of(target)
    operation = template and operation_of(method, template)
    answer = answer_of(operation, status) if operation else any_request()
    where = f"{method} {template or target} answered {status}"
    code = ""
    if status >= 400 and method != "HEAD":
        code = json.loads(body)["error"]["code"]
        assert code in answer.get("x-error-codes", ()), f"{where} {code}: not in openapi.yaml"
        assert error_statuses()[code] == status, f"{where} {code}"
    else:
        assert method == "HEAD" or str(status) in operation["responses"], f"{where}: not in openapi.yaml"
    seen.add((method, template or "", status, code))
    media = answer.get("content", {}).get("application/json")
    if media and method != "HEAD":
        validator(json.dumps(media["schema"])).validate(json.loads(body))


@lru_cache(maxsize=None)
def validator(schema):
    return jsonschema_rs.validator_for(json.loads(schema) | {"components": DOCUMENT["components"]}, validate_formats=True)


@lru_cache(maxsize=None)
def error_statuses():
    """{code: status} of every error there is."""
    return {row["code"]: row["status"] for row in DOCUMENT["x-errors"]}


@atexit.register
def write_down():
    where = os.environ.get("NOVAPAY_E2E_SEEN")
    if where and seen:
        Path(where).parent.mkdir(parents=True, exist_ok=True)
        with open(where, "a") as out:
            for line in sorted(seen):
                out.write(json.dumps(line) + "\n")
