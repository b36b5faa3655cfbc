"""`GET /notifications` as a WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from tocsin.errors import Forbidden, ForeignPage, Refusal, TooMany, Unavailable
from tocsin.live import uvicorn_protocol
from tocsin.live.asgi_door import AsgiDoor
from tocsin.live.closing import Close, close_code
from tocsin.live.connection import StreamConnection
from tocsin.live.form import ENVELOPE, ENVELOPE_WEBSOCKET, FLAT_WEBSOCKET
from tocsin.live.gate import Asked, Gate
from tocsin.live.stream import Stream
from tocsin.request import Request
from tocsin.request_log import note

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

NOBODY = Asked(None, None, None, envelope=False)


class WebSocketSkin:
    """The ASGI app behind the upgrade.

    Parameters:
        gate: decides who may stream what.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        started = perf_counter()
        await receive()
        gate, request = self._gate, Request(scope, self._gate.config)
        try:
            gate.admit(request)
        except Refusal as refusal:
            await self._deny(send, refusal, request, started)
            return
        kept = False
        try:
            asked, refused = await self._ask(request)
            denied: Refusal | None = refused if isinstance(refused, ForeignPage) else None
            if asked.principal is None and refused is None and gate.crowded(request):
                denied = TooMany("Too many connections wait for their first frame", retry_after=5)
            if denied is not None:
                await self._deny(send, denied, request, started)
                return
            offered = ENVELOPE in scope.get("subprotocols", ())
            envelope = asked.envelope or offered
            await send({"type": "websocket.accept", "subprotocol": ENVELOPE if offered else None})
            kept = True
            await self._stream(scope, receive, send, request, asked, refused, envelope=envelope)
        finally:
            if not kept:
                gate.release(request)

    async def _deny(self, send: Send, refusal: Refusal, request: Request, started: float) -> None:
        # Over HTTP, as only what a browser need not read is.
        status = 403 if isinstance(refusal, Forbidden) else 429 if isinstance(refusal, TooMany) else 503
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        headers.append((b"x-request-id", request.id.encode()))
        if isinstance(refusal, (TooMany, Unavailable)):
            headers.append((b"retry-after", str(refusal.retry_after).encode()))
        body = b'{"error":"%b"}' % refusal.sentence.encode()
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
        if self._gate.config.log_requests != "none":
            note(request, status, started)

    async def _stream(
        self,
        scope: Message,
        receive: Receive,
        send: Send,
        request: Request,
        asked: Asked,
        refused: Refusal | None,
        *,
        envelope: bool,
    ) -> None:
        protocol = scope.get("extensions", {}).get(uvicorn_protocol.EXTENSION)
        door = AsgiDoor(_text, _close) if protocol is None else protocol.take_over()
        stream = Stream(ENVELOPE_WEBSOCKET if envelope else FLAT_WEBSOCKET, door, devices=asked.devices)
        connection = StreamConnection(self._gate, stream, self._gate.address(request))
        door.connection = connection
        if refused is not None:
            stream.close(close_code(refused), refused.sentence)
        else:
            connection.begin(asked, can_speak=True)
        if isinstance(door, AsgiDoor):
            await door.run(send, lambda: _listen(receive, door, connection))

    async def _ask(self, request: Request) -> tuple[Asked, Refusal | None]:
        # A browser cannot read the status of a refused upgrade: it is accepted, and closed with the reason.
        try:
            return await self._gate.read(request), None
        except Refusal as refusal:
            # As a value: with its traceback it would hold the frames that hold it, until the garbage collector comes.
            return NOBODY, refusal.with_traceback(None)


async def _listen(receive: Receive, door: AsgiDoor, connection: StreamConnection) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        connection.counted()
        text = message.get("text")
        if text is None:
            door.close(Close.NOT_TEXT, "binary frames are not taken")
        else:
            connection.heard(text)


def _text(frame: bytes) -> Message | None:
    # The frame was made ready for a bare transport; an ASGI server adds its own header, and pings itself.
    if frame[0] != 0x81:
        return None
    head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
    return {"type": "websocket.send", "text": frame[head:].decode()}


def _close(code: Close, reason: str) -> Message:
    return {"type": "websocket.close", "code": int(code), "reason": reason}
