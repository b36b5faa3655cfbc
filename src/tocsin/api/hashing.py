"""Turns at hashing passwords: Argon2id is dear on purpose, so few run at once and few may wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin.credentials.address import address_bucket
from tocsin.errors import TooMany, Unavailable

AT_ONCE = 2
"""Hashes that run at a time: 19 MiB and one core each."""

MOST_WAITING = 64
"""Turns taken or waited for in all; the next is refused. At about 20 ms a hash the last waits under a second."""

MOST_OF_ONE_ADDRESS = 16
"""Of these, how many one address may have, so that a flood from one does not keep all others from signing in."""


class Hashing:
    """Hands out turns."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._asked: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it while inside.

        Parameters:
            address: who it is for, as `Request.address` gives it.

        Raises:
            TooMany: that address has too many. Unavailable: all addresses together have.
        """
        bucket = address_bucket(address)
        if self._asked[bucket] >= MOST_OF_ONE_ADDRESS:
            raise TooMany("Too many sign-ins at once", retry_after=1)
        if self._asked.total() >= MOST_WAITING:
            raise Unavailable("Too many sign-ins at once")
        self._asked[bucket] += 1
        try:
            async with self._free:
                yield
        finally:
            self._asked[bucket] -= 1
            if not self._asked[bucket]:
                del self._asked[bucket]
