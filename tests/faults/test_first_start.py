"""Starts that are interrupted, doubled, or on a store from the future."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from cli.command import tocsin
from faults.database import database_file, ids, integrity, schema
from harness.ports import free_port
from harness.server import Server


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that has stopped, only to be copied."""
    server = Server(tmp_path_factory.mktemp("first") / "data")
    server.start()
    assert server.service().send("kept", userId="user123").status == 200
    assert server.stop() == 0
    server.check_log()
    return server.data


@pytest.fixture
def copied(at_rest: Path, tmp_path: Path, start_server: Callable[..., Server]) -> Server:
    """A server that would go on with it."""
    return start_server(data=shutil.copytree(at_rest, tmp_path / "copied"), ready=False)


def test_a_first_start_that_is_killed_leaves_no_half_made_store(
    start_server: Callable[..., Server], at_rest: Path, soak: bool
) -> None:
    expected = schema(database_file(at_rest))
    assert len(expected) > 3
    made = 0
    for n in range(50 if soak else 3):
        server = start_server(ready=False)
        server.launch()
        # From before the file is made until after the server is ready, close to the making in most rounds.
        deadline = time.monotonic() + 5
        while n % 5 and not any(server.data.glob("*")) and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(random.uniform(0, 0.06) if n % 5 else random.uniform(0, 0.5))
        server.kill()
        try:
            path = database_file(server.data)
        except (AssertionError, FileNotFoundError):
            pass
        else:
            made += 1
            assert integrity(path) == "ok"
            found = schema(path)
            assert found in ([], expected) or is_prefix(found, expected), "a schema between none and whole"
        server.start()
        assert schema(database_file(server.data)) == expected
        assert server.service().send("works", userId="user123").status == 200
        server.kill()
    assert made, "every kill came before there was a file"


def is_prefix(found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> bool:
    """Whether only the bookkeeping of migrations is there: what a migration makes comes as a whole."""
    return set(found) < set(expected) and not any("notifications" in name for name, _ in found)


def test_a_store_of_a_newer_version_is_refused(copied: Server) -> None:
    server = copied
    path = database_file(server.data)
    from_the_future(str(path))
    before = schema(path), ids(path)
    server.launch()
    assert server.wait_exit() == 2
    said = server.tail(3)
    assert "newer" in said.lower(), said
    assert (schema(path), ids(path)) == before, "a refused store was changed"


def from_the_future(path: str) -> None:
    """Say in the file that a migration which this program does not know was applied."""
    connection = apsw.Connection(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(migrations)")]
    assert columns, "the migrations table has another name: adapt this test"
    last = dict(
        zip(
            columns,
            connection.execute("SELECT * FROM migrations ORDER BY 1 DESC LIMIT 1").fetchone(),
            strict=True,
        )
    )
    key = columns[0]
    last[key] = last[key] + 1 if isinstance(last[key], int) else "9999_from_the_future.sql"
    marks = ", ".join("?" for _ in columns)
    connection.execute(f"INSERT INTO migrations VALUES ({marks})", [last[name] for name in columns])
    connection.close()


def test_a_migration_that_was_altered_is_refused(copied: Server) -> None:
    server = copied
    connection = apsw.Connection(str(database_file(server.data)))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(migrations)")]
    checksum = next(name for name in columns if "sum" in name or "hash" in name or "sha" in name)
    connection.execute(f"UPDATE migrations SET {checksum} = 'other'")
    connection.close()
    server.launch()
    assert server.wait_exit() == 2
    assert len(server.tail(2)) > 20


def test_a_second_server_on_the_same_data_says_so_and_ends(start_server: Callable[..., Server]) -> None:
    first = start_server()
    second = start_server(data=first.data, log=first.data.parent / "second.log", ready=False)
    second.launch()
    assert second.wait_exit() == 2
    assert first.data.name in second.log()
    assert first.ready()
    assert first.service().send("undisturbed").status == 200
    first.kill()
    second.start()  # the lock of a killed server is nobody's
    assert second.service().send("mine now").status == 200


def test_a_port_in_use_is_an_error_and_not_a_traceback(dev: Server, start_server: Callable[..., Server]) -> None:
    second = start_server(port=dev.port, ready=False)
    second.launch()
    assert second.wait_exit() != 0
    assert str(dev.port) in second.log()


def test_known_keys_are_not_put_into_real_data_nor_served_from_sample_data(
    at_rest: Path, start_server: Callable[..., Server]
) -> None:
    real = start_server(dev=False)
    assert real.stop() == 0
    ran = tocsin("serve", "--dev", "--port", str(free_port()), "--data", str(real.data))
    assert (ran.status, "a server without --dev (it knows admin)" in ran.err) == (2, True), ran
    ran = tocsin("serve", "--port", str(free_port()), "--data", str(at_rest))
    assert (ran.status, "take out the key sample" in ran.err) == (2, True), ran
    real.start()
