"""`GET /api/changes`: what a stream would tell, for those who ask instead of listening."""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer
from tocsin.api.call import Call
from tocsin.live.gate import devices_asked
from tocsin.position import Position
from tocsin.receipt import Item

_BEYOND = 1 << 62
"""A number that no log comes to."""


class ChangeTold(msgspec.Struct, frozen=True):
    """One event, as on a stream."""

    event: str
    position: str
    data: dict[str, Any]


class Changes(msgspec.Struct, frozen=True):
    """What changed since a position; go on from `position`, at once when there is `more`."""

    changes: list[ChangeTold]
    position: str
    more: bool


async def list_changes(call: Call) -> Answer:
    """`GET /api/changes`."""
    store, limit = call.parts.store, call.limit()
    asked, devices = call.request.asked("since"), devices_asked(call.request)
    since = None if asked is None else Position.parse(asked)
    if since is None:
        # The head of the log, whichever node has written it.
        page = await store.changes(call.user_id, devices, _BEYOND, 1)
        return _answer([], Position(store.epoch, page.head), more=False)
    page = await store.changes(call.user_id, devices, since.seq, limit)
    if since.epoch != store.epoch or since.seq > page.head:
        here = Position(store.epoch, page.head)
        return _answer([_gap(here, here)], here, more=False)
    told = [_gap(since, Position(store.epoch, page.floor))] if page.floor > since.seq else []
    for change in page.changes:
        if isinstance(change, Item):
            at = Position(store.epoch, change.notification.seq)
            told.append(wire.envelope("notification", str(at), wire.item_told(change, store.epoch)))
        else:
            event, data = wire.change_told(change, store.epoch)
            told.append(wire.envelope(event, str(Position(store.epoch, change.seq)), data))
    return _answer(told, Position(store.epoch, page.upto), more=page.full)


def _gap(at: Position, oldest: Position) -> bytes:
    return wire.envelope("gap", str(at), b'{"oldest":"%b"}' % str(oldest).encode())


def _answer(told: list[bytes], upto: Position, *, more: bool) -> Answer:
    body = b'{"changes":[%b],"position":"%b","more":%b}'
    return Answer(200, body % (b",".join(told), str(upto).encode(), b"true" if more else b"false"))
