"""The tail: how a node follows the log, so that its streams see every change once, in order. Has no loop, no clock.

News of a commit comes as an announcement, its own or another node's, by one door, and may come never, twice or
late. What begins right after the last number goes on to the streams; what ends before it is dropped; what leaves a
gap waits a moment for the missing one, and then the log itself is read. A look at the head once a second finds what
nobody announced. Times are seconds of a clock that goes on while the process is stopped.
"""

from __future__ import annotations

from enum import Enum

from tocsin.announcement import Announcement
from tocsin.ports import Span
from tocsin.position import Epoch

GAP_SECONDS = 0.03
"""How long a missing announcement is waited for before the log is read."""

LOOK_SECONDS = 1.0
"""Between two looks at the head."""

BLIND_SECONDS = 2.0
"""Without having read the head for so long, a node feeds no stream."""

FORGET_SECONDS = 3600.0
"""After so long the log may no longer tell which identities have changed."""

MOST_HELD = 1_000
"""Announcements held for a gap; the log has those that come on top."""


class Want(Enum):
    """What the tail needs from the log now."""

    NOTHING = "nothing"
    LOOK = "the head"
    READ = "the changes after `mine`"


class Tail:
    """Where a node is in the log.

    Attributes:
        mine: everything up to this number was given out.
        lost: the log is another one than was followed, or was not followed for too long: nothing that is
            remembered of it holds, and `begin` starts anew.
    """

    def __init__(self, epoch: Epoch, head: int, asked: float) -> None:
        self.begin(epoch, head, asked)

    def begin(self, epoch: Epoch, head: int, asked: float) -> None:
        """Start after a number.

        Parameters:
            asked: when the epoch and the head were asked for.
        """
        self.epoch = epoch
        self.mine = head
        self.lost = False
        self._known = head
        self._held: dict[int, Announcement] = {}
        self._seen = asked
        self._look_due = asked + LOOK_SECONDS
        self._read_due: float | None = None

    def sees(self, now: float) -> bool:
        """Whether the head was read lately enough to feed streams."""
        return now - self._seen <= BLIND_SECONDS

    def blind_for(self, now: float) -> float:
        """Seconds since the head was last read."""
        return now - self._seen

    def wants(self, now: float) -> Want:
        """What is to be asked of the log now."""
        if not self.sees(now) or (self._read_due is not None and self._read_due <= now):
            return Want.READ
        return Want.LOOK if self._look_due <= now else Want.NOTHING

    def wakes(self) -> float:
        """When `wants` is to be asked again, if nothing is heard before."""
        return self._look_due if self._read_due is None else min(self._read_due, self._look_due)

    # ------------------------------------------------------------ what comes in

    def hear(self, told: Announcement, now: float) -> list[Span]:
        """An announcement, whoever's.

        Returns:
            What is to be given out now, in order.
        """
        if told.epoch != self.epoch:
            # It may be of a log that is gone, or of one that we do not know of yet: the log itself says.
            self._look_due = now
            return []
        if told.last <= self.mine or not self.sees(now):
            return []
        self._known = max(self._known, told.last)
        if told.entries is None:
            self._read_due = now
            return []
        if told.first == self.mine + 1 and not self._held:
            given = [self._give(told)]
        else:
            self._hold(told)
            given = self._what_follows()
        self._mind_the_gap(now, moved=bool(given))
        return given

    def looked(self, epoch: Epoch, head: int, after: int, asked: float, now: float) -> None:
        """The head, as the log told it.

        Parameters:
            after: what `mine` was when it was asked for: since then it may have passed what was told.
            asked: when that was.
        """
        if self._follows(epoch, head, after, asked):
            self._known = max(self._known, head)
            self._mind_the_gap(now, moved=False)

    def read(self, span: Span, after: int, asked: float, now: float, *, more: bool) -> list[Span]:
        """The changes after a number, as the log told them.

        Parameters:
            after: the number: what `mine` was when they were asked for.
            asked: when that was.
            more: whether there are more than were read.

        Returns:
            What is to be given out now, in order.
        """
        if not self._follows(span.epoch, span.last, after, asked):
            return []
        self._read_due = None
        given: list[Span] = []
        if self.sees(now):
            self._known = max(self._known, span.last)
            if span.last > self.mine:
                given.append(self._give(span))
            given += self._what_follows()
        if more or not self.sees(now):
            self._read_due = now
        else:
            self._mind_the_gap(now, moved=True)
        return given

    # ------------------------------------------------------------ within

    def _follows(self, epoch: Epoch, head: int, after: int, asked: float) -> bool:
        if epoch != self.epoch or head < after or asked - self._seen > FORGET_SECONDS:
            self.lost = True
        else:
            self._seen = max(self._seen, asked)
            self._look_due = max(self._look_due, asked + LOOK_SECONDS)
        return not self.lost

    def _give(self, told: Announcement | Span) -> Span:
        after, self.mine = self.mine, told.last
        entries = told.entries or []
        if told.first <= after:
            entries = [entry for entry in entries if entry.seq > after]
        return Span(self.epoch, after + 1, told.last, entries)

    def _hold(self, told: Announcement) -> None:
        other = self._held.get(told.first)
        if len(self._held) < MOST_HELD and (other is None or other.last < told.last):
            self._held[told.first] = told

    def _what_follows(self) -> list[Span]:
        given: list[Span] = []
        for first in sorted(self._held):
            if first > self.mine + 1:
                break
            told = self._held.pop(first)
            if told.last > self.mine:
                given.append(self._give(told))
        return given

    def _mind_the_gap(self, now: float, *, moved: bool) -> None:
        if self.mine >= self._known:
            self._read_due = None
        elif self._read_due is None or moved:
            self._read_due = now + GAP_SECONDS
