"""uvicorn's HTTP protocol with limits on what a head and a slow sender may take, and streams taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import ref

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tocsin.live.closing import Close
from tocsin.live.lean_http import CYCLE, EXTENSION, LeanHttpProtocol, cycle_of
from tocsin.live.parting import part
from tocsin.live.transport_door import TransportDoor
from tocsin.live.untaken import Untaken
from tocsin.request import new_request_id, with_escaped_target

URL_BYTES = 8 * 1024
"""Most bytes in a request target."""

HEAD_BYTES = 16 * 1024
"""Most bytes in all header fields of a request."""

HANDSHAKE_FIELDS = 128
HANDSHAKE_LINE_BYTES = 8 * 1024 - 32
"""Most fields in a WebSocket's handshake, and bytes in each and in its target: the library has limits and is silent."""

HEAD_SECONDS = 10.0
"""Within which a request's head must be complete."""

BODY_SECONDS = 30.0
"""Within which a request's body must be complete."""

BODY_BYTES_A_SECOND = 1024
"""Least rate of a body, once HEAD_SECONDS have passed."""

LINGER_SECONDS = 2.0
LINGER_BYTES = 16 * 1024 * 1024

LOOK_AGAIN = 2.5
_SLACK = 4 * 1024
_OF_UPGRADES = (b"upgrade", b"http2-settings")
_REASONS = {400: "Bad Request", 408: "Request Timeout", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


class _Refused(Exception):
    """The head is over a limit."""


class HttpProtocol(LeanHttpProtocol):
    """One HTTP connection."""

    parting: Callable[[], float] = staticmethod(lambda: 0.0)
    _door: TransportDoor | None = None
    _timer: asyncio.TimerHandle | None = None
    _refusal = (400, "Malformed HTTP request")
    _head_done = False
    _head_bytes = 0
    _body_bytes = 0
    _raw_bytes = 0
    _hosts = 0
    _passed_over = False
    _running: RequestResponseCycle | None = None
    _message: RequestResponseCycle | None = None
    _postponed: tuple[int, str] | None = None
    _untaken: Untaken
    _began = 0.0
    _lingered = 0
    _lingering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._untaken = Untaken(transport)
        self._began = self.loop.time()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._look)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._door is not None:
            self._door.lost()
        self._stop_timer()
        self._untaken.rest()
        self.pipeline.clear()
        if self._running is not None:
            # uvicorn tells only the newest of pipelined requests that nobody waits any more.
            self._running.disconnected = True
            self._running.message_event.set()
        # uvicorn leaves the timer running after a reset: it would hold the connection for as long as it runs.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self.cycle = self._running = self._message = None  # type: ignore[assignment]
        self.scope = self.headers = None  # type: ignore[assignment]

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether a peer that has said all it has to say still gets its answer."""
        if self._door is not None:
            self._door.part()
        running = self._running
        if running is None or running.response_complete or self.transport.get_extra_info("sslcontext") is not None:
            return False
        if self._in_message:
            # The rest of it will never come (RFC 9112 §8), and nothing is left that would reset the answer away.
            self._in_message = False
            self._refuse(400, "The request ended before it was whole")
        elif self._postponed is None:
            # What is postponed ends the connection itself, in its turn.
            self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._door is not None or self._postponed is not None:
            # Nobody has anything to say on a stream of events, nor after what is refused.
            return
        if self._lingering:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self.transport.abort()
            return
        if not self._in_message and not data.isascii():
            data = with_escaped_target(data)
        self._raw_bytes += len(data)
        self._feed(data)
        if self._in_message and not self._head_done and self._raw_bytes > URL_BYTES + HEAD_BYTES + _SLACK:
            # A field that never ends: the parser keeps it to itself until it does.
            self._refuse(431, f"The header fields are longer than {HEAD_BYTES} bytes")
            return
        if self._in_message:
            if self._timer is None:
                self._timer = self.loop.call_later(LOOK_AGAIN, self._look)
        elif self._timer is not None and self.cycle is not None:
            self._stop_timer()

    def _feed(self, data: bytes) -> None:
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError:
            self._refuse(*self._refusal)

    def _parse(self, data: bytes) -> bytes:
        """Parse; what is left to be parsed anew."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._passed_over:
                # The parser has given up on what follows the head, which is the body of a request all the same.
                head, self.parser = self._head_without_upgrade(), httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
                return head + data[upgrade.args[0] :]
            if self.cycle is not None and not self.cycle.response_complete:
                # Its stream would begin before the request ahead of it is answered.
                self._refuse(400, "An upgrade cannot follow a request that is not answered yet")
            elif len(self.url) > HANDSHAKE_LINE_BYTES:
                self._refuse(414, f"The URL of a WebSocket is longer than {HANDSHAKE_LINE_BYTES} bytes")
            elif len(self.headers) > HANDSHAKE_FIELDS or self._longest_field() > HANDSHAKE_LINE_BYTES:
                most = f"{HANDSHAKE_FIELDS} header fields, or one of more than {HANDSHAKE_LINE_BYTES} bytes"
                self._refuse(431, f"A WebSocket's handshake has more than {most}")
            else:
                self.handle_websocket_upgrade()
        return b""

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (self.scope["method"].encode(), self.url, version.encode())]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(token for token in value.split(b",") if token.strip().lower() not in _OF_UPGRADES)
            if name not in _OF_UPGRADES:
                lines.append(b"%b: %b" % (name, value))
        return b"\r\n".join([*lines, b"", b""])

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # The connection is another protocol's now, and nobody will tell this one that it is lost. The parser and
        # it hold each other.
        self._stop_timer()
        self._untaken.rest()
        self._unset_keepalive_if_required()
        self._in_message = False
        self.parser = self.transport = self.flow = self.cycle = self.scope = self.headers = None  # type: ignore[assignment]

    def _should_upgrade(self) -> bool:
        # That of a 1.0 request is to be ignored (RFC 9110 §7.8).
        new_enough = self.parser.get_http_version() != "1.0"
        return new_enough and super()._should_upgrade() and self.scope["method"] == "GET"

    def _get_upgrade(self) -> bytes | None:
        # Several lines of Connection are one list (RFC 9110 §5.3); uvicorn looks at the last.
        lines = [value for name, value in self.headers if name == b"connection"]
        if b"upgrade" not in [token.strip().lower() for token in b",".join(lines).split(b",")]:
            return None
        return next((value.lower() for name, value in reversed(self.headers) if name == b"upgrade"), None)

    # ------------------------------------------------------------ what the parser tells

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = True
        self._message = None
        self._hosts = 0
        self._head_done = self._passed_over = False
        self._head_bytes = self._body_bytes = self._raw_bytes = 0
        self._began = self.loop.time()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._refusal = (414, f"The URL is longer than {URL_BYTES} bytes")
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES:
            self._refusal = (431, f"The header fields are longer than {HEAD_BYTES} bytes")
            raise _Refused
        if self._head_done:
            # A trailer came past whatever a proxy has checked in the head, and is no part of it (RFC 9110 §6.5.1).
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise _Refused
        elif name == b"expect":
            self.expect_100_continue = self.expect_100_continue or value.lower() == b"100-continue"
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_done = True
        if self._hosts != 1 and self.parser.get_http_version() == "1.1":
            # RFC 9112 §3.2; two that differ would let a proxy and this server see two different requests.
            raise _Refused
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        if self.parser.should_upgrade():
            wanted = self._should_upgrade()
            if scope["method"] == "CONNECT" or (wanted and self._has_body()):
                raise _Refused
            if not wanted:
                # One that is not wanted is passed over (RFC 9110 §7.8): parsed once more, as if it were not asked for.
                self._passed_over = True
                return
        scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]
        super().on_headers_complete()
        # The cycle of this request: with pipelining, another may be the protocol's by the time it answers.
        if self.cycle is not None and self.cycle.scope is scope:
            scope["extensions"][CYCLE] = ref(self.cycle)  # type: ignore[assignment]
            self._message = self.cycle

    def _longest_field(self) -> int:
        return max(len(name) + len(value) for name, value in self.headers)

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._passed_over:
            return
        self._in_message = False
        super().on_message_complete()

    # ------------------------------------------------------------ slow senders

    def _look(self) -> None:
        self._timer = None
        if self._door is not None or self.transport.is_closing() or not (self._in_message or self.cycle is None):
            return
        elapsed = self.loop.time() - self._began
        if not self._head_done:
            if elapsed >= HEAD_SECONDS:
                self._refuse(408, "The request did not come in time")
                return
        elif elapsed >= BODY_SECONDS or (
            elapsed >= HEAD_SECONDS and self._body_bytes < BODY_BYTES_A_SECOND * (elapsed - HEAD_SECONDS)
        ):
            self._refuse(408, "The request body did not come in time")
            return
        self._timer = self.loop.call_later(LOOK_AGAIN, self._look)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, sentence: str) -> None:
        self._stop_timer()
        if self._lingering or self._postponed is not None or self.transport.is_closing():
            return
        running = self._running
        if running is not None and not running.response_complete and running is not self._message:
            # The first answer belongs to the first request: this one waits for those that are due before it.
            self._postponed = (status, sentence)
            self.flow.pause_reading()
            return
        if self._message is not None:
            # Its handler must neither wait for the rest of it, nor ask for it, nor answer, too.
            self._message.disconnected, self._message.waiting_for_100_continue = True, False
            self._message.message_event.set()
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = b'{"error":"%b"}' % sentence.encode()
            self.transport.write(
                b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\nx-request-id: %b\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%b"
                % (status, _REASONS[status].encode(), new_request_id().encode(), len(body), body)
            )
        self.part()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        running = self._running
        if self._postponed and (running is None or running.response_complete or running is self._message):
            refusal, self._postponed = self._postponed, None
            self._refuse(*refusal)

    def part(self) -> None:
        """Close so that the peer can still read the answer: unread bytes of a request would reset it away."""
        if self._lingering or self.transport.is_closing():
            return
        # Behind an answer that says "close", nothing is carried out that nobody would be told of (RFC 9112 §9.6).
        self.pipeline.clear()
        if not self._in_message or not self.transport.can_write_eof():
            self.transport.close()
            # By itself it would wait without end for who takes nothing of what is written.
            self._untaken.watch()
            return
        self._lingering = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    # ------------------------------------------------------------ answers and streams

    def take_over(self, scope: Any, head: bytes, farewell: Callable[[Close, str], bytes]) -> TransportDoor:
        """Answer with a head and hand the connection to a stream; the body ends with the connection.

        Parameters:
            scope: of the request that asked for the stream.
            head: status line and header fields, ready to write.
            farewell: the last bytes of the stream.
        """
        self._stop_timer()
        self._unset_keepalive_if_required()
        cycle = cycle_of(scope)
        # What came behind it on this connection will never be answered: the body ends with the connection.
        self.pipeline.clear()
        # Reading was paused when it came; with it paused, nobody would notice that the peer has left.
        self.flow.resume_reading()
        cycle.response_started = cycle.response_complete = True
        cycle.keep_alive = False
        self._door = door = TransportDoor(self.transport, farewell, ends_body=True)
        self._untaken.rest()
        self.transport.write(head + self._date() + b"\r\n")
        return door

    def pause_writing(self) -> None:
        if self._door is None:
            super().pause_writing()
            self._untaken.watch()
        else:
            self._door.pause()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._untaken.rest()
        if self._door is None:
            super().resume_writing()
        else:
            self._door.resume()

    def shutdown(self) -> None:
        """uvicorn ends: streams were closed by the drain; what is left is cut."""
        if self._door is not None:
            self._door.close(Close.RESTART, "the server is restarting")
        elif self.cycle is None or self.cycle.response_complete:
            # A proxy may just be writing to it; the next connection that it tries is refused, then it knows.
            self.loop.call_later(self.parting(), part, self.transport, self._end)
        else:
            super().shutdown()

    def _end(self) -> None:
        # Meanwhile it may have become a WebSocket's, which ends by itself.
        if self.transport is not None:
            super().shutdown()
