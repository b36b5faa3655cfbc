"""What was sent by anybody to anybody, for superusers."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.ports import SentNotification
from tocsin.position import Epoch, Position


class SentItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A notification as it was sent.

    Attributes:
        position: of its creation.
        type, user_id, device_id: as in the notification; null user for everyone.
        sender: `user:<id>` or `app:<id>`.
        credential: which credential it came by, without its secret.
        streamed: to how many streams it was written then.
        withdrawn: when it was taken back.
        notification: the flat object; null where it was taken back, or is damaged on disk.
    """

    id: str
    position: str
    sent_at: str
    type: str
    user_id: str | None
    device_id: str | None
    sender: str
    credential: str
    streamed: int
    withdrawn: str | None
    notification: msgspec.Raw | None


class SentPage(msgspec.Struct, frozen=True):
    """`GET /api/sent`, newest first; `next` is the `before` of the following page, or null.

    Attributes:
        position: what to ask with as `after`, for what is sent from now on.
    """

    sent: list[SentItem]
    next: str | None
    position: str


async def list_sent(call: Call) -> Answer:
    """`GET /api/sent`."""
    limit, store = call.limit(), call.parts.store
    before, after = call.position("before"), call.position("after") or 0
    head = store.head
    found = await store.sent(before, after, limit + 1)
    items = [_item(one, store.epoch) for one in found[:limit]]
    upto = max(head if before is None else 0, found[0].first if found else 0, after)
    next_ = items[-1].position if len(found) > limit else None
    return ok(SentPage(items, next_, str(Position(store.epoch, upto))))


def _item(one: SentNotification, epoch: Epoch) -> SentItem:
    return SentItem(
        id=one.id,
        position=str(Position(epoch, one.first)),
        sent_at=wire.timestamp(one.created_at),
        type=one.type,
        user_id=one.user_id,
        device_id=one.device_id,
        sender=one.sender,
        credential=one.credential,
        streamed=one.streamed,
        withdrawn=wire.when(one.withdrawn),
        notification=None if one.body is None else msgspec.Raw(one.body),
    )
