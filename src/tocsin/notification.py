"""Notification: the stored thing; one per send, however many see it."""

from __future__ import annotations

import os
from typing import Literal, NewType, get_args

import msgspec

from tocsin.app import AppId
from tocsin.device import DeviceId
from tocsin.idempotency import Once
from tocsin.principal import UserId

NotificationId = NewType("NotificationId", str)

Type = Literal["info", "success", "warning", "error", "emergency"]
"""Severity, mildest first."""

TYPES: tuple[Type, ...] = get_args(Type)

TITLE_LENGTH = 256
"""Most code points in a title."""

MESSAGE_BYTES = 8 * 1024
"""Most UTF-8 bytes in a message."""

METADATA_BYTES = 16 * 1024
"""Most UTF-8 bytes in metadata, as JSON text."""

METADATA_DEPTH = 32
"""Deepest nesting of objects and arrays in metadata."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A validated notification that is not yet stored.

    Attributes:
        user_id: the audience: one user, or None for everyone.
        body: the flat JSON object, encoded once; what every reader and stream is given.
        sender: who sent it (`user:<id>` or `app:<id>`).
        credential: which credential it came by, without its secret.
        created_at: milliseconds UTC.
        quota: grants per hour when the sender is an app, else None.
        once: the idempotency key it came with, if any.
    """

    id: NotificationId
    type: Type
    user_id: UserId | None
    device_id: DeviceId | None
    app_id: AppId | None
    body: bytes
    sender: str
    credential: str
    created_at: int
    quota: int | None = None
    once: Once | None = None


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A stored notification, as streams and readers need it.

    Attributes:
        first: the number it was created at; never moves.
        seq: the number of its latest change.
        since: the number at which it last became unread.
        body: the flat JSON object, as UTF-8.
    """

    first: int
    seq: int
    since: int
    id: NotificationId
    user_id: UserId | None
    device_id: DeviceId | None
    body: bytes


_BASE32 = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [a + b for a in _BASE32 for b in _BASE32]
_SHIFTS = range(120, -1, -10)


def _chance() -> bytes:
    # Ten bytes from a drawn kilobyte: a system call for each id costs more than the id.
    if len(_drawn) < 10:
        _drawn[:] = os.urandom(1000)
    taken = bytes(_drawn[-10:])
    del _drawn[-10:]
    return taken


_drawn = bytearray()


def new_id(now_ms: int) -> NotificationId:
    """A new id: `notif_` and a UUIDv7 (RFC 9562 §5.7) in lower-case base32hex; sorts by time, opaque otherwise.

    Parameters:
        now_ms: milliseconds UTC.
    """
    random = int.from_bytes(_chance())
    number = (
        (now_ms & 0xFFFFFFFFFFFF) << 80 | 0x7000 << 64 | (random >> 68) << 64 | 0b10 << 62 | random & 0x3FFFFFFFFFFFFFFF
    )
    return NotificationId("notif_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS]))
