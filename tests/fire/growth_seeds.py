"""growth_seeds: the payments that growth_fill copies, really made through the API, and how often each is copied."""
import itertools
import json
import re
import subprocess

import server as e2e
from client import Client, at_once
from growth_fill import ALPHABET, NAME_CHARS, Seed

# merchant → its share of all payments: one has most of them, one hardly any
MERCHANTS = {"mrc_demo": 0.8, "mrc_many": 0.15, "mrc_some": 0.0495, "mrc_few": 0.0005}
EACH = 4         # payments of each shape and merchant, of different amounts
WORKERS = 8
CHANNELS = ("web", "app", "shop")
CURRENCIES = ("eur", "usd", "jpy")
RARE_AMOUNT = 77_777_777

# name: (weight, settles, token, automatic, what is done with it afterwards)
SHAPES = {
    "settled": (50, True, "tok_visa", True, ()),
    "settled in two steps": (22, True, "tok_visa", False, (("capture", {}),)),
    "captured": (9, False, "tok_mastercard", True, ()),
    "captured in two steps": (5, False, "tok_visa", False, (("capture", {}),)),
    "captured in part": (1, True, "tok_visa", False, (("capture", {"amount": 500}), ("capture", {"amount": 100, "final": True}))),
    "refunded in part": (3, True, "tok_visa", True, (("refunds", {"amount": 100}), ("refunds", {"amount": 50}))),
    "refunded": (1, True, "tok_amex", True, (("refunds", {}),)),
    "declined": (4, True, "tok_declined_insufficient_funds", True, ()),
    "declined otherwise": (1, True, "tok_declined_lost_card", True, ()),
    "customer failed": (0.02, True, "tok_3ds_fails", True, (("confirm", {}),)),
    "canceled": (2, True, "tok_visa", False, (("cancel", {}),)),
    "authorized": (8, True, "tok_visa", False, ()),
    "waits for its customer": (4, True, "tok_3ds_required", True, ()),
}


def name_of(shape, number):
    """Of NAME_CHARS characters that pass for no card number; says what shape the payment has."""
    return "seed" + ALPHABET[list(SHAPES).index(shape)] + format(number, "o").rjust(NAME_CHARS - 5, "x")


def weight_of(entity):
    """How often it is copied, relative to the others."""
    shape = list(SHAPES)[ALPHABET.index(entity["reference"].removeprefix("r-seed")[0])]
    return MERCHANTS[entity["scope"].removesuffix("/test")] * SHAPES[shape][0]


def make(folder, say):
    """Makes them on a node of their own; (path of the node's data, {merchant: key}, name of its database, a claim's payload)."""
    database = e2e.migrated_database()
    keys, numbers = {}, itertools.count(1000)
    for settles in (True, False):
        (folder / "seeds").mkdir(parents=True, exist_ok=True)
        (folder / "seeds/node.yaml").write_text(f"sandbox: {{settle_after_ms: {300 if settles else 0}}}\nlog: {{level: warning}}\n")
        node = e2e.Server("postgres", folder / "seeds", config=folder / "seeds/node.yaml", postgres=database).start()
        if not keys:
            keys = {"mrc_demo": node.dev_key} | {merchant: keygen(node, merchant) for merchant in MERCHANTS if merchant != "mrc_demo"}
            node.restart()
        jobs = []
        for merchant in MERCHANTS:
            for shape, (_, when, token, automatic, steps) in SHAPES.items():
                if when == settles:
                    for nth in range(EACH):
                        name = name_of(shape, next(numbers))
                        jobs.append(lambda m=merchant, n=nth, name=name, t=token, a=automatic, s=steps:
                                    live(node, keys[m], name, n, t, a, s))
        at_once(jobs, WORKERS)
        if settles:
            def settled():
                return node.rows("select count(*) from entity where status = 'captured'")[0][0] == "0"
            e2e.until(settled, 60)
        assert node.stop() == 0
    say(f"{next(numbers) - 1000} payments made to be copied")
    claim = e2e.psql("select encode(payload, 'hex') from journal where type = 1 limit 1", database)[0][0]
    return node.data, keys, re.search(r"dbname=(\S+)", database).group(1), bytes.fromhex(claim)


def keygen(node, merchant):
    done = subprocess.run([e2e.BINARY, "keygen", "--merchant", merchant, "--mode", "test", "--file", node.data / "credentials.yaml"],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def live(node, key, name, nth, token, automatic, steps):
    client = Client(node, key)
    rare = token == "tok_amex" and nth == 0
    metadata = {"channel": CHANNELS[nth % 3], "order": f"o-{name}", "agent": f"agent-{nth}"}
    fields = {"amount": RARE_AMOUNT if rare else 1099 + 1371 * nth, "currency": CURRENCIES[nth % 3], "reference": f"r-{name}",
              "capture_method": "automatic" if automatic else "manual", "description": "Two nights, breakfast included",
              "metadata": metadata | ({"campaign": "spring"} if rare else {})}
    payment = client.payment(key=f"k-{name}", token=token, **fields)
    for number, (what, asked) in enumerate(steps):
        answer = client.do(payment["id"], what, key=f"{what}-{number}-{name}", **asked)
        assert answer.status in (200, 201), answer
    client.close()


def read(database):
    """The seeds as they are stored."""
    def rows(statement):
        return [json.loads(row[0]) for row in e2e.psql(f"select to_json(found) from ({statement}) found", database)]

    records = {}
    for record in rows("select replace(entity_id::text, '-', '') as id, at_ms, encode(payload, 'hex') as payload from journal "
                       "where type = 2 order by entity_id, sequence"):
        records.setdefault(record["id"], []).append(record)
    entities = rows("select replace(id::text, '-', '') as id, kind, version, encode(state, 'hex') as state, wake_at_ms, scope, status, "
                    "reference, unit, amount_minor, labels::text as labels from entity")
    return [Seed(entity, records[entity["id"]], weight_of(entity)) for entity in entities]
