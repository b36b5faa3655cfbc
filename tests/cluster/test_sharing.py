"""Counts and leases of nodes, on a real PostgreSQL, step by step."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster.histories import entry
from harness.postgresql import cluster
from tocsin.clock import SystemClock
from tocsin.cluster.counting import COUNTS, PATIENCE_SECONDS, Counting
from tocsin.cluster.leases import Lease
from tocsin.cluster.turns import Turns
from tocsin.ports import Entry, Span
from tocsin.position import Epoch
from tocsin.store.postgresql.store import PostgresqlStore

E = Epoch("e0")


class Clock(SystemClock):
    """Real time, and a process that was stopped for a while."""

    stopped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.stopped


class Wire:
    """Brings what one node tells another to it at once; no broker could be quicker."""

    trouble = ""

    def __init__(self) -> None:
        self.to: dict[str, Counting] = {}
        self.kept: list[tuple[str, bytes]] | None = None

    def tell(self, node: str, message: bytes) -> None:
        assert message[:1] == COUNTS
        if self.kept is not None:
            self.kept.append((node, message))
        else:
            self.to[node].hear(message[1:])

    def subscribe(self, announced: Any, told: Any) -> None: ...
    def announce(self, told: bytes) -> None: ...
    async def run(self) -> None: ...


def run(test: Awaitable[None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(120):
            await test

    asyncio.run(within())


def two() -> tuple[Wire, Counting, Counting]:
    wire = Wire()
    a, b = (Counting(name, wire, lambda _: True) for name in "ab")
    wire.to = {"a": a, "b": b}
    return wire, a, b


def span(*seqs: int, awaited: tuple[str, ...] = ("b",)) -> Span:
    return Span(E, seqs[0], seqs[-1], [entry(f"row{seq}", seq) for seq in seqs], awaited)


def given(node: Counting, of: Span, streams: int) -> None:
    """The node has written it to so many of its streams."""
    for one in of.entries:
        one.streamed = streams
    node.given_out(of.entries)


def test_counts_of_both_nodes_are_added_whichever_comes_first() -> None:
    async def test() -> None:
        _, a, b = two()
        for early in (False, True):
            mine, theirs = span(7, 8), span(7, 8)
            given(b, theirs, 2)
            if early:
                b.answer("a", E, 7, 8, theirs.entries)
                await asyncio.sleep(0)
            a.expect(mine)
            given(a, mine, 1)
            if not early:
                b.answer("a", E, 7, 8, theirs.entries)
            await a.settled(mine, lambda: True)
            assert [one.streamed for one in mine.entries] == [3, 3]
        assert a.lower_bounds == 0

    run(test())


def test_that_a_change_was_heard_of_is_said_by_nodes_without_streams_and_is_no_count() -> None:
    async def test() -> None:
        wire, a, _ = two()
        wire.to["b"] = b = Counting("b", wire, lambda _: False)
        for seq, said in ((7, True), (8, False)):
            change = Span(E, seq, seq, [Entry(seq=seq, identity=("key", "k"))], ("b",))
            a.expect(change)
            if said:
                b.answer("a", E, seq, seq, change.entries)
            began = time.monotonic()
            await a.settled(change, lambda: True)
            assert said or time.monotonic() - began >= PATIENCE_SECONDS * 0.9
        assert a.lower_bounds == 0

    run(test())


def test_control_a_node_without_streams_says_nothing_of_notifications() -> None:
    async def test() -> None:
        wire, a, _ = two()
        wire.to["b"] = b = Counting("b", wire, lambda _: False)
        mine = span(7)
        a.expect(mine)
        b.answer("a", E, 7, 7, mine.entries)
        await a.settled(mine, lambda: True)
        assert a.lower_bounds == 1

    run(test())


def test_an_answer_that_comes_twice_counts_once_and_one_of_many_parts_counts_whole() -> None:
    async def test() -> None:
        _, a, b = two()
        mine, theirs = span(*range(1, 1_001)), span(*range(1, 1_001))
        given(b, theirs, 1)
        a.expect(mine)
        given(a, mine, 0)
        for _ in range(2):
            b.answer("a", E, 1, 1_000, None)
        await a.settled(mine, lambda: True)
        assert {one.streamed for one in mine.entries} == {1}

    run(test())


def test_a_node_that_misses_is_waited_for_once_and_again_when_it_has_answered() -> None:
    async def test() -> None:
        wire, a, b = two()
        wire.kept = []

        async def waited(seq: int) -> float:
            mine, theirs = span(seq), span(seq)
            a.expect(mine)
            given(a, mine, 1)
            given(b, theirs, 1)
            b.answer("a", E, seq, seq, theirs.entries)
            began = time.monotonic()
            await a.settled(mine, lambda: True)
            return time.monotonic() - began

        assert await waited(1) >= PATIENCE_SECONDS * 0.9
        assert await waited(2) < PATIENCE_SECONDS * 0.9
        assert a.lower_bounds == 2, "who was not waited for was not counted either"
        kept, wire.kept = wire.kept, None
        for node, message in kept:
            wire.tell(node, message)
        mine, theirs = span(3), span(3)
        a.expect(mine)
        given(a, mine, 1)
        given(b, theirs, 1)
        b.answer("a", E, 3, 3, theirs.entries)
        await a.settled(mine, lambda: True)
        assert mine.entries[0].streamed == 2

    run(test())


def test_what_the_log_had_brought_before_its_commit_was_heard_of_is_counted() -> None:
    async def test() -> None:
        _, a, _ = two()
        brought = span(4, awaited=())
        given(a, brought, 5)
        mine = span(4, awaited=())
        a.expect(mine)
        await a.settled(mine, lambda: True)
        assert mine.entries[0].streamed == 5

    run(test())


# ---------------------------------------------------------------- on a database


class Deaf:
    """An announcer that nobody listens to."""

    def announce(self, span: Span) -> None: ...


@asynccontextmanager
async def stores(*nodes: str) -> AsyncIterator[list[PostgresqlStore]]:
    url = cluster().database(f"sharing{uuid.uuid4().hex[:12]}")
    opened = [await PostgresqlStore.open(url, Deaf(), node=node) for node in nodes]
    try:
        yield opened
    finally:
        for store in opened:
            await store.close()


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    ends = time.monotonic() + 60
    while True:
        found = true()
        if found is True or (found is not False and await found):
            return
        assert time.monotonic() < ends, "it never came to be"
        await asyncio.sleep(0.02)


def audiences(store: PostgresqlStore) -> Awaitable[list[tuple[str, str]]]:
    return store._reader.rows("SELECT node, audience FROM presence ORDER BY 1, 2")


@pytest.mark.fault
def test_of_two_nodes_one_has_the_work_and_the_other_takes_it_over_when_that_one_is_stopped() -> None:
    async def test() -> None:
        async with stores("a", "b") as (a, b):
            clocks = {"a": Clock(), "b": Clock()}
            leases = {n: Lease(s, "bells", n, clocks[n], seconds=1.0) for n, s in (("a", a), ("b", b))}
            rung: list[tuple[str, bool]] = []

            def work(name: str) -> Callable[[], Awaitable[None]]:
                async def ring() -> None:
                    while True:
                        if leases[name].holds():
                            rung.append((name, leases[other(name)].holds()))
                        await asyncio.sleep(0.01)

                return ring

            running = {n: asyncio.create_task(leases[n].keep(work(n))) for n in "ab"}
            await until(lambda: len(rung) > 20)
            first = rung[-1][0]
            # A process that is stopped does nothing; the clock it finds when it wakes has gone on.
            running[first].cancel()
            clocks[first].stopped = 5.0
            assert not leases[first].holds(), "a woken node must not go on where it was"
            await until(lambda: rung[-1][0] == other(first))
            assert not any(both for _, both in rung), "two nodes had the same work at once"
            running[other(first)].cancel()
            await asyncio.wait(running.values())

    run(test())


def other(name: str) -> str:
    return "b" if name == "a" else "a"


def test_control_a_lease_that_is_not_looked_at_leaves_two_nodes_with_the_same_work() -> None:
    async def test() -> None:
        async with stores("a", "b") as (a, b):
            first, second = Lease(a, "bells", "a", Clock(), seconds=60), Lease(b, "bells", "b", Clock(), seconds=60)
            await first._ask()
            await second._ask()
            assert first.holds()
            assert not second.holds()
            first._until += 3_600
            await b._reader.rows("UPDATE leases SET until = clock_timestamp()")
            await second._ask()
            assert first.holds()
            assert second.holds()

    run(test())


# ------------------------------------------------------------ turns


async def most_at_once(turns: list[Any]) -> int:
    """How many were in their turn at the same time, of six for each lock."""
    inside = most = 0

    async def take(turn: Any) -> None:
        nonlocal inside, most
        async with turn:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(take(turn) for turn in turns for _ in range(6)))
    return most


def test_of_all_nodes_one_at_a_time_has_its_turn() -> None:
    async def test() -> None:
        async with stores("a", "b", "c") as nodes:
            turns = [Turns(node, "identity", name) for node, name in zip(nodes, "abc", strict=True)]
            assert await most_at_once(turns) == 1
            # What fails gives its turn back.
            with pytest.raises(KeyError):
                async with turns[0]:
                    raise KeyError
            assert await nodes[1].lease("identity", "b", 0)

    run(test())


def test_control_locks_of_their_own_let_two_nodes_in_at_once() -> None:
    async def test() -> None:
        assert await most_at_once([asyncio.Lock(), asyncio.Lock()]) == 2

    run(test())
