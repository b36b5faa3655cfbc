"""The names of the devices and apps that one's notifications are about."""

from __future__ import annotations

import msgspec

from tocsin import wire
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.app import AppId
from tocsin.device import DeviceId
from tocsin.errors import Invalid
from tocsin.notification import NotificationId
from tocsin.ports import Wanted
from tocsin.principal import parse_id

MOST_ASKED = 100
"""Most ids of a kind in one request."""


class Names(msgspec.Struct, frozen=True):
    """Names by id; an id that nobody has named, and one that is not of one's notifications, is left out."""

    devices: dict[str, str]
    apps: dict[str, str]


async def list_names(call: Call) -> Answer:
    """`GET /api/names`: only of what one has a notification about, so that nobody finds out what else there is."""
    store, user = call.parts.store, call.user_id
    devices: dict[str, str] = {}
    apps: dict[str, str] = {}
    for id_ in _asked(call, "id"):
        item = await store.notification(user, NotificationId(id_))
        if item is None:
            continue
        device_of, app_of = item.notification.device_id, wire.app_of(item.notification.body)
        if device_of is not None and (device := await store.device(device_of)):
            devices[device.id] = device.name
        if app_of is not None and (app := await store.app(app_of)):
            apps[app.id] = app.name
    for device_id in [DeviceId(id_) for id_ in _asked(call, "deviceId")]:
        device = await store.device(device_id)
        if device and (await store.inbox(user, Wanted(devices=frozenset({device_id})), None, 1)).items:
            devices[device_id] = device.name
    for app_id in [AppId(id_) for id_ in _asked(call, "appId")]:
        app = await store.app(app_id)
        if app and (await store.inbox(user, Wanted(apps=frozenset({app_id})), None, 1)).items:
            apps[app_id] = app.name
    return ok(Names(devices, apps))


def _asked(call: Call, name: str) -> list[str]:
    given = list(dict.fromkeys(call.request.query.get(name, [])))
    if len(given) > MOST_ASKED:
        raise Invalid(name, f"at most {MOST_ASKED} at a time")
    return [parse_id(one, where=name) for one in given]
