"""cluster: a PostgreSQL of a test's own (tests/servers/with-postgres) that can be stopped, frozen and started again under load."""
import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[1] / "servers"
STOP_WITHIN_S = 30
BACK_WITHIN_S = 60


def with_postgres():
    """The wrapper's code, which has no .py in its name."""
    loader = importlib.machinery.SourceFileLoader("with_postgres", str(SERVERS / "with-postgres"))
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader("with_postgres", loader))
    loader.exec_module(made)
    return made


class Cluster:
    """`prepare(server)` may change where its data goes before they are made. Start it and end it in one thread."""

    def __init__(self, prepare=lambda server: None, options=()):
        wrapper = with_postgres()
        assert (wrapper.BIN / "postgres").exists(), f"there is no PostgreSQL 15 in {wrapper.BIN}"
        self.bin = wrapper.BIN
        self.server = wrapper.Server()
        self.server.settings += options
        prepare(self.server)
        self.server.init()
        self.server.start()

    @property
    def connection(self):
        return self.server.connection()

    def stop(self, how=signal.SIGINT):
        """SIGINT: `fast`, SIGQUIT: `immediate`, as a crash would end it."""
        self.server.process.send_signal(how)
        self.server.process.wait(STOP_WITHIN_S)

    def start(self):
        """Starts it and awaits that it takes connections."""
        self.server.start()

    def is_running(self):
        return self.server.process.poll() is None

    def accepts(self):
        asked = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.server.port)]
        return self.is_running() and subprocess.run(asked, cwd="/").returncode == 0

    def await_back(self):
        """As an operator's supervisor would: starts it again for as long as it gives up by itself."""
        end = time.monotonic() + BACK_WITHIN_S
        while not self.accepts():
            assert time.monotonic() < end, f"PostgreSQL is not back after {BACK_WITHIN_S} s:\n{self.log_tail()}"
            if not self.is_running():
                self.start()
            time.sleep(0.01)

    def family(self):
        """The postmaster and its children: they are sessions of their own, so a signal to a group would miss them."""
        postmaster = self.server.process.pid
        return [postmaster, *(int(pid.name) for pid in Path("/proc").iterdir()
                              if pid.name.isdigit() and parent_of(pid) == postmaster)]

    def freeze(self):
        """Nothing moves; the kernel still accepts connections for it."""
        for pid in self.family():
            tell(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.family():
            tell(pid, signal.SIGCONT)

    def log_tail(self):
        return "\n".join(self.server.log.read_text(errors="replace").splitlines()[-20:])

    def close(self):
        if self.is_running():
            self.thaw()
        self.server.stop()


def parent_of(process):
    try:
        return int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def tell(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
