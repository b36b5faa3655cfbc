"""The door of a stream over an asyncio transport: ready bytes go straight to it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence

from tocsin.live.closing import Close
from tocsin.live.door import BUDGET, KERNEL_UNSENT, Connection

_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 0x201 if sys.platform == "darwin" else 25)
_ABORT_AFTER = 1.0
_LOOK_AGAIN = 0.02


class TransportDoor:
    """Writes to a transport, and tells when too much waits in it.

    Parameters:
        transport: of the accepted connection.
        farewell: turns a close code and a reason into the last bytes of the stream.
        ends_body: whether the end of the connection is what tells the peer that this was all; a WebSocket's
            peer answers the farewell instead.
    """

    hears_pongs = True

    def __init__(
        self, transport: asyncio.Transport, farewell: Callable[[Close, str], bytes], *, ends_body: bool = False
    ) -> None:
        self.connection: Connection | None = None
        self.descriptor = _descriptor(transport)
        self.unsent: Callable[[], int] = transport.get_write_buffer_size
        self._transport = transport
        self._farewell = farewell
        self._ends_body = ends_body
        self._waiting: asyncio.Future[None] | None = None
        self._paused = False
        self._abort: asyncio.TimerHandle | None = None
        # Without this the kernel takes megabytes for a reader that has stopped before one byte waits here.
        self._limit_kernel(KERNEL_UNSENT)
        # So it says when anything waits in it at all; how much that is, is looked at here.
        transport.set_write_buffer_limits(high=0)

    @property
    def paused(self) -> bool:
        """Whether the budget is spent and not yet worked off."""
        return self._paused

    @property
    def closing(self) -> bool:
        """Whether it ends within a second, with a farewell or without."""
        return self._abort is not None

    def write(self, frame: bytes) -> None:
        self._transport.write(frame)
        self._keep_to_budget()

    def write_all(self, frames: Sequence[bytes]) -> None:
        # A system call each, however soon they follow one another: together they cost what one does.
        self._transport.writelines(frames)
        self._keep_to_budget()

    def _keep_to_budget(self) -> None:
        if not self._paused and self.unsent() > BUDGET - KERNEL_UNSENT:
            self._paused = True
            if self.connection is not None:
                self.connection.over_budget()

    def pause(self) -> None:
        """Something waits in the transport."""
        if self.connection is not None:
            self.connection.keep_apart()

    def resume(self) -> None:
        """Nothing waits in the transport any more."""
        self._paused = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _seal(self) -> None:
        # Nothing may be written any more, but for a last word by the transport.
        if self.connection is not None:
            self.connection.ended()
        self.descriptor = None

    def part(self) -> None:
        """The peer says no more: what is written goes out, as far as it is taken within a second."""
        self._seal()
        self._transport.close()
        self._abort_soon()

    def _abort_soon(self) -> None:
        # A transport's own close waits for the peer to take everything, which a stalled one never does.
        if self._abort is None:
            self._abort = asyncio.get_running_loop().call_later(_ABORT_AFTER, self._transport.abort)

    async def drained(self, below: int) -> None:
        while not self._transport.is_closing():
            if self._paused:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting
            elif self.unsent() > below:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                return

    def close(self, code: Close, reason: str) -> None:
        if self._abort is not None or self._transport.is_closing():
            return
        self._seal()
        # The kernel may take the rest now, so that a reader who wakes up late still learns why.
        self._limit_kernel(0x7FFFFFFF, room=2 * BUDGET)
        self._transport.write(self._farewell(code, reason))
        if self._ends_body and self._transport.can_write_eof():
            self._transport.write_eof()
        elif self._ends_body:
            self._transport.close()
        self._abort_soon()

    def lost(self) -> None:
        """The transport is gone."""
        # Before anything else: the descriptor may be another connection's in a moment.
        self._seal()
        if self._abort is not None:
            self._abort.cancel()
        self.resume()
        if self.connection is not None:
            self.connection.lost()
            self.connection = None

    def _limit_kernel(self, unsent: int, *, room: int = 0) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            try:
                # Only ever raised: a size that is set by hand no longer grows by itself.
                if room > sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
                sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, unsent)
            except (OSError, ValueError):
                # The peer is gone already, and perhaps the descriptor with it; `lost` follows.
                return


def _descriptor(transport: asyncio.Transport) -> int | None:
    # What TLS makes of a frame is another thing for each.
    if transport.get_extra_info("sslcontext") is not None:
        return None
    sock = transport.get_extra_info("socket")
    return sock.fileno() if sock is not None and sock.fileno() >= 0 else None
