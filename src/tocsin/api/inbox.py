"""A person's own notifications: found again, counted, and what changed of them."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from tocsin import wire
from tocsin.api.answer import Answer, Headers, ok
from tocsin.api.call import Call
from tocsin.api.packing import for_a_page
from tocsin.app import AppId
from tocsin.device import DeviceId
from tocsin.errors import Invalid, NotFound
from tocsin.notification import TYPES, NotificationId
from tocsin.ports import Wanted
from tocsin.position import Position
from tocsin.principal import parse_id

MOST_ASKED = 100
"""Most values of one filter."""


async def list_notifications(call: Call) -> Answer:
    """`GET /api/notifications`."""
    store, limit = call.parts.store, call.limit()
    wanted, before = _wanted(call), call.position("before")
    page = await store.inbox(call.user_id, wanted, before, limit)
    headers: Headers = []
    if page.next is not None:
        headers.append((b"link", _next_link(call, str(Position(store.epoch, page.next)))))
    return for_a_page(call, wire.inbox(page.items, page.next, page.head, store.epoch), headers)


async def get_notification(call: Call) -> Answer:
    """`GET /api/notifications/{id}`."""
    store = call.parts.store
    found = await store.notification(call.user_id, NotificationId(call.param("id")))
    if found is None:
        raise NotFound("Notification")
    return Answer(200, wire.item(found, store.epoch))


async def count_unread(call: Call) -> Answer:
    """`GET /api/notifications/unread`."""
    store = call.parts.store
    return ok(wire.unread_told(await store.unread(call.user_id), store.epoch))


def _wanted(call: Call) -> Wanted:
    types = _any_of(call, "type")
    if types is not None and (unknown := sorted(types - set(TYPES))):
        raise Invalid("type", f"there is no type {unknown[0]!r:.100}")
    devices, apps = _any_of(call, "deviceId"), _any_of(call, "appId")
    return Wanted(
        types=None if types is None else frozenset(one for one in TYPES if one in types),
        devices=None if devices is None else frozenset(DeviceId(parse_id(one, where="deviceId")) for one in devices),
        apps=None if apps is None else frozenset(AppId(parse_id(one, where="appId")) for one in apps),
        groups=_any_of(call, "group"),
        unread=call.yes_or_no("unread"),
        dismissed=call.yes_or_no("dismissed"),
        from_=_time(call, "from"),
        to=_time(call, "to"),
        words=call.request.asked("q"),
    )


def _any_of(call: Call, name: str) -> frozenset[str] | None:
    given = call.request.query.get(name, [])
    if len(given) > MOST_ASKED:
        raise Invalid(name, f"at most {MOST_ASKED} at a time")
    return frozenset(given) if given else None


def _time(call: Call, name: str) -> int | None:
    text = call.request.asked(name)
    if text is None:
        return None
    try:
        # A plus sign in a query is a space to those who do not encode it.
        at = datetime.fromisoformat(text.replace(" ", "+") if text.count("T") == 1 else text)
        if at.tzinfo is None:
            raise ValueError
        return int(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Invalid(name, "must be a time with its zone, as 2026-11-22T08:00:00Z") from None


def _next_link(call: Call, before: str) -> bytes:
    # Relative to the request, so that it holds behind a proxy under another path.
    query = [(name, value) for name, values in call.request.query.items() if name != "before" for value in values]
    return f'<?{urlencode([*query, ("before", before)])}>; rel="next"'.encode()
