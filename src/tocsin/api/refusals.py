"""Sends that were refused, for superusers: why it did not arrive, where it was never taken."""

from __future__ import annotations

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.api.turned_away import Counted
from tocsin.wire import timestamp


class RefusalItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A send that was refused, and how often the same was.

    Attributes:
        at, since: the last and the first time.
        route: the path that was sent to.
        status, code, error: what was answered.
        user_id: whom it was to reach; null for everyone, and where that was not read.
        sender, credential: as of what is sent; null where the credential did not hold.
        key_id: what a key or a secret that did not hold calls itself, which anybody may have written.
        app_id: the app in the path.
        address: where it came from.
    """

    at: str
    since: str
    count: int
    route: str
    status: int
    code: str
    error: str
    user_id: str | None
    sender: str | None
    credential: str | None
    key_id: str | None
    app_id: str | None
    address: str


class Refusals(msgspec.Struct, frozen=True):
    """`GET /api/refusals`, newest first; `next` is the `before` of the following page, or null.

    Attributes:
        began: when this process did; nothing of before is known.
    """

    refusals: list[RefusalItem]
    next: str | None
    began: str


async def list_refusals(call: Call) -> Answer:
    """`GET /api/refusals`."""
    limit, parts = call.limit(), call.parts
    found = parts.turned_away.last(call.request.asked("userId"), call.before_number())
    next_ = str(found[limit - 1].number) if len(found) > limit else None
    return ok(Refusals([_item(one) for one in found[:limit]], next_, timestamp(parts.minutes.began)))


def _item(counted: Counted) -> RefusalItem:
    refused = counted.refused
    return RefusalItem(
        at=timestamp(counted.at),
        since=timestamp(counted.since),
        count=counted.count,
        route=refused.route,
        status=refused.status,
        code=refused.code,
        error=refused.error,
        user_id=refused.to,
        sender=refused.sender,
        credential=refused.credential,
        key_id=refused.key,
        app_id=refused.app,
        address=refused.address,
    )
