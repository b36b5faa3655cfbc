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
from faults.weakening import without
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.server import Server, StartFailure


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


def kill_first_starts(start: Callable[[], Server], expected: list[tuple[str, str]], rounds: int) -> None:
    """Each time no schema is there or the whole of it, and a second start goes on from there."""
    assert len(expected) > 3
    made = 0
    for n in range(rounds):
        server = start()
        server.launch()
        # From before the file is made until after the server is ready; close to the making in most rounds, and in
        # some as soon as the first of it is there, however busy the machine is.
        deadline = time.monotonic() + PATIENCE
        begun = has_a_table if n % 5 == 1 else has_a_file
        while n % 5 and not begun(server.data) and time.monotonic() < deadline:
            time.sleep(0.0005)
        if n % 5 != 1:
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


def has_a_file(folder: Path) -> bool:
    return any(folder.glob("*"))


def has_a_table(folder: Path) -> bool:
    """Whether a table that a migration makes is in a file, or in its WAL."""
    try:
        return any(b"CREATE TABLE notifications" in file.read_bytes() for file in folder.glob("tocsin.db*"))
    except FileNotFoundError:
        # One that SQLite has just taken away.
        return False


def is_prefix(found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> bool:
    """Whether only the bookkeeping of migrations is there: what a migration makes comes as a whole."""
    return set(found) < set(expected) and not any("notifications" in name for name, _ in found)


def test_a_first_start_that_is_killed_leaves_no_half_made_store(
    start_server: Callable[..., Server], at_rest: Path, soak: bool
) -> None:
    kill_first_starts(lambda: start_server(ready=False), schema(database_file(at_rest)), 50 if soak else 3)


def test_control_a_schema_that_is_made_by_and_by_is_found_out(
    start_server: Callable[..., Server], at_rest: Path
) -> None:
    weakened = without("making-at-once")
    with pytest.raises(AssertionError, match="between none and whole"):
        kill_first_starts(lambda: start_server(env=weakened, ready=False), schema(database_file(at_rest)), 20)


def starts(server: Server) -> bool:
    """Whether it comes to be ready; else it has to end with a word of why."""
    try:
        server.start()
    except StartFailure:
        assert server.wait_exit() == 2
        return False
    return True


def test_a_store_of_a_newer_version_is_refused(copied: Server) -> None:
    server = copied
    path = database_file(server.data)
    from_the_future(str(path))
    before = schema(path), ids(path)
    assert not starts(server)
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
    alter_a_migration(str(database_file(server.data)))
    assert not starts(server)
    assert len(server.tail(2)) > 20


def alter_a_migration(path: str) -> None:
    """Say in the file that what was applied had another text."""
    connection = apsw.Connection(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(migrations)")]
    checksum = next(name for name in columns if "sum" in name or "hash" in name or "sha" in name)
    connection.execute(f"UPDATE migrations SET {checksum} = 'other'")
    connection.close()


@pytest.mark.parametrize("change", [from_the_future, alter_a_migration])
def test_control_a_server_that_takes_any_schema_starts(copied: Server, change: Callable[[str], None]) -> None:
    change(str(database_file(copied.data)))
    copied.env |= without("comparing")
    assert starts(copied)


def test_a_second_server_on_the_same_data_says_so_and_ends(start_server: Callable[..., Server]) -> None:
    first = start_server()
    second = start_server(data=first.data, log=first.data.parent / "second.log", ready=False)
    assert not starts(second)
    assert first.data.name in second.log()
    assert first.ready()
    assert first.service().send("undisturbed").status == 200
    first.kill()
    second.start()  # the lock of a killed server is nobody's
    assert second.service().send("mine now").status == 200


def test_control_a_server_that_locks_nobody_out_stands_beside_another(start_server: Callable[..., Server]) -> None:
    first = start_server()
    assert starts(
        start_server(data=first.data, log=first.data.parent / "second.log", env=without("locking"), ready=False)
    )


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
