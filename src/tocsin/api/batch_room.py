"""What all batches may take of the process together: memory for their bodies, and turns at the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.errors import Unavailable

MOST_BYTES = 32 * 1024 * 1024
"""Most bytes of bodies held at a time: what is made of them takes a few times as much."""

SLICE_SECONDS = 0.001
"""How long one batch works before everybody else has a turn of the loop."""


class BatchRoom:
    """Hands out room and turns.

    Attributes:
        turn: held for a slice, so that with many batches under way a turn of the loop holds one slice and not many.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self._held = 0

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Have room for a body while inside.

        Parameters:
            size: bytes.

        Raises:
            Unavailable: other batches have it.
        """
        if self._held + size > MOST_BYTES:
            raise Unavailable("Too many batches at once")
        self._held += size
        try:
            yield
        finally:
            self._held -= size
