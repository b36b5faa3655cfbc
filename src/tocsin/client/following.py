"""Following a stream over any number of connections: nothing missing, nothing twice. Does no I/O.

One `Following` outlives its connections. For each of them: send `request()`, give `take` the bytes that come,
and when the connection is over, however it ended, wait for as many seconds as `lost` says and start again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tocsin.client.errors import ClientError, Refused, StreamEnded, Unreachable
from tocsin.client.exchange import retry_delay
from tocsin.client.notification import Event, read_notification
from tocsin.client.request import Request
from tocsin.errors import Malformed
from tocsin.position import Position

SILENCE_SECONDS = 40.0
"""A server says something every 15 seconds; after two of these with nothing the connection is dead."""

LONGEST_LINE = 1024 * 1024
"""Most bytes of one event; what sends more is not a Tocsin server."""


class _Envelope(msgspec.Struct):
    event: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    position: str | None = None


class _Farewell(msgspec.Struct):
    code: int
    reason: str = ""


class Following:
    """One stream as its reader sees it.

    Parameters:
        since: go on right after this position; None: from now on.
        devices: only notifications about these; none: all.

    Attributes:
        position: everything up to it was given out; empty before the first connection.
        attempt: connections in a row that failed, or ended before they told anything new or stayed alive.

    Raises:
        Malformed: `since` is no position.
    """

    def __init__(self, since: str | None, devices: Sequence[str]) -> None:
        self._at = Position.parse(since) if since else None
        self._devices = tuple(devices)
        self._rest = b""
        self._opened = False
        self.attempt = 0

    @property
    def position(self) -> str:
        return "" if self._at is None else str(self._at)

    def request(self) -> Request:
        """How to open the next connection."""
        self._rest = b""
        query = [("protocol", "tocsin.v1"), *(("deviceId", device) for device in self._devices)]
        if self._at is not None:
            query.append(("since", str(self._at)))
        return Request(
            method="GET",
            path="/notifications",
            query=query,
            headers={"Accept": "application/x-ndjson", "Accept-Encoding": "identity"},
            safe=True,
        )

    def take(self, data: bytes) -> Iterator[Event]:
        """The events in these bytes and in what was left over from those before. Read it to its end.

        Raises:
            StreamEnded: the server closed it for good. Unreachable: it closed it for now.
            ClientError: these are not a Tocsin server's bytes.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ClientError("the stream is not that of a Tocsin server: is the address right?")
        for line in lines:
            if not line:
                self.attempt = 0
            elif (event := self._read(line)) is not None:
                yield event

    def lost(self, why: ClientError, chance: float) -> float:
        """Seconds to wait before the next connection.

        Parameters:
            chance: 0 to 1, drawn anew each time.

        Raises:
            ClientError: `why` itself, when coming back unchanged would not help, or when the very first
                connection found nobody.
        """
        if isinstance(why, Refused):
            if not why.temporary:
                raise why
        elif not isinstance(why, Unreachable) or not self._opened:
            raise why
        retry_after = why.retry_after if isinstance(why, Refused) else None
        delay = retry_delay(self.attempt, chance, retry_after)
        self.attempt += 1
        return delay

    def _read(self, line: bytes) -> Event | None:
        try:
            envelope = msgspec.json.decode(line, type=_Envelope)
            if envelope.event == "error":
                raise _ended(msgspec.json.decode(envelope.data, type=_Farewell))
            at = Position.parse(envelope.position) if envelope.position else None
            text, position = bytes(envelope.data), envelope.position or ""
            notification = read_notification(text, position) if envelope.event == "notification" else None
        except (msgspec.DecodeError, UnicodeDecodeError, Malformed):
            raise ClientError("the stream is not that of a Tocsin server: is the address right?") from None
        self._opened = True
        if notification is not None:
            if at is not None and self._at is not None and at.epoch == self._at.epoch and at.seq <= self._at.seq:
                return None
            self.attempt = 0
        self._at = at or self._at
        return Event(event=envelope.event, position=position, notification=notification)


def _ended(farewell: _Farewell) -> ClientError:
    # 44xx: do not come back unchanged. All others (restart, overload, too slow) are an invitation to.
    if 4400 <= farewell.code < 4500:
        return StreamEnded(farewell.code, farewell.reason)
    return Unreachable(f"the server closed the stream: {farewell.reason} ({farewell.code})")
