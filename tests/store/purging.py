"""A store with a clock that stands still, and what tests of retention ask of it."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from store.adapters import NOW, Recorder, adapter_of, draft
from tocsin.notification import TYPES
from tocsin.ports import EVERYTHING, Entry
from tocsin.principal import UserId
from tocsin.receipt import Item
from tocsin.store.purge import Keeping
from tocsin.store.sqlite.store import SqliteStore

DAY = 86_400_000
ANNA, BERT = UserId("anna"), UserId("bert")


class Held:
    """A clock that stands where a test puts it."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return time.monotonic()


def on_a_store(folder: Path, test: Callable[[SqliteStore, Recorder], Awaitable[None]]) -> None:
    adapter_of(folder).run(folder, test)


async def send(store: SqliteStore, *, day: float = 0, kind: str = "info", text: str = "text", **about: Any) -> int:
    """Send something on that day after NOW, and return its number."""
    made = msgspec.structs.replace(draft(text, **about), created_at=NOW + int(day * DAY), type=kind)
    entry = await store.append(made)
    assert isinstance(entry, Entry)
    return entry.seq


async def purge(store: SqliteStore, *, day: float, days: int = 90, **more: Any) -> int:
    return await store.purge(Keeping(days=days, **more), Held(NOW + int(day * DAY))).once()


async def inbox(store: SqliteStore, user: UserId) -> list[Item]:
    found: list[Item] = []
    before: int | None = None
    while True:
        page = await store.inbox(user, EVERYTHING, before, 50)
        found += page.items
        if page.next is None:
            return found
        before = page.next


async def numbers(store: SqliteStore, user: UserId) -> list[int]:
    return sorted(item.notification.first for item in await inbox(store, user))


async def check_counts(store: SqliteStore, *users: UserId) -> None:
    """The count that is kept is what counting gives."""
    for user in users:
        counted = dict.fromkeys(TYPES, 0)
        for item in await inbox(store, user):
            if item.state.read is None:
                counted[types[item.notification.first]] += 1  # type: ignore[index]
        assert (await store.unread(user)).types == counted, user


types: dict[int, str] = {}
"""Of what `sent` has sent; numbers of other tests are overwritten."""


async def sent(store: SqliteStore, **about: Any) -> int:
    number = await send(store, **about)
    types[number] = about.get("kind", "info")
    return number


def rows(folder: Path, sql: str) -> list[Any]:
    found: list[Any] = adapter_of(folder).rows(folder, sql)
    return found
