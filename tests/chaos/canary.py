"""canary: is any secret of a run left where it does not belong? Keys and webhook secrets (each of them made for this run alone), the
merchant's API key, and payment methods' tokens, in every form of tests/e2e/test_secrets.py.

  keys, secrets   nowhere: not in logs, standard output, answers, metrics, nor in any table or file of the database
  tokens          in the journal's terms and in the stored state by design: an interrupted payment is sent again from there. Nowhere else of
                  the journal, and in no log, answer or metric
"""
import subprocess

import places  # noqa: F401
from test_secrets import all_traces, found_in

TOKEN_FIELDS = ("token", "tokens")


def search(stage, sources, tokens, answers, folder):
    """(leaks, what was searched). `answers`: bodies of the API. The node runs."""
    server = stage.server
    folder.mkdir(parents=True, exist_ok=True)
    places = {"log": server.log_path, "stdout": server.out_path}
    places |= {name: folder / name for name in ("answers", "metrics", "journal", "database")}
    places["answers"].write_bytes(b"\n".join(answers) + repr(list(sources.payments.values())).encode())
    places["metrics"].write_text(server.admin_get("/metrics")[2])
    with open(places["journal"], "w") as out:
        for record in sources.journal:
            out.write(f"{without_terms(record.event)!r}\n")
    with open(places["database"], "wb") as out:
        subprocess.run(["pg_dump", "-d", server.postgres], check=True, stdout=out)
    keys = list(stage.secrets.values())
    found = leaks(places, keys, server.dev_key, tokens, folder)
    searched = sum(place.stat().st_size for place in places.values())
    for name in ("answers", "metrics", "journal", "database"):
        places[name].unlink()
    return found, f"{len(keys) + 1} keys, {len(tokens)} tokens, in {searched / 1e6:.0f} MB"


def leaks(places, keys, dev_key, tokens, folder):
    """`places`: {name: file}. What is where it does not belong; and whether the search finds what is there."""
    found = []
    for name, place in places.items():
        wanted = keys if name == "stdout" else [*keys, dev_key]  # the development key is printed for who starts the node
        found += said("a key", name, found_in([place], all_traces(*wanted), folder))
        if name != "database":
            found += said("a token", name, found_in([place], all_traces(*tokens), folder))
    if not found_in([places["database"]], all_traces(*tokens), folder):
        found.append("the search finds no token in the database, where there are some: it finds nothing")
    return found


def without_terms(event):
    """The event; the payment's terms without its tokens."""
    if not isinstance(event, dict) or event["what"] != "created":
        return event
    agreed = {name: value for name, value in event["created"]["agreed"].items() if name not in TOKEN_FIELDS}
    return event | {"created": event["created"] | {"agreed": agreed}}


def said(what, where, found):
    return [f"{what} in the {where}: {line.decode(errors='replace')[:100]}" for line in found[:10]]
