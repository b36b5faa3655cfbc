"""Turns: what one node at a time may do, as a lock does it for the tasks of one process."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from types import TracebackType

from tocsin.errors import Unavailable
from tocsin.nodes import Tailed

TURN_SECONDS = 10.0
"""After so long the turn of a node that was stopped is over."""

PATIENCE_SECONDS = 3.0
"""Longest that somebody waits for the turn of another node to end."""

_AGAIN_SECONDS = (0.002, 0.02)


class Turns:
    """A lock that all nodes share: a lease, asked for until it is had.

    What is done in a turn reads the store itself, for what this node remembers may be older. A node that is stopped
    for ten seconds in the midst of its turn and woken then may still make the write that it was about to make.

    Parameters:
        name: of what there are turns of.
        node: this one's name.
    """

    def __init__(self, log_: Tailed, name: str, node: str) -> None:
        self._log = log_
        self._name = name
        self._node = node
        self._here = asyncio.Lock()

    async def __aenter__(self) -> None:
        """Wait for the turn.

        Raises:
            Unavailable: the log is out of reach, or another node does not come to an end.
        """
        await self._here.acquire()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await self._log.lease(self._name, self._node, TURN_SECONDS):  # noqa: ASYNC110  (of others)
                    await asyncio.sleep(random.uniform(*_AGAIN_SECONDS))  # noqa: S311  (no secret)
        except TimeoutError:
            self._here.release()
            raise Unavailable("Another node is changing something; ask again") from None
        except BaseException:
            self._here.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(Unavailable):
                await self._log.lease(self._name, self._node, 0)
        finally:
            self._here.release()
