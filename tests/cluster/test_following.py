"""The runner of the tail goes on looking at the log whatever the log answers with."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from cluster.histories import entry
from harness.patience import PATIENCE
from tocsin.announcement import encode
from tocsin.clock import SystemClock
from tocsin.cluster.following import Following
from tocsin.errors import Unavailable
from tocsin.ports import Entry, Span
from tocsin.position import Epoch

E = Epoch("e0")


class Quiet:
    """A broker that carries nothing."""

    trouble = ""

    def subscribe(self, announced: Any, told: Any) -> None: ...
    def announce(self, told: bytes) -> None: ...
    def tell(self, node: str, message: bytes) -> None: ...
    async def run(self) -> None: ...


class Failing:
    """A log that answers with errors for a while."""

    def __init__(self, errors: list[BaseException]) -> None:
        self.head = 0
        self.errors = errors

    async def position(self) -> tuple[Epoch, int]:
        if self.head and self.errors:
            raise self.errors.pop(0)
        return E, self.head

    async def tail(self, after: int, limit: int) -> Span:
        if self.errors:
            raise self.errors.pop(0)
        return Span(E, after + 1, self.head, [entry(f"row{seq}", seq) for seq in range(after + 1, self.head + 1)])

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for here")


@pytest.mark.fault
def test_a_node_goes_on_looking_whatever_the_driver_raises() -> None:
    async def test() -> None:
        log = Failing([Unavailable(), RuntimeError("cannot switch to state 12"), TimeoutError(), OSError()])
        following = Following("a", SystemClock(), Quiet(), lambda _: False, announces=False, most=7_900)
        await following.locate(log)
        given: list[Span] = []
        following.give_to(given.append, lambda _epoch, _head: None, lambda _kind, _id: None)
        running = asyncio.create_task(following.run())
        log.head = 3
        ends = time.monotonic() + PATIENCE
        while not given:
            assert not running.done(), "it has ended"
            assert time.monotonic() < ends
            await asyncio.sleep(0.02)
        assert [(span.first, span.last) for span in given] == [(1, 3)]
        assert not following.blindness
        running.cancel()

    asyncio.run(test())


def test_what_another_node_announces_is_given_out_at_once_and_what_cannot_be_read_is_let_be() -> None:
    async def test() -> None:
        following = Following("a", SystemClock(), Quiet(), lambda _: False, announces=False, most=7_900)
        await following.locate(Failing([]))
        given: list[Span] = []
        following.give_to(given.append, lambda _epoch, _head: None, lambda _kind, _id: None)
        span = Span(E, 1, 1, [entry("row", 1)])
        for told in (b"", b"{", b"\xff", b"[]", b'{"epoch":1}', encode(span, "b"), encode(span, "b")):
            following.hear(told)
        assert [(one.first, one.last) for one in given] == [(1, 1)]
        following.hear(encode(Span(E, 2, 2, [entry("own", 2)]), "a"))
        assert len(given) == 1, "its own come from its own store"

    asyncio.run(test())


class Still:
    """A clock that stands until it is set."""

    at = 0.0

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.at


@pytest.mark.parametrize("own", [True, False])
def test_what_was_remembered_of_a_changed_key_is_forgotten_though_it_cannot_be_given_out_yet(*, own: bool) -> None:
    """Who changes a key waits 50 ms for it; a node without sight of the log gives nothing out for longer."""

    async def test() -> None:
        clock = Still()
        following = Following("a", clock, Quiet(), lambda _: False, announces=False, most=7_900)
        await following.locate(Failing([]))
        given: list[Span] = []
        forgotten: list[tuple[str, str]] = []
        following.give_to(given.append, lambda _epoch, _head: None, lambda kind, id_: forgotten.append((kind, id_)))
        clock.at = 3.0
        assert following.blindness
        span = Span(E, 1, 1, [Entry(seq=1, identity=("key", "k1"))])
        if own:
            following.announce(span)
        else:
            following.hear(encode(span, "b"))
        assert (forgotten, given) == ([("key", "k1")], [])

    asyncio.run(test())
