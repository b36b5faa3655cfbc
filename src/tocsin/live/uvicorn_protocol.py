"""uvicorn's WebSocket protocol with its stream taken over by Tocsin.

uvicorn does the handshake through ASGI. From then on there is no task for the connection: frames that come
in go to the stream by a call, frames that go out are written to the transport ready made. uvicorn's class
is private to a 0.x library: its minor version is pinned, and `asgi_door.py` serves every other server.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from tocsin import wire
from tocsin.live.closing import Close
from tocsin.live.transport_door import TransportDoor

HANDSHAKE_SECONDS = 15.0
"""Within which a handshake must be answered and the stream begun."""

_VERSION = "13"

log = logging.getLogger("tocsin.live")

EXTENSION = "tocsin.websocket"
"""Key in the ASGI scope's `extensions` under which the protocol offers itself."""


def farewell(code: Close, reason: str) -> bytes:
    """A close frame (RFC 6455 §5.5.1); the reason is cut to what a control frame holds."""
    text = reason.encode()[:120].decode(errors="ignore").encode()
    return wire.websocket_frame(0x88, int(code).to_bytes(2, "big") + text)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    _door: TransportDoor | None = None
    _giving_up: asyncio.TimerHandle | None = None

    def take_over(self) -> TransportDoor:
        """Hand the accepted connection to a stream; ASGI has no more part in it."""
        self._door = door = TransportDoor(self.transport, farewell)
        self.stop_keepalive()
        self._stop_giving_up()
        # An idle stream keeps nothing of its handshake.
        self.scope = None  # type: ignore[assignment]
        self.request = None  # type: ignore[assignment]
        self.response = None  # type: ignore[assignment]
        self.queue = None  # type: ignore[assignment]
        self.writable = None  # type: ignore[assignment]
        self.app_state = None  # type: ignore[assignment]
        self._parts: list[bytes] = []
        self.conn.events_received()
        return door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._giving_up = self.loop.call_later(HANDSHAKE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._door is None:
            self.transport.abort()

    def _stop_giving_up(self) -> None:
        # Left running, it would keep a connection in memory that has long been closed.
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def handle_connect(self, event: Any) -> None:
        versions = event.headers.get_all("Sec-WebSocket-Version")
        if len(versions) == 1 and versions[0] != _VERSION:
            self._refuse_version()
            return
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    def _refuse_version(self) -> None:
        # RFC 6455 §4.4 and RFC 9110 §15.5.22: the client may come again with the version that is named.
        response = self.conn.reject(426, f"This server speaks version {_VERSION} of the WebSocket protocol.\n")
        response.headers["Upgrade"] = "websocket"
        response.headers["Sec-WebSocket-Version"] = _VERSION
        self.conn.send_response(response)
        self.handshake_complete = self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    async def run_asgi(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            log.debug("a peer left during its handshake")
        except Exception:
            log.exception("a WebSocket handshake failed")
            if self._door is None:
                self.send_500_response()
        if self._door is None and self.close_timer is None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        door = self._door
        if door is None:
            super().data_received(data)
            return
        self.conn.receive_data(data)
        for event in self.conn.events_received():
            if isinstance(event, Frame):
                self._frame(event, door)
        if self.conn.parser_exc is not None:
            self._end(door)

    def _frame(self, frame: Frame, door: TransportDoor) -> None:
        connection = door.connection
        if connection is None or door.closing:
            if frame.opcode is Opcode.CLOSE:
                self.transport.close()
            return
        if frame.opcode is Opcode.PONG:
            connection.answered()
            return
        connection.counted()
        if door.closing:
            return
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                text, self._parts = b"".join(self._parts), []
                try:
                    connection.heard(text.decode())
                except UnicodeDecodeError:
                    door.close(Close.NOT_UTF8, "not UTF-8")
        elif frame.opcode is Opcode.BINARY:
            door.close(Close.NOT_TEXT, "binary frames are not taken")
        elif frame.opcode is Opcode.PING:
            answer = b"".join(self.conn.data_to_send())
            # Pongs for a peer that does not read would grow without end.
            if not door.paused:
                door.write(answer)
        elif frame.opcode is Opcode.CLOSE:
            self._end(door)

    def _end(self, door: TransportDoor) -> None:
        # The library has queued the right answer: an echo, 1002, 1007 or 1009.
        if not door.closing and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
        door.part()

    def eof_received(self) -> None:
        if self._door is not None:
            # Left to itself, a transport waits for ever for one who has stopped reading, too.
            self._door.part()

    def pause_writing(self) -> None:
        if self._door is None:
            super().pause_writing()
        else:
            self._door.pause()

    def resume_writing(self) -> None:
        if self._door is None:
            super().resume_writing()
        else:
            self._door.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        door = self._door
        if door is None:
            self._stop_giving_up()
            super().connection_lost(exc)
            if hasattr(self, "scope"):
                self.scope["extensions"].pop(EXTENSION, None)
        else:
            door.lost()
            self.connections.discard(self)
        # The parser is a generator of the connection that it belongs to, and what was raised in it remembers where:
        # circles that would wait for the collector.
        self.conn.parser.close()
        del self.conn.parser
        for raised in (self.conn.parser_exc, self.conn.handshake_exc):
            if raised is not None:
                raised.__traceback__ = raised.__context__ = raised.__cause__ = None

    def shutdown(self) -> None:
        """uvicorn ends: streams were closed by the drain; what is left is cut."""
        if self._door is None:
            super().shutdown()
        else:
            self._door.close(Close.RESTART, "the server is restarting")
