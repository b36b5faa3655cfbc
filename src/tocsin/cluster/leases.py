"""Leases: background work that one node at a time does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tocsin.errors import Unavailable
from tocsin.nodes import Tailed
from tocsin.ports import Clock

log = logging.getLogger("tocsin.cluster")

LEASE_SECONDS = 10.0
"""How long a node has a piece of work without asking again."""

_MARGIN = 2.0


class Lease:
    """Does a piece of work while this node has the lease for it, and only then.

    The lease counts here from when it was asked for, by a clock that goes on while the process is stopped, and ends
    two seconds early. Work asks `holds` right before each of its transactions: what a woken node does after its
    lease has gone to another is at most one transaction, and none where the work checks in the transaction itself.

    Parameters:
        name: of the work.
        node: this one's name.
    """

    def __init__(self, log_: Tailed, name: str, node: str, clock: Clock, *, seconds: float = LEASE_SECONDS) -> None:
        self.name = name
        self._log = log_
        self._node = node
        self._clock = clock
        self._seconds = seconds
        self._until = 0.0

    def holds(self) -> bool:
        """Whether this node has the work now."""
        return self._clock.monotonic() < self._until - min(_MARGIN, self._seconds / 4)

    async def keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Ask for the lease again and again; run the work while it is had. Never ends by itself."""
        running: asyncio.Task[None] | None = None
        try:
            while True:
                await self._ask()
                if self.holds() and (running is None or running.done()):
                    running = asyncio.ensure_future(self._run(work))
                elif not self.holds() and running is not None:
                    running.cancel()
                    running = None
                await asyncio.sleep(self._seconds / 4)
        finally:
            if running is not None:
                running.cancel()
            if self.holds():
                self._until = 0.0
                await self._give_back()

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        log.info("this node has the work %s", self.name)
        try:
            await work()
        except Exception:
            log.exception("the work %s failed", self.name)

    async def _ask(self) -> None:
        asked = self._clock.monotonic()
        try:
            got = await self._log.lease(self.name, self._node, self._seconds)
        except Unavailable:
            return
        except Exception:
            log.exception("the lease %s could not be asked for", self.name)
            return
        self._until = asked + self._seconds if got else 0.0

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._log.lease(self.name, self._node, 0)
        except (Unavailable, TimeoutError):
            log.debug("the lease %s ends by itself", self.name)
