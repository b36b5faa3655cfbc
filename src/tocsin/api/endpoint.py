"""The way every HTTP request takes: identify, permit, handle, answer; one ASGI app for each path."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from enum import Enum
from time import perf_counter
from typing import Any

import msgspec

from tocsin.api.answer import Answer, Headers, failed, refused, status_of
from tocsin.api.call import JSON, JSON_KINDS, Call, Gone
from tocsin.api.parts import Parts
from tocsin.errors import Conflict, Forbidden, ForeignPage, Refusal, Unauthenticated, UnsupportedContent
from tocsin.live.lean_http import protocol_of
from tocsin.principal import Principal
from tocsin.request import Request
from tocsin.request_log import note

log = logging.getLogger("tocsin.http")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Call], Awaitable["Answer | Streaming"]]


class Streaming(msgspec.Struct, frozen=True):
    """An answer that goes on: 200, and then whatever comes.

    Attributes:
        run: takes over, given the headers that every answer has, and ASGI's two ends.
    """

    run: Callable[[Headers, Receive, Send], Awaitable[None]]


class Who(Enum):
    """Whom a route admits."""

    ANYBODY = "anybody"
    """No credential is looked at."""
    USER = "a user"
    """A user, or a service that acts as one; an app is forbidden."""
    SENDER = "a user with the permission notifications"
    """As USER, and granted `notifications` or superuser."""
    HOLDER = "whoever holds a credential"
    """A user, a service or an app; the handler says what they may see."""
    SUPERUSER = "a superuser"
    APP = "the app"
    """The app named in the path, by one of its secrets; the handler establishes it."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        handler: does it, by calling one verb.
        who: whom it admits.
        says: one line for people.
        takes: form of the body, None where none is read.
        gives: status of success and form of its body, None where there is none.
        also: further statuses of success with that body.
        kinds: content types of success, where it is not JSON.
        refuses: statuses that it may refuse with, besides those that follow from `who` and `takes`.
        asks: query parameters and what they mean.
        once: whether it takes an `Idempotency-Key`.
        documented: errors are `{"error": …}` alone, as a published document says.
        unauthenticated, failure: the documented sentences for 401 and 500.
    """

    method: str
    path: str
    handler: Handler
    who: Who
    says: str
    takes: type | None = None
    gives: tuple[int, type | None] = (200, None)
    also: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    refuses: tuple[int, ...] = ()
    asks: Mapping[str, str] = {}
    once: bool = False
    documented: bool = False
    unauthenticated: str = "Authentication required"
    failure: str = "Internal server error"


_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_SAFE_READY = b"".join(b"%b: %b\r\n" % field for field in _SAFE)
_EXPOSED = b", ".join(
    [
        b"X-Request-Id, Retry-After, Link, Idempotency-Replayed, RateLimit, RateLimit-Policy",
        b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
    ]
)
_TAKEN = b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key, X-Request-Id"
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Endpoint:
    """The ASGI app of one path.

    Parameters:
        routes: the rows of that path, by method.
        parts: the program's parts.
    """

    def __init__(self, routes: Mapping[str, Route], parts: Parts) -> None:
        self._routes = dict(routes)
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])
        self._parts = parts
        self._documented = any(route.documented for route in routes.values())
        self._allow = ", ".join(sorted({*self._routes, "OPTIONS"})).encode()
        self._sends = any(route.once for route in routes.values())
        self._log_all = parts.config.log_requests == "all"
        self._log_refused = parts.config.log_requests != "none"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        started = perf_counter()
        request = Request(scope, self._parts.config)
        try:
            answer = await self._answer(request, scope.get("path_params") or {}, receive)
        except Gone:
            return
        if isinstance(answer, Streaming):
            try:
                await answer.run(usual_headers(request, []), receive, send)
            except Exception:
                # The server beneath keeps it to itself.
                log.exception("a stream could not be begun", extra={"request": request.id, "path": scope["path"]})
                raise
            return
        if self._sends:
            self._parts.minutes.answered(answer.status, perf_counter() - started)
        # One that is going down asks its clients to find another node before it cuts them off.
        await write(answer, request, send, scope["method"], last=self._parts.draining())
        if self._log_all or (self._log_refused and answer.status >= 400):
            note(request, answer.status, started)

    async def _answer(self, request: Request, params: dict[str, str], receive: Receive) -> Answer | Streaming:
        method = request.scope["method"]
        route = self._routes.get(method)
        if route is None:
            if method == "OPTIONS":
                return self._options(request)
            return failed(
                405, "Method not allowed", "method", documented=self._documented, headers=[(b"allow", self._allow)]
            )
        call = Call(self._parts, request, receive, params)
        try:
            if route.who is not Who.ANYBODY and route.who is not Who.APP:
                await self._admit(call, route)
            return await route.handler(call)
        except Refusal as refusal:
            if isinstance(refusal, Unauthenticated):
                refusal = Unauthenticated(route.unauthenticated)
            elif route.who is Who.SUPERUSER and isinstance(refusal, (Conflict, Forbidden)):
                await call.note_refusal(f"{method} {route.path}", refusal)
            if self._sends:
                call.turn_away(route.path, status_of(refusal), refusal.code, refusal.sentence)
            return refused(refusal, documented=route.documented)
        except Gone:
            raise
        except Exception:
            log.exception("a handler failed", extra={"request": request.id, "path": route.path})
            if self._sends:
                call.turn_away(route.path, 500, "internal", route.failure)
            return failed(500, route.failure, "internal", documented=route.documented)

    async def _admit(self, call: Call, route: Route) -> None:
        credential = call.request.credential
        if credential is None:
            principal = await self._signed_in(call)
        else:
            call.seeing()
            principal = await self._parts.authorize.identify(credential)
        call.principal = principal
        if route.who is Who.SENDER:
            self._parts.authorize.may_send(principal)
        elif principal.kind == "app" and route.who is not Who.HOLDER:
            raise Forbidden("An app secret sends; it does not read")
        elif route.who is Who.SUPERUSER and not principal.superuser:
            raise Forbidden("Superusers only")

    async def _signed_in(self, call: Call) -> Principal:
        request = call.request
        if request.session_cookie is None:
            raise Unauthenticated
        call.seeing()
        principal = await self._parts.authorize.identify_session(request.session_cookie)
        if request.scope["method"] not in ("GET", "HEAD"):
            # A browser sends the cookie along whoever asks it to, and forms without asking anybody.
            if not request.page_may_act():
                raise ForeignPage
            if request.header(b"content-type") is not None and call.content_type not in JSON_KINDS:
                raise UnsupportedContent(f"Content-Type must be {JSON}")
        return principal

    def _options(self, request: Request) -> Answer:
        headers: Headers = [(b"allow", self._allow)]
        if _shared_with(request) is not None and request.header(b"access-control-request-method"):
            headers += [
                (b"access-control-allow-methods", self._allow),
                (b"access-control-allow-headers", _TAKEN),
                (b"access-control-max-age", b"600"),
            ]
        return Answer(204, b"", b"", headers)


async def write(answer: Answer, request: Request, send: Send, method: str, *, last: bool = False) -> None:
    """Send an answer with the headers that every answer has.

    Parameters:
        last: whether the connection ends with it.
    """
    body = b"" if method == "HEAD" else answer.body
    # The body of a refused request was not read to its end: what is left must not be taken for another.
    close = last or answer.status in (413, 415)
    protocol = protocol_of(request.scope)
    if protocol is not None:
        head = _head(answer, request)
        await protocol.answer(request.scope, answer.status, head, body, close=close)
        return
    headers = _headers(answer, request) + ([(b"connection", b"close")] if close else [])
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _head(answer: Answer, request: Request) -> bytes:
    if answer.headers or request.origin is not None or request.scheme != "http" or answer.status == 204:
        return b"".join([b"%b: %b\r\n" % field for field in _headers(answer, request)])
    # What nearly every answer is: the same bytes but for three values.
    return b"x-request-id: %b\r\n%bcontent-type: %b\r\ncontent-length: %d\r\n" % (
        request.id.encode(),
        _SAFE_READY,
        answer.kind,
        len(answer.body),
    )


def _headers(answer: Answer, request: Request) -> Headers:
    headers = [*answer.headers, *usual_headers(request, answer.headers)]
    if answer.kind:
        headers.append((b"content-type", answer.kind))
    if answer.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(answer.body)))
    return headers


def usual_headers(request: Request, given: Headers) -> Headers:
    """The headers that every answer has, besides those `given`."""
    headers = [(b"x-request-id", request.id.encode())]
    if given:
        names = {name for name, _ in given}
        headers += [field for field in _SAFE if field[0] not in names]
    else:
        headers += _SAFE
    if request.scheme == "https":
        headers.append(_HSTS)
    if (origin := _shared_with(request)) is not None:
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]
    return headers


def _shared_with(request: Request) -> str | None:
    origin = request.origin
    return origin if origin is not None and request.is_listed_origin(origin) else None
