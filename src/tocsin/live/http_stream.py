"""`GET /notifications` as Server-Sent Events or NDJSON."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tocsin import wire
from tocsin.errors import TooMany, Unauthenticated
from tocsin.live.asgi_door import AsgiDoor
from tocsin.live.closing import Close
from tocsin.live.connection import StreamConnection
from tocsin.live.form import ENVELOPE_LINES, FLAT_LINES, SERVER_SENT_EVENTS, Form
from tocsin.live.gate import Asked, Gate
from tocsin.live.lean_http import protocol_of
from tocsin.live.stream import Stream
from tocsin.request import Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"

_WEIGHT = re.compile(r";q=([01](?:\.\d{0,3})?)(?:;|$)")


def kind_asked(request: Request) -> str | None:
    """The content type that `Accept` asks for most, of the two there are; None for neither (RFC 9110 §12.5.1)."""
    wanted: dict[str, float] = {}
    for part in (request.header(b"accept") or "").lower().split(","):
        kind, _, parameters = part.replace(" ", "").partition(";")
        if kind in (EVENTS, LINES):
            weight = _WEIGHT.search(f";{parameters}")
            wanted.setdefault(kind, float(weight[1]) if weight else 1.0)
    # Of those that are wanted alike, the first.
    kind = max(wanted, key=lambda one: wanted[one], default="")
    return kind if wanted.get(kind) else None


async def ask(gate: Gate, request: Request) -> Asked:
    """Whether this stream may be opened; counts its address in when it may.

    Raises:
        Refusal: as the gate; Unauthenticated also where there is no credential, TooMany when the user
            has too many streams.
    """
    gate.admit(request)
    try:
        asked = await gate.read(request)
        principal = asked.principal
        if principal is None and not gate.config.anonymous_broadcasts:
            raise Unauthenticated
        if principal is not None and principal.user_id is not None and not gate.hub.has_room_for(principal.user_id):
            raise TooMany("Too many streams of this user are open", retry_after=30)
    except BaseException:
        gate.release(request)
        raise
    return asked


async def run(
    gate: Gate, request: Request, asked: Asked, kind: str, headers: Headers, receive: Receive, send: Send
) -> None:
    """Answer 200 and stream; on our own server this returns at once and the hub goes on.

    Parameters:
        kind: EVENTS or LINES.
        headers: of the answer, besides content type and framing.
    """
    form: Form = SERVER_SENT_EVENTS if kind == EVENTS else ENVELOPE_LINES if asked.envelope else FLAT_LINES
    headers = [
        (b"content-type", kind.encode() + (b"; charset=utf-8" if kind == EVENTS else b"")),
        # Proxies that buffer would hold an alarm back until there are enough of them.
        (b"x-accel-buffering", b"no"),
        *headers,
    ]
    farewell = _event if kind == EVENTS else _line
    protocol = protocol_of(request.scope)
    counted = True
    try:
        if protocol is None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            door: AsgiDoor | Any = AsgiDoor(_part, lambda code, reason: _part(farewell(code, reason), more=False))
        elif protocol.has_left(request.scope):
            # While it was looked up who it is; nobody would tell the stream that it is over.
            return
        else:
            # No length and no chunks: the body ends with the connection, so one frame fits every stream.
            fields = b"".join(b"%b: %b\r\n" % field for field in [*headers, (b"connection", b"close")])
            door = protocol.take_over(request.scope, b"HTTP/1.1 200 OK\r\n" + fields, farewell)
        connection = StreamConnection(gate, Stream(form, door, devices=asked.devices), gate.address(request))
        door.connection = connection
        # From now on it is the connection that counts the address off.
        counted = False
    finally:
        if counted:
            gate.release(request)
    connection.begin(asked, can_speak=False)
    if isinstance(door, AsgiDoor):
        await door.run(send, lambda: _until_gone(receive))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _event(code: Close, reason: str) -> bytes:
    return wire.server_sent_event("error", None, wire.farewell(code, reason))


def _line(code: Close, reason: str) -> bytes:
    return wire.envelope("error", None, wire.farewell(code, reason)) + b"\n"
