"""What a client says, without doing any I/O: requests, ready to be sent."""

from __future__ import annotations

import json
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
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    safe: bool = False


def send(
    title: str,
    message: str,
    *,
    type: str | None = None,  # noqa: A002  (the API's own word)
    user_id: str | None = None,
    device_id: str | None = None,
    dismissible: bool | None = None,
    metadata: Mapping[str, Any] | str | None = None,
    url: str | None = None,
    icon: str | None = None,
    tags: Sequence[str] = (),
    group: str | None = None,
    app_id: str | None = None,
    idempotency_key: str,
) -> Request:
    """A notification to be sent; what is None is left to the server.

    Parameters:
        metadata: an object, or its JSON text, which is kept as it is written.
        idempotency_key: the same send made again under it gives the same notification, for a day.

    Raises:
        ValueError: metadata is no JSON object, a text is not Unicode, or the key is none.
    """
    fields: dict[str, Any] = {
        "type": type,
        "title": title,
        "message": message,
        "userId": user_id,
        "deviceId": device_id,
        "dismissible": dismissible,
        "metadata": _metadata(metadata),
        "url": url,
        "icon": icon,
        "tags": list(tags) or None,
        "group": group,
        "appId": app_id,
    }
    body = {field: value for field, value in fields.items() if value is not None}
    return _once(call("POST", "notifications", "send", body=body), idempotency_key)


def send_as_app(app_id: str, user_id: str, message: str, *, idempotency_key: str) -> Request:
    """A text from an app to a user who installed it; the credential is the app's secret.

    Raises:
        ValueError: a text is not Unicode, or the key is none.
    """
    query = [("uid", user_id), ("message", message)]
    for _, text in query:
        text.encode()
    request = Request(
        method="POST",
        path=f"/v2/integrations/{_quoted(app_id)}/notification",
        query=query,
        headers={"Accept": "application/json"},
    )
    return _once(request, idempotency_key)


def _once(request: Request, key: str) -> Request:
    # A space at either end would not arrive: it is no part of a header's value.
    if not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable() and key == key.strip()):
        raise ValueError(f"an idempotency key is 1 to {KEY_LENGTH} printable ASCII characters")
    headers = {**request.headers, "Idempotency-Key": key}
    return msgspec.structs.replace(request, headers=headers, safe=True)


def _metadata(given: Mapping[str, Any] | str | None) -> Any:
    if not isinstance(given, str):
        return given
    # Looked at before it is put between the other fields: half a text must not become a field of its own.
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("metadata must be a JSON object")
    return msgspec.Raw(given.encode())


def page(before: str | None, limit: int) -> Request:
    """A page of one's own notifications."""
    query = [("limit", str(limit)), *([("before", before)] if before else [])]
    return call("GET", "notifications", query=query)


def readiness() -> Request:
    """Whether the server should get traffic."""
    return Request(method="GET", path="/readyz", safe=True)


def call(method: str, *path: str, query: Sequence[tuple[str, str]] = (), body: Any = None) -> Request:
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
