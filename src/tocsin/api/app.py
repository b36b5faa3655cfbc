"""The ASGI application: finds the endpoint of a path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.routing import Route as PathRoute
from starlette.routing import Router

from tocsin.api.answer import Answer, failed
from tocsin.api.endpoint import Endpoint, write
from tocsin.api.parts import Parts
from tocsin.api.routes import by_path
from tocsin.request import Request

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Api:
    """Every URL of the server.

    Parameters:
        parts: the program's parts.
        websocket: the ASGI app behind an upgrade of `/notifications`.
    """

    def __init__(self, parts: Parts, websocket: App) -> None:
        self._parts = parts
        self._websocket = websocket
        endpoints = {path: Endpoint(routes, parts) for path, routes in by_path().items()}
        self._prefix = urlsplit(parts.config.base_url).path.rstrip("/")
        self._exact = {path: endpoint for path, endpoint in endpoints.items() if "{" not in path}
        patterns = [PathRoute(path, endpoint) for path, endpoint in endpoints.items() if "{" in path]
        self._router = Router(patterns, redirect_slashes=False, default=self._not_found)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if "%" in (raw := scope.get("raw_path", b"").decode("latin-1")):
            # An encoded slash belongs to an id: parameters are decoded after the path was taken apart.
            scope["path"] = raw
        find = self._below if self._prefix else self._find
        await find(scope)(scope, receive, send)

    def _below(self, scope: Message) -> App:
        """The server is reached below a path; a proxy may take it away, or leave it."""
        path = str(scope["path"])
        if path == self._prefix and scope["type"] == "http":
            return self._with_slash
        if path.startswith(f"{self._prefix}/"):
            scope["path"] = path[len(self._prefix) :]
        return self._find(scope)

    def _find(self, scope: Message) -> App:
        if scope["type"] == "http":
            return self._exact.get(scope["path"]) or self._router
        # A target in absolute form (RFC 9112 §3.2.2), which the HTTP parser has taken apart already.
        path = scope["path"]
        is_stream = (urlsplit(path).path if "://" in path else path) == "/notifications"
        return self._websocket if is_stream else self._no_stream

    async def _with_slash(self, scope: Any, receive: Any, send: Any) -> None:
        # Without the slash, what a page names relative to itself would lie one level too high.
        headers = [(b"location", self._prefix.encode() + b"/")]
        await write(Answer(308, b"", b"", headers), Request(scope, self._parts.config), send, scope["method"])

    async def _no_stream(self, scope: Any, receive: Any, send: Any) -> None:
        answer = failed(404, "Not found", "not-found", documented=False)
        request_id = Request(scope, self._parts.config).id.encode()
        headers = [(b"content-type", answer.kind), (b"x-request-id", request_id)]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": answer.body})

    async def _not_found(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, self._parts.config)
        await write(failed(404, "Not found", "not-found", documented=False), request, send, scope["method"])
