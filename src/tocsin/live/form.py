"""The forms a stream can take: how its events look on the wire. One frame serves every stream of a form."""

from __future__ import annotations

from typing import Protocol

from tocsin import wire
from tocsin.position import Epoch, Position
from tocsin.receipt import InboxChange, Item


class Form(Protocol):
    """Turns events into ready frames.

    Attributes:
        kind: what people call it: `websocket`, `events` or `lines`.
        ping: a frame that asks a peer for a sign of life, or at least keeps proxies awake.
        tells_events: whether a loss can be told.
        tells_changes: whether what becomes of notifications is told.
        answers_pings: whether a peer that is alive answers a ping.
    """

    kind: str
    ping: bytes
    tells_events: bool
    tells_changes: bool
    answers_pings: bool

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        """A notification as one frame; of those who only get the flat object, the state is not told."""
        ...

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        """Another event (`hello`, `caught-up`, `gap`, …) as one frame, empty where the form has none.

        Parameters:
            position: its place in the log; None for what has none.
        """
        ...


def change(form: Form, epoch: Epoch, told: InboxChange) -> bytes:
    """A change of an inbox as one frame, empty where the form does not tell it."""
    if not form.tells_changes:
        return b""
    event, data = wire.change_told(told, epoch)
    return form.event(event, str(Position(epoch, told.seq)), data)


class FlatWebSocket:
    """The documented frame: the flat object and nothing else, ever."""

    kind = "websocket"
    ping = wire.websocket_frame(0x89, b"")
    tells_events = False
    tells_changes = False
    answers_pings = True

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        return wire.websocket_text(item.notification.body)

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        return b""


class EnvelopeWebSocket:
    """`tocsin.v1`: every event in an envelope with its position."""

    kind = "websocket"
    ping = FlatWebSocket.ping
    tells_events = True
    tells_changes = True
    answers_pings = True

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        return wire.websocket_text(_enveloped(epoch, item))

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        return wire.websocket_text(wire.envelope(event, position, data))


class ServerSentEvents:
    """An event stream (WHATWG HTML §9.2): notifications are unnamed events, so `onmessage` sees them."""

    kind = "events"
    ping = b":\n\n"
    tells_events = True
    tells_changes = True
    answers_pings = False

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        return wire.server_sent_event(None, str(Position(epoch, item.notification.seq)), item.notification.body)

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        return wire.server_sent_event(event, position, data)


class FlatLines:
    """NDJSON: one flat object a line; only a loss is told besides."""

    kind = "lines"
    ping = b"\n"
    tells_events = True
    tells_changes = False
    answers_pings = False

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        return item.notification.body + b"\n"

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        return wire.envelope(event, position, data) + b"\n" if event in ("gap", "error") else b""


class EnvelopeLines:
    """NDJSON with `tocsin.v1`: one envelope a line."""

    kind = "lines"
    ping = b"\n"
    tells_events = True
    tells_changes = True
    answers_pings = False

    def notification(self, epoch: Epoch, item: Item) -> bytes:
        return _enveloped(epoch, item) + b"\n"

    def event(self, event: str, position: str | None, data: bytes) -> bytes:
        return wire.envelope(event, position, data) + b"\n"


def _enveloped(epoch: Epoch, item: Item) -> bytes:
    return wire.envelope("notification", str(Position(epoch, item.notification.seq)), wire.item_told(item, epoch))


FLAT_WEBSOCKET = FlatWebSocket()
ENVELOPE_WEBSOCKET = EnvelopeWebSocket()
SERVER_SENT_EVENTS = ServerSentEvents()
FLAT_LINES = FlatLines()
ENVELOPE_LINES = EnvelopeLines()

ENVELOPE = "tocsin.v1"
"""Name of the subprotocol, and value of `?protocol=`."""
