"""What became of notifications, as who sent them is told."""

from __future__ import annotations

import msgspec

from tocsin.device import DeviceId
from tocsin.notification import NotificationId, Type
from tocsin.principal import UserId
from tocsin.receipt import State


class Recipient(msgspec.Struct, frozen=True):
    """What became of a notification with one recipient.

    Attributes:
        delivered: when their screens had confirmed it, milliseconds UTC, or None.
    """

    user_id: UserId
    delivered: int | None
    state: State


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a notification.

    Attributes:
        first: the number of its creation.
        sender: who sent it (`user:<id>` or `app:<id>`).
        credential: which credential it came by, without its secret.
        user_id: whom it is for; None for everyone.
        created_at: when it was sent, milliseconds UTC.
        streamed: to how many streams it was written when it was sent; a lower bound.
        withdrawn: when it was taken back, milliseconds UTC, or None.
        recipients: how many users it is for.
        delivered, read, dismissed, acknowledged: how many of them.
        page: the recipients, by id.
        next: what `before` of the following page is; None on the last.
    """

    id: NotificationId
    first: int
    sender: str
    credential: str
    user_id: UserId | None
    created_at: int
    streamed: int
    withdrawn: int | None
    recipients: int
    delivered: int
    read: int
    dismissed: int
    acknowledged: int
    page: list[Recipient]
    next: str | None


class SentNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification as it was sent, whoever it is for.

    Attributes:
        first: the number it was created at.
        sender, credential, user_id, created_at, streamed, withdrawn: as in Whereabouts.
        body: the flat JSON object; None where it was taken back, or is damaged on disk.
    """

    first: int
    id: NotificationId
    type: Type
    user_id: UserId | None
    device_id: DeviceId | None
    sender: str
    credential: str
    created_at: int
    streamed: int
    withdrawn: int | None
    body: bytes | None
