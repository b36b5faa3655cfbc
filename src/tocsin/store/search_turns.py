"""Who may search now: a search can be slow because of what is asked for, and must not be so for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from tocsin.errors import Unavailable
from tocsin.principal import UserId

_LONGEST_SECONDS = 2.0
"""That one waits for a turn; no read of the product takes longer."""


class Turns:
    """So many searches at a time, and one at a time of each person, who so waits for themself and not others for them.

    Belongs to the event loop.

    Parameters:
        at_once: searches at a time.
    """

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._own: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def take(self, user: UserId) -> Callable[[], None]:
        """Wait for a turn; what comes back gives it back, and is to be called once, when the search has ended.

        Raises:
            Unavailable: there was none for too long.
        """
        own = self._own.setdefault(user, asyncio.Lock())
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await own.acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise Unavailable("Too many searches are waiting") from None

        def give_back() -> None:
            self._free.release()
            own.release()

        return give_back
