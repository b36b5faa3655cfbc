"""What was written and its reader has not taken: watched, and given up where too little of it goes."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios

TAKEN_SECONDS = 30.0
"""Between two looks at how much was taken."""

TAKEN_BYTES_A_SECOND = 1024
"""Least rate at which a client takes what waits for it."""


class Untaken:
    """Ends a connection whose peer does not take its answers, however little is left of them.

    Parameters:
        transport: the connection's.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Begin, if it is not being watched."""
        if self._timer is None:
            self._left = self._waiting()
            self._timer = asyncio.get_running_loop().call_later(TAKEN_SECONDS, self._look)

    def rest(self) -> None:
        """It is being taken, or will never be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._left - self._waiting() < TAKEN_BYTES_A_SECOND * TAKEN_SECONDS:
            self._transport.abort()
        else:
            self.watch()

    def _waiting(self) -> int:
        # Of the kernel's part, too: it takes more only when a third of its own, which may be megabytes, has gone.
        try:
            sock = self._transport.get_extra_info("socket")
            kept: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        except (AttributeError, OSError, ValueError):
            kept = 0
        return self._transport.get_write_buffer_size() + kept
