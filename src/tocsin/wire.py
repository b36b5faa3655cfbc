"""The JSON forms of notifications and what becomes of them, in and out; and how all others are read and written."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from tocsin.app import AppId
from tocsin.notification import TITLE_LENGTH, Type
from tocsin.position import Epoch, Position
from tocsin.receipt import Item, Mark, Purged, Receipt, State, Unread, Withdrawn
from tocsin.strict_json import BODY_BYTES as BODY_BYTES
from tocsin.strict_json import elements as elements
from tocsin.strict_json import lines as lines
from tocsin.strict_json import read as read
from tocsin.strict_json import reader

BATCH_BYTES = 8 * 1024 * 1024
"""Most bytes in the body of a batch."""

BATCH_ITEMS = 10_000
"""Most notifications in a batch."""

WHOLE_ITEMS = 1_000
"""Most notifications in a batch that is kept as a whole or not at all."""


class SendBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
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


read_send_body = reader(SendBody)
"""A body of that form, read as `read` does."""


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
    """A flat object as lists give it: with its places in the log, and when its reader did what."""

    position: str
    first: str
    since: str
    read: str | None
    dismissed: str | None
    acknowledged: str | None


class Inbox(msgspec.Struct, frozen=True):
    """`GET /api/notifications`: newest first, as of `position`.

    Attributes:
        next: the `before` of the following page, or null.
    """

    notifications: list[InboxItem]
    next: str | None
    position: str


class StateTold(msgspec.Struct, frozen=True):
    """When somebody did what with a notification; null for not at all."""

    id: str
    read: str | None
    dismissed: str | None
    acknowledged: str | None


class UnreadTold(msgspec.Struct, frozen=True):
    """How many notifications are unread, in all and by type, as of `position`."""

    total: int
    types: dict[Type, int]
    position: str


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


class BatchResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one notification of a batch.

    Attributes:
        success: whether it was kept.
        notification_id: its id, where it was.
        recipient_count: to how many streams it was written, where it was kept.
        status: what sending it alone would have been answered with, where it was not; 424 where it was fine
            and another one of a batch that is kept as a whole was not.
        error: why it was not kept.
    """

    success: bool
    notification_id: str | msgspec.UnsetType = msgspec.UNSET
    recipient_count: int | msgspec.UnsetType = msgspec.UNSET
    status: int | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET


class BatchSent(msgspec.Struct, frozen=True):
    """Answer of `POST /api/notifications/batch`: a result for each notification, in their order."""

    results: list[BatchResult]


encode = msgspec.json.Encoder().encode
"""Any of our structs to JSON bytes."""


@lru_cache(maxsize=8)
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


_LINE_FEED, _CARRIAGE_RETURN = b"\n\r"
_metadata_decoder = msgspec.json.Decoder(_MetadataOnly)


def metadata_text(body: bytes) -> bytes:
    """The text of `metadata` in a body that `read` has accepted, as it was written, on one line.

    A line break in JSON can only stand between tokens, so turning it into a space changes no value;
    it must go, since SSE and NDJSON end a line there.
    """
    text = bytes(_metadata_decoder.decode(body).metadata)
    if _LINE_FEED in text or _CARRIAGE_RETURN in text:
        text = text.replace(b"\n", b" ").replace(b"\r", b" ")
    return text


class _AppOnly(msgspec.Struct, rename="camel"):
    app_id: AppId | None = None


_app_decoder = msgspec.json.Decoder(_AppOnly)


def app_of(body: bytes) -> AppId | None:
    """The app that a notification is from, as its flat object says."""
    return _app_decoder.decode(body).app_id


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


def when(ms: int | None) -> str | None:
    """A time, where there is one."""
    return None if ms is None else timestamp(ms)


def item(item: Item, epoch: Epoch) -> bytes:
    """A notification as lists give it: the flat object, then the members that InboxItem adds."""
    found = item.notification
    return b'%b,"position":"%b-%d",%b}' % (found.body[:-1], epoch.encode(), found.seq, _own_view(item, epoch))


def item_told(item: Item, epoch: Epoch) -> bytes:
    """A notification in an envelope: the same without `position`, which the envelope has."""
    return b"%b,%b}" % (item.notification.body[:-1], _own_view(item, epoch))


def _own_view(item: Item, epoch: Epoch) -> bytes:
    found, state, of = item.notification, item.state, epoch.encode()
    return b'"first":"%b-%d","since":"%b-%d","read":%b,"dismissed":%b,"acknowledged":%b' % (
        (of, found.first, of, found.since, _time(state.read), _time(state.dismissed), _time(state.acknowledged))
    )


def _time(ms: int | None) -> bytes:
    return b"null" if ms is None else b'"%b"' % timestamp(ms).encode()


def state_told(id_: str, state: State) -> StateTold:
    """A state as it is answered."""
    return StateTold(id_, when(state.read), when(state.dismissed), when(state.acknowledged))


def unread_told(unread: Unread, epoch: Epoch) -> UnreadTold:
    """Counts as they are answered and streamed."""
    return UnreadTold(unread.total, unread.types, str(Position(epoch, unread.head)))


def change_told(change: Receipt | Mark | Purged | Withdrawn, epoch: Epoch) -> tuple[str, bytes]:
    """A change of an inbox as an event: its name and its data (`docs/decisions/0006-the-inbox.md`)."""

    def at(seq: int) -> str:
        return str(Position(epoch, seq))

    match change:
        case Receipt(id=id_, first=first, state=state):
            times = state_told(id_, state)
            data = {
                "id": id_,
                "first": at(first),
                "read": times.read,
                "dismissed": times.dismissed,
                "acknowledged": times.acknowledged,
            }
            return "receipt", encode(data)
        case Mark(upto=upto, type=type_, device_id=device, at=ms):
            return "mark", encode({"upTo": at(upto), "type": type_, "deviceId": device, "at": timestamp(ms)})
        case Purged(upto=upto, user_id=owner, app_id=app):
            # No app at all is stored as a space, which is no app's id, and told as an empty one.
            named = None if app is None else app.strip()
            return "purged", encode({"upTo": at(upto), "broadcasts": owner is None, "appId": named})
        case Withdrawn(id=id_, first=first):
            return "withdrawn", encode({"id": id_, "first": at(first)})


def inbox(items: list[Item], before: int | None, head: int, epoch: Epoch) -> bytes:
    """A page of an inbox, as Inbox says.

    Parameters:
        before: the number before which the following page begins.
        head: the number as of which it was read.
    """
    after = b"null" if before is None else b'"%b-%d"' % (epoch.encode(), before)
    told = b",".join([item(one, epoch) for one in items])
    return b'{"notifications":[%b],"next":%b,"position":"%b-%d"}' % (told, after, epoch.encode(), head)


def camel(name: str) -> str:
    """The wire's name of a field: `collapse_key` is `collapseKey`."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
