"""The clock of the machine."""

from __future__ import annotations

import time

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Real time."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        # Goes on while the machine sleeps, so that what expired then has expired.
        return time.clock_gettime(_BOOT)
