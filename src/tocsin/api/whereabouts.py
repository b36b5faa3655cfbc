"""What became of a notification, for who sent it; and taking it back."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call
from tocsin.app import App, AppId
from tocsin.errors import NotFound
from tocsin.notification import NotificationId
from tocsin.ports import Whereabouts
from tocsin.principal import User


class ReceiptTold(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One recipient: when it reached a screen of theirs that said so, and what they did."""

    user_id: str
    delivered: str | None
    read: str | None
    dismissed: str | None
    acknowledged: str | None


class Receipts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`GET /api/notifications/{id}/receipts`: counts over all recipients, and a page of them by id.

    Attributes:
        sent_at: when it was sent.
        sender: `user:<id>` or `app:<id>`.
        credential: which credential it came by, without its secret.
        user_id: whom it is for; null for everyone.
        streamed: to how many streams it was written when it was sent.
        withdrawn: when it was taken back.
        notification: the flat object, as its recipients have it; null where it was taken back or nobody has it.
    """

    id: str
    sent_at: str
    sender: str
    credential: str
    user_id: str | None
    streamed: int
    withdrawn: str | None
    notification: msgspec.Raw | None
    recipients: int
    delivered: int
    read: int
    dismissed: int
    acknowledged: int
    receipts: list[ReceiptTold]
    next: str | None


async def list_receipts(call: Call) -> Answer:
    """`GET /api/notifications/{id}/receipts`."""
    limit, before = call.limit(), call.before()
    found = await _sent_by(call, before, limit)
    told = [
        ReceiptTold(
            user_id=one.user_id,
            delivered=wire.when(one.delivered),
            read=wire.when(one.state.read),
            dismissed=wire.when(one.state.dismissed),
            acknowledged=wire.when(one.state.acknowledged),
        )
        for one in found.page
    ]
    return ok(
        Receipts(
            id=found.id,
            sent_at=wire.timestamp(found.created_at),
            sender=found.sender,
            credential=found.credential,
            user_id=found.user_id,
            streamed=found.streamed,
            withdrawn=wire.when(found.withdrawn),
            notification=await _text(call, found),
            recipients=found.recipients,
            delivered=found.delivered,
            read=found.read,
            dismissed=found.dismissed,
            acknowledged=found.acknowledged,
            receipts=told,
            next=found.next,
        )
    )


async def _text(call: Call, found: Whereabouts) -> msgspec.Raw | None:
    reader = found.user_id if found.user_id is not None else next((one.user_id for one in found.page), None)
    item = None if reader is None else await call.parts.store.notification(reader, found.id)
    return None if item is None else msgspec.Raw(item.notification.body)


async def withdraw(call: Call) -> Answer:
    """`DELETE /api/notifications/{id}`."""
    found = await _sent_by(call, None, 1)
    audit = None if await _is_by(call, found) else call.audit("notification.withdraw", found.id)
    await call.parts.store.withdraw(found.id, call.parts.clock.now(), audit)
    return nothing()


async def _sent_by(call: Call, before: str | None, limit: int) -> Whereabouts:
    found = await call.parts.store.whereabouts(NotificationId(call.param("id")), before, limit)
    if found is None or not (call.principal.superuser or await _is_by(call, found)):
        raise NotFound("Notification")
    return found


async def _is_by(call: Call, found: Whereabouts) -> bool:
    """Whether who asks has sent it, and not somebody who had their name, or an app that had its id, before them."""
    principal, directory = call.principal, call.parts.directory
    if found.sender != principal.sender:
        return False
    known: User | App | None = None
    if principal.user_id is not None:
        known = await directory.user(principal.user_id)
    elif principal.app_id is not None:
        known = await directory.app(AppId(principal.app_id))
    return known is None or found.first > known.joined
