"""Device: the thing a notification is about (a camera, a machine), not a phone."""

from __future__ import annotations

from typing import NewType

import msgspec

DeviceId = NewType("DeviceId", str)


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A named device. The registry gives names; it does not gate which ids may be sent about."""

    id: DeviceId
    name: str
