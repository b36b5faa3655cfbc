"""Devices: names for the things that notifications are about."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call, text_of
from tocsin.device import Device, DeviceId
from tocsin.errors import Invalid, NotFound
from tocsin.principal import parse_id


class DeviceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /api/devices/{id}`.

    Attributes:
        id: the same as in the path.
        name: the id unless given.
    """

    id: str | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


class DeviceItem(msgspec.Struct, frozen=True):
    """A device."""

    id: str
    name: str


class Devices(msgspec.Struct, frozen=True):
    """A page of devices, by id; `next` is the `before` of the following page, or null."""

    devices: list[DeviceItem]
    next: str | None


async def list_devices(call: Call) -> Answer:
    """`GET /api/devices`."""
    limit = call.limit()
    found = await call.parts.store.devices(call.before(), limit + 1)
    next_ = found[limit - 1].id if len(found) > limit else None
    return ok(Devices([DeviceItem(device.id, device.name) for device in found[:limit]], next_))


async def get_device(call: Call) -> Answer:
    """`GET /api/devices/{id}`."""
    device = await call.parts.store.device(DeviceId(call.named("id", "Device")))
    if device is None:
        raise NotFound("Device")
    return ok(DeviceItem(device.id, device.name))


async def put_device(call: Call) -> Answer:
    """`PUT /api/devices/{id}`: create or replace."""
    parts, form = call.parts, await call.read(DeviceBody)
    id_ = DeviceId(parse_id(call.param("id"), where="id"))
    if form.id is not None and parse_id(form.id, where="id") != id_:
        raise Invalid("id", "is another than in the path")
    device = Device(id=id_, name=text_of(form.name, where="name") if form.name is not None else id_)
    async with parts.identity:
        old = await parts.store.device(id_)
        await parts.store.put_device(device, call.audit("device.create" if old is None else "device.replace", id_))
    return ok(DeviceItem(device.id, device.name), status=201 if old is None else 200)


async def delete_device(call: Call) -> Answer:
    """`DELETE /api/devices/{id}`: only the name goes; what was sent about it stays."""
    id_ = DeviceId(call.named("id", "Device"))
    if not await call.parts.store.delete_device(id_, call.audit("device.delete", id_)):
        raise NotFound("Device")
    return nothing()
