"""Fixtures: a server for each test file and store, shared by the file's tests, which keep to payments of their own."""
import subprocess
import sys
from pathlib import Path

import pytest

from client import Client
from server import BINARY, Server

sys.path.append(str(Path(__file__).resolve().parents[1] / "fire"))  # the checker, and its history

STORES = ("sqlite", "postgres")
# Settlements and late failures soon enough for a test to see them.
SETTINGS = "sandbox: {settle_after_ms: 4000, late_failure_after_ms: 2000}\n"


@pytest.fixture(scope="module", params=STORES)
def store(request):
    return request.param


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"server-{store}")
    (folder / "node.yaml").write_text(SETTINGS)
    made = Server(store, folder, config=folder / "node.yaml")
    try:
        yield made.start()
    finally:
        code = made.stop()
    assert code == 0, f"Ctrl-C ended it with {code}:\n{made.log_tail()}"


@pytest.fixture
def client(server):
    made = Client(server)
    yield made
    made.close()


@pytest.fixture
def own_server(store, tmp_path):
    """Not started: for tests that kill it."""
    made = Server(store, tmp_path)
    yield made
    if made.process is not None:
        made.kill()


@pytest.fixture(scope="module")
def other_keys(server):
    """Keys of another merchant, test and live, and the first one's live key: the server is restarted to know them."""
    def key(merchant, mode):
        done = subprocess.run([BINARY, "keygen", "--merchant", merchant, "--mode", mode, "--file", server.data / "credentials.yaml"],
                              capture_output=True, text=True, check=True)
        return done.stdout.split()[0]

    made = {"test": key("mrc_other", "test"), "live": key("mrc_other", "live"), "own live": key("mrc_demo", "live")}
    server.restart()
    return made
