"""A screen of somebody's with the stream under it, and the places at which the test stops that stream."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from inbox.model import View
from inbox.screen import Screen, number
from tocsin.client.event import Envelope, read_event
from tocsin.client.inbox import Inbox
from tocsin.client.notification import read_notification
from tocsin.device import DeviceId
from tocsin.live.closing import Close
from tocsin.live.stream import State, Stream
from tocsin.ports import Page
from tocsin.principal import UserId
from tocsin.store.sqlite.store import SqliteStore


class Door:
    """A way out that keeps what it is given, as its reader decodes it, and stops a stream that catches up at each step.

    What is written past it goes through a pipe.

    Attributes:
        at: where the stream waits: before a page, before it is read, before it is taken; or "".
    """

    hears_pongs = True

    def __init__(self) -> None:
        self.paused = False
        self.descriptor: int | None
        self._far_end, self.descriptor = os.pipe2(os.O_NONBLOCK)
        weakref.finalize(self, _close, self._far_end, self.descriptor)
        self._events: list[dict[str, Any]] = []
        self.closed: Close | None = None
        self.at = ""
        self.task: asyncio.Task[Any] | None = None
        self._go = asyncio.Event()

    def write(self, frame: bytes) -> None:
        assert self.closed is None, "nothing is written after close"
        self._fetch()
        self._events.append(json.loads(frame))

    def write_all(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.write(frame)

    def unsent(self) -> int:
        return 0

    async def drained(self, below: int) -> None:
        self.task = asyncio.current_task()
        await self.stop_at("before the page")
        self.paused = False

    def close(self, code: Close, reason: str) -> None:
        self._fetch()
        self.closed, self.descriptor = code, None

    def taken(self) -> list[dict[str, Any]]:
        """What has come since this was asked last."""
        self._fetch()
        events, self._events = self._events, []
        return events

    def _fetch(self) -> None:
        with suppress(BlockingIOError):
            came = os.read(self._far_end, 1 << 20)
            assert self.closed is None, "nothing is written after close"
            self._events += map(json.loads, came.splitlines())

    async def stop_at(self, place: str) -> None:
        self.at = place
        self._go.clear()
        await self._go.wait()

    def go_on(self) -> None:
        self.at = ""
        self._go.set()


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


class Slowed:
    """The store as the hub has it: reads of changes stop at the door of their stream, and pages are small.

    Attributes:
        store: the real one.
        page: most changes of a kind in one page.
    """

    def __init__(self, store: SqliteStore, doors: Callable[[], list[Door]], page: int) -> None:
        self.epoch = store.epoch
        self.unread = store.unread
        self.store, self.page = store, page
        self._doors = doors

    def door(self) -> Door:
        """The door of the stream that asks."""
        return next(door for door in self._doors() if door.task is asyncio.current_task())

    async def changes(self, user: UserId, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        door = self.door()
        await door.stop_at("before it is read")
        page = await self.store.changes(user, devices, since, self.page)
        await door.stop_at("before it is taken")
        return page


class Connection:
    """A screen of somebody's, and its stream while it has one; beside it the inbox of the Python client.

    Attributes:
        kept: what a program might have written down to go on from, oldest first.
        began: the number after which the stream began; `gap_due`: whether something above it was gone for good by then.
    """

    def __init__(self, person: str, devices: frozenset[str] | None) -> None:
        self.person, self.screen, self.inbox = person, Screen(devices), Inbox()
        self.door = Door()
        self.stream: Stream | None = None
        self.began = 0
        self.gap_due = False
        self.kept: list[tuple[Any, Inbox]] = []
        self.keep()

    @property
    def live(self) -> bool:
        return self.stream is not None and self.stream.state is State.LIVE

    def load(self, items: list[dict[str, Any]], position: str) -> None:
        """A page of the list."""
        self.screen.load(copy.deepcopy(items), position)
        self.inbox.load([read_notification(msgspec.json.encode(item)) for item in items], position)

    def read(self) -> None:
        """Apply what has come."""
        events = self.door.taken()
        for event in events:
            data = msgspec.Raw(msgspec.json.encode(event["data"]))
            told = read_event(Envelope(event["event"], data, event["position"]))
            if told is not None:
                self.inbox.apply(told)
            self.screen.take(event)
        if events:
            self.keep()

    def keep(self) -> None:
        """Write down where it is."""
        self.kept.append((self.screen.kept(), copy.deepcopy(self.inbox)))

    def go_back(self, back: int, *, with_view: bool) -> None:
        """Go on from something that was written down; without its view, what is known already is told again."""
        screen, inbox = self.kept[-1 - back % len(self.kept)]
        if with_view:
            self.screen.restore(screen)
            self.inbox = copy.deepcopy(inbox)
        elif number(screen[0]) < number(self.screen.position):
            self.screen.position = self.inbox.position = screen[0]

    def client_view(self) -> View:
        """What the Python client shows."""
        return [
            (one.id, number(one.first), one.read, one.dismissed, one.acknowledged) for one in self.inbox.notifications
        ]
