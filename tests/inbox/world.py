"""The real store, hub and streams, in one thread that stops whenever the test wants to look.

Commits are real; what is told on, and how far a stream that catches up may go on, the test decides. So whatever can
happen between two lines of the server can be made to happen, and again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from harness.patience import PATIENCE
from inbox.connection import Connection, Door, Slowed
from inbox.model import View, viewed
from store.adapters import outcome
from tocsin import wire
from tocsin.device import DeviceId
from tocsin.live.form import ENVELOPE_LINES
from tocsin.live.hub import Hub
from tocsin.live.stream import State, Stream
from tocsin.notification import Draft, NotificationId
from tocsin.ports import Span, Wanted
from tocsin.position import Position
from tocsin.principal import Principal, UserId
from tocsin.receipt import Unread
from tocsin.store.sqlite.store import SqliteStore

T = TypeVar("T")

DAY = 86_400_000
"""Milliseconds."""

_TURNS = 20_000
_LIST_PAGE = 3


class Clock:
    """Time that stands still until the test moves it."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


class World:
    """One node and what is connected to it.

    Parameters:
        folder: for its files.
        page: most changes of a kind in one page of catching up.

    Attributes:
        spans: commits that were not told on yet.
        committed: called with each commit, at once.
    """

    def __init__(self, folder: Path, page: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.connections: list[Connection] = []
        self.spans: list[Span] = []
        self.committed: Callable[[Span], None] = lambda _span: None
        self.store: SqliteStore
        self.hub: Hub
        self._folders = (folder / str(n) for n in itertools.count())
        self._folder = next(self._folders)
        self._page = page
        self.run(self._open())

    def run(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Let the world go on until this is done."""
        return self.loop.run_until_complete(asyncio.wait_for(awaited, 2 * PATIENCE))

    # ------------------------------------------------------------ the node

    def announce(self, span: Span) -> None:
        """The store tells that it has committed."""
        self.spans.append(span)
        self.committed(span)

    def tell_on(self, count: int | None = None) -> None:
        """Tell the streams of so many commits, or of all."""

        async def tell() -> None:
            now, self.spans[:] = self.spans[:count], self.spans[len(self.spans) if count is None else count :]
            for span in now:
                self.hub.fan_out(span)

        self.run(self._and_rest(tell()))

    def reopen(self, *, killed: bool) -> None:
        """The process ends, orderly or as by kill -9, and another one begins; nobody was told what was not told on."""
        for connection in self.connections:
            self.cut(connection)
        self.spans.clear()
        if killed:
            # What another process would find now, had this one gone without a word.
            self.run(self._idle())
            left, self._folder = self._folder, next(self._folders)
            shutil.copytree(left, self._folder, ignore=shutil.ignore_patterns("*-shm", "search.db*"))
        self._end()
        self.run(self._open())

    def close(self) -> None:
        """End it for good, whatever state it is in."""
        try:
            self._end()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    async def _open(self) -> None:
        self.store = await SqliteStore.open(self._folder, self, synchronous="OFF")
        slowed: Any = Slowed(self.store, lambda: [one.door for one in self.connections], self._page)
        self.hub = Hub(self.store.epoch, self.store.head, slowed, self.clock, per_user=50, per_address=50)

    def _end(self) -> None:
        for stream in self.hub.streams:
            self.hub.leave(stream)
        self.run(self.store.close())
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left))

    async def _idle(self) -> None:
        while self.store.queued:  # noqa: ASYNC110  (the store has no event for it)
            await asyncio.sleep(0)

    # ------------------------------------------------------------ what is done

    async def together(self, *calls: Awaitable[Any]) -> list[Any]:
        """Do several things at once, in this order; results, or what was raised instead."""
        return list(await asyncio.gather(*[outcome(call) for call in calls]))

    def draft(
        self, id_: str, to: str | None, type_: Any, device: str | None, app: str | None, *, dismissible: bool
    ) -> Draft:
        """A notification as the path would make it."""
        body = {"id": id_, "type": type_, "title": "t", "message": "m", "timestamp": wire.timestamp(self.clock.ms)}
        body |= {"userId": to, "deviceId": device, "dismissible": dismissible}
        if app is not None:
            body["appId"] = app
        return Draft(
            id=NotificationId(id_),
            type=type_,
            user_id=None if to is None else UserId(to),
            device_id=None if device is None else DeviceId(device),
            app_id=app,  # type: ignore[arg-type]
            body=json.dumps(body).encode(),
            sender="user:tests",
            credential="key:tests",
            created_at=self.clock.ms,
        )

    # ------------------------------------------------------------ what is seen

    async def fresh(
        self, person: str, devices: frozenset[str] | None = None, *, unread: bool | None = None
    ) -> list[dict[str, Any]]:
        """All pages of a list, as the API gives them.

        Parameters:
            unread: only what is (not) read.
        """
        found: list[dict[str, Any]] = []
        before: int | None = None
        while True:
            items, before, _position = await self.list_page(person, devices, before, unread=unread)
            found += items
            if before is None:
                return found

    async def list_page(
        self, person: str, devices: frozenset[str] | None, before: int | None, *, unread: bool | None = None
    ) -> tuple[list[dict[str, Any]], int | None, str]:
        """One page: its items, the next one's `before`, and the position at which it was read."""
        wanted = Wanted(devices=None if devices is None else frozenset(map(DeviceId, devices)), unread=unread)
        page = await self.store.inbox(UserId(person), wanted, before, _LIST_PAGE)
        told = json.loads(wire.inbox(page.items, page.next, page.head, self.store.epoch))
        return told["notifications"], page.next, told["position"]

    async def view(self, person: str, devices: frozenset[str] | None = None) -> View:
        """The same in the form of `Model.view`."""
        return viewed(await self.fresh(person, devices))

    async def counts(self, person: str) -> Unread:
        """What the store says is unread."""
        return await self.store.unread(UserId(person))

    # ------------------------------------------------------------ streams

    def resume(self, connection: Connection) -> None:
        """Open a stream from the screen's position on."""
        screen, door = connection.screen, Door()
        screen.connect()
        devices = None if screen.devices is None else frozenset(map(DeviceId, screen.devices))
        principal = Principal(kind="user", user_id=UserId(connection.person), credential="key:tests")
        stream = Stream(ENVELOPE_LINES, door, principal=principal, devices=devices)
        stream.since = Position.parse(screen.position)
        connection.door, connection.stream = door, stream
        self.run(self._and_rest(self._enter(connection)))

    def advance(self, connection: Connection) -> None:
        """A stream that catches up takes its next step."""
        self.run(self._and_rest(self._advance(connection)))

    def run_over(self, connection: Connection) -> None:
        """More waits for the reader than may."""
        assert connection.stream is not None
        connection.door.paused = True

        async def tell() -> None:
            assert connection.stream is not None
            self.hub.over_budget(connection.stream)

        self.run(self._and_rest(tell()))

    def cut(self, connection: Connection) -> None:
        """The connection is lost; what has come before is read."""
        if connection.stream is None:
            return
        connection.read()

        async def leave() -> None:
            assert connection.stream is not None
            self.hub.leave(connection.stream)

        self.run(self._and_rest(leave()))
        connection.stream = None

    def settle(self) -> None:
        """Tell everything on, and let all streams come up with it."""
        self.tell_on()
        for connection in self.connections:
            if connection.stream is not None:
                self.catch_up(connection)

    def catch_up(self, connection: Connection) -> None:
        """Let a stream go on until it is live."""
        steps = 0
        while not connection.live:
            self.advance(connection)
            steps += 1
            assert steps < 1_000, "a stream never catches up"

    def wait_for_counts(self, connection: Connection) -> None:
        """Until the screen was told how many are unread after the last of what can have changed it."""

        async def told() -> None:
            for turn in range(_TURNS):
                connection.read()
                if connection.screen.counted_at >= connection.screen.uncounted_at:
                    return
                await asyncio.sleep(0 if turn < 50 else 0.001)
            raise AssertionError("nobody tells how many are unread")

        self.run(told())

    async def _enter(self, connection: Connection) -> None:
        assert connection.stream is not None
        self.hub.enter(connection.stream)
        await self._stopped(connection)

    async def _advance(self, connection: Connection) -> None:
        if connection.door.at:
            connection.door.go_on()
        await self._stopped(connection)

    async def _stopped(self, connection: Connection) -> None:
        assert connection.stream is not None
        for turn in range(_TURNS):
            if connection.door.at or connection.stream.state is not State.CATCHING_UP:
                return
            await asyncio.sleep(0 if turn < 50 else 0.001)
        raise AssertionError("a stream neither catches up nor is live")

    async def _and_rest(self, first: Coroutine[Any, Any, None]) -> None:
        await first
        # Counts that are due are told in a few turns.
        for _ in range(5):
            await asyncio.sleep(0)
        for connection in self.connections:
            if connection.stream is not None and connection.stream.state is State.CATCHING_UP:
                await self._stopped(connection)
