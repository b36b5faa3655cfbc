"""A log for the search index to follow, written by SQL, and a search that is looked at until it says what it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw

from harness.patience import PATIENCE
from tocsin.errors import Unavailable
from tocsin.principal import UserId
from tocsin.store.sqlite.file import Lock, connect, prepare
from tocsin.store.sqlite.search import Search

LAST = 1 << 62


class Log:
    """The real schema, one writer, rows as tests need them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "tocsin.db"
        self.connection = connect(self.path, synchronous="OFF")
        lock = Lock(folder / "tocsin.lock")
        self.epoch, self.head = prepare(self.connection, lock)
        lock.release()

    def add(self, message: str, *, title: str = "", user: str | None = None, app: str | None = None) -> int:
        """A notification; its number."""
        return self.add_all([(title, message, user, app)])[-1]

    def add_all(self, rows: list[tuple[str, str, str | None, str | None]]) -> list[int]:
        """Notifications in one transaction: title, message, user, app."""
        return self.add_bodies([(json.dumps({"title": t, "message": m}), user, app) for t, m, user, app in rows])

    def add_bodies(self, rows: list[tuple[str, str | None, str | None]]) -> list[int]:
        numbers = []
        with self.connection:
            for body, user, app in rows:
                number = self._next()
                self.connection.execute(
                    "INSERT INTO notifications (first, seq, since, id, user_id, app_id, type, sender, credential,"
                    " created_at, body, crc) VALUES (?1, ?1, ?1, ?2, ?3, ?4, 'info', 's', 'c', 0, ?5, 0)",
                    (number, f"notif_{number}", user, app, body),
                )
                numbers.append(number)
        return numbers

    def withdraw(self, first: int) -> None:
        """As a sender does."""
        with self.connection:
            seq = self._next()
            run = self.connection.execute
            run("UPDATE notifications SET seq = ?, body = '{}', withdrawn_at = 1 WHERE first = ?", (seq, first))
            run("INSERT INTO voids (first, seq, type) VALUES (?, ?, 'info')", (first, seq))

    def purge(self, owner: str | None, app: str, upto: int, *, rows: bool = True) -> None:
        """As retention does: a floor, and with `rows` what lies below it goes as well."""
        with self.connection:
            run = self.connection.execute
            run(
                "INSERT INTO floors VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto,"
                " seq = excluded.seq",
                (owner or "", app, upto, self._next()),
            )
            if rows:
                run(
                    "DELETE FROM notifications WHERE user_id IS ? AND first <= ? AND ? IN ('', coalesce(app_id, ' '))",
                    (owner, upto, app),
                )

    def forget(self, *firsts: int) -> None:
        """Rows go without a word."""
        with self.connection:
            for first in firsts:
                self.connection.execute("DELETE FROM notifications WHERE first = ?", (first,))

    def rot(self, text: bytes, into: bytes) -> None:
        """The disk changes a few bytes."""
        self.connection.execute("PRAGMA wal_checkpoint(truncate)")
        data = self.path.read_bytes()
        assert text in data
        self.path.write_bytes(data.replace(text, into))

    def _next(self) -> int:
        self.head += 1
        self.connection.execute("UPDATE log SET head = ?", (self.head,))
        return self.head


def searching(log: Log, test: Callable[[Search], Coroutine[Any, Any, None]]) -> None:
    """Run a test on the search of a log."""

    async def run() -> None:
        search = Search.open(log.folder, log.path, log.epoch)
        try:
            await asyncio.wait_for(test(search), 4 * PATIENCE)
        finally:
            await asyncio.to_thread(search.close)

    asyncio.run(run())


async def find(search: Search, words: str, user: str = "a", *, before: int = LAST, limit: int = 100) -> list[int]:
    return await search.find(words, UserId(user), before, limit)


async def finds(search: Search, expected: list[int], words: str, user: str = "a") -> None:
    """Wait until a search answers that."""
    found: Any = None

    async def look() -> bool:
        nonlocal found
        try:
            found = await find(search, words, user)
        except Unavailable as refusal:
            found = refusal
        return bool(found == expected)

    assert await eventually(look), f"{words!r} finds {found!r}, not {expected!r}"


async def followed(search: Search, log: Log) -> None:
    """Wait until all that is in the log now is in the index."""
    mark = f"mark{log.head}"
    number = log.add(mark, user="nobody else")
    search.wake()
    await finds(search, [number], mark, "nobody else")


def filled_to(folder: Path) -> int:
    """The number up to which the index in a folder has followed its log; 0 while it is not there, or is being made."""
    if not (folder / "search.db").exists():
        return 0
    index = apsw.Connection(str(folder / "search.db"), flags=apsw.SQLITE_OPEN_READONLY)
    index.set_busy_timeout(1000)
    try:
        row = index.execute("SELECT first FROM followed").fetchone()
    except apsw.Error:
        return 0
    finally:
        index.close()
    return int(row[0]) if row is not None else 0


async def eventually(holds: Callable[[], Awaitable[bool]]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not await holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
