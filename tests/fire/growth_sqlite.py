"""growth_sqlite: the same copies in SQLite's files."""
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import server as e2e
from growth_fill import SHARDS, Logs, blocks
from growth_postgres import claims

KINDS = {"journal": "nnnnbnnb", "entity": "bntnbnttttnt", "creation_key": "nttb"}  # number, text, bytes
INTO = {
    "journal": 'insert into journal (shard, "offset", epoch, type, entity_id, sequence, at_ms, payload) values (?, ?, ?, ?, ?, ?, ?, ?)',
    "entity": "insert into entity (id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels) "
              "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "creation_key": "insert into creation_key (week, scope, key, entity_id) values (?, ?, ?, ?)",
}
FAST = ("pragma journal_mode = off", "pragma synchronous = off", "pragma cache_size = -1000000", "pragma locking_mode = exclusive")


def decoded(data, kinds):
    """Of COPY's binary rows: tuples for SQLite."""
    at, end = 0, len(data)
    while at < end:
        at += 2
        row = []
        for kind in kinds:
            size = int.from_bytes(data[at:at + 4], signed=True)
            at += 4
            if size < 0:
                row.append(None)
                continue
            field = data[at:at + size]
            at += size
            row.append(int.from_bytes(field, signed=True) if kind == "n" else bytes(field) if kind == "b" else
                       field.removeprefix(b"\1").decode())
        yield row


class Sqlite:
    """A file for each name, where its node looks for it."""

    kind = "sqlite"
    written = "bytes written"

    def __init__(self, folder):
        self.folder = folder

    def start(self, fast=False):
        return self

    def stop(self):
        """Nothing runs."""

    def path(self, name):
        return self.folder / name / "data/novapay.db"

    def make(self, name):
        self.path(name).parent.mkdir(parents=True)
        self.migrate(name)

    def options(self, name):
        return ["--store", "sqlite"]

    def migrate(self, name):
        node = self.node(name, None).start()  # it does that by itself
        assert node.stop() == 0

    def fill(self, name, *how):
        fill(self.path(name), *how)

    def add(self, name, *how):
        add(self.path(name), *how)

    def rows(self, name, statement):
        with closing(sqlite3.connect(f"file:{self.path(name)}?mode=ro", uri=True, timeout=60)) as db:
            return [[str(value) for value in row] for row in db.execute(statement)]

    def size(self, name):
        return f"{os.path.getsize(self.path(name)) >> 20} MB"

    def id(self, raw):
        return f"x'{raw.hex()}'"

    def node(self, name, config):
        return e2e.Server("sqlite", self.folder / name, config=config)

    # What a load costs beside the node's own CPU: nothing, it is in there.

    def settle(self, name):
        """Checkpoints come by themselves, every thousand pages."""

    def cpu(self):
        return 0.0

    def bytes_written(self, node):
        """Of the WAL and, at checkpoints, of the database; the sandbox's as well."""
        text = Path(f"/proc/{node.process.pid}/io").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("write_bytes")).split()[1])


def fill(path, seeds, claim, count, days, pick, say):
    """A migrated, empty file gets `count` payments of the last `days` days. Not durable: what is cut off is begun again."""
    begun, now_ms = time.monotonic(), int(time.time() * 1000)
    first = now_ms - days * 24 * 3600 * 1000
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for setting in FAST:
            db.execute(setting)
        again = [sql for (sql,) in db.execute("select sql from sqlite_schema where type = 'index' and sql is not null and "
                                              "name <> 'entity_label_entity'").fetchall()]
        for (name,) in db.execute("select name from sqlite_schema where type = 'index' and sql is not null and "
                                  "name <> 'entity_label_entity'").fetchall():
            db.execute(f"drop index {name}")
        db.execute("begin")
        db.execute("delete from journal")
        db.executemany(INTO["journal"], decoded(claims(claim, first), KINDS["journal"]))
        put(db, blocks(seeds, count, first, now_ms - 60_000, now_ms, Logs(), pick), say)
        db.execute("commit")
        say(f"{count:,} payments copied in {time.monotonic() - begun:.0f} s; now their indexes")
        for sql in again:
            db.execute(sql)
        db.execute("pragma locking_mode = normal")
        db.execute("pragma journal_mode = wal")
    say(f"{count:,} payments stored in {time.monotonic() - begun:.0f} s, {os.path.getsize(path) >> 20} MiB")


def put(db, made, say):
    for done, block in made:
        for table, parts in block.items():
            for part in parts:
                db.executemany(INTO[table], decoded(part, KINDS[table]))
        if done % 500_000 == 0:
            say(f"{done:,} payments copied")


def add(path, seeds, count, first_ms, last_ms, pick):
    """More copies, beside what is stored, while no node runs: the logs go on where they end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        heads = [(shard, *db.execute('select "offset", epoch from journal where shard = ? order by "offset" desc limit 1', (shard,)).fetchone())
                 for shard in range(SHARDS)]
        for seed in seeds:
            seed.open_for_ms = 10 ** 15
        db.execute("begin")
        put(db, blocks(seeds, count, first_ms, last_ms, int(time.time() * 1000), Logs(heads), pick), lambda _: None)
        db.execute("commit")
