"""Stores that are really spoilt: after a little load, one thing in the database is changed behind the program's back. `novapay verify`
and the checker both find it and name it; put back, both are content again."""
import re
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from checker import check
from evidence import store_arguments, verify
from history import History
from load import Load
from server import BINARY, Server, psql

EXIT_DATA, EXIT_UNAVAILABLE = 65, 69
SETTINGS = "sandbox: {settle_after_ms: 50}\n"


class Spoilt:
    """A server with a history; `statements` change its store, `put_back` undoes everything."""

    def __init__(self, store, folder):
        (folder / "node.yaml").write_text(SETTINGS)
        self.server = Server(store, folder, config=folder / "node.yaml").start()
        self.history = History(folder / "history.jsonl")
        load = Load([self.server], workers=4, seed=3, tokens=("tok_visa", "tok_declined_generic"), connect=self.history.client)
        time.sleep(0.4)  # how much is of no account: a few dozen payments
        load.stop()
        assert check(self.server, self.history) == []
        self.execute("create table kept_journal as select * from journal", "create table kept_entity as select * from entity")
        # A payment with a capture, by its creation's row.
        self.entity = self.server.rows(
            f"select {self.text('id')} from entity where status = 'settled' and version > 5 order by id limit 1")[0][0]

    def text(self, column):
        return f"{column}::text" if self.server.store == "postgres" else f"hex({column})"

    def named(self):
        return f"'{self.entity}'" if self.server.store == "postgres" else f"x'{self.entity}'"

    def execute(self, *statements):
        if self.server.store == "postgres":
            psql("; ".join(statements), self.server.postgres)
            return
        with closing(sqlite3.connect(self.server.data / "novapay.db", timeout=30)) as db:
            db.executescript("begin; " + "; ".join(statements) + "; commit;")

    def put_back(self):
        self.execute("delete from journal", "insert into journal select * from kept_journal",
                     "delete from entity", "insert into entity select * from kept_entity")


@pytest.fixture(scope="module", params=("sqlite", "postgres"))
def spoilt(request, tmp_path_factory):
    made = Spoilt(request.param, tmp_path_factory.mktemp(f"tampered-{request.param}"))
    yield made
    made.server.stop()


# name: (statement, what verify says (a pattern), what the checker says); {id}: the payment's id as the store writes it
TAMPERED = {
    "a state of another payment": (
        "update entity set state = (select state from entity where id <> {id} and status = 'failed' limit 1) where id = {id}",
        "state differs", "stored state differ"),
    "a row's amount": ("update entity set amount_minor = amount_minor + 1 where id = {id}", "amount is", "listed as"),
    "a row's currency": ("update entity set unit = 'usd' where id = {id}", "unit is", "listed as"),
    "a row's status": ("update entity set status = 'failed' where id = {id}", "status is", "listed as failed"),
    "a row's version": ("update entity set version = version - 1 where id = {id}", "its row is version", "its row is version"),
    "a row's timer": ("update entity set wake_at_ms = 9000000000000 where id = {id}", "wake_at is", "wake_at is"),
    "a row that is gone": ("delete from entity where id = {id}", "no row", "no row"),
    "an event that is gone": ("delete from journal where entity_id = {id} and sequence = 3", "a gap: event 4", "a gap in its history"),
    "an event of another payment": (
        "update journal set payload = (select payload from journal where type = 2 and entity_id <> {id} and sequence = 1 limit 1) "
        "where entity_id = {id} and sequence = 1", "differs|above its limits", "its creation names"),
    "an event out of its place": (
        "update journal set sequence = sequence + 9 where entity_id = {id} and sequence = 5", "a gap: event", "a gap in its history"),
    "an event under another claim": (
        "update journal set epoch = epoch + 1 where entity_id = {id} and sequence = 2", "written under epoch", "written under epoch"),
    "a hole in the log": (
        'update journal set "offset" = "offset" + 100000 where entity_id = {id} and sequence = 2', "a gap: offset", "a gap in the log"),
    "an event that cannot be read": (
        "update journal set payload = {nonsense} where entity_id = {id} and sequence = 2", "cannot be replayed", "cannot be read"),
    "a claim that cannot be read": (
        "update journal set payload = {nonsense} where type = 1 and shard = (select shard from entity where id = {id})",
        "a claim that cannot be read", "a claim that cannot be read"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_is_found_by_verify_and_by_the_checker(spoilt, name):
    statement, verify_says, checker_says = TAMPERED[name]
    nonsense = "'\\xffff'::bytea" if spoilt.server.store == "postgres" else "x'ffff'"
    spoilt.execute(statement.format(id=spoilt.named(), nonsense=nonsense))
    try:
        found, violations = verify(spoilt.server), check(spoilt.server, spoilt.history, rest_within_s=0)
    finally:
        spoilt.put_back()
    assert any(re.search(verify_says, line) and re.match(r"pay_\w{26}: |shard \d+ offset \d+: ", line) for line in found), found
    assert any(checker_says in line for line in violations), violations
    assert verify(spoilt.server) == []


def novapay(*arguments):
    return subprocess.run([BINARY, "verify", *arguments], capture_output=True, text=True, timeout=60)


def test_verify_says_what_it_saw_and_ends_with_a_code_for_each_case(spoilt, tmp_path):
    sound = novapay(*store_arguments(spoilt.server))
    assert sound.returncode == 0 and re.fullmatch(
        r"verified .*: \d+ records of 1024 shards, \d+ payments replayed from \d+ events; no difference\n", sound.stdout), sound
    spoilt.execute(f"update entity set amount_minor = 5 where id = {spoilt.named()}")
    try:
        wrong = novapay(*store_arguments(spoilt.server))
    finally:
        spoilt.put_back()
    assert wrong.returncode == EXIT_DATA and wrong.stdout.endswith("; 1 differences\n"), wrong
    assert re.match(r'pay_\w{26}: amount is "5", by its history "\d+"\n', wrong.stdout), wrong

    absent = novapay("--data", str(tmp_path / "nowhere"))
    assert absent.returncode == EXIT_UNAVAILABLE and absent.stderr and not absent.stdout, absent
    unreachable = novapay("--store", "postgres", "--postgres", "host=127.0.0.1 port=1 dbname=x connect_timeout=2")
    assert unreachable.returncode == EXIT_UNAVAILABLE and unreachable.stderr, unreachable


def test_verify_beside_a_node_under_load_accuses_nobody(spoilt):
    load = Load([spoilt.server], workers=4, seed=4, tokens=("tok_visa",), connect=spoilt.history.client)
    try:
        for _ in range(5):
            assert verify(spoilt.server) == []
    finally:
        load.stop()
    assert check(spoilt.server, spoilt.history) == []
