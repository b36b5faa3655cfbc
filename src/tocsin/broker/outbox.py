"""What brokers have in common: what is still to be carried, and the finding of a connection again and again."""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

log = logging.getLogger("tocsin.broker")

MOST_WAITING = 10_000
"""Messages that wait for the broker; the oldest are dropped, for the log has what they tell."""

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0


class Outbox:
    """Messages by channel, in their order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=MOST_WAITING)
        self._some = asyncio.Event()

    def put(self, channel: str, message: bytes) -> None:
        """Add one; nothing waits."""
        self._waiting.append((channel, message))
        self._some.set()

    def clear(self) -> None:
        """Drop all: who would hear it now has read the log."""
        self._waiting.clear()

    async def take(self, seconds: float, most: int = 500) -> list[tuple[str, bytes]]:
        """What waits, or nothing after so many seconds."""
        if not self._waiting:
            self._some.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._some.wait()
            except TimeoutError:
                return []
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


class Patience:
    """How long to wait before the next try; with chance, so that nodes do not all come at once."""

    def __init__(self) -> None:
        self._wait = FIRST_WAIT

    def succeeded(self) -> None:
        """Connected: the next loss is answered quickly again."""
        self._wait = FIRST_WAIT

    async def pause(self) -> None:
        """Wait before the next try."""
        wait, self._wait = self._wait, min(self._wait * 2, LONGEST_WAIT)
        await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  (no secret)


class Carrier(ABC):
    """A broker but for the carrying.

    Parameters:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        # Without user, password and parameters.
        self._place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.trouble = "not connected yet"
        self._said = False
        self._outbox = Outbox()
        self._announced: Callable[[bytes], None] = lambda _: None
        self._told: Callable[[bytes], None] = lambda _: None

    def subscribe(self, announced: Callable[[bytes], None], told: Callable[[bytes], None]) -> None:
        """Who hears what is announced, and what this node is told."""
        self._announced, self._told = announced, told

    async def run(self) -> None:
        """Keep a connection, and find another one when it is lost. Never ends by itself."""
        patience = Patience()
        while True:
            try:
                # A task for each try: before Python 3.11.3, one whose group saw a member fail stays cancelled.
                await asyncio.create_task(self._carry(patience))
            except Exception as errors:  # noqa: BLE001  (whatever it is, it is out of reach)
                error = _first(errors)
                self.trouble = f"the broker is out of reach: {str(error) or type(error).__name__}"
                if not self._said:
                    log.warning("%s: %s", self._place, self.trouble)
                self._said = True
                self._outbox.clear()
            await patience.pause()

    def _is_reached(self, patience: Patience) -> None:
        # What was said meanwhile is in the log by now, and read there.
        self._outbox.clear()
        self.trouble = ""
        if self._said:
            log.warning("%s: the broker is reached again", self._place)
        self._said = False
        patience.succeeded()

    @abstractmethod
    async def _carry(self, patience: Patience) -> None:
        """Connect, say so by `_is_reached`, and carry until that fails."""


def _first(error: Exception) -> BaseException:
    found: BaseException = error
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
