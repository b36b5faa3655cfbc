"""A SQLite database copied into an empty PostgreSQL one, in one transaction, and held against it row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import msgspec

from tocsin.errors import StartError
from tocsin.store.postgresql.connection import Place
from tocsin.store.postgresql.reader import checksum
from tocsin.store.postgresql.schema import prepare
from tocsin.store.sqlite.examination import moved_to
from tocsin.store.sqlite.file import Lock, connect
from tocsin.store.sqlite.file import prepare as prepare_sqlite
from tocsin.store.sqlite.moved import NAME as MARK
from tocsin.store.sqlite.moved import copied_sentence, mark
from tocsin.store.sqlite.reader import checksum as sqlite_checksum

CHUNK = 2_000
"""Rows that are on their way at a time."""

_NODE = "migrate-store"


class Table(msgspec.Struct, frozen=True):
    """A table as it goes over.

    Attributes:
        columns: of both, in the order of the key first.
        key: how many of them are the key.
        flags: columns that are 0 and 1 in SQLite.
    """

    name: str
    columns: tuple[str, ...]
    key: int = 1
    flags: frozenset[str] = frozenset()


def _table(name: str, columns: str, key: int = 1, flags: str = "") -> Table:
    return Table(name, tuple(columns.split()), key, frozenset(flags.split()))


TABLES = (
    _table("users", "id name password permissions superuser disabled joined tokens_after", 1, "superuser disabled"),
    _table("leavers", "user_id upto"),
    _table("keys", "id user_id name hash created_at expires_at"),
    _table("sessions", "id user_id hash created_at expires_at"),
    _table("apps", "id name quota_per_hour install_for_all joined", 1, "install_for_all"),
    _table("secrets", "id app_id hash created_at"),
    _table("installs", "app_id user_id installed", 2, "installed"),
    _table("devices", "id name"),
    _table("quotas", "app_id user_id hour used", 2),
    _table("settings", "name value"),
    _table("audit", "number at who action what origin result"),
    _table("idempotency", "scope key fingerprint notification_id expires_at", 2),
    _table("batches", "scope key at fingerprint results expires_at", 3),
    _table(
        "receipts",
        "user_id first seq broadcast type device_id read read_at dismissed_at acknowledged_at",
        2,
        "broadcast read",
    ),
    _table("marks", "user_id type device_id upto at seq", 4),
    _table("counters", "user_id type mark floor base covered own seen unseen", 2),
    _table("totals", "type total at_floor"),
    _table("floors", "owner app_id upto seq", 2),
    _table("voids", "first seq user_id type device_id"),
    _table("watermarks", "user_id upto at began missed", 2),
    _table("streamed", "first streams"),
    _table(
        "notifications",
        "first seq since created_at withdrawn_at sum id user_id device_id app_id type sender credential body",
    ),
)


class Copied(msgspec.Struct, frozen=True):
    """What went over: rows by table, the epoch and the head."""

    rows: dict[str, int]
    epoch: str
    head: int


async def copy(folder: Path, url: str, tell: Callable[[str, int], None] = lambda _table, _rows: None) -> Copied:
    """Copy the database of a data folder that no server runs on.

    Parameters:
        folder: of the SQLite database; it stays as it is, but for a mark that no server starts on.
        url: of a PostgreSQL database that has nothing of Tocsin's in it, or only its empty tables.
        tell: told after each table.

    Raises:
        StartError: it cannot be done; nothing is in PostgreSQL then.
    """
    if not (folder / "tocsin.db").exists():
        raise StartError(f"{folder} has no database")
    place = Place(url)
    lock = Lock(folder / "tocsin.lock")
    try:
        if to := moved_to(folder):
            raise StartError(copied_sentence(folder, to))
        source = connect(folder / "tocsin.db")
        try:
            epoch, head = prepare_sqlite(source, lock)
            target = await place.connect(_NODE, lock_seconds=None)
            try:
                return await _copy(source, target, epoch, head, tell, lambda: mark(source, place))
            finally:
                await target.close()
        finally:
            source.close()
    except apsw.Error as error:
        raise StartError(f"{folder}: cannot be read: {error}") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise StartError(f"{place}: {place.without_secrets(error)}") from None
    finally:
        lock.release()


async def _copy(
    source: apsw.Connection,
    target: asyncpg.Connection,
    epoch: str,
    head: int,
    tell: Callable[[str, int], None],
    mark_source: Callable[[], None],
) -> Copied:
    ready = await prepare(target, _NODE)
    await target.execute("DELETE FROM nodes WHERE id = $1", _NODE)
    await target.execute(f"SET search_path TO {ready.search_path}")
    rows: dict[str, int] = {}
    async with target.transaction():
        await target.execute("SELECT 1 FROM log FOR UPDATE")
        await _refuse_what_is_not_empty(target)
        await target.execute("DELETE FROM totals")
        for table in TABLES:
            for chunk in _chunks(_rows(source, table)):
                await target.copy_records_to_table(table.name, records=chunk, columns=table.columns)
            rows[table.name] = await _compare(source, target, table)
            tell(table.name, rows[table.name])
        await target.execute("UPDATE log SET head = $1, epoch = $2", head, epoch)
        await target.execute(
            "SELECT setval(pg_get_serial_sequence('audit', 'number'), (SELECT coalesce(max(number), 0) + 1 FROM audit))"
        )
        # Before the commit: who dies in between has one database that is served, or none, and never two.
        mark_source()
    # So that the first reads are planned by what is there.
    await target.execute("ANALYZE")
    return Copied(rows, epoch, head)


async def _refuse_what_is_not_empty(target: asyncpg.Connection) -> None:
    for table in TABLES:
        if table.name != "totals" and await target.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table.name})"):  # noqa: S608
            raise StartError("the PostgreSQL database is not empty: name one that no server has been started on")


def _rows(source: apsw.Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of SQLite as PostgreSQL has them, by their key."""
    columns = ["crc" if column == "sum" else column for column in table.columns]
    order = ", ".join(table.columns[: table.key])
    # What is said of this file does not hold for the copy.
    where = f"WHERE name <> '{MARK}'" if table.name == "settings" else ""
    flags = [place for place, column in enumerate(table.columns) if column in table.flags]
    for row in source.execute(f"SELECT {', '.join(columns)} FROM {table.name} {where} ORDER BY {order}"):  # noqa: S608
        made = list(row)
        for place in flags:
            made[place] = None if made[place] is None else bool(made[place])
        if table.name == "notifications":
            _sum_anew(made)
        yield tuple(made)


def _sum_anew(row: list[Any]) -> None:
    first, id_, user, device, body = row[0], row[6], row[7], row[8], row[13]
    if sqlite_checksum(first, id_, user, device, body.encode()) != row[5]:
        raise StartError(f"notification {id_} is damaged on disk; restore a backup, then copy that")
    row[5] = checksum(first, id_, user, device, body)


def _chunks(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    chunk: list[tuple[Any, ...]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _compare(source: apsw.Connection, target: asyncpg.Connection, table: Table) -> int:
    """How many rows there are, when both have the same."""
    found = 0
    there = _there(target, table)
    for row in _rows(source, table):
        copied = await anext(there, None)
        if copied != row:
            raise StartError(f"{table.name}: row {row[: table.key]} is not the same in PostgreSQL; nothing was kept")
        found += 1
    if await anext(there, None) is not None:
        raise StartError(f"{table.name}: PostgreSQL has more rows; nothing was kept")
    return found


async def _there(target: asyncpg.Connection, table: Table) -> AsyncIterator[tuple[Any, ...]]:
    order = ", ".join(table.columns[: table.key])
    sql = f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {order}"  # noqa: S608
    async for row in target.cursor(sql, prefetch=CHUNK):
        yield tuple(row)
