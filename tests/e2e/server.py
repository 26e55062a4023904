"""server: a `novapay serve` of a test's own, on free ports and a store of its own."""
import json
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

SOURCE = Path(os.environ.get("NOVAPAY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BINARY = os.environ.get("NOVAPAY_BINARY", str(SOURCE / "build/release/bin/novapay"))
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20


def until(what, timeout_s=10.0, every_s=0.02):
    """Awaits something from outside: calls `what` until it is truthy, and gives that. Fails with its name otherwise."""
    end = time.monotonic() + timeout_s
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout_s} s in vain for {getattr(what, '__name__', what)}"
        time.sleep(every_s)


def psql(statement, connection=None):
    """Runs one statement; rows as lists of text."""
    connection = connection or os.environ["NOVAPAY_TEST_POSTGRES"]
    done = subprocess.run(["psql", "-X", "-At", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", connection, "-c", statement],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def fresh_database():
    """Connection string of a new, empty PostgreSQL database."""
    connection = os.environ["NOVAPAY_TEST_POSTGRES"]  # KeyError: run this through tests/servers/with-postgres
    name = f"e2e_{secrets.token_hex(6)}"
    psql(f"create database {name}")
    return re.sub(r"dbname=\S+", f"dbname={name}", connection)


def migrated_database():
    made = fresh_database()
    subprocess.run([BINARY, "migrate", "--store", "postgres", "--postgres", made], check=True, stdout=subprocess.DEVNULL)
    return made


class Server:
    """One node. `folder` holds its data; the store outlives kill() and start()."""

    def __init__(self, store, folder, config=None, arguments=(), postgres=None, data=None):
        self.store = store
        self.folder = Path(folder)
        self.data = Path(data or self.folder / "data")
        self.log_path = self.folder / "log.jsonl"
        self.out_path = self.folder / "stdout.txt"
        self.config = config
        self.arguments = list(arguments)
        self.postgres = postgres or (migrated_database() if store == "postgres" else None)
        self.environment = {}  # beside our own
        self.process = None
        self.address = None   # (host, port) of the public API
        self.admin = None

    def command(self):
        return [BINARY, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *self.where(), *self.arguments]

    def where(self):
        """The options with which any of its commands finds this node's configuration and store."""
        made = ["--data", str(self.data), "--store", self.store]
        if self.postgres:
            made += ["--postgres", self.postgres]
        if self.config:
            made += ["--config", str(self.config)]
        return made

    def start(self):
        """Returns when it is ready."""
        bound = self.launch()
        assert bound.wait(START_TIMEOUT_S) and self.address and self.admin, \
            f"novapay did not start (exit code {self.process.poll()}):\n{''.join(self.said)}\n{self.log_tail()}"
        until(self.is_ready, START_TIMEOUT_S)
        return self

    def launch(self):
        """Returns at once: an event that is set when its addresses are known, or when it ends."""
        assert self.process is None
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            start_new_session=True, env=os.environ | self.environment)
        self.address = self.admin = None
        self.said = []
        bound = threading.Event()
        threading.Thread(target=self._read_stdout, args=(self.process, bound), daemon=True).start()
        return bound

    def _read_stdout(self, process, bound):
        with open(self.out_path, "ab") as copy:
            for raw in process.stdout:
                copy.write(raw)
                copy.flush()
                line = raw.decode()
                self.said.append(line)
                found = re.search(r"(listening|admin) on http://([\d.]+):(\d+)", line)
                if found:
                    where = (found.group(2), int(found.group(3)))
                    if found.group(1) == "listening":
                        self.address = where
                    else:
                        self.admin = where
                if self.address and self.admin:
                    bound.set()
        bound.set()

    def is_ready(self):
        assert self.process.poll() is None, f"novapay ended with {self.process.returncode}:\n{self.log_tail()}"
        try:
            return self.admin_get("/readyz")[0] == 200
        except OSError:
            return False

    def admin_get(self, path):
        """(status, headers, text) of a GET on the admin port."""
        url = f"http://{self.admin[0]}:{self.admin[1]}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    def beside(self, folder):
        """Another node, not started, that believes the same store to be its own."""
        return Server(self.store, folder, self.config, self.arguments, self.postgres, self.data)

    def rows(self, statement):
        """Reads the store itself, as lists of text."""
        if self.store == "postgres":
            return psql(statement, self.postgres)
        with closing(sqlite3.connect(f"file:{self.data / 'novapay.db'}?mode=ro", uri=True, timeout=30)) as db:
            return [[str(value) for value in row] for row in db.execute(statement)]

    def kill(self):
        """kill -9, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def stop(self):
        """As Ctrl-C; gives the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.process = None
        return code

    def restart(self):
        if self.process is not None:
            self.stop()
        return self.start()

    @property
    def dev_key(self):
        return (self.data / "dev-key").read_text().strip()

    def log_lines(self):
        return [json.loads(line) for line in self.log_path.read_text().splitlines() if line]

    def log_tail(self):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-30:])
