"""The door: the one way out of a stream, and how much may wait in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tocsin.live.closing import Close

BUDGET = 256 * 1024
"""Most bytes that wait for one reader, the kernel's unsent part included."""

KERNEL_UNSENT = 64 * 1024
"""TCP_NOTSENT_LOWAT: most bytes of it that the kernel holds unsent."""


class Door(Protocol):
    """The one way out of a stream. Nothing blocks; nothing is written after `close`.

    Attributes:
        paused: whether more waits than the budget allows, and has not been worked off since.
        hears_pongs: whether the peer's answers to pings come to be known here.
        descriptor: where ready frames may be written past this door as long as nothing waits in it; None where that
            cannot be, and when it has closed.
    """

    hears_pongs: bool
    descriptor: int | None

    @property
    def paused(self) -> bool: ...

    def write(self, frame: bytes) -> None:
        """Write a ready frame."""
        ...

    def write_all(self, frames: Sequence[bytes]) -> None:
        """Write ready frames at once, at the cost of one."""
        ...

    def unsent(self) -> int:
        """Bytes written that still wait in this process."""
        ...

    async def drained(self, below: int) -> None:
        """Wait until fewer bytes than `below` wait, or the connection is gone."""
        ...

    def close(self, code: Close, reason: str) -> None:
        """Tell the peer why, and end the connection for good soon after, taken or not."""
        ...


class Connection(Protocol):
    """What a door calls when its connection changes; the hub's side of it."""

    def keep_apart(self) -> None:
        """Something waits for the peer: nothing may be written past the door."""
        ...

    def ended(self) -> None:
        """The last word was said, or there is nobody to say it to: nothing more may be written."""
        ...

    def over_budget(self) -> None:
        """More waits for the peer than its budget allows."""
        ...

    def heard(self, text: str) -> None:
        """The peer sent a text."""
        ...

    def answered(self) -> None:
        """The peer gave a sign of life."""
        ...

    def counted(self) -> None:
        """The peer sent a frame of its own accord."""
        ...

    def lost(self) -> None:
        """The connection is gone."""
        ...
