"""What a stream can be asked to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from tocsin.client.call import know, several
from tocsin.client.event import Event, Gap
from tocsin.client.exchange import Waiting
from tocsin.client.following import Following
from tocsin.client.notification import Notification

log = logging.getLogger("tocsin.client")


class StreamOptions(TypedDict, total=False):
    """How a stream behaves.

    devices: only notifications about these (one, or several); none: all.
    confirm: tell the server what was taken, every 5 seconds at most: a notification is when the next one is asked for
        (so that `delivered` of its receipts is true; True unless given). False: only what is given to `confirm`.
    lost: without `events`: told when something that was to come can no longer be had; a warning is logged unless
        given.
    patient: wait for a server that is not there at the first connection, as at later ones; False unless given.
    waiting: told why a connection was lost, and for how many seconds the next one is put off; as the client's
        unless given.
    """

    devices: str | Sequence[str]
    confirm: bool
    lost: Callable[[Gap], None]
    patient: bool
    waiting: Waiting


def following(since: str | None, options: StreamOptions, *, named: bool) -> Following:
    """A stream with these options, before its first connection.

    Raises:
        Malformed: `since` is no position. TypeError: an option that there is not.
    """
    know(options, StreamOptions)
    return Following(
        since,
        several(options.get("devices", ())),
        named=named,
        confirm=options.get("confirm", True),
        patient=options.get("patient", False),
    )


def choice(options: StreamOptions, *, events: bool) -> Callable[[Event], Any]:
    """What of the events its reader is given: all of them, or the notifications only."""
    if events:
        return lambda event: event
    lost = options.get("lost", _say_lost)

    def choose(event: Event) -> Notification | None:
        if isinstance(event, Gap):
            lost(event)
        return event if isinstance(event, Notification) else None

    return choose


def _say_lost(gap: Gap) -> None:
    log.warning("some notifications can no longer be had; going on from %s", gap.position)
