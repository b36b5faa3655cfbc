"""What the server answers, as a client gets to see it."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from tocsin.client.event import Event, Unread

T = TypeVar("T")


class Sent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to a send.

    Attributes:
        recipient_count: to how many open streams it was written; it is kept for everybody else.
    """

    notification_id: str
    recipient_count: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one notification of `send_many`.

    Attributes:
        notification_id, recipient_count: as of Sent, where it was kept.
        status: what sending it alone would have been answered with, where it was not; 424 where it was fine, and
            another one of those that were to be kept as a whole was not.
        error: why it was not kept.
    """

    success: bool
    notification_id: str = ""
    recipient_count: int = 0
    status: int = 200
    error: str = ""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list.

    Attributes:
        next: the `before` of the following page, None on the last. A page may be short, even empty, and have one.
        position: as of which it was read; empty where the list has no place in the log.
    """

    items: list[T]
    next: str | None = None
    position: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """When its reader did what with a notification, or None."""

    id: str
    read: str | None = None
    dismissed: str | None = None
    acknowledged: str | None = None


class AllRead(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to `read_all`: up to where, and what is unread now."""

    up_to: str
    unread: Unread


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since a position; go on from `position`, at once when there is `more`."""

    events: list[Event]
    position: str
    more: bool


class Recipient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one recipient did with a notification, and when; None for not at all.

    Attributes:
        delivered: when a screen of theirs had confirmed it.
    """

    user_id: str
    delivered: str | None = None
    read: str | None = None
    dismissed: str | None = None
    acknowledged: str | None = None


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a notification.

    Attributes:
        streamed: to how many streams it was written when it was sent; a lower bound.
        withdrawn: when it was taken back, or None.
        recipients: how many it is for; `delivered`, `read`, `dismissed` and `acknowledged` count those of them.
        receipts: a page of the recipients, by id.
        next: the `before` of the following page, None on the last.
    """

    id: str
    streamed: int = 0
    withdrawn: str | None = None
    recipients: int = 0
    delivered: int = 0
    read: int = 0
    dismissed: int = 0
    acknowledged: int = 0
    receipts: list[Recipient] = []
    next: str | None = None
