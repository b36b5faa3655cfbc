"""Notification: the stored thing; one per send, however many see it."""

from __future__ import annotations

import os
from functools import lru_cache
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


_BASE32 = b"0123456789abcdefghijklmnopqrstuv"
# A byte to a character that only some of its bits choose, each of them as often as any other.
_ANY = bytes(_BASE32[byte & 31] for byte in range(256))
_VERSION = bytes(_BASE32[0b01110 | byte & 1] for byte in range(256))
_VARIANT = bytes(_BASE32[(byte & 4) << 2 | 0b01000 | byte & 3] for byte in range(256))
_CHANCE_LENGTH = 16
_DRAWN_AT_ONCE = 100


def _chance() -> str:
    # Drawn a hundred at a time: a system call for each id costs more than the id.
    if not _drawn:
        raw = os.urandom(_CHANCE_LENGTH * _DRAWN_AT_ONCE)
        text = bytearray(raw.translate(_ANY))
        text[0::_CHANCE_LENGTH] = raw[0::_CHANCE_LENGTH].translate(_VERSION)
        text[3::_CHANCE_LENGTH] = raw[3::_CHANCE_LENGTH].translate(_VARIANT)
        whole = text.decode()
        _drawn.extend(whole[at : at + _CHANCE_LENGTH] for at in range(0, len(whole), _CHANCE_LENGTH))
    return _drawn.pop()


_drawn: list[str] = []


@lru_cache(maxsize=8)
def _moment(now_ms: int) -> str:
    return "notif_" + "".join([chr(_BASE32[now_ms >> shift & 31]) for shift in range(45, -1, -5)])


def new_id(now_ms: int) -> NotificationId:
    """A new id: `notif_` and a UUIDv7 (RFC 9562 §5.7) in lower-case base32hex; sorts by time, opaque otherwise.

    Its 48 bits of time are ten characters, version and first random bit one, and so on: no bit of one part shares
    a character with a bit of another but in the two that hold version and variant.

    Parameters:
        now_ms: milliseconds UTC.
    """
    return NotificationId(_moment(now_ms) + _chance())
