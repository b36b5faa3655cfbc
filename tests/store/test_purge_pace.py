"""Retention stands in nobody's way: who waits to write goes first, and after each command it rests."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, NOW, Recorder, put_users
from store.purging import ANNA, DAY, Held, sent
from tocsin.store import purge as retention
from tocsin.store.purge import CHUNK, Keeping, Part, Purge, Row
from tocsin.store.sqlite.purge import SqliteGround
from tocsin.store.sqlite.store import SqliteStore

ADAPTER = ADAPTERS["sqlite"]
OLD = 3 * CHUNK
LATER = NOW + 100 * DAY


async def fill(store: SqliteStore) -> None:
    """Send what is too old by then."""
    await put_users(store, ANNA)
    await asyncio.gather(*(sent(store, user=ANNA) for _ in range(OLD)))


class Crowded(SqliteGround):
    """A ground on which others wait to write; let in after some looks at how many there are, or never.

    Attributes:
        ahead: at each command of retention, how many others waited.
    """

    def __init__(self, store: SqliteStore, looks: int) -> None:
        super().__init__(store._writer, store._reader)
        self.looks = looks
        self.ahead: list[int] = []
        self.held, self.let = threading.Event(), threading.Event()

    def hold(self, _file: object) -> bool:
        """Keep the writer until others are let in."""
        self.held.set()
        return self.let.wait(PATIENCE)

    @property
    def queued(self) -> int:
        self.looks -= 1
        if not self.looks:
            self.let.set()
        return super().queued

    async def remove_own(self, parts: Sequence[Part]) -> int:
        self.ahead.append(super().queued)
        self.let.set()
        return await super().remove_own(parts)


def test_who_waits_to_write_is_let_in_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LONGEST_STAND_BACK", PATIENCE)

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await fill(store)
        ground = Crowded(store, looks=5)
        held = store._writer.aside(ground.hold)
        assert await asyncio.to_thread(ground.held.wait, PATIENCE)
        others = [asyncio.ensure_future(sent(store, day=100, user=ANNA)) for _ in range(10)]
        await asyncio.sleep(0)
        assert store.queued == len(others)

        assert await Purge(ground, Keeping(days=90), Held(LATER)).once() == OLD

        assert ground.ahead == [0, 0, 0]
        assert all(one.done() for one in others)
        assert await held

    ADAPTER.run(folder, test)


def test_where_somebody_always_waits_it_goes_on_in_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LONGEST_STAND_BACK", 0.05)

    class Busy(Crowded):
        queued = 1  # type: ignore[assignment]

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await fill(store)
        assert await Purge(Busy(store, looks=0), Keeping(days=90), Held(LATER)).once() == OLD

    ADAPTER.run(folder, test)


class Slow(SqliteGround):
    """A ground that takes its time, by a clock of its own, and what is done there: (what, seconds), in order."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store._writer, store._reader)
        self.passed = 0.0
        self.done: list[tuple[str, float]] = []

    def now(self) -> int:
        return LATER

    def monotonic(self) -> float:
        return self.passed

    def take(self, what: str, seconds: float) -> None:
        self.passed += seconds
        self.done.append((what, seconds))

    async def look(self, name: str, *values: Any) -> list[Row]:
        self.take("look", 2.0)
        return await super().look(name, *values)

    async def remove_own(self, parts: Sequence[Part]) -> int:
        self.take("remove", 5.0)
        return await super().remove_own(parts)


def test_it_rests_twice_as_long_as_a_command_took_and_as_long_as_a_look_did(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await fill(store)
        ground = Slow(store)

        async def sleep(seconds: float) -> None:
            ground.done.append(("rest", seconds))

        monkeypatch.setattr(retention, "asyncio", SimpleNamespace(sleep=sleep))
        assert await Purge(ground, Keeping(days=90), ground).once() == OLD

        after = list(zip(ground.done, ground.done[1:], strict=False))
        assert [rest for what, rest in after if what == ("remove", 5.0)] == [("rest", 10.0)] * 3
        assert {rest for what, rest in after if what == ("look", 2.0)} == {("rest", 2.0)}

    ADAPTER.run(folder, test)
