"""Sends that were refused on all nodes, for superusers: why it did not arrive, where it was never taken."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.api.parts import Parts
from tocsin.api.places import Place, one_page, place_of
from tocsin.api.turned_away import Counted
from tocsin.wire import timestamp


class RefusalItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A send that was refused, and how often the same was.

    Attributes:
        node: which node refused it; null where there is one process only.
        at, since: the last and the first time.
        route: the path that was sent to.
        status, code, error: what was answered.
        user_id: whom it was to reach; null for everyone, and where that was not read.
        sender, credential: as of what is sent; null where the credential did not hold.
        key_id: what a key or a secret that did not hold calls itself, which anybody may have written.
        app_id: the app in the path.
        address: where it came from.
    """

    node: str | None
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
        began: when the node did that started last; of before, not all of them know.
        missing: nodes that have not answered in a second; what they refused is not in it.
    """

    refusals: list[RefusalItem]
    next: str | None
    began: str
    missing: list[str]


class _Asked(msgspec.Struct, frozen=True, array_like=True):
    user: str | None
    before: Place | None
    limit: int


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """What one node remembers, and since when (milliseconds UTC)."""

    found: list[tuple[Place, RefusalItem]]
    began: int


_REFUSALS = "refusals"
_asked = msgspec.json.Decoder(_Asked).decode
_part = msgspec.json.Decoder(_Part).decode


def answer_others(parts: Parts) -> None:
    """Tell other nodes of what this one has refused."""
    parts.others.answer_to(_REFUSALS, lambda about: wire.encode(_of_here(parts, _asked(about))).decode())


async def list_refusals(call: Call) -> Answer:
    """`GET /api/refusals`."""
    limit, parts = call.limit(), call.parts
    asked = _Asked(call.request.asked("userId"), place_of(call.before()), limit + 1)
    answered = await parts.others.ask(_REFUSALS, wire.encode(asked).decode())
    told = [_of_here(parts, asked), *map(_part, answered.by.values())]
    items, next_ = one_page((row for part in told for row in part.found), limit)
    began = max(part.began for part in told)
    return ok(Refusals(items, next_, timestamp(began), list(answered.missing)))


def _of_here(parts: Parts, asked: _Asked) -> _Part:
    node = parts.others.node
    rows = [((one.at, one.number, node), one) for one in parts.turned_away.all_of(asked.user)]
    rows = sorted((row for row in rows if asked.before is None or row[0] < asked.before), key=lambda row: row[0])
    found = [(place, _item(one, node)) for place, one in rows[: -asked.limit - 1 : -1]]
    return _Part(found, parts.minutes.began)


def _item(counted: Counted, node: str) -> RefusalItem:
    refused = counted.refused
    return RefusalItem(
        node=node or None,
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
