"""A person's own notifications, read back."""

from __future__ import annotations

from tocsin import wire
from tocsin.api.answer import Answer
from tocsin.api.call import Call
from tocsin.errors import Invalid, Malformed, NotFound
from tocsin.notification import NotificationId
from tocsin.position import Position


async def list_notifications(call: Call) -> Answer:
    """`GET /api/notifications`."""
    store, limit = call.parts.store, call.limit()
    before = _before(call.request.asked("before"))
    page = await store.inbox(call.user_id, before, limit)
    items = [wire.with_position(notification, store.epoch) for notification in page.notifications]
    next_ = None if page.next is None else str(Position(store.epoch, page.next))
    return Answer(200, wire.listing("notifications", items, next_))


async def get_notification(call: Call) -> Answer:
    """`GET /api/notifications/{id}`."""
    store = call.parts.store
    found = await store.notification(call.user_id, NotificationId(call.param("id")))
    if found is None:
        raise NotFound("Notification")
    return Answer(200, wire.with_position(found, store.epoch))


def _before(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return Position.parse(text).seq
    except Malformed as refusal:
        raise Invalid("before", str(refusal)) from None
