"""Requests that a client writes ahead on one connection (RFC 9112 §9.3.2): answered in order, a few parsed at a time.

What waits behind them stays as the bytes it came as, at most what one read from the socket brings, and the socket is
not read meanwhile. Parsed, each would take kilobytes, and a client could write thousands into one packet.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from tocsin.live.closing import Close
from tocsin.live.transport_door import TransportDoor
from tocsin.live.uvicorn_http import LOOK_AGAIN, HttpProtocol

PIPELINED = 8
"""Most requests that wait parsed behind one that is not answered yet."""

_END = b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"[\r\n]*")


class PipelinedHttpProtocol(HttpProtocol):
    """One HTTP connection whose client need not wait for an answer before it writes the next request."""

    flow: _Flow
    _ahead: _Ahead | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ahead = None
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._ahead is not None:
            self._go_on(self._ahead)
            if self._in_message and self._timer is None:
                self._timer = self.loop.call_later(LOOK_AGAIN, self._look)

    def take_over(self, scope: Any, head: bytes, farewell: Callable[[Close, str], bytes]) -> TransportDoor:
        """As any connection's; what was written ahead will never be answered."""
        self._ahead, self.flow.held = None, False
        return super().take_over(scope, head, farewell)

    def _feed(self, data: bytes) -> None:
        if self._ahead is not None:
            self._ahead.add(data)
        # Hardly anybody writes ahead: all others pay for this one look.
        elif self.pipeline or data.count(_END) > PIPELINED:
            self._ahead = _Ahead(data)
            self._go_on(self._ahead)
        else:
            super()._feed(data)

    def _go_on(self, ahead: _Ahead) -> None:
        while ahead and self._takes_more():
            if not self._in_message and (len(self.pipeline) >= PIPELINED or self._much_waits()):
                self.flow.pause_reading()
                self.flow.held = True
                return
            super()._feed(ahead.piece(self._body_left()))
        self._ahead = None
        if self.flow is not None:
            self.flow.held = False
            # Else the next answer, or whoever wants the body, has reading go on.
            if self._takes_more() and not self._much_waits():
                self.flow.resume_reading()

    def _much_waits(self) -> bool:
        """Whether the bodies that nobody has taken yet are all that one connection may have in memory."""
        running = self._running
        own = 0 if running is None or running.response_complete else len(running.body)
        return own + sum(len(cycle.body) for cycle, _ in self.pipeline) > HIGH_WATER_LIMIT

    def _takes_more(self) -> bool:
        """Whether what comes next on this connection may still be a request."""
        if self.transport is None or self.transport.is_closing() or self._door is not None or self._lingering:
            return False
        last = self._in_message or self.cycle is None or self.cycle.keep_alive
        return last and self._postponed is None

    def _body_left(self) -> int | None:
        if self._in_message and self._head_done:
            for name, value in self.headers:
                if name == b"content-length":
                    return int(value) - self._body_bytes
        return None


class _Ahead:
    """Bytes given out piece by piece, so that with each at most one request ends."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def add(self, data: bytes) -> None:
        self._data, self._at = self._data[self._at :] + data, 0

    def piece(self, body_left: int | None) -> bytes:
        """The next piece.

        Parameters:
            body_left: bytes that the body of the request in it still has; None in a head, or among chunks, which both
                end with an empty line.
        """
        data, begin = self._data, self._at
        if body_left:
            self._at = min(begin + body_left, len(data))
        else:
            # Empty lines between requests are none: one by one they would keep the whole server busy.
            found = data.find(_END, _EMPTY_LINES.match(data, begin).end())  # type: ignore[union-attr]
            self._at = len(data) if found < 0 else found + len(_END)
        return data[begin : self._at]


class _Flow(FlowControl):
    """Reads no more while something is held, whoever asks for it: a request that waits for its body has it by then."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()
