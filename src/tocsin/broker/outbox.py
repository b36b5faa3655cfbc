"""What a broker has still to carry, and how long it waits before it connects again."""

from __future__ import annotations

import asyncio
import random
from collections import deque

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
