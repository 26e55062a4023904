"""kill -9 under load, ten times: what was acknowledged stands, what was owed gets done, money moved once."""
import random
import time

from checker import check, report
from client import Client, same
from history import History
from load import Load, still_stands, wait_until_all_is_done
from server import until

KILLS = 10
SAMPLE = 150            # payments read after each restart; in the end all are
OWED_WITHIN_S = 45      # domain::resend_after is 30 s


def test_ten_kills_under_load(own_server, tmp_path):
    pick = random.Random(7)
    own_server.start()
    history = History(tmp_path / "history.jsonl")
    load = Load([own_server], seed=7, connect=history.client)
    client = history.client(own_server)
    starts = []
    for kill in range(KILLS):
        time.sleep(pick.uniform(0.3, 1.5))  # the load has to get somewhere
        known = load.snapshot()
        own_server.kill()
        begun = time.monotonic()
        own_server.start()
        starts.append(time.monotonic() - begun)
        client.close()
        for told, then in pick.sample(known, min(SAMPLE, len(known))):
            still_stands(told, then, client.read(then["id"]))
    load.stop()
    assert load.statuses.get(201, 0) > 10 * KILLS, load.statuses

    final = wait_until_all_is_done(client, [told.id for told in load.told], OWED_WITHIN_S)
    assert len({told.id for told in load.told}) == len(load.told), "one payment for each key"
    for told in load.told:
        still_stands(told, told.latest, final[told.id])
        same(told.first, client.create(told.key, **told.body))
    violations = check(own_server, history)
    assert not violations, report(violations)
    print(f"{len(load.told)} payments, answers {load.statuses}, slowest start {max(starts):.2f} s")


def test_a_clean_stop_finishes_what_it_has_begun(own_server):
    own_server.start()
    load = Load([own_server], workers=4, seed=8)
    until(lambda: len(load.told) > 20)
    load.stopping.set()
    assert own_server.stop() == 0
    own_server.start()
    load.stop()
    client = Client(own_server)
    for told in load.told:
        still_stands(told, told.latest, client.read(told.id))
