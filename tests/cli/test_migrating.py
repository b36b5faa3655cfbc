"""`tocsin migrate-store`: which of two databases is served afterwards is nobody's guess."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.command import tocsin
from harness.ports import free_port
from harness.postgresql import cluster
from harness.server import Server
from store.adapters import Recorder, kept
from tocsin.errors import StartError
from tocsin.position import Position
from tocsin.store.postgresql.store import PostgresqlStore
from tocsin.store.sqlite.store import SqliteStore


def send_one(where: Path | str) -> Position:
    """Send to everyone over a data folder or a database; where in the log it is."""

    async def send() -> Position:
        opened = SqliteStore.open(where, Recorder()) if isinstance(where, Path) else in_postgresql(where)
        store = await opened
        try:
            entry = await kept(store, "title", user=None)
            return Position(store.epoch, entry.seq)
        finally:
            await store.close()

    return asyncio.run(send())


def in_postgresql(url: str) -> Awaitable[PostgresqlStore]:
    return PostgresqlStore.open(url, Recorder(), node="a")


def test_what_was_copied_is_not_served_from_the_old_folder_by_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    send_one(folder)
    url = cluster().database("moved")
    env = {"TOCSIN_DATABASE": url}
    copied = tocsin("migrate-store", "--from", str(folder), env=env)
    assert copied.status == 0
    assert f"{folder} is marked, and is not served without" in copied.out
    assert cluster().sql("SELECT count(*) FROM settings WHERE name = 'moved_to'", "moved") == "0"

    with pytest.raises(StartError, match="was copied to postgresql://"):
        send_one(folder)
    held = (folder / "tocsin.db").read_bytes()
    elsewhere = tocsin("migrate-store", "--from", str(folder), "--to", cluster().database_with_tables("moved-again"))
    assert (elsewhere.status, elsewhere.out) == (2, "")
    assert f"/moved on {datetime.now(UTC):%F} already" in elsewhere.err
    assert f"migrate-store --undo --from {folder}" in elsewhere.err
    assert (folder / "tocsin.db").read_bytes() == held
    assert cluster().sql("SELECT count(*) FROM notifications", "moved-again") == "0"
    at = ["--data", str(folder)]
    refusals = [tocsin("serve", "--port", str(free_port()), *at), tocsin("config", "check", *at)]
    refusals.append(tocsin("backup", *at, str(tmp_path / "copy.db")))
    for ran in refusals:
        assert (ran.status, ran.out) == (2, "")
        assert f"migrate-store --undo --from {folder}" in ran.err
        assert url not in ran.err
    assert tocsin("config", "check", *at, env=env).status == 0
    examined = tocsin("doctor", *at)
    assert examined.status == 1
    assert f"migrate-store --undo --from {folder}" in examined.out

    undone = tocsin("migrate-store", "--undo", "--from", str(folder))
    assert undone.status == 0
    assert "can be served again" in undone.out
    assert f":{cluster().port}/moved on {datetime.now(UTC):%F}" in undone.out
    send_one(folder)
    assert tocsin("config", "check", *at).status == 0
    again = tocsin("migrate-store", "--undo", "--from", str(folder))
    assert (again.status, again.out) == (2, "")
    assert "nothing to undo" in again.err


def test_no_position_of_postgresql_is_one_of_a_folder_that_is_served_again(tmp_path: Path) -> None:
    """Both count on from where the copy was made: a stream would take the numbers of one for those of the other."""
    folder = tmp_path / "data"
    before = send_one(folder)
    url = cluster().database_with_tables("undone")
    assert tocsin("migrate-store", "--from", str(folder), "--to", url).status == 0
    there = send_one(url)
    assert there.epoch == before.epoch
    assert tocsin("migrate-store", "--undo", "--from", str(folder)).status == 0
    here = send_one(folder)
    assert here.seq == there.seq
    assert here.epoch != there.epoch


def test_a_backup_in_the_place_of_what_was_copied_is_served_and_says_what_that_leaves(tmp_path: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / "backup.db"
    send_one(folder)
    assert tocsin("backup", str(file), "--data", str(folder)).status == 0
    url = cluster().database_with_tables("left")
    assert tocsin("migrate-store", "--from", str(folder), "--to", url).status == 0
    put = ["restore", str(file), "--data", str(folder), "--replace"]
    restored = tocsin(*put)
    assert restored.status == 0
    assert f":{cluster().port}/left on {datetime.now(UTC):%F}" in restored.out
    assert "is served again" in restored.out
    send_one(folder)
    again = tocsin(*put, "--json")
    assert again.json["left"] is None


def test_what_an_empty_postgresql_leaves_behind_in_the_folder_is_told_before_and_at_its_first_start(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    send_one(folder)
    url = cluster().database("beside")
    asked = ["doctor", "--data", str(folder)]
    assert f"migrate-store --from {folder}" in tocsin(*asked, env={"TOCSIN_DATABASE": url}).out
    server = start_server(data=folder, args=["--database", url])
    assert server.stop() == 0
    server.start()
    assert server.log().count(f"migrate-store --from {folder}") == 1
    # It was given what it has since, and is not copied to.
    assert tocsin("migrate-store", "--from", str(folder), "--to", url).status == 2
    assert tocsin("migrate-store", "--from", str(folder), "--to", cluster().database("anew")).status == 0
    asked_again = tocsin(*asked, env={"TOCSIN_DATABASE": cluster().database("none-yet")})
    assert "`tocsin serve` makes the tables" in asked_again.out
    assert "migrate-store" not in asked_again.out


def test_a_copy_that_is_refused_leaves_the_folder_to_be_served(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    send_one(folder)
    url = f"postgresql://tocsin@127.0.0.1:{free_port()}/nowhere"
    assert tocsin("migrate-store", "--from", str(folder), "--to", url).status == 2
    send_one(folder)
    missing = tocsin("migrate-store", "--from", str(folder))
    assert missing.status == 2
    assert "--to" in missing.err
