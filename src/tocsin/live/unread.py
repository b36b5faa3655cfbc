"""Tells the streams of a user how many notifications are unread, soon after that has changed, and not too often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from tocsin import wire
from tocsin.errors import Unavailable
from tocsin.live.form import Form
from tocsin.live.stream import Stream
from tocsin.ports import Store
from tocsin.principal import UserId

log = logging.getLogger("tocsin.live")

PAUSE = 0.25
"""Seconds between two `unread` events of one user."""

AT_ONCE = 4
"""Users counted at a time: a broadcast that is withdrawn concerns everybody at once."""


class UnreadEvents:
    """One task for each user whose counts have changed lately.

    Parameters:
        store: where the counts are.
        streams_of: the open streams of a user on this node.
    """

    def __init__(self, store: Store, streams_of: Callable[[UserId], Collection[Stream]]) -> None:
        self._store = store
        self._streams_of = streams_of
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[UserId, asyncio.Task[None]] = {}
        # Whom to tell: the streams that have just caught up, or None for all of that user.
        self._due: dict[UserId, set[Stream] | None] = {}

    def changed(self, user: UserId) -> None:
        """What that user has not read has changed."""
        if user in self._tasks or any(stream.form.tells_changes for stream in self._streams_of(user)):
            self._due[user] = None
            self._begin(user)

    def caught_up(self, stream: Stream) -> None:
        """A stream of a user has caught up, and was not told anything yet; the user's others know already."""
        user = stream.user_id
        if user is None or not stream.form.tells_changes:
            return
        due = self._due.setdefault(user, set())
        if due is not None:
            due.add(stream)
        self._begin(user)

    def _begin(self, user: UserId) -> None:
        if user not in self._tasks:
            self._tasks[user] = asyncio.get_running_loop().create_task(self._tell(user))

    async def _tell(self, user: UserId) -> None:
        try:
            while user in self._due and self._streams_of(user):
                due = self._due.pop(user)
                try:
                    async with self._turns:
                        unread = await self._store.unread(user)
                except Unavailable:
                    self._due[user] = None
                else:
                    data = wire.encode(wire.unread_told(unread, self._store.epoch))
                    frames: dict[Form, bytes] = {}
                    for stream in tuple(self._streams_of(user) if due is None else due):
                        if stream.form.tells_changes:
                            frame = frames.get(stream.form)
                            if frame is None:
                                frame = frames[stream.form] = stream.form.event("unread", None, data)
                            stream.tell(frame)
                    del due
                await asyncio.sleep(PAUSE)
        except Exception:
            log.exception("telling what is unread failed")
        finally:
            self._due.pop(user, None)
            del self._tasks[user]
