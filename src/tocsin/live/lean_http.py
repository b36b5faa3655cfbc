"""uvicorn's HTTP protocol, less what it does anew for each request and could do once, or not at all.

A send is a small request, and what surrounds it costs the processor more than the notification does.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

EXTENSION = "tocsin.http"
"""Key in the ASGI scope's `extensions` under which the protocol offers itself."""

CYCLE = "tocsin.cycle"
"""The same for the cycle of a request and its answer, of which a connection with pipelined ones has several.

A weak reference: the cycle holds the scope, and a circle of the two would wait for the garbage collector, with all that
the connection had in memory.
"""


def protocol_of(scope: Any) -> Any:
    """The connection's own protocol, where it is one of these; None elsewhere."""
    return scope.get("extensions", _NONE).get(EXTENSION)


_NONE: dict[str, Any] = {}


def cycle_of(scope: Any) -> RequestResponseCycle:
    """The cycle of a request that is being handled, and held by its task."""
    cycle: RequestResponseCycle = scope["extensions"][CYCLE]()
    return cycle


class LeanHttpProtocol(HttpToolsProtocol):
    """One HTTP connection: its body in one piece, its answer in one write, one timer for all its pauses."""

    _in_message = False
    _rests_since = 0.0
    _dated: list[tuple[bytes, bytes]] | None = None
    _dated_text = b""

    def part(self) -> None:
        """Close so that the peer can still read the answer, and for good where it does not."""
        raise NotImplementedError

    def has_left(self, scope: Any) -> bool:
        """Whether the peer of a request is gone already."""
        return cycle_of(scope).disconnected or self.transport.is_closing()

    def whole_body(self, scope: Any) -> bytes | None:
        """The body of a request, where all of it is here; None where it has to be waited for.

        Parameters:
            scope: of the request.
        """
        cycle = cycle_of(scope)
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        if self.flow.read_paused:
            self.flow.resume_reading()
        return body

    async def answer(self, scope: Any, status: int, head: bytes, body: bytes, *, close: bool) -> None:
        """Write a whole answer at once.

        Parameters:
            scope: of the request that is answered.
            head: header fields, ready to write; the date is added.
            close: end the connection after it.
        """
        cycle = cycle_of(scope)
        if self.flow.write_paused:
            await self.flow.drain()
        if cycle.disconnected or self.transport.is_closing():
            cycle.disconnected = True
            return
        cycle.response_started = cycle.response_complete = True
        # A body that was not read must not be taken for the next request, nor be waited for.
        close = close or not cycle.keep_alive or cycle.more_body
        last = b"connection: close\r\n\r\n" if close else b"\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], head, self._date(), last, body)))
        cycle.message_event.set()
        if close:
            self.part()
        cycle.on_response()

    def on_response_complete(self) -> None:
        """As uvicorn's, which starts a timer after each answer and stops it at the next request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_after_rest(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close, if nothing has been asked for long enough by now."""
        self.timeout_keep_alive_task = None
        if self._in_message or not self.cycle.response_complete:
            # Looked at again after its answer.
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_after_rest(left)
        else:
            self.part()

    def _look_after_rest(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _date(self) -> bytes:
        fields = self.server_state.default_headers
        if self._dated is not fields:
            self._dated = fields
            self._dated_text = b"".join([b"%b: %b\r\n" % field for field in fields])
        return self._dated_text
