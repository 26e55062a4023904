"""store_scenarios: the ways a store fails, each broken and mended while the load goes on (fire_store.py judges what NovaPay does)."""
import os
import random
import re
import signal
import sqlite3
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
from cluster import Cluster  # noqa: E402
from server import migrated_database, psql, until  # noqa: E402
from small_disk import SmallDisk  # noqa: E402
from tcp_proxy import Proxy  # noqa: E402


class Scenario:
    """What is broken, and how. `break_it` returns once it is broken, `mend` once the store could serve again (that moment counts)."""
    store = "postgres"
    outage = True          # the store is away all the time: that is to be seen
    outages_max = 1        # lines in the log
    needs_mount = False
    refuses = True         # payments are refused meanwhile

    def prepare(self, folder):
        self.cluster = Cluster(options=self.options())
        return {"postgres": migrated(self.cluster)}

    def options(self):
        return ()

    def break_it(self):
        raise NotImplementedError

    def mend(self):
        raise NotImplementedError

    def during(self, stopping):
        """Runs while the store is broken, in the main thread, until the time is over."""
        stopping.wait()

    def close(self):
        self.cluster.close()


class PgStop(Scenario):
    """PostgreSQL is stopped and started again"""

    def break_it(self):
        self.cluster.stop()

    def mend(self):
        self.cluster.start()


class PgImmediate(Scenario):
    """PostgreSQL ends as in a crash (immediate) and is started again at once, over and over"""
    outage = False
    outages_max = 12

    def break_it(self):
        pass

    def during(self, stopping):
        for _ in range(5):
            self.cluster.stop(signal.SIGQUIT)
            self.cluster.start()
            stopping.wait(random.uniform(0.5, 1.5))

    def mend(self):
        self.cluster.stop(signal.SIGQUIT)
        self.cluster.start()


class PgFreeze(Scenario):
    """PostgreSQL's processes stand still (SIGSTOP): connections stay open and say nothing"""

    def break_it(self):
        self.cluster.freeze()

    def mend(self):
        self.cluster.thaw()


class Proxied(Scenario):
    def prepare(self, folder):
        made = super().prepare(folder)
        self.direct = made["postgres"]
        self.proxy = Proxy(self.direct)
        return {"postgres": self.proxy.connection}

    def close(self):
        self.proxy.close()
        super().close()


class PgStall(Proxied):
    """The network to PostgreSQL swallows everything, connections stay open"""

    def break_it(self):
        self.proxy.stall()

    def mend(self):
        self.proxy.cut_all()  # what was under way is lost with its connections, as after a long stall
        self.proxy.resume()


class PgCut(Proxied):
    """Connections are cut at random: by the network and by pg_terminate_backend"""
    outage = False
    refuses = False
    outages_max = 40

    def break_it(self):
        pass

    def during(self, stopping):
        pick = random.Random(5)
        name = re.search(r"dbname=(\S+)", self.direct).group(1)
        while not stopping.wait(pick.uniform(0.01, 0.3)):
            if pick.random() < 0.5:
                self.proxy.cut_all()
            else:
                psql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid() "
                     "and random() < 0.6", self.direct)

    def mend(self):
        pass


class PgDiskFull(Scenario):
    """The disk of PostgreSQL's data is full (its WAL has another)"""
    needs_mount = True

    def prepare(self, folder):
        def on_small_disk(server):
            self.disk = SmallDisk(owned(server, server.data), megabytes=160)
            server.initdb_options = [f"--waldir={server.folder / 'wal'}"]
        self.cluster = Cluster(on_small_disk)
        return {"postgres": migrated(self.cluster)}

    def break_it(self):
        self.disk.fill()

    def mend(self):
        self.disk.free()

    def close(self):
        super().close()
        self.disk.close()


class PgWalFull(Scenario):
    """The disk of PostgreSQL's WAL is full: it panics, starts again and panics until there is space"""
    needs_mount = True
    outages_max = 3

    def prepare(self, folder):
        def on_small_disk(server):
            self.wal = server.folder / "wal"
            self.disk = SmallDisk(owned(server, self.wal), megabytes=112)
            server.initdb_options = [f"--waldir={self.wal}"]
        self.cluster = Cluster(on_small_disk, options=("max_wal_size=64MB", "min_wal_size=32MB"))
        return {"postgres": migrated(self.cluster)}

    def break_it(self):
        self.disk.fill()
        # The segments that are there are used up first.
        until(lambda: not self.cluster.accepts() or psql_quietly("select pg_switch_wal()", self.cluster.connection), 60)
        until(lambda: psql_quietly("select pg_logical_emit_message(true, 'x', repeat('x', 1000000))", self.cluster.connection), 60)

    def during(self, stopping):
        while not stopping.wait(0.2):
            if not self.cluster.is_running():
                self.cluster.server.process.wait()
                self.start_quietly()

    def start_quietly(self):
        try:
            self.cluster.start()
        except RuntimeError:  # there is no space to start in
            pass

    def mend(self):
        self.disk.free()
        self.cluster.await_back()

    def close(self):
        super().close()
        self.disk.close()


class SqliteDiskFull(Scenario):
    """The disk of SQLite's file and of the sandbox's ledger is full"""
    store = "sqlite"
    needs_mount = True

    def prepare(self, folder):
        self.disk = SmallDisk(folder / "data", megabytes=96)
        return {}

    def break_it(self):
        self.disk.fill()

    def mend(self):
        self.disk.free()

    def close(self):
        self.disk.close()


class SqliteLocked(Scenario):
    """Another program holds SQLite's write lock"""
    store = "sqlite"

    def prepare(self, folder):
        self.path = folder / "data" / "novapay.db"
        return {}

    def break_it(self):
        self.other = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        self.other.execute("begin immediate")

    def mend(self):
        self.other.execute("rollback")
        self.other.close()

    def close(self):
        pass


class SandboxDiskFull(Scenario):
    """Only the sandbox's ledger has no space: the processor fails, the store does not"""
    needs_mount = True
    outage = False
    refuses = False
    outages_max = 0

    def prepare(self, folder):
        made = super().prepare(folder)
        self.disk = SmallDisk(folder / "data", megabytes=48)
        return made

    def break_it(self):
        self.disk.fill()

    def mend(self):
        self.disk.free()

    def close(self):
        super().close()
        self.disk.close()


SCENARIOS = {re.sub(r"(?<!^)([A-Z])", r"-\1", made.__name__).lower(): made
             for made in (PgStop, PgImmediate, PgFreeze, PgStall, PgCut, PgDiskFull, PgWalFull, SqliteDiskFull, SqliteLocked, SandboxDiskFull)}


def owned(server, folder):
    """The folder, made, and the database server's."""
    folder.mkdir(exist_ok=True)
    if server.as_user:
        os.chown(folder, server.as_user["user"], server.as_user["group"])
    return folder


def migrated(cluster):
    os.environ["NOVAPAY_TEST_POSTGRES"] = cluster.connection
    return migrated_database()


def psql_quietly(statement, connection):
    """True once it fails."""
    try:
        psql(statement, connection)
        return False
    except AssertionError:
        return True
