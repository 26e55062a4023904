"""growth_lists: every kind of list the API offers, asked of millions of payments, and how long each took."""
import itertools
import time
from urllib.parse import urlencode

from client import Client
from growth_seeds import RARE_AMOUNT

STATUSES = (None, "captured", "settled", "failed", "authorized", "requires_action", "canceled", "expired", "processing", "pending",
            "partially_captured")
AMOUNTS = ((None, None), (1000, 3000), (RARE_AMOUNT, RARE_AMOUNT), (2470, 2470), (123456789, 999999999), (0, 100))
METADATA = (None, ("metadata_key", "channel"), ("metadata_key", "campaign"), ("metadata_key", "nobody"), ("metadata[channel]", "web"),
            ("metadata[agent]", "agent-3"), ("metadata[campaign]", "spring"), "own", ("metadata[order]", "o-nobody"))
REFERENCES = (None, "own", "r-nobody")
DAY_S = 24 * 3600
CREATED = (None, ("gte", 1), ("lt", 60), ("both", 90), ("gte", -10))  # days ago
PLACES = ("newest", "deep", "oldest")
LIMITS = (20, 100)


def all_queries(now_s, examples):
    """Every combination, as dicts of parameters. `examples`: [(id, reference, order)] of payments at different depths."""
    made = []
    for status, amount, metadata, reference, created, place, limit in itertools.product(
            STATUSES, AMOUNTS, METADATA, REFERENCES, CREATED, PLACES, LIMITS):
        example = examples[len(made) % len(examples)]
        query = {"limit": limit}
        if status:
            query["status"] = status
        if amount[0] is not None:
            query |= {"amount[gte]": amount[0], "amount[lte]": amount[1]}
        if metadata:
            name, value = ("metadata[order]", example[2]) if metadata == "own" else metadata
            query[name] = value
        if reference:
            query["reference"] = example[1] if reference == "own" else reference
        if created:
            how, days = created
            at = int(now_s - days * DAY_S)
            query |= {"gte": {"created[gte]": at}, "lt": {"created[lt]": at}, "both": {"created[gte]": at, "created[lt]": at + DAY_S}}[how]
        if place != "newest":
            query["cursor"] = example[0] if place == "deep" else examples[0][0]
        made.append(query)
    return made


def simple(query):
    """At most one filter, which is how lists are mostly asked."""
    names = {name.split("[")[0] for name in query} - {"limit", "cursor"}
    return len(names) <= 1


def fits(payment, query):
    def holds(name, value):
        if name.startswith("metadata["):
            return payment["metadata"].get(name[9:-1]) == value
        return {"status": lambda: payment["status"] == value, "reference": lambda: payment["reference"] == value,
                "metadata_key": lambda: value in payment["metadata"], "amount[gte]": lambda: payment["amount"] >= value,
                "amount[lte]": lambda: payment["amount"] <= value, "cursor": lambda: payment["id"] < value}.get(name, lambda: True)()
    return all(holds(name, value) for name, value in query.items())


def ask(client, query):
    """(milliseconds, the page), judged: nothing but what was asked for, newest first."""
    begun = time.perf_counter()
    answer = client.get("/v1/payments?" + urlencode(query))
    took = (time.perf_counter() - begun) * 1000
    assert answer.status == 200, (query, answer)
    page = answer.json
    ids = [payment["id"] for payment in page["data"]]
    assert ids == sorted(ids, reverse=True) and len(ids) <= query["limit"], query
    for payment in page["data"]:
        assert fits(payment, query), (query, payment)
    return took, page


def measure(node, keys, examples, pick, count, say):
    """{what: sorted milliseconds}, and the slowest queries. All simple ones, and `count` of the others."""
    clients = {merchant: Client(node, key, judged=False) for merchant, key in keys.items()}
    now_s = time.time()
    taken, slowest = {"simple": [], "combined": []}, []
    for merchant, client in clients.items():
        queries = all_queries(now_s, examples[merchant])
        plain = [query for query in queries if simple(query)]
        rest = pick.sample([query for query in queries if not simple(query)], count // len(clients))
        for kind, chosen in (("simple", plain), ("combined", rest)):
            for query in chosen:
                took, page = ask(client, query)
                taken[kind].append(took)
                slowest.append((took, merchant, urlencode(query), len(page["data"])))
        say(f"{merchant}: {len(plain) + len(rest)} lists")
    for client in clients.values():
        client.close()
    slowest.sort(reverse=True)
    return {kind: sorted(times) for kind, times in taken.items()}, slowest[:10]


def walk(node, key, query, say):
    """All pages of one query, one after another; (payments found, pages)."""
    client, found, pages, cursor = Client(node, key, judged=False), 0, 0, None
    begun = time.monotonic()
    while True:
        _, page = ask(client, query | ({"cursor": cursor} if cursor else {}))
        found, pages, cursor = found + len(page["data"]), pages + 1, page["next_cursor"]
        if not page["has_more"]:
            client.close()
            say(f"all of {urlencode(query)}: {found} payments on {pages} pages in {time.monotonic() - begun:.1f} s")
            return found, pages
