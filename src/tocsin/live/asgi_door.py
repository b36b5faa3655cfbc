"""The door of a stream on any ASGI server: a queue that counts bytes, and one task that sends from it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from tocsin.live.closing import Close
from tocsin.live.door import BUDGET, KERNEL_UNSENT, Connection

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

_END_AFTER = 1.0


class AsgiDoor:
    """Writes through ASGI's `send`. What the server and the kernel hold beyond it cannot be seen from here.

    Parameters:
        message: turns bytes into the ASGI message that sends them, None where the server does it itself.
        last: turns a close code and a reason into the last ASGI message.
    """

    hears_pongs = False
    descriptor: int | None = None

    def __init__(self, message: Callable[[bytes], Message | None], last: Callable[[Close, str], Message]) -> None:
        self.connection: Connection | None = None
        self._message = message
        self._last = last
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._ending: Message | None = None
        self._ended = asyncio.Event()
        self._more = asyncio.Event()
        self._less = asyncio.Event()

    @property
    def paused(self) -> bool:
        """Whether the budget is spent and not yet worked off."""
        return self._over

    def write(self, frame: bytes) -> None:
        self._queue.append(frame)
        self._size += len(frame)
        self._more.set()
        if self._size > BUDGET - KERNEL_UNSENT and not self._over:
            self._over = True
            if self.connection is not None:
                self.connection.over_budget()

    def write_all(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.write(frame)

    def unsent(self) -> int:
        return self._size

    async def drained(self, below: int) -> None:
        while self._size > below and not self._ended.is_set():
            self._less.clear()
            await self._less.wait()
        self._over = False

    def close(self, code: Close, reason: str) -> None:
        if self._ending is None:
            self._ending = self._last(code, reason)
            self._more.set()
            asyncio.get_running_loop().call_later(_END_AFTER, self.end)

    def end(self) -> None:
        """Let go, sent or not."""
        self._ended.set()
        self._less.set()

    async def run(self, send: Send, listen: Callable[[], Awaitable[None]]) -> None:
        """Send until the stream has ended or the peer is gone.

        Parameters:
            listen: ends when the peer is gone.
        """
        tasks = [asyncio.ensure_future(work) for work in (self._pump(send), listen(), self._ended.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.connection is not None:
                self.connection.lost()

    async def _pump(self, send: Send) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._queue:
                frame = self._queue.popleft()
                message = self._message(frame)
                if message is not None:
                    await send(message)
                self._size -= len(frame)
                self._less.set()
            if self._ending is not None:
                await send(self._ending)
                return
