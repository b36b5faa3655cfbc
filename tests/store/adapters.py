"""The stores under test, each with the same way in. Another store is another row in `ADAPTERS`."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import msgspec

from harness.patience import PATIENCE
from harness.postgresql import cluster
from tocsin.app import App, AppId
from tocsin.device import DeviceId
from tocsin.notification import Draft, Notification, new_id
from tocsin.ports import EVERYTHING, AuditEntry, Entry, Page, Span, Store, Wanted
from tocsin.principal import User, UserId
from tocsin.receipt import UNTOUCHED, Change, Item
from tocsin.store.postgresql.store import PostgresqlStore
from tocsin.store.sqlite.store import FILE, SqliteStore

NOW = 1_800_000_000_000
"""Milliseconds UTC at which all drafts of these tests are made."""

Test = Callable[[Store, "Recorder"], Awaitable[None]]


class Recorder:
    """An announcer that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def announce(self, span: Span) -> None:
        self.spans.append(span)

    @property
    def entries(self) -> list[Entry]:
        return [entry for span in self.spans for entry in span.entries]


class _Adapter:
    """The way in that all have."""

    def open(self, folder: Path, recorder: Recorder, **options: Any) -> AbstractAsyncContextManager[Any]:
        """The store of a folder."""
        raise NotImplementedError

    def prepare(self, folder: Path) -> None:
        """Make what stands for a folder, where something does."""

    def rows(self, folder: Path, sql: str) -> list[tuple[Any, ...]]:
        """What is in the tables of a folder's store that nobody has open."""
        raise NotImplementedError

    async def rows_of(self, store: Any, sql: str) -> list[tuple[Any, ...]]:
        """What is in the tables of an open store."""
        raise NotImplementedError

    def run(self, folder: Path, *tests: Test, seconds: float = 2 * PATIENCE) -> None:
        """Run each test on the store of this folder, opened anew for each."""

        self.prepare(folder)

        async def all_of_them() -> None:
            for test in tests:
                recorder = Recorder()
                async with self.open(folder, recorder) as store:
                    await asyncio.wait_for(test(store, recorder), seconds)

        asyncio.run(all_of_them())


class SqliteAdapter(_Adapter):
    """The store on one SQLite file."""

    @asynccontextmanager
    async def open(self, folder: Path, recorder: Recorder, **options: Any) -> AsyncIterator[SqliteStore]:
        store = await SqliteStore.open(folder, recorder, **options)
        try:
            yield store
        finally:
            await store.close()

    def rows(self, folder: Path, sql: str) -> list[tuple[Any, ...]]:
        connection = apsw.Connection(str(folder / FILE), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    async def rows_of(self, store: Any, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = await store._reader.read(lambda it: it.execute(sql).fetchall())
        return found


class PostgresqlAdapter(_Adapter):
    """The store on PostgreSQL: a database of its own for each folder."""

    @asynccontextmanager
    async def open(self, folder: Path, recorder: Recorder, **options: Any) -> AsyncIterator[PostgresqlStore]:
        store = await PostgresqlStore.open(self.url(folder), recorder, **options)
        try:
            yield store
        finally:
            await store.close()

    def prepare(self, folder: Path) -> None:
        self.url(folder)

    def url(self, folder: Path) -> str:
        """Of the database that stands for a folder."""
        name = f"t{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}"
        return cluster().database_with_tables(name)

    def rows(self, folder: Path, sql: str) -> list[tuple[Any, ...]]:
        async def read() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url(folder))
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(read())

    async def rows_of(self, store: Any, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = await store._reader.rows(sql)
        return found


ADAPTERS = {"sqlite": SqliteAdapter(), "postgresql": PostgresqlAdapter()}


def adapter_of(folder: Path) -> Any:
    """The store that a folder of the fixture `either` is for."""
    return ADAPTERS[folder.name]


def audit(action: str = "test", what: str = "it") -> AuditEntry:
    return AuditEntry(at=int(time.time() * 1000), who="tests", action=action, what=what, origin="127.0.0.1")


def draft(
    text: str, *, user: str | None = None, device: str | None = None, app: str | None = None, quota: int | None = None
) -> Draft:
    """A notification for one user, or for everyone."""
    return Draft(
        id=new_id(NOW),
        type="info",
        user_id=None if user is None else UserId(user),
        device_id=None if device is None else DeviceId(device),
        app_id=None if app is None else AppId(app),
        body=b'{"title":"t","message":"%b"}' % text.encode(),
        sender="user:tests",
        credential="key:tests",
        created_at=NOW,
        quota=quota,
    )


async def kept(store: Store, text: str = "x", **about: Any) -> Notification:
    """A notification that was just sent; keywords are those of `draft`, besides `type`, `group` and `at`."""
    more = {"type": about.pop("type", "info"), "created_at": about.pop("at", NOW)}
    asked = {"dismissible": about.pop("dismissible", True), "group": about.pop("group", "")}
    body = {"type": more["type"], "title": "t", "message": text, **asked}
    made = msgspec.structs.replace(draft(text, **about), body=msgspec.json.encode(body), **more)
    entry = await store.append(made)
    assert isinstance(entry, Entry)
    assert entry.notification is not None
    return entry.notification


async def put_users(store: Store, *names: str) -> None:
    for name in names:
        await store.put_user(User(id=UserId(name), name=name), audit())


async def put_app(store: Store, name: str, *, quota: int = 10) -> None:
    await store.put_app(App(id=AppId(name), name=name, quota_per_hour=quota), audit())


def number(change: Change) -> int:
    """The number of the log that a change took."""
    return change.notification.seq if isinstance(change, Item) else change.seq


async def all_changes(store: Store, user: str | None, since: int, limit: int, **scope: Any) -> list[int]:
    """The numbers of all pages after a number, each page held to what a page promises."""
    devices = frozenset(DeviceId(id_) for id_ in scope["devices"]) if "devices" in scope else None
    found: list[int] = []
    while True:
        page: Page = await store.changes(None if user is None else UserId(user), devices, since, limit)
        numbers = [number(change) for change in page.changes]
        assert numbers == sorted(set(numbers))
        assert all(since < one <= page.upto for one in numbers)
        assert page.upto <= page.head or not numbers
        assert page.full == (page.upto < page.head)
        found += numbers
        if not page.full:
            return found
        assert page.upto > since, "a full page must lead on"
        since = page.upto


async def outcome(awaited: Any) -> Any:
    """The result, or the exception that came instead."""
    try:
        return await awaited
    except Exception as error:  # noqa: BLE001
        return error


async def pages(store: Store, user: str, limit: int, wanted: Wanted = EVERYTHING) -> list[Item]:
    """All of an inbox, read page by page."""
    found: list[Item] = []
    before: int | None = None
    while True:
        page = await store.inbox(UserId(user), wanted, before, limit)
        assert len(page.items) <= limit
        found += page.items
        if page.next is None:
            return found
        assert before is None or page.next < before, "a page must lead on"
        before = page.next


def untouched(notification: Notification) -> Item:
    """A notification with which nobody has done anything yet."""
    return Item(notification, UNTOUCHED)
