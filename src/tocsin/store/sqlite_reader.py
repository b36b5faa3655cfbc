"""Reads from SQLite: connections of their own, in threads of their own, no snapshot longer than one query."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw
import msgspec

from tocsin.device import DeviceId
from tocsin.errors import Unavailable
from tocsin.notification import Notification, NotificationId
from tocsin.ports import InboxPage, Page
from tocsin.principal import UserId
from tocsin.store.queries import queries
from tocsin.store.sqlite_file import connect

log = logging.getLogger("tocsin.store")

T = TypeVar("T")
Row = tuple[Any, ...]

PAGE_BYTES = 128 * 1024
"""Bodies in one page of changes; a stream holds no more than its budget."""

DEVICE_SPAN = 20_000
"""Numbers looked through for one page of a stream that wants few devices only."""

_THREADS = 2


class Reader:
    """A few read-only connections, each in its own thread.

    Parameters:
        path: of the database file.
        vfs: name of a SQLite VFS, or None.
    """

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        # Opened before they are needed: later there may be no file descriptor left to open them with.
        self._connections = [connect(path, vfs=vfs, read_only=True) for _ in range(_THREADS)]
        self._idle: SimpleQueue[apsw.Connection] = SimpleQueue()
        for connection in self._connections:
            self._idle.put(connection)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tocsin-reader")

    async def read(self, query: Callable[[apsw.Connection], T]) -> T:
        """Run a query off the event loop.

        Raises:
            Unavailable: the file cannot be read now.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, query)
        except RuntimeError:
            raise Unavailable("The store is closed") from None

    async def rows(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a named query."""
        return await self.read(lambda connection: connection.execute(queries()[name], values).fetchall())

    def close(self) -> None:
        """Wait for what is running, then let go of the file."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _run(self, query: Callable[[apsw.Connection], T]) -> T:
        connection = self._idle.get()
        try:
            return query(connection)
        except apsw.Error as error:
            log.error("a read failed: %s", error)
            raise Unavailable("The store cannot be read now") from None
        finally:
            self._idle.put(connection)


def read_changes(
    connection: apsw.Connection,
    user: UserId | None,
    devices: frozenset[DeviceId] | None,
    since: int,
    limit: int,
) -> Page:
    """A page of what is new for a user after a number; the guarantee is the Store's.

    Own notifications and broadcasts are read each by its index and merged: where one of the two filled
    its limit, only what lies up to its last number is told, since of the other there may be more.
    """
    with connection:
        head = int(connection.execute(queries()["head"]).fetchone()[0])  # type: ignore[index]
        upto = head if devices is None else min(head, since + DEVICE_SPAN)
        joined = 0
        if user is not None:
            row = connection.execute(queries()["joined"], (user,)).fetchone()
            joined = int(row[0]) if row else head
        names = ["broadcast_changes"] if user is None else ["broadcast_changes", "own_changes"]
        values = {
            "user": user,
            "since": since,
            "upto": upto,
            "joined": joined,
            "limit": limit,
            "devices": None if devices is None else msgspec.json.encode(sorted(devices)).decode(),
        }
        found: list[list[Row]] = [connection.execute(queries()[name], values).fetchall() for name in names]
    for rows in found:
        if len(rows) == limit:
            upto = min(upto, int(rows[-1][1]))
    merged = sorted((row for rows in found for row in rows if row[1] <= upto), key=lambda row: int(row[1]))
    size = 0
    for at, row in enumerate(merged):
        size += len(row[5].encode())
        if size > PAGE_BYTES and at:
            merged, upto = merged[:at], int(merged[at - 1][1])
            break
    return Page(sound(merged, user), upto, head, full=upto < head)


def read_inbox(connection: apsw.Connection, user: UserId, before: int | None, limit: int) -> InboxPage:
    """A user's notifications, newest first; own ones and broadcasts merged by their creation."""
    with connection:
        row = connection.execute(queries()["joined"], (user,)).fetchone()
        if row is None:
            return InboxPage([], None)
        before = before if before is not None else 1 << 62
        values = {"user": user, "before": before, "joined": row[0], "limit": limit + 1}
        found: list[Row] = [
            row
            for name in ("own_inbox", "broadcast_inbox")
            for row in connection.execute(queries()[name], values).fetchall()
        ]
    rows = sorted(found, key=lambda row: -int(row[0]))
    # Counted before damaged rows are left out: what is older than one of them stays within reach.
    next_ = int(rows[limit - 1][0]) if len(rows) > limit else None
    return InboxPage(sound(rows[:limit], user), next_)


def read_notification(connection: apsw.Connection, user: UserId, id_: NotificationId) -> Notification | None:
    """One of a user's notifications."""
    with connection:
        joined = connection.execute(queries()["joined"], (user,)).fetchone()
        row = connection.execute(queries()["notification"], (id_,)).fetchone()
    if row is None or joined is None or row[3] not in (None, user) or row[0] <= joined[0]:
        return None
    found = sound([row], user)
    if not found:
        raise Unavailable("This notification is damaged on disk", retry_after=60)
    return found[0]


def checksum(first: int, id_: str, user: str | None, device: str | None, body: bytes) -> int:
    """CRC-32 of what a row says and for whom: a flipped bit must not show one user another's text."""
    return zlib.crc32(body, zlib.crc32(f"{first} {id_} {user} {device}".encode()))


def sound(rows: list[Row], reader: UserId | None) -> list[Notification]:
    """Rows as notifications, without those that are not as they were written.

    Parameters:
        reader: who asked; a damaged index may lead to somebody else's row.
    """
    found = []
    for first, seq, id_, user, device, text, crc in rows:
        body = text.encode()
        if checksum(first, id_, user, device, body) != crc or user not in (None, reader):
            log.error("notification %s is damaged on disk and is not shown; restore a backup", id_)
            continue
        found.append(Notification(first=first, seq=seq, id=id_, user_id=user, device_id=device, body=body))
    return found
