"""Pages of what has changed, for those who come back: a few are read at once, and the same one once for all who wait.

When thousands come back in the same second, each wants a page. Read as they ask, they would take every connection
and the database's processors, and the sends between them would wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tocsin.device import DeviceId
from tocsin.errors import Unavailable
from tocsin.ports import Page
from tocsin.principal import UserId

AT_ONCE = 3
"""Pages that are read at the same time; a node has four connections for reading unless told otherwise."""

LONGEST_SECONDS = 2.5
"""How long a page takes at most, with the wait for its turn."""

Asked = tuple[UserId | None, frozenset[DeviceId] | None, int, int]


class Pages:
    """Turns at reading.

    Parameters:
        read: a page, as the Store's `changes`.
    """

    def __init__(self, read: Callable[..., Awaitable[Page]]) -> None:
        self._read = read
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[Asked, asyncio.Task[Page]] = {}

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        """The page, read after it was asked for.

        Raises:
            Unavailable: its turn did not come in time, or the store cannot be read.
        """
        asked = (user, devices, since, limit)
        task = self._waiting.get(asked)
        if task is None:
            task = self._waiting[asked] = asyncio.create_task(self._in_turn(asked))
            # Nobody may be left to take it.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # One who goes away does not take it from the others.
        return await asyncio.shield(task)

    async def _in_turn(self, asked: Asked) -> Page:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._take_turn(asked)
                try:
                    return await self._read(*asked)
                finally:
                    self._turns.release()
        except TimeoutError:
            raise Unavailable("Too many reads are waiting") from None

    async def _take_turn(self, asked: Asked) -> None:
        try:
            await self._turns.acquire()
        finally:
            # It is of now: who asks from here on wants a later one.
            del self._waiting[asked]
