"""Receipt: what one recipient did with one notification; and the other changes of an inbox."""

from __future__ import annotations

from typing import Literal

import msgspec

from tocsin.app import AppId
from tocsin.device import DeviceId
from tocsin.errors import Conflict
from tocsin.notification import TYPES, Notification, NotificationId, Type
from tocsin.principal import UserId

Act = Literal["read", "unread", "dismiss", "undismiss", "acknowledge"]
"""What a recipient can do."""


class State(msgspec.Struct, frozen=True):
    """When somebody did what with a notification.

    Attributes:
        read, dismissed, acknowledged: milliseconds UTC, or None.
    """

    read: int | None = None
    dismissed: int | None = None
    acknowledged: int | None = None

    def after(self, act: Act, now: int, *, dismissible: bool) -> State:
        """The state once that was done; done twice, it is the same.

        Parameters:
            now: milliseconds UTC.
            dismissible: whether it may be dismissed before it was acknowledged.

        Raises:
            Conflict: it must be acknowledged first.
        """
        match act:
            case "read":
                return self if self.read is not None else msgspec.structs.replace(self, read=now)
            case "unread":
                return msgspec.structs.replace(self, read=None)
            case "dismiss":
                if not dismissible and self.acknowledged is None:
                    raise Conflict("This notification must be acknowledged before it can be dismissed")
                return self if self.dismissed is not None else msgspec.structs.replace(self, dismissed=now)
            case "undismiss":
                return msgspec.structs.replace(self, dismissed=None)
            case "acknowledge":
                return self if self.acknowledged is not None else msgspec.structs.replace(self, acknowledged=now)


UNTOUCHED = State()


class Item(msgspec.Struct, frozen=True):
    """A notification as one recipient has it."""

    notification: Notification
    state: State = UNTOUCHED


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's state of one notification has changed.

    Attributes:
        first: the number at which the notification was created.
        device_id: what the notification is about.
    """

    seq: int
    user_id: UserId
    id: NotificationId
    first: int
    device_id: DeviceId | None
    state: State


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A user has read everything up to a number.

    Attributes:
        type: of that severity only, or None for all.
        device_id: about that device only, or None for all.
        at: milliseconds UTC.
    """

    seq: int
    user_id: UserId
    type: Type | None
    device_id: DeviceId | None
    upto: int
    at: int


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner had up to a number is gone.

    Attributes:
        user_id: the owner; None for broadcasts.
        app_id: of that app only (a space: of none), or None for all.
    """

    seq: int
    user_id: UserId | None
    app_id: AppId | None
    upto: int


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """A notification was taken back.

    Attributes:
        user_id: its audience; None for everyone.
    """

    seq: int
    first: int
    id: NotificationId
    user_id: UserId | None
    device_id: DeviceId | None


InboxChange = Receipt | Mark | Purged | Withdrawn
"""A change of what is in somebody's inbox, other than something new in it."""

Change = Item | InboxChange
"""What can have changed for a reader."""


class Unread(msgspec.Struct, frozen=True):
    """How many notifications a user has not read.

    Attributes:
        types: by severity, all of them.
        head: the number up to which everything is counted.
    """

    types: dict[Type, int]
    head: int

    @property
    def total(self) -> int:
        return sum(self.types.values())


NOTHING_UNREAD: dict[Type, int] = dict.fromkeys(TYPES, 0)
