"""Streams that are open now on this node, and how many a send would reach."""

from __future__ import annotations

import re

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.device import DeviceId
from tocsin.errors import Invalid, NotFound
from tocsin.live.stream import State, Stream
from tocsin.principal import UserId, parse_id
from tocsin.wire import timestamp

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class StreamItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stream.

    Attributes:
        id: a number that no other stream of this process has had.
        user_id: whose; null for nobody's, which gets broadcasts only.
        credential: which credential opened it, without its secret.
        kind: `websocket`, `events` or `lines`.
        devices: only what is about these; null for all.
        address: as limits count it.
        since: when it was opened.
        sent: bytes written to it.
        behind: whether it reads from the store what it has not been told yet.
    """

    id: str
    user_id: str | None
    credential: str | None
    kind: str
    devices: list[str] | None
    address: str
    since: str
    sent: int
    behind: bool


class Streams(msgspec.Struct, frozen=True):
    """A page of the streams of this node, newest first; `next` is the `before` of the following page, or null.

    Attributes:
        total: how many are open.
    """

    streams: list[StreamItem]
    next: str | None
    total: int


class Audience(msgspec.Struct, frozen=True):
    """`GET /api/audience`.

    Attributes:
        users: how many a send would be for.
        streams: to how many streams of this node it would be written now.
    """

    users: int
    streams: int


async def list_streams(call: Call) -> Answer:
    """`GET /api/streams`."""
    limit, before = call.limit(), call.before()
    if before is not None and not _NUMBER.fullmatch(before):
        raise Invalid("before", "must be a number, as `next` gave it")
    streams = sorted(call.parts.gate.hub.streams, key=lambda stream: stream.number, reverse=True)
    found = [stream for stream in streams if before is None or stream.number < int(before)]
    items = [_item(stream) for stream in found[:limit]]
    return ok(Streams(items, items[-1].id if len(found) > limit else None, len(streams)))


async def count_audience(call: Call) -> Answer:
    """`GET /api/audience`."""
    wanted, about = call.request.asked("userId"), call.request.asked("deviceId")
    device = None if about is None else DeviceId(parse_id(about, where="deviceId"))
    hub, store = call.parts.gate.hub, call.parts.store
    if wanted is None:
        return ok(Audience(await store.count_users(), hub.audience(None, device)))
    user = UserId(parse_id(wanted, where="userId"))
    if await call.parts.directory.user(user) is None:
        raise NotFound("User")
    return ok(Audience(1, hub.audience(user, device)))


def _item(stream: Stream) -> StreamItem:
    return StreamItem(
        id=str(stream.number),
        user_id=stream.user_id,
        credential=stream.principal.credential if stream.principal is not None else None,
        kind=stream.form.kind,
        devices=None if stream.devices is None else sorted(stream.devices),
        address=stream.address,
        since=timestamp(stream.opened),
        sent=stream.sent,
        behind=stream.state is State.CATCHING_UP,
    )
