"""Waits until what was sent has arrived, exactly, and until the server rests again."""

import time
from collections.abc import Callable

from bench.native import CannotMeasureError, Companion

SETTLE_SECONDS = 10.0
IDLE_NS = 2_000_000
"""CPU in a tenth of a second, below which a server counts as resting."""


def settled(readers: Companion, notifications: int) -> dict[str, int]:
    """The readers' counts once they have `notifications`; CannotMeasureError for one less or one more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        counts = readers.report()
        if counts["closed"]:
            raise CannotMeasureError(f"{counts['closed']} streams were closed ({counts['last_close_code']})")
        if counts["notifications"] >= notifications or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if counts["notifications"] != notifications:
        raise CannotMeasureError(f"{counts['notifications']} deliveries instead of {notifications}")
    return counts


def until_idle(cpu_ns: Callable[[], int]) -> None:
    """Wait until the server has let its streams go: the next round begins with none."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        before = cpu_ns()
        time.sleep(0.1)
        if cpu_ns() - before < IDLE_NS:
            return
