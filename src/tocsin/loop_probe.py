"""Watches how late the event loop runs: whatever blocks it holds up every stream and every sender."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger("tocsin.server")

EVERY_SECONDS = 0.05
LATE_SECONDS = 0.1
"""From which on a stall is logged."""

_LOG_EVERY = 60.0


class LoopProbe:
    """Wakes up regularly and notes by how much too late.

    Attributes:
        longest: seconds of the longest stall so far.
        stalls: how many were longer than LATE_SECONDS.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.stalls = 0
        self._logged = -_LOG_EVERY

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            late = loop.time() - due
            self.longest = max(self.longest, late)
            if late > LATE_SECONDS:
                self.stalls += 1
                if loop.time() - self._logged >= _LOG_EVERY:
                    self._logged = loop.time()
                    log.warning("the event loop stood still for %.0f ms", late * 1000)
