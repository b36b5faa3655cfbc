"""Sends that were refused lately: some for each sender, in memory, gone with the process."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

_EACH = 20
"""Different refusals that are kept of one sender."""
_SENDERS = 100
"""Senders, and as many addresses of which nobody knows who is there."""
_LENGTH = 200
"""Characters that are kept of a text that anybody may have written."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A send that was refused; the same again is counted.

    Attributes:
        route: the path that was sent to, as the route table has it.
        status, code, error: what was answered.
        to: whom it was to reach, as far as that was read.
        sender: `user:<id>` or `app:<id>`; None where the credential did not hold.
        credential: which one that was, without its secret; None where it did not hold.
        key: the id that a key or secret bears that did not hold.
        app: the app in the path.
        address: where it came from.
    """

    route: str
    status: int
    code: str
    error: str
    to: str | None
    sender: str | None
    credential: str | None
    key: str | None
    app: str | None
    address: str


class Counted(msgspec.Struct, kw_only=True):
    """What was refused how often.

    Attributes:
        number: grows with everything that is refused; that of the last time.
        since, at: the first and the last time, milliseconds UTC.
    """

    refused: Refused
    number: int
    since: int
    at: int
    count: int


class TurnedAway:
    """The sends that were refused last.

    Whoever is refused over and over pushes out their own only; who they are not known to be, that of their address.
    """

    def __init__(self) -> None:
        self._number = 0
        # Kept apart, so that strangers from many addresses push out no sender.
        self._known: OrderedDict[str, OrderedDict[Refused, Counted]] = OrderedDict()
        self._strange: OrderedDict[str, OrderedDict[Refused, Counted]] = OrderedDict()

    def add(self, refused: Refused, now: int) -> None:
        """Keep one.

        Parameters:
            now: milliseconds UTC.
        """
        short = {
            name: value[:_LENGTH]
            for name in ("error", "to", "app")
            if (value := getattr(refused, name)) is not None and len(value) > _LENGTH
        }
        if short:
            refused = msgspec.structs.replace(refused, **short)
        self._number += 1
        groups = self._strange if refused.sender is None else self._known
        mine = groups.setdefault(refused.sender or refused.address, OrderedDict())
        groups.move_to_end(refused.sender or refused.address)
        if len(groups) > _SENDERS:
            groups.popitem(last=False)
        counted = mine.get(refused)
        if counted is None:
            mine[refused] = Counted(refused=refused, number=self._number, since=now, at=now, count=1)
            if len(mine) > _EACH:
                mine.popitem(last=False)
            return
        counted.number, counted.at, counted.count = self._number, now, counted.count + 1
        mine.move_to_end(refused)

    def all_of(self, user: str | None) -> list[Counted]:
        """What is kept, in no order.

        Parameters:
            user: only what was to reach them, or was sent by them.
        """
        return [
            one
            for groups in (self._known, self._strange)
            for mine in groups.values()
            for one in mine.values()
            if user is None or user == one.refused.to or one.refused.sender == f"user:{user}"
        ]
