"""What a client confirms to have received, and when it says so. Does no I/O."""

from __future__ import annotations

from tocsin.position import Position

CONFIRM_SECONDS = 5.0
"""Between two confirmations; a server notes no more of them."""


class Confirming:
    """The positions of one stream, from its first connection on.

    A server believes a confirmation only from a stream that began at or before the last one. So a stream that is
    made again goes back to what was surely confirmed, where there is more than that; what comes twice is dropped.
    Nothing answers a confirmation: it is sure once the connection that it was sent on has brought something since,
    and either 5 seconds have passed or the next one is sent.

    Parameters:
        by_itself: what the reader came back from is confirmed without a word from them.
    """

    def __init__(self, *, by_itself: bool) -> None:
        self._by_itself = by_itself
        self._given: Position | None = None
        self._taken: Position | None = None
        self._told: Position | None = None
        self._sure: Position | None = None
        self._heard = False
        self._reached: Position | None = None
        self._not_before = 0.0

    def began(self, position: Position) -> None:
        """It goes on from here, and nothing that was before it counts any more."""
        self._sure = self._told = self._reached = position
        self._given = self._taken = None

    def connecting(self) -> None:
        """A connection is made anew; what was not surely confirmed on the one before was not."""
        self._told, self._reached, self._not_before = self._sure, None, 0.0

    def reached(self, position: Position, now: float) -> None:
        """The connection has come as far as this.

        Parameters:
            now: seconds, monotonic.
        """
        self._reached, self._heard = position, True
        if self._sure is None:
            self._sure = self._told = position
        elif now >= self._not_before:
            self._sure = self._told

    def gave(self, position: Position) -> None:
        """A notification was given to the reader."""
        self._given = position

    def came_back(self) -> None:
        """The reader is done with all that was given to them."""
        if self._by_itself and self._given is not None:
            self.confirm(self._given)

    def confirm(self, position: Position) -> None:
        """Everything up to here has arrived."""
        if _is_after(position, self._taken):
            self._taken = position

    def resume_from(self, position: Position) -> Position:
        """Where the next connection begins, for a reader who was given everything up to a position."""
        latest = self._given if self._by_itself else None
        for one in (self._taken, latest):
            if self._sure is not None and one is not None and _is_after(one, self._sure):
                return self._sure
        return position

    def due(self, now: float, *, last: bool = False) -> Position | None:
        """What to confirm now; it counts as confirmed then.

        Parameters:
            now: seconds, monotonic.
            last: the connection is about to end, so it is now or never.
        """
        if not self._is_waiting() or (now < self._not_before and not last):
            return None
        if self._heard:
            self._sure = self._told
        self._heard, self._not_before = False, now + CONFIRM_SECONDS
        self._told = self._taken
        return self._taken

    def seconds_left(self, now: float) -> float | None:
        """How long until something is due; None: not before something else happens."""
        return max(0.0, self._not_before - now) if self._is_waiting() else None

    def _is_waiting(self) -> bool:
        # A position that this connection has not come to yet would be refused.
        taken = self._taken
        return taken is not None and _is_after(taken, self._told) and not _is_after(taken, self._reached)


def _is_after(one: Position, other: Position | None) -> bool:
    return other is None or (one.epoch == other.epoch and one.seq > other.seq)
