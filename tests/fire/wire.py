"""wire: NovaPay's stored records read by somebody else: protobuf by the field numbers of actors/proto/payment.proto.

A second reader on purpose. What the program wrote is not judged by the program's own decoder.
"""
import re
from functools import lru_cache

import history  # noqa: F401  makes tests/e2e importable
from server import SOURCE

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SCALARS = {"uint32": 0, "uint64": 0, "int64": 0, "bool": False, "string": ""}


@lru_cache(maxsize=None)
def messages():
    """{message: {number: (field, type, label)}}; a nested message is "Outer.Inner". Labels: "", repeated, optional, oneof."""
    text = re.sub(r"//[^\n]*", "", (SOURCE / "actors/proto/payment.proto").read_text())
    tokens = re.findall(r"\w+|[{};=]|\"[^\"]*\"|\.", text)
    found, nesting, at = {}, [], 0
    while at < len(tokens):
        token = tokens[at]
        if token in ("message", "oneof"):
            nesting.append((token, tokens[at + 1]))
            if token == "message":
                found[named(nesting)] = {}
            at += 3
        elif token == "}":
            nesting.pop()
            at += 1
        elif nesting:
            label = token if token in ("repeated", "optional") else ""
            kind, name, _, number = tokens[at + bool(label):at + bool(label) + 4]
            found[named(nesting)][int(number)] = (name, kind, "oneof" if nesting[-1][0] == "oneof" else label)
            at += bool(label) + 5
        else:  # syntax, package
            at = tokens.index(";", at) + 1
    return {message: {number: (name, seen_from(message, kind, found), label) for number, (name, kind, label) in fields.items()}
            for message, fields in found.items()}


def named(nesting):
    return ".".join(name for what, name in nesting if what == "message")


def seen_from(message, kind, known):
    """What a type's name means inside a message: the innermost of that name."""
    scope = message
    while scope:
        if f"{scope}.{kind}" in known:
            return f"{scope}.{kind}"
        scope = scope.rpartition(".")[0]
    return kind


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


@lru_cache(maxsize=None)
def defaults(message):
    made = {}
    for name, kind, label in messages()[message].values():
        if label == "repeated":
            made[name] = ()
        elif label == "":
            made[name] = SCALARS.get(kind)
        elif label == "optional":
            made[name] = None
    return made


def decode(message, data):
    """A dict of every field; absent ones have their default, absent messages and optionals None. Of a oneof there is only the
    field that is set, and its name as `what`. Raises ValueError on what it does not know."""
    layout, made, at = messages()[message], dict(defaults(message)), 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag >> 3 not in layout:
            raise ValueError(f"{message} has no field {tag >> 3}")
        name, kind, label = layout[tag >> 3]
        if tag & 7 == 0:
            value, at = varint(data, at)
            value = bool(value) if kind == "bool" else value - (1 << 64) if kind == "int64" and value >> 63 else value
        elif tag & 7 == 2 and (kind == "string" or kind not in SCALARS):
            size, at = varint(data, at)
            raw, at = data[at:at + size], at + size
            if len(raw) != size:
                raise ValueError(f"{message}.{name} is cut off")
            value = raw.decode() if kind == "string" else decode(kind, raw)
        else:
            raise ValueError(f"{message}.{name} has wire type {tag & 7}")
        if label == "repeated":
            made[name] = made[name] or []
            made[name].append(value)
        else:
            made[name] = value
            if label == "oneof":
                made["what"] = name
    return made


def entity_text(raw):
    """The text of an entity's 16 bytes: base 32 after Crockford, 26 digits."""
    number = int.from_bytes(raw, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@lru_cache(maxsize=None)
def currencies():
    """{ISO 4217 number: name}"""
    text = (SOURCE / "actors/domain/currency.cpp").read_text()
    return {int(number): name for number, name in re.findall(r'currency\{(\d+)\}, "(\w+)"', text)}
