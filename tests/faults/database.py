"""The files of a server's data folder, seen from outside."""

from __future__ import annotations

from pathlib import Path

import apsw

DATABASE = "tocsin.db"
"""All that was promised."""

SEARCH = "search.db"
"""The index of searches: made again from the database, so nothing rests on it."""


def database_file(data: Path) -> Path:
    """The SQLite file in a data folder that holds what was promised."""
    found = [path for path in data.rglob("*") if path.is_file() and path.name != SEARCH and _is_sqlite(path)]
    assert len(found) == 1, f"expected one SQLite file in {data}, found {found}"
    return found[0]


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def integrity(path: Path) -> str:
    """What `PRAGMA integrity_check` says: "ok" or the first trouble."""
    connection = apsw.Connection(str(path))
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except apsw.Error as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def schema(path: Path) -> list[tuple[str, str]]:
    """Names and definitions of all tables and indexes, sorted."""
    connection = apsw.Connection(str(path))
    try:
        return sorted(connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master").fetchall())
    finally:
        connection.close()


def ids(path: Path) -> set[str]:
    """The ids of all notifications."""
    connection = apsw.Connection(str(path))
    try:
        return {row[0] for row in connection.execute("SELECT id FROM notifications")}
    finally:
        connection.close()
