"""The program's face to an operator: help, exit codes, errors that say what to do."""
import json
import re
import socket
import sqlite3
import subprocess
from contextlib import closing

import pytest

from client import Client
from server import BINARY, Server, fresh_database, psql


def novapay(*arguments, timeout_s=30):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s,
                          stdin=subprocess.DEVNULL)


def fails(*arguments, saying):
    """Ends by itself, not with a signal, and says so on stderr."""
    done = novapay(*arguments)
    assert 0 < done.returncode < 128, done
    assert re.search(saying, done.stderr, re.I), done.stderr
    assert "terminate called" not in done.stderr
    return done


def test_version_and_help():
    assert re.fullmatch(r"novapay \d+\.\d+\.\d+\n", novapay("--version").stdout)
    for arguments in (("--help",), ("serve", "--help"), ("migrate", "--help"), ("verify", "--help"), ("reconcile", "--help"), ("keygen", "--help")):
        done = novapay(*arguments)
        assert done.returncode == 0 and "Usage" in done.stdout, done
    assert {"serve", "migrate", "verify", "reconcile", "keygen", "tokens", "sandbox"} <= set(re.findall(r"\w+", novapay("--help").stdout))


def test_unknown_words_are_refused():
    fails("serv", saying="'serv'")
    fails("sandbox", "ledgr", saying="'ledgr'")
    fails(saying="subcommand")
    fails("serve", "--colour", "red", saying="colour")
    fails("serve", "--store", "oracle", saying="oracle|store")


def test_tokens_are_json():
    tokens = json.loads(novapay("tokens").stdout)
    assert {"tok_visa", "tok_declined_insufficient_funds"} <= {t["token"] for t in tokens}
    assert all(t["does"] for t in tokens)


def test_keygen_makes_keys_of_the_promised_form_never_the_same():
    made = {re.search(r"np_(test|live)_sk_\w+", novapay("keygen").stdout).group(0) for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("content, saying", [
    ("listen: [", "config|yaml|line"), ("colour: red\n", "colour"), ("listen: 5\n", "listen"), ("- a\n- b\n", "config|map")])
def test_a_bad_config_is_refused_with_its_name(tmp_path, content, saying):
    config = tmp_path / "bad.yaml"
    config.write_text(content)
    done = fails("serve", "--config", config, "--data", tmp_path / "data", saying=saying)
    assert "bad.yaml" in done.stderr


def test_a_config_that_is_not_there_is_refused(tmp_path):
    fails("serve", "--config", tmp_path / "none.yaml", "--data", tmp_path / "data", saying="none.yaml")


@pytest.mark.parametrize("option, value, saying", [
    ("--listen", "nowhere", "listen|nowhere"), ("--listen", "127.0.0.1:99999", "99999|port"),
    ("--shards-bits", "40", "shard"), ("--shards-bits", "x", "shard")])
def test_bad_options_are_refused(tmp_path, option, value, saying):
    fails("serve", "--data", tmp_path / "data", option, value, saying=saying)


def test_a_port_in_use_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fails("serve", "--data", tmp_path / "data", "--admin", "127.0.0.1:0", "--listen", f"127.0.0.1:{port}",
              saying=f"{port}|in use")


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    fails("serve", "--data", tmp_path / "file" / "data", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", saying="file/data")


def test_a_database_out_of_reach_is_said(tmp_path):
    fails("migrate", "--store", "postgres", "--postgres", "host=127.0.0.1 port=1 user=x dbname=x connect_timeout=2",
          saying="postgres|connect|database")


def test_first_start_prints_a_key_that_works_and_keeps_it(tmp_path):
    server = Server("sqlite", tmp_path).start()
    printed = re.search(r"np_test_sk_\w+", "".join(server.said)).group(0)
    assert printed == server.dev_key and any("curl" in line for line in server.said)
    made = Client(server, printed).payment()
    server.stop()
    server.start()
    assert server.dev_key == printed
    assert Client(server, printed).read(made["id"]) == made
    assert server.stop() == 0
    assert (server.data / "dev-key").stat().st_mode & 0o077 == 0, "a key is for its owner's eyes"


def test_migrate_is_repeatable_and_makes_what_serve_needs(tmp_path):
    database = fresh_database()
    for _ in range(2):
        done = novapay("migrate", "--store", "postgres", "--postgres", database)
        assert done.returncode == 0, done.stderr
    assert int(psql("select count(*) from schema_migration", database)[0][0]) >= 1
    server = Server("postgres", tmp_path, postgres=database).start()
    Client(server).payment()
    assert server.stop() == 0


def test_two_migrations_at_once_do_not_collide(tmp_path):
    database = fresh_database()
    running = [subprocess.Popen([BINARY, "migrate", "--store", "postgres", "--postgres", database],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    for each in running:
        out, _ = each.communicate(timeout=60)
        assert each.returncode == 0, out


NEWER = ("insert into schema_migration (version, name, checksum, applied_at) "
         "values (9999, '9999_from_the_future', 1, current_timestamp)")
CHANGED = "update schema_migration set checksum = 12345 where version = 1"


def store_file(server):
    """The SQLite file that is not the sandbox's."""
    files = [f for f in server.data.glob("*.db") if f.name != "sandbox.db"]
    assert len(files) == 1, files
    return files[0]


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
@pytest.mark.parametrize("meddle, saying", [(NEWER, "newer"), (CHANGED, "changed|checksum")])
def test_a_database_that_does_not_fit_is_refused_and_left_alone(store, meddle, saying, tmp_path):
    server = Server(store, tmp_path).start()
    made = Client(server).payment()
    server.stop()
    before = snapshot(server)
    alter(server, meddle)
    arguments = ["--store", store, "--data", server.data] + (["--postgres", server.postgres] if store == "postgres" else [])
    fails("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments, saying=saying)
    fails("migrate", *arguments, saying=saying)
    assert made["id"] and snapshot(server) == before


def alter(server, statement):
    if server.store == "postgres":
        return psql(statement, server.postgres)
    with closing(sqlite3.connect(store_file(server))) as db, db:
        return db.execute(statement).fetchall()


def snapshot(server):
    return [list(map(int, row)) for row in alter(server, "select count(*), max(sequence) from journal")]


def test_sandbox_ledger_is_printed(tmp_path):
    server = Server("sqlite", tmp_path).start()
    made = Client(server).payment()
    server.stop()
    printed = json.loads(novapay("sandbox", "ledger", "--data", server.data).stdout)
    assert [p["payment"] for p in printed["payments"]] == [made["id"]] and printed["anomalies"] == []


def test_stops_cleanly_while_the_processor_has_not_answered(tmp_path):
    """What a processor answers after the node has stopped must find nobody, not a freed one."""
    server = Server("sqlite", tmp_path).start()
    made = Client(server).payment(token="tok_very_slow")
    assert made["status"] == "processing"
    assert server.stop() == 0
    server.start()
    assert Client(server).read(made["id"])["id"] == made["id"]
    assert server.stop() == 0
