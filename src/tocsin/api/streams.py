"""Streams that are open now on all nodes, and how many a send would reach."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.api.places import Place, one_page, place_of
from tocsin.device import DeviceId
from tocsin.errors import NotFound
from tocsin.live.hub import Hub
from tocsin.live.stream import State, Stream
from tocsin.nodes import Others
from tocsin.principal import UserId, parse_id
from tocsin.wire import timestamp

_STREAMS, _AUDIENCE = "streams", "audience"


class StreamItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stream.

    Attributes:
        id: what no other stream of this server has been called since it started.
        node: which node has it; null where there is one process only.
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
    node: str | None
    user_id: str | None
    credential: str | None
    kind: str
    devices: list[str] | None
    address: str
    since: str
    sent: int
    behind: bool


class Streams(msgspec.Struct, frozen=True):
    """A page of the open streams, newest first; `next` is the `before` of the following page, or null.

    Attributes:
        total: how many are open.
        missing: nodes that have not answered in a second; theirs are in neither.
    """

    streams: list[StreamItem]
    next: str | None
    total: int
    missing: list[str]


class Audience(msgspec.Struct, frozen=True):
    """`GET /api/audience`.

    Attributes:
        users: how many a send would be for.
        streams: to how many streams it would be written now.
    """

    users: int
    streams: int


class _Asked(msgspec.Struct, frozen=True, array_like=True):
    before: Place | None
    limit: int


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """What one node has."""

    found: list[tuple[Place, StreamItem]]
    total: int


_asked = msgspec.json.Decoder(_Asked).decode
_part = msgspec.json.Decoder(_Part).decode
_whom = msgspec.json.Decoder(tuple[UserId | None, DeviceId | None]).decode
_count = msgspec.json.Decoder(int).decode


def answer_others(others: Others, hub: Hub) -> None:
    """Tell other nodes of the streams of this one."""
    others.answer_to(_STREAMS, lambda about: wire.encode(_of_here(hub, others.node, _asked(about))).decode())
    others.answer_to(_AUDIENCE, lambda about: wire.encode(hub.reach(*_whom(about))).decode())


async def list_streams(call: Call) -> Answer:
    """`GET /api/streams`."""
    others, limit = call.parts.others, call.limit()
    asked = _Asked(place_of(call.before()), limit + 1)
    answered = await others.ask(_STREAMS, wire.encode(asked).decode())
    parts = [_of_here(call.parts.gate.hub, others.node, asked), *map(_part, answered.by.values())]
    items, next_ = one_page((row for part in parts for row in part.found), limit)
    total = sum(part.total for part in parts)
    return ok(Streams(items, next_, total, list(answered.missing)))


async def count_audience(call: Call) -> Answer:
    """`GET /api/audience`."""
    wanted, about = call.request.asked("userId"), call.request.asked("deviceId")
    device = None if about is None else DeviceId(parse_id(about, where="deviceId"))
    user = None if wanted is None else UserId(parse_id(wanted, where="userId"))
    if user is not None and await call.parts.directory.user(user) is None:
        raise NotFound("User")
    users = 1 if user is not None else await call.parts.store.count_users()
    elsewhere = await call.parts.others.ask(_AUDIENCE, wire.encode((user, device)).decode())
    here = call.parts.gate.hub.reach(user, device)
    return ok(Audience(users, here + sum(map(_count, elsewhere.by.values()))))


def _of_here(hub: Hub, node: str, asked: _Asked) -> _Part:
    streams = tuple(hub.streams)
    rows = sorted((((stream.opened, stream.number, node), stream) for stream in streams), key=lambda row: row[0])
    found = [row for row in reversed(rows) if asked.before is None or row[0] < asked.before][: asked.limit]
    return _Part([(place, _item(stream, node)) for place, stream in found], len(streams))


def _item(stream: Stream, node: str) -> StreamItem:
    return StreamItem(
        id=f"{stream.number}-{node}" if node else str(stream.number),
        node=node or None,
        user_id=stream.user_id,
        credential=stream.principal.credential if stream.principal is not None else None,
        kind=stream.form.kind,
        devices=None if stream.devices is None else sorted(stream.devices),
        address=stream.address,
        since=timestamp(stream.opened),
        sent=stream.sent,
        behind=stream.state is State.CATCHING_UP,
    )
