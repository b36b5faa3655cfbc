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
        self._again: set[UserId] = set()

    def changed(self, user: UserId) -> None:
        """What that user has not read has changed, or a stream of theirs has caught up."""
        if user in self._tasks:
            self._again.add(user)
        elif any(stream.form.tells_changes for stream in self._streams_of(user)):
            self._tasks[user] = asyncio.get_running_loop().create_task(self._tell(user))

    async def _tell(self, user: UserId) -> None:
        try:
            while True:
                self._again.discard(user)
                try:
                    async with self._turns:
                        unread = await self._store.unread(user)
                except Unavailable:
                    self._again.add(user)
                else:
                    data = wire.encode(wire.unread_told(unread, self._store.epoch))
                    frames: dict[Form, bytes] = {}
                    for stream in tuple(self._streams_of(user)):
                        if stream.form.tells_changes:
                            frame = frames.get(stream.form)
                            if frame is None:
                                frame = frames[stream.form] = stream.form.event("unread", None, data)
                            stream.tell(frame)
                await asyncio.sleep(PAUSE)
                if user not in self._again or not self._streams_of(user):
                    return
        except Exception:
            log.exception("telling what is unread failed")
        finally:
            self._again.discard(user)
            del self._tasks[user]
