"""What a person does with their notifications: read, dismiss, acknowledge; one by one, and all at once."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.device import DeviceId
from tocsin.notification import Type
from tocsin.position import Position
from tocsin.principal import parse_id
from tocsin.receipt import Act


class ReadAllBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Body of `POST /api/notifications/read-all`; without one, everything.

    Attributes:
        up_to: a position: what came after it stays unread.
        type: of that severity only.
        device_id: about that device only.
    """

    up_to: str | None = None
    type: Type | None = None
    device_id: str | None = None


class AllRead(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Answer of `POST /api/notifications/read-all`: up to where, and what is unread now."""

    up_to: str
    unread: wire.UnreadTold


async def read(call: Call) -> Answer:
    """`PUT /api/notifications/{id}/read`."""
    return await _act(call, "read")


async def unread(call: Call) -> Answer:
    """`DELETE /api/notifications/{id}/read`."""
    return await _act(call, "unread")


async def dismiss(call: Call) -> Answer:
    """`PUT /api/notifications/{id}/dismissal`."""
    return await _act(call, "dismiss")


async def undismiss(call: Call) -> Answer:
    """`DELETE /api/notifications/{id}/dismissal`."""
    return await _act(call, "undismiss")


async def acknowledge(call: Call) -> Answer:
    """`PUT /api/notifications/{id}/acknowledgement`."""
    return await _act(call, "acknowledge")


async def read_all(call: Call) -> Answer:
    """`POST /api/notifications/read-all`."""
    form = await call.read_or(ReadAllBody, ReadAllBody())
    device = None if form.device_id is None else DeviceId(parse_id(form.device_id, where="deviceId"))
    upto, left = await call.parts.acknowledge.mark(call.user_id, form.up_to, form.type, device)
    epoch = call.parts.store.epoch
    return ok(AllRead(up_to=str(Position(epoch, upto)), unread=wire.unread_told(left, epoch)))


async def _act(call: Call, what: Act) -> Answer:
    id_ = call.param("id")
    return ok(wire.state_told(id_, await call.parts.acknowledge.act(call.user_id, id_, what)))
