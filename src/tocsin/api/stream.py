"""`GET /notifications` over HTTP: Server-Sent Events or NDJSON, by `Accept`."""

from __future__ import annotations

from tocsin.api.answer import Answer, Headers, failed
from tocsin.api.call import Call
from tocsin.api.endpoint import Receive, Send, Streaming
from tocsin.live import http_stream


async def stream(call: Call) -> Answer | Streaming:
    """Open a stream, or say what to ask for."""
    request, gate = call.request, call.parts.gate
    kind = http_stream.kind_asked(request)
    if kind is None:
        sentence = f"Ask for a WebSocket (Upgrade), or Accept {http_stream.EVENTS} or {http_stream.LINES}"
        return failed(406, sentence, "not-acceptable", documented=True)
    asked = await http_stream.ask(gate, request)
    if request.scope["method"] == "HEAD":
        gate.release(request)
        return Answer(200, b"", kind.encode())

    async def run(headers: Headers, receive: Receive, send: Send) -> None:
        await http_stream.run(gate, request, asked, kind, headers, receive, send)

    return Streaming(run)
