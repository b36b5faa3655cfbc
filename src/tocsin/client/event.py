"""Event: what a stream tells, and what `changes` lists (docs/decisions/0006-the-inbox.md)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tocsin.client.notification import Notification, read_notification


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Its reader did something with a notification; when, or None.

    Attributes:
        id, first: of the notification.
    """

    id: str
    first: str
    read: str | None = None
    dismissed: str | None = None
    acknowledged: str | None = None
    position: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reader has read everything up to a position.

    Attributes:
        type, device_id: of that severity, about that device only; None: all.
        at: when.
    """

    up_to: str
    type: str | None = None
    device_id: str | None = None
    at: str
    position: str = ""


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """A notification was taken back.

    Attributes:
        id, first: of the notification.
    """

    id: str
    first: str
    position: str = ""


class Purged(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was created up to a position is gone.

    Attributes:
        broadcasts: of what is for everyone; else of what is for the reader alone.
        app_id: of that app only, or of none where it is empty; None: all.
    """

    up_to: str
    broadcasts: bool
    app_id: str | None = None
    position: str = ""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """How many notifications are unread, in all and by type, as of `position`."""

    total: int
    types: dict[str, int]
    position: str = ""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was to come can no longer be had.

    Attributes:
        oldest: what came up to here may be missing.
    """

    oldest: str = ""
    position: str = ""


class CaughtUp(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to `position` has come; what follows is told as it happens."""

    position: str = ""


Event: TypeAlias = Notification | Receipt | Mark | Withdrawn | Purged | Unread | Gap | CaughtUp

_FORMS: dict[str, type[Receipt | Mark | Withdrawn | Purged | Unread | Gap | CaughtUp]] = {
    "receipt": Receipt,
    "mark": Mark,
    "withdrawn": Withdrawn,
    "purged": Purged,
    "unread": Unread,
    "gap": Gap,
    "caught-up": CaughtUp,
}


class Envelope(msgspec.Struct, frozen=True):
    """An event as it comes: its name, its data, and its place in the log if it has one."""

    event: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    position: str | None = None


def read_event(envelope: Envelope) -> Event | None:
    """What an envelope holds; None for a word that this client does not know.

    Raises:
        msgspec.DecodeError: it is not what its name says.
    """
    text, position = bytes(envelope.data), envelope.position or ""
    if envelope.event == "notification":
        return read_notification(text, position)
    form = _FORMS.get(envelope.event)
    if form is None:
        return None
    found = msgspec.json.decode(text, type=form)
    return msgspec.structs.replace(found, position=position) if position else found
