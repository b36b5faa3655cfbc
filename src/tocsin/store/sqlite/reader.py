"""Reads from SQLite: connections of their own, in threads of their own, no snapshot longer than one query."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import zlib
from collections.abc import Callable, Hashable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw
import msgspec

from tocsin.device import DeviceId
from tocsin.errors import Damaged, Unavailable
from tocsin.notification import Notification
from tocsin.ports import Page
from tocsin.principal import UserId
from tocsin.receipt import Change, Item, Mark, Purged, Receipt, State, Withdrawn
from tocsin.store.sqlite.file import connect
from tocsin.store.sqlite.marks import Marks
from tocsin.store.sqlite.queries import queries

log = logging.getLogger("tocsin.store")

T = TypeVar("T")
Row = tuple[Any, ...]

PAGE_BYTES = 128 * 1024
"""Bodies in one page of changes; a stream holds no more than its budget."""

DEVICE_SPAN = 20_000
"""Numbers looked through for one page of a stream that wants few devices only."""

_THREADS = 2
_ANSWER_SECONDS = 0.002


class _Job:
    """A query that waits for a thread, and all who want to know what it gives."""

    __slots__ = ("alike", "futures", "loop", "query")

    def __init__(self, query: Callable[[apsw.Connection], Any], alike: Hashable, loop: asyncio.AbstractEventLoop):
        self.query = query
        self.alike = alike
        self.loop = loop
        self.futures: list[asyncio.Future[Any]] = []


class Reader:
    """A few read-only connections, each in its own thread.

    A thread answers what waits in one go: handing the interpreter over to the loop and back costs more than most
    queries do, and while the loop is busy it has to be waited for.

    Parameters:
        path: of the database file.
        vfs: name of a SQLite VFS, or None.
    """

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        # Opened before they are needed: later there may be no file descriptor left to open them with.
        with ExitStack() as opened:
            connections = (closing(connect(path, vfs=vfs, read_only=True)) for _ in range(_THREADS))
            self._connections = [opened.enter_context(connection) for connection in connections]
            opened.pop_all()
        self._inbox: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, _Job] = {}
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(connection,), name=f"tocsin-reader-{n}", daemon=True)
            for n, connection in enumerate(self._connections)
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, query: Callable[[apsw.Connection], T], *, alike: Hashable = None) -> T:
        """Run a query off the event loop.

        Parameters:
            alike: names what is asked for. Who asks for the same before the query begins shares its answer, which
                is then as new as if each had asked alone; nobody may change it.

        Raises:
            Unavailable: the file cannot be read now.
        """
        if self._closed:
            raise Unavailable("The store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            job = self._waiting.get(alike) if alike is not None else None
            if job is not None:
                job.futures.append(future)
            else:
                job = _Job(query, alike, loop)
                job.futures.append(future)
                if alike is not None:
                    self._waiting[alike] = job
                self._inbox.put(job)
        return await future

    async def rows(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a named query."""
        return await self.read(lambda connection: connection.execute(queries()[name], values).fetchall())

    def close(self) -> None:
        """Wait for what is running, then let go of the file."""
        self._closed = True
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()

    # ------------------------------------------------------------ in a thread

    def _work(self, connection: apsw.Connection) -> None:
        job = self._inbox.get()
        while job is not None:
            done: list[tuple[_Job, Any]] = []
            ends = time.monotonic() + _ANSWER_SECONDS
            while job is not None:
                done.append((job, self._answer(connection, job)))
                if time.monotonic() > ends:
                    break
                try:
                    job = self._inbox.get_nowait()
                except Empty:
                    break
            # A closed loop: nobody waits any more.
            with suppress(RuntimeError):
                done[0][0].loop.call_soon_threadsafe(_tell, done)
            job = self._inbox.get() if job is not None else None

    def _answer(self, connection: apsw.Connection, job: _Job) -> Any:
        if job.alike is not None:
            with self._lock:
                del self._waiting[job.alike]
        elif job.futures[0].cancelled():
            return None
        try:
            return job.query(connection)
        except UnicodeDecodeError as error:
            log.error("a read failed: a text is damaged on disk: %s", error)
            return Damaged("a text that this needs")
        except apsw.Error as error:
            log.error("a read failed: %s", error)
            return Unavailable("The store cannot be read now")
        except Exception as error:  # noqa: BLE001  (it is told to whoever asked)
            return error


def _tell(done: list[tuple[_Job, Any]]) -> None:
    for job, result in done:
        for future in job.futures:
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


def runner(connection: apsw.Connection) -> Callable[..., list[Row]]:
    """Runs named queries on a connection: values in order, or one mapping by name."""

    def run(name: str, *values: Any) -> list[Row]:
        bound = values[0] if values and isinstance(values[0], dict) else values
        return connection.execute(queries()[name], bound).fetchall()

    return run


def read_changes(
    connection: apsw.Connection,
    user: UserId | None,
    devices: frozenset[DeviceId] | None,
    since: int,
    limit: int,
) -> Page:
    """A page of what changed for a user after a number; the guarantee is the Store's.

    Each kind of change is read by its own index and merged: where one of them filled its limit, only what
    lies up to its last number is told, since of the others there may be more.
    """
    with connection:
        run = runner(connection)
        head = int(run("head")[0][0])
        upto = head if devices is None else min(head, since + DEVICE_SPAN)
        floor_rows = run("floor")
        joined = _joined(run, user, head)
        values = {
            "user": user,
            "since": since,
            "upto": upto,
            "joined": joined,
            "low": max(joined, floor_rows[0][0] if floor_rows else 0),
            "limit": limit,
            "devices": None if devices is None else msgspec.json.encode(sorted(devices)).decode(),
        }
        names = _CHANGES if user is not None else _CHANGES_FOR_ALL
        found = {name: run(name, values) for name in names}
        # Marks that reach less far cover none of what is told here.
        unread_since = [row[7] for name in _NOTIFICATIONS for row in found.get(name, ())]
        unread_since += [row[3] for row in found.get("receipt_changes", ())]
        lowest = min(unread_since, default=head)
        marks = Marks.of(run, user, lowest) if user is not None else Marks([])
        floor = int(run("highest_floor", user or "")[0][0])
    for name, rows in found.items():
        if len(rows) == limit:
            upto = min(upto, int(rows[-1][1 if name in _NOTIFICATIONS else 0]))
    changes: list[Change] = []
    size = 0
    for name, row in sorted(
        ((name, row) for name, rows in found.items() for row in rows),
        key=lambda pair: int(pair[1][1 if pair[0] in _NOTIFICATIONS else 0]),
    ):
        seq = int(row[1 if name in _NOTIFICATIONS else 0])
        if seq > upto:
            break
        size += len(row[5].encode()) if name in _NOTIFICATIONS else _SMALL
        if size > PAGE_BYTES and changes:
            upto = _number(changes[-1])
            break
        change = _change_of(name, row, user, marks)
        if change is not None:
            changes.append(change)
    # What lies below the joining number was never theirs to lose.
    return Page(changes, upto, head, full=upto < head, floor=floor if floor > joined else 0)


def item_of(row: Row, reader: UserId | None, marks: Marks) -> Item | Withdrawn | None:
    """A row of a notification with the reader's receipt, if it is as it was written.

    Parameters:
        reader: who asked; a damaged index may lead to somebody else's row.
    """
    first, seq, id_, user, device, text, crc, since, type_, withdrawn_at, read, read_at, dismissed, acknowledged = row
    body = text.encode()
    if checksum(first, id_, user, device, body) != crc or user not in (None, reader):
        log.error("notification %s is damaged on disk and is not shown; restore a backup", id_)
        return None
    if withdrawn_at is not None:
        # One that retention has let go of has kept its number, and its floor tells that.
        return Withdrawn(seq=seq, first=first, id=id_, user_id=user, device_id=device) if seq != first else None
    if read is None:
        read_at = marks.read_at(type_, device, since)
    found = Notification(first=first, seq=seq, since=since, id=id_, user_id=user, device_id=device, body=body)
    return Item(found, State(read_at, dismissed, acknowledged))


def checksum(first: int, id_: str, user: str | None, device: str | None, body: bytes) -> int:
    """CRC-32 of what a row says and for whom: a flipped bit must not show one user another's text."""
    return zlib.crc32(body, zlib.crc32(f"{first} {id_} {user} {device}".encode()))


_NOTIFICATIONS = ("broadcast_changes", "own_changes")
_CHANGES_FOR_ALL = ("broadcast_changes", "floor_changes")
_CHANGES = (*_NOTIFICATIONS, "receipt_changes", "mark_changes", "floor_changes")
_SMALL = 250


def _joined(run: Callable[..., list[Row]], user: UserId | None, head: int) -> int:
    if user is None:
        return 0
    rows = run("joined", user)
    return int(rows[0][0]) if rows else head


def _number(change: Change) -> int:
    return change.notification.seq if isinstance(change, Item) else change.seq


def _change_of(name: str, row: Row, user: UserId | None, marks: Marks) -> Change | None:
    if name in _NOTIFICATIONS:
        return item_of(row, user, marks)
    if name == "floor_changes":
        seq, owner, app, upto = row
        return Purged(seq=seq, user_id=owner or None, app_id=app or None, upto=upto)
    assert user is not None
    if name == "mark_changes":
        seq, type_, device, upto, at = row
        return Mark(seq=seq, user_id=user, type=type_ or None, device_id=device or None, upto=upto, at=at)
    seq, id_, first, since, type_, device, read, read_at, dismissed, acknowledged = row
    if read is None:
        read_at = marks.read_at(type_, device, since)
    state = State(read_at, dismissed, acknowledged)
    return Receipt(seq=seq, user_id=user, id=id_, first=first, device_id=device, state=state)
