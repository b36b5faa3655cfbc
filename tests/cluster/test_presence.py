"""What the log knows of a node's streams, on a real PostgreSQL, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster.test_sharing import Clock, audiences, run, stores, until
from harness.patience import PATIENCE
from tocsin.clock import SystemClock
from tocsin.cluster.presence import FORGOTTEN_SECONDS, GONE_SECONDS, Presence
from tocsin.errors import Unavailable
from tocsin.store.postgresql.store import PostgresqlStore

ADA = [("a", ""), ("a", "ada")]
STEP = 5


class Halting:
    """A store that stands still before it is told who has gone, once `halt` is set, until `go` is."""

    def __init__(self, store: PostgresqlStore) -> None:
        self._store = store
        self.halt = False
        self.halted, self.go = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def note_presence(self, node: str, came: Collection[str], gone: Collection[str]) -> None:
        if gone and self.halt:
            self.halt = False
            self.halted.set()
            await self.go.wait()
            if self.fails:
                raise Unavailable
        await self._store.note_presence(node, came, gone)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Hands(SystemClock):
    """Time that goes by when a test says so."""

    at = 1_000.0

    def monotonic(self) -> float:
        return self.at


class Here:
    """Whom a node has streams for, and what it has told the log."""

    def __init__(self, store: PostgresqlStore) -> None:
        self.store = store
        self.log: Any = Halting(store)
        self.clock = Hands()
        self.has: set[str] = set()
        self.presence = Presence(self.log, "a", self.clock, self.all, self.has.__contains__)

    def all(self) -> Iterable[str]:
        return self.has

    async def come(self, *users: str) -> None:
        for one in users:
            await self.presence.arrive(one)
            self.has.update((one, ""))

    def go(self) -> None:
        gone = list(self.has)
        self.has.clear()
        for one in gone:
            self.presence.left(one)

    async def pass_seconds(self, seconds: int) -> None:
        """Let time go by in steps in which nobody forgets a node."""
        for _ in range(seconds // STEP):
            self.clock.at += STEP
            self.presence._wake.set()
            await until(lambda: self.presence._seen == self.clock.at)

    async def halt(self) -> None:
        """Let them be gone for so long that it is noted, and stand still there."""
        self.log.halt = True
        self.go()
        await self.pass_seconds(5)
        self.clock.at += STEP
        self.presence._wake.set()
        await asyncio.wait_for(self.log.halted.wait(), PATIENCE)


@asynccontextmanager
async def here() -> AsyncIterator[Here]:
    async with stores("a") as (store,):
        found = Here(store)
        running = asyncio.create_task(found.presence.run())
        try:
            yield found
        finally:
            running.cancel()
            await asyncio.wait([running])


def test_it_is_known_who_has_streams_before_they_open_and_no_more_after_the_last_has_closed() -> None:
    async def test() -> None:
        async with stores("a", "b") as (a, _):
            here: set[str] = set()
            presence = Presence(a, "a", SystemClock(), lambda: here, here.__contains__)
            running = asyncio.create_task(presence.run())
            await presence.arrive("ada")
            assert await audiences(a) == [("a", ""), ("a", "ada")]
            assert presence.concerns("ada")
            here |= {"ada", ""}
            await asyncio.gather(*(presence.arrive(f"user{n}") for n in range(300)))
            assert len(await audiences(a)) == 302
            here.clear()
            presence._expected.clear()
            for one in ("ada", ""):
                presence.left(one)
            await until(lambda: not presence.concerns("ada"))
            assert ("a", "ada") not in await audiences(a)
            running.cancel()

    run(test())


@pytest.mark.fault
def test_a_node_that_was_stopped_is_forgotten_and_notes_anew_what_it_has_when_it_wakes() -> None:
    async def test() -> None:
        async with stores("a", "b") as (a, b):
            clock = Clock()
            presence = Presence(a, "a", clock, lambda: ["", "ada"], lambda _: True)
            running = asyncio.create_task(presence.run())
            await presence.arrive("ada")
            running.cancel()
            long_ago = f"UPDATE nodes SET seen_at = now() - interval '{GONE_SECONDS} s' WHERE id = 'a'"
            forgetting = asyncio.create_task(Presence(b, "b", clock, list, lambda _: False).forget_the_dead())

            async def forgotten() -> bool:
                # Its store is still about, and says so.
                await b._reader.rows(long_ago)
                return await audiences(b) == []

            await until(forgotten)
            forgetting.cancel()
            clock.stopped = 30.0
            running = asyncio.create_task(presence.run())

            async def noted() -> bool:
                return bool(await audiences(b))

            await until(noted)
            assert await audiences(b) == [("a", ""), ("a", "ada")]
            running.cancel()

    run(test())


@pytest.mark.fault
@pytest.mark.parametrize("fails", [False, True])
def test_who_comes_back_while_it_is_noted_that_they_have_gone_is_noted_before_their_stream_opens(fails: bool) -> None:
    async def test() -> None:
        async with here() as node:
            await node.come("ada")
            node.log.fails = fails
            await node.halt()
            assert node.presence.concerns("ada"), "it is in the log still"
            coming = asyncio.create_task(node.presence.arrive("ada"))
            await asyncio.sleep(0)
            assert not coming.done()
            node.log.go.set()
            await coming
            assert await audiences(node.store) == ADA

    run(test())


@pytest.mark.fault
def test_a_stream_that_opened_while_it_was_noted_that_there_is_none_is_noted_anew() -> None:
    """It was long on its way: what had announced it is not waited for any more."""

    async def test() -> None:
        async with here() as node:
            await node.come("ada")
            await node.halt()
            node.has.update(("ada", ""))
            node.log.go.set()

            async def noted() -> bool:
                return await audiences(node.store) == ADA and not node.presence._doubtful

            await until(noted)

    run(test())


@pytest.mark.fault
def test_who_has_gone_while_the_log_was_away_is_noted_as_gone_when_it_is_back() -> None:
    async def test() -> None:
        async with here() as node:
            await node.come("ada")
            node.log.fails = True
            await node.halt()
            node.log.go.set()

            async def gone() -> bool:
                return await audiences(node.store) == []

            await until(gone)
            await until(lambda: not node.presence.concerns("ada"))

    run(test())


def test_whose_stream_is_about_to_open_stays_noted_though_their_last_one_closes() -> None:
    async def test() -> None:
        async with here() as node:
            await node.come("ada")
            await node.presence.arrive("ada")
            node.go()
            await node.pass_seconds(5)
            assert await audiences(node.store) == ADA
            await node.pass_seconds(5)

            async def gone() -> bool:
                return await audiences(node.store) == []

            await until(gone)

    run(test())


@pytest.mark.fault
def test_what_has_gone_from_the_log_by_whatever_way_is_there_again_after_five_minutes() -> None:
    async def test() -> None:
        assert STEP < FORGOTTEN_SECONDS, "or it would be noted as by one that was forgotten"
        async with here() as node:
            await node.come("ada")
            await node.store._reader.rows("DELETE FROM presence")
            await node.pass_seconds(300)
            assert await audiences(node.store) == []
            await node.pass_seconds(5)
            assert await audiences(node.store) == ADA

    run(test())
