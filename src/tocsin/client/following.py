"""Following a stream over any number of connections: nothing missing, nothing twice. Does no I/O.

One `Following` outlives its connections. For each of them: open a WebSocket with `request()`, give `take` each
message that comes, send what `confirmation` says, and when the connection is over, however it ended, wait for as
many seconds as `lost` says and start again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tocsin.client.confirming import Confirming
from tocsin.client.errors import (
    ClientError,
    Forbidden,
    Refused,
    StreamEnded,
    Unauthenticated,
    Unreachable,
    not_tocsin,
)
from tocsin.client.event import CaughtUp, Envelope, Event, Gap, read_event
from tocsin.client.exchange import UNREADABLE, retry_delay
from tocsin.client.notification import Notification
from tocsin.client.request import Request
from tocsin.errors import Malformed
from tocsin.position import Position

LONGEST_MESSAGE = 1024 * 1024
"""Most bytes of one event; what sends more is not a Tocsin server."""

ALIVE_SECONDS = 15.0
"""A connection that held for so long was one; of others, the delays go on growing."""

_REFUSALS: dict[int, tuple[type[Refused], int]] = {
    4400: (Refused, 400),
    4401: (Unauthenticated, 401),
    4403: (Forbidden, 403),
    4408: (Unauthenticated, 401),
    4413: (Refused, 429),
}
"""Close codes of a connection that told nothing: what the same refusal is over HTTP."""

_COME_BACK = (1012, 1013)
"""Close codes, besides 45xx, of a server that goes down or has no answer yet."""


class Following:
    """One stream as its reader sees it.

    Parameters:
        since: go on right after this position; None: from now on.
        devices: only notifications about these; none: all.
        named: whether a credential goes with it; a stream of nobody has nothing to confirm.
        confirm: whether what the reader came back from is confirmed without a word from them.
        patient: whether the very first connection is tried again, too, where it finds nobody.

    Attributes:
        position: everything up to it was given out; empty before the first connection.
        attempt: connections in a row that failed, or ended before they told anything new or held for a while.

    Raises:
        Malformed: `since` is no position.
    """

    def __init__(
        self,
        since: str | None,
        devices: Sequence[str] = (),
        *,
        named: bool = True,
        confirm: bool = True,
        patient: bool = False,
    ) -> None:
        self._at = Position.parse(since) if since else None
        self._devices = tuple(devices)
        self._confirming = Confirming(by_itself=confirm) if named and not self._devices else None
        # As good as opened once: whoever was there before comes back.
        self._opened = patient
        self._greeted = False
        self._since = 0.0
        self.attempt = 0

    @property
    def position(self) -> str:
        return "" if self._at is None else str(self._at)

    def request(self, now: float) -> Request:
        """How to open the next connection.

        Parameters:
            now: seconds, monotonic.
        """
        self._greeted, self._since = False, now
        if self._confirming is not None:
            self._confirming.connecting()
        query = [("protocol", "tocsin.v1"), *(("deviceId", device) for device in self._devices)]
        if self._at is not None:
            since = self._at if self._confirming is None else self._confirming.resume_from(self._at)
            query.append(("since", str(since)))
        return Request(method="GET", path="/notifications", query=query, safe=True)

    # ------------------------------------------------------------ what comes

    def take(self, message: bytes, now: float) -> Event | None:
        """The event in a message; None where it holds nothing new for the reader.

        Parameters:
            now: seconds, monotonic.

        Raises:
            ClientError: this is not a Tocsin server's message.
        """
        try:
            envelope = msgspec.json.decode(message, type=Envelope)
            at = Position.parse(envelope.position) if envelope.position else None
            event = read_event(envelope)
        except (*UNREADABLE, Malformed):
            raise not_tocsin("the stream") from None
        self._opened = True
        if envelope.event == "hello":
            self._greeted = True
        if at is None:
            return event
        if isinstance(event, Gap):
            return self._lost_some(event, at)
        if self._confirming is not None:
            self._confirming.reached(at, now)
        if self._at is not None and self._at.epoch == at.epoch and at.seq <= self._at.seq:
            # `caught-up` is news even where nothing was missed; all else of before was given out.
            return event if envelope.event == "caught-up" and at == self._at else None
        self._at = at
        if event is not None and not isinstance(event, CaughtUp):
            self.attempt = 0
        if isinstance(event, Notification) and self._confirming is not None:
            self._confirming.gave(at)
        return event

    def _lost_some(self, gap: Gap, at: Position) -> Gap | None:
        if self._at is None or at.epoch != self._at.epoch:
            self._go_on_from(at)
            return gap
        oldest = Position.parse(gap.oldest) if gap.oldest else at
        if oldest.epoch == at.epoch and at.seq < oldest.seq:
            # Nobody misses what they were given before.
            return gap if oldest.seq > self._at.seq else None
        self._go_on_from(at)
        return gap

    def _go_on_from(self, at: Position) -> None:
        self._at = at
        if self._confirming is not None:
            self._confirming.began(at)

    # ------------------------------------------------------------ what is confirmed

    def came_back(self) -> None:
        """The reader is done with all that was given out."""
        if self._confirming is not None:
            self._confirming.came_back()

    def confirm(self, position: str) -> None:
        """Everything up to a position has arrived with its reader.

        Raises:
            Malformed: it is no position.
        """
        if self._confirming is not None:
            self._confirming.confirm(Position.parse(position))

    def confirmation(self, now: float, *, last: bool = False) -> bytes:
        """What to send now, empty for nothing.

        Parameters:
            now: seconds, monotonic.
            last: the connection is about to be ended.
        """
        due = self._confirming.due(now, last=last) if self._confirming is not None else None
        return b"" if due is None else msgspec.json.encode({"received": str(due)})

    def seconds_left(self, now: float) -> float | None:
        """How long to wait for a message at most before asking for a confirmation again; None: for ever."""
        return None if self._confirming is None else self._confirming.seconds_left(now)

    # ------------------------------------------------------------ how connections end

    def closed(self, code: int | None, reason: str) -> ClientError:
        """What it means that the server closed the connection.

        Parameters:
            code: None where it just ended.
        """
        if code is None:
            return Unreachable("the connection ended")
        # 44xx: do not come back unchanged. All others (restart, overload, too slow) are an invitation to.
        if 4400 <= code < 4500:
            if not self._greeted and code in _REFUSALS:
                kind, status = _REFUSALS[code]
                return kind(reason or f"the server closed the stream ({code})", status=status)
            return StreamEnded(code, reason)
        if code in _COME_BACK or code >= 4500:
            # Whoever says that is there, though nobody was let in yet.
            self._opened = True
        return Unreachable(f"the server closed the stream: {reason} ({code})")

    def lost(self, why: ClientError, now: float, chance: float) -> float:
        """Seconds to wait before the next connection.

        Parameters:
            now: seconds, monotonic.
            chance: 0 to 1, drawn anew each time.

        Raises:
            ClientError: `why` itself, when coming back unchanged would not help, or when the very first
                connection found nobody and it is not `patient`.
        """
        if isinstance(why, Refused):
            if not why.temporary:
                raise why
        elif not isinstance(why, Unreachable) or not self._opened or not why.temporary:
            raise why
        if self._greeted and now - self._since >= ALIVE_SECONDS:
            self.attempt = 0
        retry_after = why.retry_after if isinstance(why, Refused) else None
        delay = retry_delay(self.attempt, chance, retry_after)
        self.attempt += 1
        return delay
