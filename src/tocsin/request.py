"""One request or handshake as its edge sees it: where it comes from, and what credential it carries."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from tocsin.config import Config
from tocsin.credentials.address import client_address, is_trusted, parse_networks
from tocsin.credentials.cookie import name_of, read_cookie
from tocsin.errors import Malformed, Unauthenticated

# Unique among processes and within this one; nobody's secret, so no system call for each.
_PROCESS = os.urandom(6).hex()
_COUNT = itertools.count(1)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def new_request_id() -> str:
    """Names a request that brought no name of its own."""
    return f"{_PROCESS}{next(_COUNT):06x}"


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Request:
    """Reads an ASGI scope, each part when it is first asked for.

    Parameters:
        scope: of an HTTP request or a WebSocket handshake (ASGI 3).
        config: says which proxies are believed and which origins are ours.
    """

    def __init__(self, scope: Mapping[str, Any], config: Config) -> None:
        self.scope = scope
        self._config = config
        self._fields: dict[bytes, bytes] = dict(scope["headers"])
        self._id = ""

    def header(self, name: bytes) -> str | None:
        """The last header of that name (lower case), or None."""
        value = self._fields.get(name)
        return None if value is None else value.decode("latin-1")

    def headers(self, name: bytes) -> list[str]:
        """All headers of that name (lower case), in order."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    @property
    def id(self) -> str:
        """Names this request in the answer and in logs: the sender's own `X-Request-Id`, or a new one."""
        if not self._id:
            given = self.header(b"x-request-id")
            self._id = given if given is not None and _GIVEN_ID.match(given) else new_request_id()
        return self._id

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query, decoded.

        Raises:
            Malformed: not UTF-8, or too many fields.
        """
        found: dict[str, list[str]] = {}
        text = ""
        try:
            text = self.scope["query_string"].decode("ascii")
            for name, value in _fields(text):
                found.setdefault(name, []).append(value)
        except UnicodeError:
            raise Malformed(f"the query is not UTF-8, percent-encoded{_where_not(text)}") from None
        except ValueError:
            raise Malformed("the query has too many fields") from None
        return found

    def asked(self, name: str) -> str | None:
        """The last value of a query field, or None."""
        values = self.query.get(name)
        return values[-1] if values else None

    @cached_property
    def address(self) -> str:
        """The client's address; a proxy's word counts only when that proxy is trusted."""
        if not (proxies := self._config.trusted_proxies):
            return self._peer
        return client_address(self._peer, self.headers(b"x-forwarded-for"), parse_networks(proxies))

    @property
    def _peer(self) -> str:
        return str((self.scope.get("client") or ("",))[0])

    @property
    def credential(self) -> str | None:
        """The credential in the headers: `Authorization: Bearer …` or `X-API-Key`; None where there is neither.

        Raises:
            Unauthenticated: a header is there that cannot be one.
        """
        authorization, key = self._fields.get(b"authorization"), self._fields.get(b"x-api-key")
        if authorization is None and key is None:
            return None
        credential = _bearer(authorization) if authorization is not None else None
        if key is not None:
            text = key.decode("latin-1").strip()
            # Two that differ: one of them is not what its sender thinks it is.
            if credential is not None and credential != text:
                raise Unauthenticated
            credential = text
        if not credential:
            raise Unauthenticated
        return credential

    @property
    def keeps_secure_cookies(self) -> bool:
        """Whether a browser takes a Secure cookie from the address it asked: https, or loopback."""
        host = self.header(b"host") or ""
        if self.scheme == "https":
            return True
        own = urlsplit(self._config.base_url)
        if own.scheme == "https" and own.netloc == host:
            return True
        try:
            return urlsplit(f"//{host}").hostname in _LOOPBACK
        except ValueError:
            return False

    @cached_property
    def session_cookie(self) -> str | None:
        """What the session cookie holds, under the one name that fits; None where there is none."""
        header = self.header(b"cookie")
        return None if header is None else read_cookie(header, name_of(secure=self.keeps_secure_cookies))

    @property
    def origin(self) -> str | None:
        """The `Origin` header, as the browser sent it."""
        return self.header(b"origin")

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client sees it."""
        scheme = str(self.scope["scheme"]).replace("ws", "http")
        proxies = self._config.trusted_proxies
        forwarded = self.header(b"x-forwarded-proto") if proxies else None
        if forwarded in ("http", "https") and is_trusted(self._peer, parse_networks(proxies)):
            return forwarded
        return scheme

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return bool(self.scope["type"] == "websocket")

    def is_listed_origin(self, origin: str) -> bool:
        """Whether pages of that origin may use the API (CORS); with `--dev`, also those of this machine."""
        if origin in self._config.origins:
            return True
        parts = _origin_parts(origin) if self._config.dev else None
        return parts is not None and parts.hostname in _LOOPBACK

    def from_allowed_origin(self) -> bool:
        """Whether a request that names an Origin comes from our own pages or from listed ones."""
        origin = self.origin
        if origin is None or origin in self._config.origins:
            return True
        if (parts := _origin_parts(origin)) is None:
            return False
        if self._config.dev:
            return parts.hostname in _LOOPBACK
        if self._config.base_url:
            own = urlsplit(self._config.base_url)
            return (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        return parts.scheme == self.scheme and parts.netloc == (self.header(b"host") or "")

    def page_may_act(self) -> bool:
        """Whether a browser says that one of our own pages, or a listed one, makes this request.

        What a browser sends by itself must not be enough: an `Origin` has to be there and ours, or
        `Sec-Fetch-Site: same-origin`; and neither may contradict the other.
        """
        origin, site = self.origin, self.header(b"sec-fetch-site")
        if origin is None:
            return site == "same-origin"
        if origin in self._config.origins:
            return True
        return site in (None, "same-origin") and self.from_allowed_origin()


def with_escaped_target(head: bytes) -> bytes:
    """The first bytes of a request, with whatever is not ASCII in its first line percent-encoded.

    A text that is typed into a command as it is said stands there as UTF-8, which is no URL (RFC 3986 §2); it can
    only mean one thing, and most servers take it.
    """
    line, end, rest = head.partition(b"\r\n")
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest


def _fields(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=1_000)


def _where_not(query: str) -> str:
    """Which field of a query it is that is not UTF-8, where its name is."""
    for field in query.split("&"):
        try:
            _fields(field)
        except UnicodeError:
            name = field.partition("=")[0]
            return f": {name:.100}" if "%" not in name else ""
    return ""


def _origin_parts(origin: str) -> SplitResult | None:
    """An origin taken apart; None where it is none of a web page."""
    try:
        parts = urlsplit(origin)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or host is None or origin != f"{parts.scheme}://{parts.netloc}":
        return None
    return parts


def _bearer(field: bytes) -> str:
    scheme, _, text = field.decode("latin-1").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
