"""Everything a client can ask of a server besides sending, once for all clients.

A client does the I/O: its `get` is `calls.get` with the answer in place of the question. All of them raise, as a
client does them:

    Refused, Unreachable    it was not done, unless `doubtful`: then nobody knows
    ValueError              it cannot be asked: a text is not Unicode, or an id or the query is too long for a URL
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

import msgspec

from tocsin import wire
from tocsin.client.answer import AllRead, Changes, Page, Receipts, State
from tocsin.client.call import Call, know, reading, several
from tocsin.client.errors import not_tocsin
from tocsin.client.event import Envelope, Unread, read_event
from tocsin.client.exchange import UNREADABLE, read
from tocsin.client.notification import Notification, read_notification
from tocsin.client.request import api


class Filters(TypedDict, total=False):
    """Which notifications; those left out, or None, do not matter.

    type, device_id, app_id, group: one, or any of several. unread, dismissed: whether it is. from_, to: created in
    [from_, to), aware or as RFC 3339 text. q: words that title and message hold.
    """

    type: str | Sequence[str] | None
    device_id: str | Sequence[str] | None
    app_id: str | Sequence[str] | None
    group: str | Sequence[str] | None
    unread: bool | None
    dismissed: bool | None
    from_: datetime | str | None
    to: datetime | str | None
    q: str | None


# ------------------------------------------------------------ what one has sent


def withdraw(notification_id: str) -> Call[None]:
    """Take a notification back, everywhere; for who sent it. Done twice, it is the same."""
    return Call(api("DELETE", "notifications", notification_id), _nothing)


def receipts(notification_id: str, *, before: str | None = None, limit: int = 50) -> Call[Receipts]:
    """What became of a notification, for who sent it: counts, and a page of its recipients.

    Parameters:
        before: what the page before gave as `next`.
        limit: most recipients in the page, to 200.
    """
    query = _paging(before, limit)
    return Call(api("GET", "notifications", notification_id, "receipts", query=query), reading(Receipts))


# ------------------------------------------------------------ reading


def list_notifications(
    *, before: str | None = None, limit: int = 50, **filters: Unpack[Filters]
) -> Call[Page[Notification]]:
    """A page of one's own notifications and the broadcasts, newest first.

    Parameters:
        before: what the page before gave as `next`.
        limit: most of them, to 200.
        filters: as Filters says: `unread=True`, `type=["error", "emergency"]`, `q="disk"`.
    """
    query = [*_paging(before, limit), *_filters(filters)]
    return Call(api("GET", "notifications", query=query), _read_page)


def get(notification_id: str) -> Call[Notification]:
    """One notification."""
    return Call(api("GET", "notifications", notification_id), _read_notification)


def unread() -> Call[Unread]:
    """How many notifications are unread."""
    return Call(api("GET", "notifications", "unread"), reading(Unread))


def changes(since: str | None = None, *, limit: int = 50, devices: str | Sequence[str] = ()) -> Call[Changes]:
    """What a stream would have told since a position.

    Parameters:
        since: None: only the position of now is answered.
        limit: most events of a kind, to 200.
        devices: only what is about these (one, or several); none: all.
    """
    query = [("limit", str(limit)), *(("deviceId", device) for device in several(devices))]
    query += [("since", since)] if since is not None else []
    return Call(api("GET", "changes", query=query), _read_changes)


# ------------------------------------------------------------ what one does with them


def mark_read(notification_id: str) -> Call[State]:
    """Read it. Done twice, it is the same, as with all that follow."""
    return _state("PUT", notification_id, "read")


def mark_unread(notification_id: str) -> Call[State]:
    """Make it unread again."""
    return _state("DELETE", notification_id, "read")


def dismiss(notification_id: str) -> Call[State]:
    """Dismiss it.

    Raises:
        Refused: 409 where it is not dismissible before it was acknowledged.
    """
    return _state("PUT", notification_id, "dismissal")


def undismiss(notification_id: str) -> Call[State]:
    """Take the dismissal back."""
    return _state("DELETE", notification_id, "dismissal")


def acknowledge(notification_id: str) -> Call[State]:
    """Acknowledge it."""
    return _state("PUT", notification_id, "acknowledgement")


def _state(method: str, notification_id: str, resource: str) -> Call[State]:
    return Call(api(method, "notifications", notification_id, resource), reading(State))


def read_all(
    up_to: str | None = None,
    *,
    type: str | None = None,  # noqa: A002  (the API's own word)
    device_id: str | None = None,
) -> Call[AllRead]:
    """Read everything.

    Parameters:
        up_to: a position: what came after it stays unread; None: all there is when the server gets to it.
        type: of that severity only.
        device_id: about that device only.
    """
    fields = {"upTo": up_to, "type": type, "deviceId": device_id}
    body = {field: value for field, value in fields.items() if value is not None}
    asked = api("POST", "notifications", "read-all", body=body)
    # Without a position, the second time would reach further than the first.
    return Call(msgspec.structs.replace(asked, safe=up_to is not None), reading(AllRead))


# ------------------------------------------------------------ any other


def call(method: str, *path: str, body: Any = None, **query: str) -> Call[Any]:
    """Any call of the API below `/api`: `client.call("PUT", "devices", "cam-1", body={"name": "Door"})`.

    Parameters:
        path: its segments, not encoded.
        body: what to send as JSON.
        query: the query, not encoded.

    Returns:
        The answer's JSON, None where there is none.
    """
    return Call(api(method, *path, query=list(query.items()), body=body), _read_anything)


def some(plural: str, *path: str, before: str | None) -> Call[Page[Any]]:
    """A page of any list, by its name in the answer."""
    return Call(api("GET", *path, query=_paging(before, 200)), lambda body: _read_some(plural, body))


def _paging(before: str | None, limit: int) -> list[tuple[str, str]]:
    return [("limit", str(limit)), *([("before", before)] if before is not None else [])]


def _filters(given: Filters) -> list[tuple[str, str]]:
    know(given, Filters)
    query: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        query += [(wire.camel(name.rstrip("_")), _text(one)) for one in values if one is not None]
    return query


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


# ------------------------------------------------------------ reading answers


def _nothing(body: bytes) -> None:
    return None


def _read_anything(body: bytes) -> Any:
    return read(body, object) if body else None


class _Listed(msgspec.Struct):
    notifications: list[msgspec.Raw]
    next: str | None = None
    position: str = ""


class _Changed(msgspec.Struct):
    changes: list[Envelope]
    position: str
    more: bool = False


def _read_page(body: bytes) -> Page[Notification]:
    found = read(body, _Listed)
    items = [_read_notification(bytes(text)) for text in found.notifications]
    return Page(items=items, next=found.next, position=found.position)


def _read_notification(body: bytes) -> Notification:
    try:
        return read_notification(body)
    except UNREADABLE:
        raise not_tocsin("the answer") from None


def _read_some(plural: str, body: bytes) -> Page[Any]:
    found = read(body, dict[str, Any])
    items = found.get(plural)
    if not isinstance(items, list):
        raise not_tocsin("the answer")
    return Page(items=items, next=found.get("next"))


def _read_changes(body: bytes) -> Changes:
    found = read(body, _Changed)
    try:
        events = [event for change in found.changes if (event := read_event(change)) is not None]
    except UNREADABLE:
        raise not_tocsin("the answer") from None
    return Changes(events=events, position=found.position, more=found.more)
