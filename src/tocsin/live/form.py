"""The forms a stream can take: how its events look on the wire. One frame serves every stream of a form."""

from __future__ import annotations

from typing import Protocol

from tocsin import wire
from tocsin.notification import Notification
from tocsin.position import Epoch, Position


class Form(Protocol):
    """Turns events into ready frames.

    Attributes:
        ping: a frame that asks a peer for a sign of life, or at least keeps proxies awake.
        tells_events: whether anything but notifications can be told.
        answers_pings: whether a peer that is alive answers a ping.
    """

    ping: bytes
    tells_events: bool
    answers_pings: bool

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        """A notification as one frame."""
        ...

    def event(self, event: str, position: str, data: bytes) -> bytes:
        """Another event (`hello`, `caught-up`, `gap`) as one frame, empty where the form has none."""
        ...


class FlatWebSocket:
    """The documented frame: the flat object and nothing else, ever."""

    ping = wire.websocket_frame(0x89, b"")
    tells_events = False
    answers_pings = True

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        return wire.websocket_text(notification.body)

    def event(self, event: str, position: str, data: bytes) -> bytes:
        return b""


class EnvelopeWebSocket:
    """`tocsin.v1`: every event in an envelope with its position."""

    ping = FlatWebSocket.ping
    tells_events = True
    answers_pings = True

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        return wire.websocket_text(_enveloped(epoch, notification))

    def event(self, event: str, position: str, data: bytes) -> bytes:
        return wire.websocket_text(wire.envelope(event, position, data))


class ServerSentEvents:
    """An event stream (WHATWG HTML §9.2): notifications are unnamed events, so `onmessage` sees them."""

    ping = b":\n\n"
    tells_events = True
    answers_pings = False

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        return wire.server_sent_event(None, str(Position(epoch, notification.seq)), notification.body)

    def event(self, event: str, position: str, data: bytes) -> bytes:
        return wire.server_sent_event(event, position, data)


class FlatLines:
    """NDJSON: one flat object a line; only a loss is told besides."""

    ping = b"\n"
    tells_events = True
    answers_pings = False

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        return notification.body + b"\n"

    def event(self, event: str, position: str, data: bytes) -> bytes:
        return wire.envelope(event, position, data) + b"\n" if event in ("gap", "error") else b""


class EnvelopeLines:
    """NDJSON with `tocsin.v1`: one envelope a line."""

    ping = b"\n"
    tells_events = True
    answers_pings = False

    def notification(self, epoch: Epoch, notification: Notification) -> bytes:
        return _enveloped(epoch, notification) + b"\n"

    def event(self, event: str, position: str, data: bytes) -> bytes:
        return wire.envelope(event, position, data) + b"\n"


def _enveloped(epoch: Epoch, notification: Notification) -> bytes:
    return wire.envelope("notification", str(Position(epoch, notification.seq)), notification.body)


FLAT_WEBSOCKET = FlatWebSocket()
ENVELOPE_WEBSOCKET = EnvelopeWebSocket()
SERVER_SENT_EVENTS = ServerSentEvents()
FLAT_LINES = FlatLines()
ENVELOPE_LINES = EnvelopeLines()

ENVELOPE = "tocsin.v1"
"""Name of the subprotocol, and value of `?protocol=`."""
