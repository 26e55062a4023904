"""The canary search finds what is planted, in every place and form, and says nothing of what belongs where it is."""
import pytest

import places  # noqa: F401
from canary import leaks, without_terms

KEYS, DEV_KEY, TOKENS = ["sk_test_0123456789abcdef", "whsec_fedcba9876543210"], "np_test_sk_8sVq0JZkTn3xW2aLr5Yb7cDf9GhM1pQe2uYZ2E", ["tok_canary-7-1a2b"]
NAMES = ("log", "stdout", "answers", "metrics", "journal", "database")


@pytest.fixture
def files(tmp_path):
    made = {name: tmp_path / name for name in NAMES}
    for name, place in made.items():
        place.write_text(f"something in the {name}\n")
    made["database"].write_text(f"\\\\x{TOKENS[0].encode().hex()}\n")
    made["stdout"].write_text(f"API key {DEV_KEY}\n")
    return made


def found(files, tmp_path):
    folder = tmp_path / "search"
    folder.mkdir(exist_ok=True)
    return leaks(files, KEYS, DEV_KEY, TOKENS, folder)


def test_what_belongs_where_it_is_is_no_leak(files, tmp_path):
    assert found(files, tmp_path) == []


@pytest.mark.parametrize("name, secret", [(name, secret) for name in NAMES for secret in (*KEYS, DEV_KEY, *TOKENS)
                                          if (name, secret) not in (("stdout", DEV_KEY), ("database", TOKENS[0]))])
@pytest.mark.parametrize("write", [str, lambda secret: secret.encode().hex()], ids=["plain", "hex"])
def test_what_is_planted_is_found(files, tmp_path, name, secret, write):
    with open(files[name], "a") as place:
        place.write(f"before{write(secret)}after\n")
    said = found(files, tmp_path)
    assert len(said) == 1 and f"in the {name}" in said[0] and ("token" if secret in TOKENS else "key") in said[0], said


def test_a_search_that_finds_nothing_says_so(files, tmp_path):
    files["database"].write_text("empty\n")
    assert any("it finds nothing" in each for each in found(files, tmp_path))


def test_only_the_terms_tokens_are_passed_over():
    terms = {"token": TOKENS[0], "tokens": [{"key": "stripe", "value": TOKENS[0]}], "reference": "order-1"}
    created = {"what": "created", "created": {"agreed": terms, "handled": None}}
    assert TOKENS[0] not in repr(without_terms(created)) and "order-1" in repr(without_terms(created))
    terms["description"] = TOKENS[0]
    assert TOKENS[0] in repr(without_terms(created))
    declined = {"what": "declined", "declined": {"why": {"message": f"No such PaymentMethod: '{TOKENS[0]}'"}}}
    assert TOKENS[0] in repr(without_terms(declined))
