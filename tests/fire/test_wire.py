"""The second reader of stored records reads what it is given, and nothing else."""
import pytest

import wire


def field(number, value):
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def tagged(number, value):
    """A field whose number does not fit one byte's tag."""
    tag = number << 3 | 2
    return bytes([tag & 0x7F | 0x80, tag >> 7, len(value)]) + value


def test_a_name_means_the_innermost_message_of_that_name():
    """PaymentEvent.Accepted and Outcome.Accepted are two."""
    about = field(1, 3) + field(2, 1)
    event = wire.decode("PaymentEvent", field(1, 1) + tagged(26, field(1, about) + field(2, b"psp") + field(3, 7)))
    assert event["accepted"] == {"about": {"kind": 3, "number": 1}, "reference": "psp", "next_attempt_at_ms": 7}
    assert wire.decode("Outcome", field(7, field(1, b"psp")))["accepted"] == {"reference": "psp"}


def test_every_message_is_known_under_its_own_name():
    known = wire.messages()
    kinds = {kind for fields in known.values() for _, kind, _ in fields.values()}
    assert kinds <= set(known) | set(wire.SCALARS), kinds - set(known) - set(wire.SCALARS)


@pytest.mark.parametrize("spoilt", [field(31, b"x"), field(1, b"x"), field(1, 1)[:1], tagged(26, field(2, b"psp"))[:-1]])
def test_what_it_does_not_know_it_does_not_read(spoilt):
    with pytest.raises((ValueError, IndexError)):
        wire.decode("PaymentState" if spoilt[0] >> 3 == 31 else "PaymentEvent", spoilt)
