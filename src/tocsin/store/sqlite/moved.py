"""The mark of a database that was copied to PostgreSQL, so that nobody goes on with both without knowing."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import apsw

from tocsin.errors import StartError
from tocsin.store.sqlite.queries import queries

NAME = "moved_to"
"""The setting that says where to, and when; it is not copied itself."""


def mark(connection: apsw.Connection, place: object) -> None:
    """Note that all of it was copied; a note that is there already stays.

    Parameters:
        place: where to, without a password.
    """
    connection.execute(queries()["put_setting"], (NAME, f"{place} on {datetime.now(UTC):%F}"))


def unmark(connection: apsw.Connection) -> str:
    """Take the note away; what it said, empty when there was none."""
    rows = connection.execute(queries()["delete_setting"], (NAME,)).fetchall()
    return str(rows[0][0]) if rows else ""


def refuse_moved(connection: apsw.Connection, folder: Path) -> None:
    """Raise StartError with what can be done when it was copied."""
    if (rows := connection.execute(queries()["setting"], (NAME,)).fetchall()) and (to := str(rows[0][0])):
        raise StartError(moved_sentence(folder, to))


def moved_sentence(folder: Path, to: str) -> str:
    """That it was copied, and what can be done."""
    return (
        f"{folder}: its database was copied to {to}, and what came since is there: set `database` (TOCSIN_DATABASE),"
        f" or, to go on with this one, {_undoing(folder)}"
    )


def copied_sentence(folder: Path, to: str) -> str:
    """That it was copied, or that was cut off at its end, so that it is not copied once more, and what can be done."""
    return f"{folder}: its database was copied to {to} already; to copy it once more, first {_undoing(folder)}"


def left_sentence(folder: Path) -> str:
    """That what it holds is not in the PostgreSQL that is served, which was empty, and what can be done."""
    return (
        f"{folder}: its database is not served, as `database` names a PostgreSQL, which was empty; to have it there,"
        " stop each node, make the PostgreSQL database anew (this start puts people into it), then"
        f" `tocsin migrate-store --from {shlex.quote(str(folder))}`"
    )


def _undoing(folder: Path) -> str:
    return f"`tocsin migrate-store --undo --from {shlex.quote(str(folder))}`"
