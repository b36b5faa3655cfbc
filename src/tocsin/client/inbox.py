"""Inbox: what a reader has before them, kept up to date by the events of a stream. Does no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tocsin.client.event import Event, Gap, Mark, Purged, Receipt, Unread, Withdrawn
from tocsin.client.notification import Notification
from tocsin.notification import TYPES
from tocsin.position import Position


class Inbox:
    """Load pages of the list, then apply the events since `position`, in order: that equals a fresh read.

    with client.stream(since=inbox.position, events=True) as stream:
        for event in stream:
            inbox.apply(event)

    Attributes:
        position: as of which it is; go on from here. Empty before the first load or event.
        whole: False once the log turned out to be another one: make a new Inbox and load it again.
    """

    def __init__(self) -> None:
        self.position = ""
        self.whole = True
        self._held: dict[str, Notification] = {}

    def load(self, items: Iterable[Notification], position: str) -> None:
        """Put in a page of the list.

        Parameters:
            position: as of which it was read. Of several pages the earliest is gone on from; what came in between is
                applied again, and comes out the same.
        """
        for notification in items:
            self._put(notification)
        if not self.position or _number(position) < _number(self.position):
            self.position = position

    def apply(self, event: Event) -> None:
        """What a stream or `changes` told; what is not after `position` is in already."""
        if isinstance(event, Unread):
            return
        if isinstance(event, Gap):
            self._lost(event)
            return
        if self.position and _number(event.position) <= _number(self.position):
            return
        self.position = event.position
        match event:
            case Notification():
                self._put(event)
            case Withdrawn(id=id_):
                self._held.pop(id_, None)
            case Receipt(id=id_) if id_ in self._held:
                self._held[id_] = replace(
                    self._held[id_], read=event.read, dismissed=event.dismissed, acknowledged=event.acknowledged
                )
            case Mark():
                self._held |= {
                    one.id: replace(one, read=event.at) for one in self._held.values() if _covers(event, one)
                }
            case Purged():
                self._held = {one.id: one for one in self._held.values() if not _removes(event, one)}

    @property
    def notifications(self) -> list[Notification]:
        """All of them, newest first; their `text` is empty, since it would say what was, not what is."""
        return sorted(self._held.values(), key=lambda one: -_number(one.first))

    def unread(self) -> Unread:
        """How many of those held here are unread: what the server says, too, once every page is loaded."""
        types: dict[str, int] = dict.fromkeys(TYPES, 0)
        for one in self._held.values():
            if one.read is None:
                types[one.type] = types.get(one.type, 0) + 1
        return Unread(total=sum(types.values()), types=types, position=self.position)

    def _put(self, notification: Notification) -> None:
        self._held[notification.id] = replace(notification, text=b"")

    def _lost(self, gap: Gap) -> None:
        # What is gone from this log is told by `purged`, too. From another log, or from before a restore,
        # nothing of what is held here is known to be so.
        here, there = Position.parse(self.position) if self.position else None, Position.parse(gap.position)
        if here is not None and (there.epoch != here.epoch or there.seq < here.seq):
            self.position, self.whole, self._held = gap.position, False, {}


def _number(position: str) -> int:
    return Position.parse(position).seq


def _covers(mark: Mark, one: Notification) -> bool:
    fits = mark.type in (None, one.type) and mark.device_id in (None, one.device_id)
    return fits and one.read is None and _number(one.since) <= _number(mark.up_to)


def _removes(purged: Purged, one: Notification) -> bool:
    fits = purged.broadcasts == (one.user_id is None) and purged.app_id in (None, one.app_id or "")
    return fits and _number(one.first) <= _number(purged.up_to)
