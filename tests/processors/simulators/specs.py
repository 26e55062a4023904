"""specs: the published descriptions of both APIs (../shared/specs) as compiled validators, one for each operation.

OpenAPI 3.0 becomes JSON Schema: `nullable` is an alternative, `oneOf` is `anyOf` (their variants overlap). What a response or a webhook
says may hold members of an enum that nobody knows yet (`x-open-enum`); what is asked may not, and an object of a request takes only
the members that are described, unless it was trimmed.

Stripe's form bodies are turned into typed values by the same schemas: `Form.read("amount=1099&metadata[a]=b")`.
"""
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote_plus

import jsonschema_rs

ROOT = Path(__file__).resolve().parents[3]
SPECS = Path(os.environ.get("NOVAPAY_SPECS") or ROOT.parent / "shared" / "specs")
KEPT = ("type", "enum", "required", "minLength", "maxLength", "minimum", "maximum", "pattern", "minItems", "maxItems")
REF = "#/components/schemas/"
FORM_FIELDS_MAX = 500


def load(name):
    return json.loads((SPECS / name).read_text())


class Invalid(Exception):
    """A request that its description does not allow: Stripe's code for it, which parameter, and why."""

    def __init__(self, code, param, message):
        super().__init__(message)
        self.code, self.param, self.message = code, param, message


def converted(node, asked):
    """The JSON Schema of an OpenAPI 3.0 schema; `asked`: of a request."""
    if "$ref" in node:
        made = {"$ref": "#/$defs/" + node["$ref"].removeprefix(REF)}
    else:
        made = {key: node[key] for key in KEPT if key in node}
        if "enum" in made and node.get("x-open-enum") and not asked:
            del made["enum"]
        for key in ("anyOf", "allOf", "oneOf"):
            if key in node:
                made["allOf" if key == "allOf" else "anyOf"] = [converted(each, asked) for each in node[key]]
        if "items" in node:
            made["items"] = converted(node["items"], asked)
        if "properties" in node:
            made["properties"] = {name: converted(each, asked) for name, each in node["properties"].items()}
        extra = node.get("additionalProperties")
        if isinstance(extra, dict):
            made["additionalProperties"] = converted(extra, asked)
        elif extra is not None:
            made["additionalProperties"] = extra
        elif asked and "properties" in node and not any(key.startswith("x-trimmed") for key in node):
            made["additionalProperties"] = False
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[1]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


class Spec:
    """One description. Validators are compiled when they are first asked for, and kept."""

    def __init__(self, file):
        self.document = load(file)
        self.schemas = self.document["components"]["schemas"]
        self.made = {}

    def compiled(self, schema, asked):
        body, wanted, defs = converted(schema, asked), [], {}
        wanted.extend(references(body))
        while wanted:
            name = wanted.pop()
            if name not in defs:
                defs[name] = converted(self.schemas[name], asked)
                wanted.extend(references(defs[name]))
        return jsonschema_rs.Draft202012Validator({"$defs": defs, **body})

    def validator(self, name, asked=False):
        """For the schema of this name."""
        if (name, asked) not in self.made:
            self.made[name, asked] = self.compiled({"$ref": REF + name}, asked)
        return self.made[name, asked]

    def request_schema(self, method, path, media):
        body = self.document["paths"][path][method.lower()].get("requestBody")
        return body["content"][media]["schema"] if body else {"type": "object", "additionalProperties": False, "properties": {}}

    def query_schema(self, path):
        asked = [each for each in self.document["paths"][path]["get"].get("parameters", []) if each.get("in") == "query"]
        return {"type": "object", "additionalProperties": False, "properties": {each["name"]: each["schema"] for each in asked}}

    def expandable(self, method, path, named):
        """Whether its answer holds an id there that can be expanded: "latest_charge", "data.source"."""
        key = (method, path, "expand", named)
        if key not in self.made:
            answer = self.document["paths"][path][method.lower()]["responses"]["200"]
            self.made[key] = self.holds_id(answer["content"]["application/json"]["schema"], named.split("."))
        return self.made[key]

    def holds_id(self, schema, names):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].removeprefix(REF)]
        if "anyOf" in schema:
            return any(self.holds_id(each, names) for each in schema["anyOf"])
        if "items" in schema:
            return self.holds_id(schema["items"], names)
        member = schema.get("properties", {}).get(names[0], {})
        return self.holds_id(member, names[1:]) if len(names) > 1 else "x-expandable-to" in member

    def response(self, method, path, status):
        """The validator of an answer; `default` describes the statuses that are not listed."""
        listed = self.document["paths"][path][method.lower()]["responses"]
        which = str(status) if str(status) in listed else "default"
        if (method, path, which) not in self.made:
            self.made[method, path, which] = self.compiled(listed[which]["content"]["application/json"]["schema"], False)
        return self.made[method, path, which]


def first_error(validator, value):
    """(kind, path, message) of the first thing that is wrong, or None. The kinds are JSON Schema's keywords."""
    if validator.is_valid(value):
        return None
    error = next(iter(validator.iter_errors(value)))
    path = [str(part) for part in error.instance_path]
    kind = type(error.kind).__name__.rsplit("_", 1)[-1].lower()
    if kind == "required":
        path.append(str(error.kind.property))
    return kind, path, error.message


# ---- forms -----------------------------------------------------------------------------------------------------------

PARTS = re.compile(r"\[([^\[\]]*)\]")
INTEGER = re.compile(r"-?\d{1,18}\Z")


def named(path):
    """Stripe's way of writing a path: metadata[order]."""
    return path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""


def nested(text):
    """`a[b]=1&c[]=2` → {"a": {"b": "1"}, "c": {"0": "2"}}: strings and dictionaries only."""
    made = {}
    pairs = text.split("&") if text else []
    if len(pairs) > FORM_FIELDS_MAX:
        raise Invalid(None, None, "Too many parameters.")
    for pair in pairs:
        name, _, value = pair.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        head, bracket, rest = name.partition("[")
        if not bracket:
            made[name] = value
            continue
        parts = PARTS.findall(bracket + rest)
        if "".join(f"[{part}]" for part in parts) != bracket + rest or not head:
            raise Invalid("parameter_unknown", name, f"Received unknown parameter: {name}")
        at = made
        for step, following in zip([head, *parts], parts):
            under = at.setdefault(step if step else str(len(at)), {})
            if not isinstance(under, dict):
                raise Invalid(None, name, f"Invalid object: {name}")
            at = under
        at[parts[-1] if parts[-1] else str(len(at))] = value
    return made


class Form:
    """Reads one operation's parameters, from a body or a query."""

    def __init__(self, spec, schema):
        self.spec = spec
        self.validator = spec.compiled(schema, True)
        self.read_typed = self.reader(schema)

    def read(self, text):
        typed = self.read_typed(nested(text), ())
        wrong = first_error(self.validator, typed)
        if wrong is None:
            return typed
        kind, path, message = wrong
        param = named(path)
        if kind == "required":
            raise Invalid("parameter_missing", param, f"Missing required param: {param}.")
        raise Invalid(None, param, f"Invalid {param}: {message}")

    def reader(self, schema, inside=()):
        """A function (value, path) → typed value, for this schema."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            if name in inside:
                return lambda value, path: value
            return self.reader(self.spec.schemas[name], (*inside, name))
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self.any_of([(self.kind(each), self.reader(each, inside)) for each in schema[key]])
        return getattr(self, "read_" + schema.get("type", "anything"))(schema, inside)

    def kind(self, schema):
        while "$ref" in schema:
            schema = self.spec.schemas[schema["$ref"].removeprefix(REF)]
        return schema.get("type", "anything")

    @staticmethod
    def any_of(readers):
        of = dict(readers)

        def read(value, path):
            if isinstance(value, dict):
                chosen = of.get("object") or of.get("array") or of.get("anything")
            elif "integer" in of and INTEGER.match(value):
                chosen = of["integer"]
            elif "boolean" in of and value in ("true", "false"):
                chosen = of["boolean"]
            else:
                chosen = of.get("string") or of.get("anything")
            if chosen is None:
                raise Invalid(None, named(path), f"Invalid value for {named(path)}.")
            return chosen(value, path)
        return read

    @staticmethod
    def read_anything(schema, inside):
        return lambda value, path: value

    @staticmethod
    def read_string(schema, inside):
        def read(value, path):
            if isinstance(value, dict):
                raise Invalid(None, named(path), f"Invalid string: {named(path)} is an object.")
            if len(value) > 5000:
                raise Invalid(None, named(path), f"Invalid string: {named(path)} is longer than 5000 characters.")
            return value
        return read

    @staticmethod
    def read_integer(schema, inside):
        def read(value, path):
            if isinstance(value, dict) or not INTEGER.match(value):
                raise Invalid("parameter_invalid_integer", named(path), f"Invalid integer: {value}")
            return int(value)
        return read

    @staticmethod
    def read_boolean(schema, inside):
        def read(value, path):
            if value not in ("true", "false"):
                raise Invalid(None, named(path), f"Invalid boolean: {value}")
            return value == "true"
        return read

    def read_array(self, schema, inside):
        each = self.reader(schema.get("items", {}), inside)

        def read(value, path):
            if not isinstance(value, dict) or not all(key.isdigit() for key in value):
                raise Invalid(None, named(path), f"Invalid array: {named(path)}")
            return [each(value[key], (*path, key)) for key in sorted(value, key=int)]
        return read

    def read_object(self, schema, inside):
        members = {name: self.reader(each, inside) for name, each in schema.get("properties", {}).items()}
        unnamed = {name for name, each in schema.get("properties", {}).items() if each.get("type") == "string" and "enum" not in each}
        extra = schema.get("additionalProperties")
        others = self.reader(extra, inside) if isinstance(extra, dict) else None
        is_open = not members and others is None or any(key.startswith("x-trimmed") for key in schema)

        def read(value, path):
            if not isinstance(value, dict):
                if value == "" and others is not None:
                    return {}
                raise Invalid(None, named(path), f"Invalid object: {named(path)}")
            made = {}
            for name, given in value.items():
                reader = members.get(name) or others
                if reader is None:
                    if not is_open:
                        raise Invalid("parameter_unknown", named((*path, name)), f"Received unknown parameter: {named((*path, name))}")
                    made[name] = given
                elif given != "" or name not in unnamed:  # an empty text unsets
                    made[name] = reader(given, (*path, name))
            return made
        return read
