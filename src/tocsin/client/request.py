"""What a client says, without doing any I/O: requests, ready to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin import wire
from tocsin.idempotency import KEY_LENGTH


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to send.

    Attributes:
        path: percent-encoded.
        query: in order, not encoded.
        body: JSON, or None for none.
        safe: sending it twice has the effect of sending it once: it asks, it puts, or it bears an idempotency key.
        wants_key: it sends a notification, and has no idempotency key yet: `with_key` gives it one.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    safe: bool = False
    wants_key: bool = False


def with_key(request: Request, key: str) -> Request:
    """The same under an idempotency key.

    Raises:
        ValueError: it can be none.
    """
    # A space at either end would not arrive: it is no part of a header's value.
    if not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable() and key == key.strip()):
        raise ValueError(f"an idempotency key is 1 to {KEY_LENGTH} printable ASCII characters")
    headers = {**request.headers, "Idempotency-Key": key}
    return msgspec.structs.replace(request, headers=headers, safe=True, wants_key=False)


def once(request: Request, key: str | None) -> Request:
    """The same as a send: under that key, or under one that it is given later."""
    return msgspec.structs.replace(request, wants_key=True) if key is None else with_key(request, key)


def send_as_app(app_id: str, user_id: str, message: str) -> Request:
    """A text from an app to a user who installed it.

    Raises:
        ValueError: a text is not Unicode.
    """
    query = [("uid", user_id), ("message", message)]
    for _, text in query:
        text.encode()
    path = f"/v2/integrations/{_quoted(app_id)}/notification"
    return Request(method="POST", path=path, query=query, headers={"Accept": "application/json"})


def readiness() -> Request:
    """Whether the server should get traffic."""
    return Request(method="GET", path="/readyz", safe=True)


def api(method: str, *path: str, query: Sequence[tuple[str, str]] = (), body: Any = None) -> Request:
    """Any call of the API below `/api`.

    Parameters:
        path: its segments, not encoded: an id may hold a slash.
        body: what to send as JSON.

    Raises:
        ValueError: a text is not Unicode (a lone surrogate).
    """
    encoded = None if body is None else wire.encode(body)
    headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if encoded is not None else {})
    segments = "/".join(map(_quoted, path))
    return Request(
        method=method,
        path=f"/api/{segments}",
        query=query,
        headers=headers,
        body=encoded,
        safe=method in ("GET", "PUT", "DELETE"),
    )


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")


def _quoted(segment: str) -> str:
    # The dot, too: an id of two dots would otherwise be taken for the folder above.
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in segment.encode())
