"""The JSON forms, in and out: the only place that encodes or decodes what goes over the wire."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from tocsin.errors import Invalid, Malformed
from tocsin.notification import TITLE_LENGTH, Notification, Type
from tocsin.position import Epoch, Position

T = TypeVar("T")

BODY_BYTES = 64 * 1024
"""Most bytes in a request body."""

BODY_DEPTH = 33
"""Deepest nesting in a request body: the body itself, and 32 levels in its metadata."""


class SendBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Body of `POST /api/notifications/send`, as documented, with the extensions; `null` equals absent.

    Attributes:
        title: shown prominently.
        message: the text, at most 8 KiB of UTF-8.
        type: severity; info unless given.
        user_id: whom to; everyone where a superuser leaves it out, and always oneself for everybody else.
        device_id: what it is about.
        dismissible: whether the user can dismiss it; true unless given.
        metadata: more data, at most 16 KiB, kept and streamed as it was written.
        url: what it links to.
        icon: address of its picture.
        tags: words to find it by.
        group: what it belongs together with.
        app_id: the app in whose name it is sent; superusers only.
        actions, collapse_key, send_at, expires_at, format: not yet; refused.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH)]
    message: Annotated[str, msgspec.Meta(min_length=1)]
    type: Type | None = None
    user_id: str | None = None
    device_id: str | None = None
    dismissible: bool | None = None
    metadata: dict[str, Any] | None = None
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    icon: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    tags: (
        Annotated[
            list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]],
            msgspec.Meta(min_length=1, max_length=16),
        ]
        | None
    ) = None
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    app_id: str | None = None
    actions: Any = None
    collapse_key: Any = None
    send_at: Any = None
    expires_at: Any = None
    format: Any = None


class Flat(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The documented flat object: nine keys in the documented order, then the extensions that were used."""

    id: str
    type: Type
    title: str
    message: str
    user_id: str | None
    device_id: str | None
    dismissible: bool
    metadata: msgspec.Raw
    timestamp: str
    url: str | msgspec.UnsetType = msgspec.UNSET
    icon: str | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    group: str | msgspec.UnsetType = msgspec.UNSET
    app_id: str | msgspec.UnsetType = msgspec.UNSET


class InboxItem(Flat, frozen=True, kw_only=True, rename="camel"):
    """A flat object as lists give it, with its position."""

    position: str


class Inbox(msgspec.Struct, frozen=True):
    """`GET /api/notifications`: newest first; `next` is the `before` of the following page, or null."""

    notifications: list[InboxItem]
    next: str | None


class Sent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Answer of `POST /api/notifications/send`, as documented."""

    success: bool
    notification_id: str
    recipient_count: int


class AppSent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Answer of `POST /v2/integrations/{app_id}/notification`."""

    status: str
    notification_id: str
    recipient_count: int


encode = msgspec.json.Encoder().encode
"""Any of our structs to JSON bytes."""


def timestamp(ms: int) -> str:
    """RFC 3339 UTC with `Z`, to the millisecond.

    Parameters:
        ms: milliseconds UTC.
    """
    seconds, part = divmod(ms, 1000)
    return f"{_to_the_second(seconds)}.{part:03d}Z"


@lru_cache(maxsize=8)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _MetadataOnly(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


_metadata_decoder = msgspec.json.Decoder(_MetadataOnly)


def metadata_text(body: bytes) -> bytes:
    """The text of `metadata` in a body that `read` has accepted, as it was written, on one line.

    A line break in JSON can only stand between tokens, so turning it into a space changes no value;
    it must go, since SSE and NDJSON end a line there.
    """
    text = bytes(_metadata_decoder.decode(body).metadata)
    if b"\n" in text or b"\r" in text:
        text = text.replace(b"\n", b" ").replace(b"\r", b" ")
    return text


def read(body: bytes, form: type[T]) -> T:
    """Decode a JSON body strictly into one of our structs.

    What would lose meaning on its way through other readers is refused: duplicate keys, NaN and
    infinities, numbers beyond a double, lone surrogates, U+0000, nesting deeper than BODY_DEPTH.

    Raises:
        Malformed: not JSON, or JSON that loses meaning.
        Invalid: JSON, but a field is wrong, missing or over its limit.
    """
    value = _strict_json(body)
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def _strict_json(body: bytes) -> Any:
    if _too_deep(body):
        raise Malformed(f"JSON nested deeper than {BODY_DEPTH - 1} levels")
    try:
        value = _decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except (ValueError, RecursionError):
        raise Malformed("not valid JSON") from None
    if b"\\" in body:
        _check_escapes(body, value)
    return value


def _too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= BODY_DEPTH:
        return False
    depth = deepest = 0
    for token in _BRACKETS.finditer(body):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest > BODY_DEPTH


# Strings are stepped over whole, so that brackets in texts do not count. Linear: the closing quote is
# optional, since with a string that never ends each quote in it would be tried as a start again.
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("JSON with a key twice in one object")
    return value


def _constant(name: str) -> float:
    raise Malformed(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed("a number beyond the range of a double")
    return value


def _int(text: str) -> int:
    if len(text) > 300:
        _float(text)
    return int(text)


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int
).decode


def _check_escapes(body: bytes, value: Any) -> None:
    # Escapes are the only way a lone surrogate or a NUL gets through a UTF-8 check and a JSON parser.
    if b"\\u" not in body:
        return
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("a lone surrogate in a string") from None
    if "\\u0000" in text and _holds_nul(value):
        raise Invalid(_where_nul(value), "must not contain U+0000")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return False


def _where_nul(value: Any) -> str:
    if isinstance(value, dict):
        return next((key for key, item in value.items() if "\0" not in key and _holds_nul(item)), "")
    return ""


_PLACE = re.compile(r"^(?P<why>.*?)(?: - at `(?P<where>key in )?\$?\.?(?P<path>.*)`)?$", re.DOTALL)


def _invalid(text: str) -> Invalid:
    found = _PLACE.match(text)
    why, where = (found["why"], found["path"] or "") if found else (text, "")
    if missing := re.fullmatch(r"Object missing required field `(.+)`", why):
        return Invalid(missing[1], "is required")
    return Invalid(where, why[:1].lower() + why[1:])


# ---------------------------------------------------------------- frames


def websocket_text(payload: bytes) -> bytes:
    """One unmasked WebSocket text frame (RFC 6455 §5.2)."""
    return websocket_frame(0x81, payload)


def websocket_frame(head: int, payload: bytes) -> bytes:
    """One unmasked WebSocket frame (RFC 6455 §5.2).

    Parameters:
        head: first byte: FIN and opcode.
    """
    size = len(payload)
    if size < 126:
        return bytes((head, size)) + payload
    if size < 65536:
        return bytes((head, 126)) + size.to_bytes(2, "big") + payload
    return bytes((head, 127)) + size.to_bytes(8, "big") + payload


def envelope(event: str, position: str | None, data: bytes) -> bytes:
    """One event of `tocsin.v1`; `position` is null for what has no place in the log."""
    place = b"null" if position is None else b'"%b"' % position.encode()
    return b'{"event":"%b","position":%b,"data":%b}' % (event.encode(), place, data)


def server_sent_event(event: str | None, position: str | None, data: bytes) -> bytes:
    """One event of an event stream (WHATWG HTML §9.2); `data` must hold no line break."""
    head = b"" if event is None else b"event: %b\n" % event.encode()
    if position is not None:
        head += b"id: %b\n" % position.encode()
    return b"%bdata: %b\n\n" % (head, data)


def farewell(code: int, reason: str) -> bytes:
    """Why a stream over HTTP ends: `{"code": …, "reason": …}`, with the code a WebSocket would get."""
    return msgspec.json.encode({"code": int(code), "reason": reason})


def with_position(notification: Notification, epoch: Epoch) -> bytes:
    """The flat object with `position` as its last key: how lists answer."""
    position = str(Position(epoch, notification.seq))
    return b'%b,"position":"%b"}' % (notification.body[:-1], position.encode())


def listing(plural: str, items: list[bytes], before: str | None) -> bytes:
    """A list answer: `{"<plural>": […], "next": <before> or null}`."""
    after = b"null" if before is None else b'"%b"' % before.encode()
    return b'{"%b":[%b],"next":%b}' % (plural.encode(), b",".join(items), after)


def camel(name: str) -> str:
    """The wire's name of a field: `collapse_key` is `collapseKey`."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
