"""Two processes on one database, each believing that it owns every shard: the log lets only one write, and money moves once."""

import pytest

from checker import check, report
from client import Client
from history import History
from ledger import Ledger
from load import Load, still_stands, wait_until_all_is_done
from server import until

CLAIM, EVENT = 1, 2


@pytest.fixture
def rival(own_server, tmp_path):
    made = own_server.beside(tmp_path / "rival")
    yield made
    if made.process is not None:
        made.kill()


def no_history_forks(server):
    """Straight from the database: every log without a gap, epochs never fall, each record under its shard's latest claim,
    each entity's events counted without a gap and stored as its version."""
    journal = [list(map(int, row)) for row in server.rows(
        'select shard, "offset", epoch, type, sequence from journal order by shard, "offset"')]
    assert journal
    next_offset, latest = {}, {}
    for shard, offset, epoch, kind, sequence in journal:
        assert offset == next_offset.get(shard, 0), (shard, offset, "a gap")
        next_offset[shard] = offset + 1
        if kind == CLAIM:
            assert epoch == offset and sequence == 0
            latest[shard] = epoch
        assert epoch == latest[shard], (shard, offset, "written under a claim that is not the latest")
    entities = server.rows(
        f"select count(*), min(sequence), max(sequence), count(distinct shard) from journal where type = {EVENT} group by entity_id")
    for count, first, last, shards in entities:
        assert (first, shards) == ("1", "1") and count == last
    behind = server.rows("select count(*) from entity e where e.version <> "
                         "(select max(sequence) from journal j where j.entity_id = e.id and j.type = 2)")
    assert behind == [["0"]]
    claims = [row for row in journal if row[3] == CLAIM]
    return len(claims) / len(next_offset)


def test_a_fenced_node_does_not_go_on_serving_what_it_no_longer_owns(own_server, rival):
    own_server.start()
    loser = Client(own_server)
    held = [loser.payment(capture_method="manual") for _ in range(20)]
    rival.start()
    winner = Client(rival)
    for payment in held:
        captured = winner.do(payment["id"], "capture")
        assert captured.status == 200, captured
        asked = loser.do(payment["id"], "cancel")  # decided on what the loser remembers: must never become true
        assert asked.status in (409, 503), asked
        read = loser.get(f"/v1/payments/{payment['id']}")
        assert read.status == 503 or read.json["status"] == "captured", read
    for payment in held:
        now = winner.get(f"/v1/payments/{payment['id']}")
        assert now.status == 503 or now.json["status"] == "captured"
        Ledger(own_server).agrees_with(captured_view(winner, loser, payment["id"]))
    assert Ledger(own_server).anomalies() == []
    no_history_forks(own_server)


def captured_view(one, other, payment_id):
    """From whichever node owns it by now."""
    def read():
        for client in (one, other):
            answer = client.get(f"/v1/payments/{payment_id}")
            if answer.status == 200:
                return answer.json
        return None
    return until(read)


def await_created(load, payments):
    """So many more, while the load runs on."""
    before = load.statuses.get(201, 0)
    until(lambda: load.statuses.get(201, 0) >= before + payments, 60)


def test_two_owners_under_load(own_server, rival, tmp_path):
    own_server.start()
    rival.start()
    history = History(tmp_path / "history.jsonl")
    load = Load([own_server, rival], seed=9, connect=history.client)
    await_created(load, 100)
    own_server.kill()
    own_server.start()  # claims everything anew: now the rival is the loser
    until(lambda: not rival.is_ready(), 30)
    await_created(load, 100)
    load.stop()
    assert set(load.statuses) <= {200, 201, 202, 409, 422, 503, "broken"}, load.statuses
    assert load.statuses[201] > 100, load.statuses

    rival.stop()
    own_server.restart()
    client = Client(own_server)
    final = wait_until_all_is_done(client, [told.id for told in load.told], 60)
    assert len({told.id for told in load.told}) == len(load.told)
    for told in load.told:
        still_stands(told, told.latest, final[told.id])
    violations = check(own_server, history)
    assert not violations, report(violations)
    assert no_history_forks(own_server) >= 4, "claims a shard: two nodes, two restarts"
    print(f"{len(load.told)} payments, answers {load.statuses}")

