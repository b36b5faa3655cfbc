"""The turnstile before the streams: lets in a few in each turn of the loop, however many come at once.

After a restart everybody comes back in the same second. Taken as they come, the loop would do nothing but shake
hands for seconds, and a send that came between them would wait for all of them.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from tocsin.live.uvicorn_http import HEAD_BYTES, LOOK_AGAIN, URL_BYTES
from tocsin.live.written_ahead import PipelinedHttpProtocol
from tocsin.request import new_request_id

A_TURN = 2
"""Streams that are let in between two looks at everything else; one takes about half a millisecond."""

MOST_WAITING = 10_000
"""Handshakes that may wait; more would wait for longer than their clients do."""

PATIENCE_SECONDS = 0.004
"""How long those who come may be held up by sends."""

SOONEST, LATEST = 5, 20
"""Seconds after which one who was turned away may come back."""

_STAND_BACK = 0.001
_A_STREAM = b"GET /notifications"
_BODY = b'{"error":"Too many streams begin right now"}'
_TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nx-request-id: %%b\r\nretry-after: %%d\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Turnstile:
    """Handshakes that wait for their turn.

    Parameters:
        most: how many may.
        busy: whether somebody's send is on its way to the disk. It needs the interpreter for a moment, again and
            again, so those who come let it pass; for PATIENCE_SECONDS, since somebody's always may be.
    """

    def __init__(self, *, most: int = MOST_WAITING, busy: Callable[[], bool] = lambda: False) -> None:
        self._most = most
        self._busy = busy
        self._waiting: deque[Callable[[], None]] = deque()
        self._let_in = 0
        self._turning = False
        self._stood_since = 0.0

    def enter(self, let_in: Callable[[], None]) -> bool:
        """Call `let_in` now, or when its turn comes.

        Returns:
            Whether it will be called: not when too many wait already.
        """
        first = not self._waiting and self._let_in < A_TURN
        if not first and len(self._waiting) >= self._most:
            return False
        self._waiting.append(let_in)
        if not self._turning:
            self._turn()
        elif first:
            self._let_some_in()
        return True

    def _turn(self) -> None:
        self._let_in = 0
        self._let_some_in()
        loop = asyncio.get_running_loop()
        self._turning = bool(self._let_in or self._waiting)
        if self._let_in:
            loop.call_soon(self._turn)
        elif self._waiting:
            loop.call_later(_STAND_BACK, self._turn)

    def _let_some_in(self) -> None:
        if not self._waiting:
            return
        if self._busy():
            now = asyncio.get_running_loop().time()
            self._stood_since = self._stood_since or now
            if now - self._stood_since < PATIENCE_SECONDS:
                return
        self._stood_since = 0.0
        while self._waiting and self._let_in < A_TURN:
            self._let_in += 1
            self._waiting.popleft()()


class OrderlyHttpProtocol(PipelinedHttpProtocol):
    """An HTTP connection that waits its turn when it comes for a stream; whatever else is served at once."""

    turnstile: Turnstile
    _early: bytearray | None = None
    _fresh = True

    @classmethod
    def behind(cls, turnstile: Turnstile, parting: Callable[[], float] = lambda: 0.0) -> type[OrderlyHttpProtocol]:
        """This protocol, before one turnstile.

        Parameters:
            parting: for how many seconds idle connections are still answered when the server ends.
        """
        return type(cls.__name__, (cls,), {"turnstile": turnstile, "parting": staticmethod(parting)})

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early += data
            if len(self._early) > URL_BYTES + HEAD_BYTES:
                self._come_in()
        elif self._fresh and data.startswith(_A_STREAM):
            self._fresh, self._early = False, bytearray(data)
            if not self.turnstile.enter(self._come_in):
                self._early = None
                self._turn_away()
        else:
            self._fresh = False
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._early = None
        super().connection_lost(exc)

    def _come_in(self) -> None:
        early, self._early = self._early, None
        if early is not None and not self.transport.is_closing():
            # It had to wait for us: its own time begins now.
            self._began = self.loop.time()
            super().data_received(bytes(early))

    def _look(self) -> None:
        if self._early is None:
            super()._look()
        else:
            self._timer = self.loop.call_later(LOOK_AGAIN, self._look)

    def _turn_away(self) -> None:
        self._stop_timer()
        # Another moment for each, or all would meet again.
        after = random.randint(SOONEST, LATEST)  # noqa: S311  (nobody's secret)
        self.transport.write(_TURNED_AWAY % (new_request_id().encode(), after))
        self.transport.close()
