"""growth_postgres: a PostgreSQL of this proof's own that can be kept, and how it is filled fast."""
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import threading
import time

import machine
import server as e2e
from growth_fill import KEY_RETENTION_MS, SHARDS, WEEK_MS, Layout, Logs, blocks, copy_blocks

# What an operator would set for a machine of this size; durability stays as it is by default.
SETTINGS = ["max_connections=100", "shared_buffers=1GB", "max_wal_size=4GB", "effective_cache_size=8GB", "random_page_cost=1.1"]
# While filling, nothing has to survive: what is cut off is begun again.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "autovacuum=off",
        "maintenance_work_mem=1GB", "max_parallel_maintenance_workers=0", "checkpoint_timeout=1h", "max_wal_size=16GB"]
UNINDEXED = ("journal", "entity", "entity_term")


def load_wrapper():
    path = str(e2e.SOURCE / "tests/servers/with-postgres")
    spec = importlib.util.spec_from_loader("with_postgres", importlib.machinery.SourceFileLoader("with_postgres", path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Postgres:
    """A server whose data stays in the folder; a database for each name."""

    kind = "postgres"
    written = "bytes of WAL"

    def __init__(self, folder):
        self.folder = folder
        self.server = load_wrapper().Server(folder / "postgres")
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)  # the server runs as another user

    def start(self, fast=False):
        if not self.server.data.exists():
            self.server.init()
        self.server.settings = SETTINGS + (FAST if fast else [])
        self.server.start()
        os.environ["NOVAPAY_TEST_POSTGRES"] = self.server.connection()
        return self

    def stop(self):
        self.server.stop(keep=True)

    def database(self, name):
        return re.sub(r"dbname=\S+", f"dbname={name}", self.server.connection())

    def make(self, name):
        run(self.database("postgres"), f"create database {name}")
        self.migrate(name)

    def options(self, name):
        return ["--store", "postgres", "--postgres", self.database(name)]

    def migrate(self, name):
        subprocess.run([e2e.BINARY, "migrate", *self.options(name)], check=True, stdout=subprocess.DEVNULL)

    def fill(self, name, *how):
        fill(self.database(name), *how)

    def add(self, name, *how):
        add(self.database(name), *how)

    def rows(self, name, statement):
        return run(self.database(name), statement)

    def size(self, name):
        return run(self.database(name), "select pg_size_pretty(pg_database_size(current_database()))")[0][0]

    def id(self, raw):
        return f"'{raw.hex()}'::uuid"

    def node(self, name, config):
        return e2e.Server("postgres", self.folder / name, config=config, postgres=self.database(name))

    # What a load costs beside the node's own CPU.

    def settle(self, name):
        """What was written before is out of the way: every page that is touched next is logged as a whole."""
        run(self.database("postgres"), "checkpoint")

    def cpu(self):
        return machine.cpu_of_family(self.server.process.pid)

    def bytes_written(self, node):
        return int(run(self.database("postgres"), "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")[0][0])


def run(connection, *statements):
    """Without psql's time limit; one session."""
    done = subprocess.run(["psql", "-qXAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", connection,
                           *[part for s in statements for part in ("-c", s)]], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def claims(payload, at_ms):
    """The first record of every shard's log."""
    layout = Layout()
    for shard in range(SHARDS):
        layout.row(shard.to_bytes(4), bytes(8), bytes(8), (1).to_bytes(2), bytes(16), bytes(8), at_ms.to_bytes(8), payload)
    return bytes(layout.bytes)


def fill(connection, seeds, claim, count, days, pick, say):
    """An empty, migrated database gets `count` payments of the last `days` days."""
    begun, now_ms = time.monotonic(), int(time.time() * 1000)
    weeks = range((now_ms - KEY_RETENTION_MS) // WEEK_MS, now_ms // WEEK_MS + 2)
    run(connection, *[f"select make_key_partition({week})" for week in weeks])
    indexes = drop_indexes(connection)

    first = now_ms - days * 24 * 3600 * 1000
    made = blocks(seeds, count, first, now_ms - 60_000, now_ms, Logs(), pick)

    def with_claims():
        yield 0, {"journal": [claims(claim, first)]}
        yield from made

    copy_blocks(connection, with_claims(), say, begin=lambda table: ("begin", f"truncate {table}") if table != "creation_key" else (),
                options=", freeze")
    say(f"{count:,} payments copied in {time.monotonic() - begun:.0f} s; now their indexes")

    backfill = re.search(r"insert into entity_term.*?;", (e2e.SOURCE / "adapters/postgres/migrations/0002_terms.sql").read_text(), re.S).group(0)
    sides = [indexes["journal"], ["begin; truncate entity_term; " + backfill + " commit"] + indexes["entity"] + indexes["entity_term"] +
             indexes["creation_key"]]
    threads, failed = [], []

    def work(statements):
        try:
            run(connection, *statements)
        except RuntimeError as why:
            failed.append(why)

    for side in sides:
        threads.append(threading.Thread(target=work, args=(side,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    run(connection, "vacuum (analyze)")
    say(f"{count:,} payments stored in {time.monotonic() - begun:.0f} s")


def drop_indexes(connection):
    """{table: the statements that make them again}, as the schema has them."""
    again = {table: [] for table in (*UNINDEXED, "creation_key")}
    for table, index, made, constraint, defined in run(connection, f"""
        select i.indrelid::regclass, i.indexrelid::regclass, pg_get_indexdef(i.indexrelid), coalesce(c.conname, ''),
               coalesce(pg_get_constraintdef(c.oid), '')
        from pg_index i left join pg_constraint c on c.conindid = i.indexrelid
        where i.indrelid::regclass::text in ('creation_key', {", ".join(f"'{table}'" for table in UNINDEXED)})"""):
        run(connection, f"alter table {table} drop constraint {constraint}" if constraint else f"drop index {index}")
        made = made.replace(" ON ONLY ", " ON ")  # of a partitioned table: with all its partitions
        again[table].append(f"alter table {table} add constraint {constraint} {defined}" if constraint else made)
    return again


def add(connection, seeds, count, first_ms, last_ms, pick):
    """More copies, beside what is stored, while no node runs: the logs go on where they end."""
    heads = [tuple(map(int, row)) for row in run(connection, f"""
        select shard, head.* from generate_series(0, {SHARDS - 1}) shard,
               lateral (select "offset", epoch from journal j where j.shard = shard.shard order by "offset" desc limit 1) head""")]
    for seed in seeds:
        seed.open_for_ms = 10 ** 15
    made = blocks(seeds, count, first_ms, last_ms, int(time.time() * 1000), Logs(heads), pick)
    copy_blocks(connection, made, lambda _: None)
