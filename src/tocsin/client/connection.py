"""Opening connections to one server: its address, whom to trust, and what a failure of the network means."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
import urllib.parse
from typing import Literal, TypedDict

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tocsin.client.errors import ClientError, Refused, Unreachable, not_tocsin
from tocsin.client.exchange import judge
from tocsin.client.following import LONGEST_MESSAGE, Following
from tocsin.client.request import Request

CONNECT_SECONDS = 10.0
PING_SECONDS = 20.0
"""How often a stream asks the server for a sign of life, and how long it waits for one."""

FAREWELL_SECONDS = 1.0
"""How long a stream that is closed waits for the server to say so, too."""


_quiet = logging.getLogger("tocsin.client.websockets")
"""How a stream's connection ended is told to its reader; the library would write a traceback besides."""
_quiet.setLevel(logging.CRITICAL)


class HttpOptions(TypedDict):
    """What `httpx2.Client` and `httpx2.AsyncClient` are made with."""

    base_url: httpx2.URL
    headers: dict[str, str]
    trust_env: bool
    verify: ssl.SSLContext


class WebSocketOptions(TypedDict):
    """What the blocking and the asyncio `connect` of websockets are called with."""

    uri: str
    additional_headers: dict[str, str]
    proxy: Literal[True] | None
    ssl: ssl.SSLContext | None
    compression: None
    open_timeout: float
    ping_interval: float
    ping_timeout: float
    close_timeout: float
    max_size: int
    logger: logging.Logger


class Server:
    """Where a server is, who asks, and whom to trust.

    Parameters:
        url: `http://…` or `https://…`; without a user, a query or a fragment.
        token: sent with each request as its bearer; None for none.

    Raises:
        ValueError: `url` is no address of a server, the token can be none, or SSL_CERT_FILE cannot be read.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url, self._base = _address(url)
        self.named = token is not None
        if token is not None and not (token.isascii() and token.isprintable() and token == token.strip()):
            raise ValueError("the token has characters that no key and no JWT has")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Nobody reaches their own machine by a proxy, whatever the environment says.
        self._by_proxy = not _is_loopback(self._base.host)
        self._trusted = _trusted() if self._base.scheme == "https" else None

    def http(self) -> HttpOptions:
        """For connections that are made as they are needed."""
        return {
            "base_url": self._base,
            "headers": self._headers,
            "trust_env": self._by_proxy,
            "verify": self._trusted or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        }

    def websocket(self, opening: Request) -> WebSocketOptions:
        """For a stream."""
        query = urllib.parse.urlencode(opening.query)
        return {
            "uri": f"ws{str(self._base).rstrip('/').removeprefix('http')}{opening.path}?{query}",
            "additional_headers": self._headers,
            "proxy": True if self._by_proxy else None,
            "ssl": self._trusted,
            "compression": None,
            "open_timeout": CONNECT_SECONDS,
            "ping_interval": PING_SECONDS,
            "ping_timeout": PING_SECONDS,
            "close_timeout": FAREWELL_SECONDS,
            "max_size": LONGEST_MESSAGE,
            "logger": _quiet,
        }

    def not_opened(self, error: Exception) -> ClientError:
        """Why a stream could not be opened."""
        if not isinstance(error, InvalidStatus):
            return unreachable(self.url, error)
        response = error.response
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        try:
            judge(response.status_code, headers, bytes(response.body or b""))
        except Refused as refused:
            return refused
        return ClientError(f"answered {response.status_code}, and no stream: is the address right?")


def connect(url: str, token: str | None) -> httpx2.Client:
    """Connections to a server, made as they are needed. Raises as Server."""
    return httpx2.Client(**Server(url, token).http())


def unreachable(url: str, error: Exception) -> Unreachable:
    """What a failure of the network means for the request it happened to."""
    refused = _certificate(error)
    if refused is not None:
        sentence = f"the certificate of {url} is not trusted: {refused.verify_message}; see SSL_CERT_FILE"
        return Unreachable(sentence, doubtful=False, temporary=False)
    doubtful = not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    reason = str(error) or type(error).__name__
    return Unreachable(f"{url} cannot be reached: {reason}", doubtful=doubtful)


def prepare(http: httpx2.Client | httpx2.AsyncClient, asked: Request, within: float) -> httpx2.Request:
    """A request for one attempt.

    Parameters:
        within: seconds to wait for its answer.

    Raises:
        ValueError: its path or query is longer than a URL can be.
    """
    try:
        return http.build_request(
            asked.method,
            asked.path,
            params=list(asked.query) or None,
            headers=dict(asked.headers),
            content=asked.body,
            timeout=httpx2.Timeout(within, connect=min(CONNECT_SECONDS, within)),
        )
    except httpx2.InvalidURL:
        # Of what we make it of, only its length can be wrong.
        raise ValueError("an id, or the whole of what is asked for, is longer than a URL can be") from None


def why_closed(following: Following, closed: ConnectionClosed) -> ClientError:
    """What it means that a stream's connection has ended."""
    told = closed.rcvd
    if closed.sent is not None and not closed.rcvd_then_sent and closed.sent.code in (1002, 1003, 1007, 1009):
        return not_tocsin("the stream")
    return following.closed(*((told.code, told.reason) if told is not None else (None, "")))


def _address(url: str) -> tuple[str, httpx2.URL]:
    """An address of a server as it is shown, and to connect to; for every client, as their libraries disagree.

    Raises:
        ValueError: it is none. The sentence repeats nothing that may be a password.
    """
    scheme, colon, rest = url.rstrip("/").partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in (authority if colon else url):
        raise ValueError("the address of a server names no user and no password: leave them out, and give a token")
    if "?" in url or "#" in url:
        raise ValueError(f"{url!r} is no address of a server: leave out what begins with ? or #")
    shown = f"{scheme.lower()}{colon}{rest}"
    try:
        base = httpx2.URL(shown)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError(f"{url!r} is no address of a server; expected http://… or https://…")
    try:
        base.raw_host.decode("ascii").encode("idna")
    except UnicodeError:
        raise ValueError(f"{url!r} is no address of a server: no host has such a name") from None
    if base.port is not None and not 0 < base.port < 65_536:
        raise ValueError(f"{url!r} is no address of a server: there is no port {base.port}")
    return shown, base


def _trusted() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        file = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise ValueError(f"SSL_CERT_FILE: {file} has no certificates to trust: {error}") from None


def _certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
