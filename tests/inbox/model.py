"""What each person should have before them: the rules of an inbox as plain dictionaries, with nothing clever in them.

Nothing here knows of receipts, marks, counters or numbers other than those at which notifications were created.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from tocsin.notification import TYPES
from tocsin.store.purge import NO_APP
from tocsin.wire import when

View = list[tuple[str, int, str | None, str | None, str | None]]
"""An inbox, newest first: id, number of creation, when it was read, dismissed, acknowledged."""


class NotThere(Exception):
    """The store must refuse: there is none, or it is not theirs."""


class TooSoon(Exception):
    """The store must refuse: it must be acknowledged first."""


@dataclass
class Seen:
    """One notification as one person has it; times are milliseconds UTC."""

    id: str
    first: int
    owner: str | None
    type: str
    device: str | None
    app: str | None
    dismissible: bool
    created: int
    read: int | None = None
    dismissed: int | None = None
    acknowledged: int | None = None


@dataclass
class Model:
    """Everybody who is there, with what they have; and what was ever sent.

    Attributes:
        people: by name, each with their notifications by id.
        sent: whatever was sent and can still be named, gone or not.
        counted: how many were unread of each type, by person, as of each number at which a commit ended.
    """

    people: dict[str, dict[str, Seen]] = field(default_factory=dict)
    sent: list[Seen] = field(default_factory=list)
    counted: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)

    # ------------------------------------------------------------ what happens

    def join(self, person: str) -> None:
        """Somebody comes; nothing of before is theirs."""
        self.people.setdefault(person, {})

    def leave(self, person: str) -> None:
        """Somebody goes, with all that they have."""
        del self.people[person]

    def send(self, seen: Seen) -> None:
        """To its owner, or to everyone who is there."""
        self.sent.append(seen)
        for person, inbox in self.people.items():
            if seen.owner in (None, person):
                inbox[seen.id] = replace(seen)

    def act(self, person: str, id_: str, what: str, now: int) -> Seen:
        """Somebody does something with one of theirs.

        Raises:
            NotThere, TooSoon: it cannot be done.
        """
        one = self.people.get(person, {}).get(id_)
        if one is None:
            raise NotThere
        match what:
            case "read" if one.read is None:
                one.read = now
            case "unread":
                one.read = None
            case "dismiss" if one.dismissed is None:
                if not one.dismissible and one.acknowledged is None:
                    raise TooSoon
                one.dismissed = now
            case "undismiss":
                one.dismissed = None
            case "acknowledge" if one.acknowledged is None:
                one.acknowledged = now
        return one

    def mark(self, person: str, upto: int, type_: str | None, device: str | None, now: int) -> None:
        """Somebody has read all of theirs up to a number."""
        for one in self.people[person].values():
            fits = type_ in (None, one.type) and device in (None, one.device)
            if fits and one.read is None and one.first <= upto:
                one.read = now

    def withdraw(self, id_: str) -> None:
        """A notification is taken back, from everyone."""
        for inbox in self.people.values():
            inbox.pop(id_, None)

    def purge(self, owner: str | None, app: str | None, upto: int) -> list[Seen]:
        """What one owner had up to a number goes, of one app or of all.

        Returns:
            What was somebody's until now.
        """
        gone = []
        for inbox in self.people.values():
            for one in list(inbox.values()):
                if one.owner == owner and app in (None, one.app or NO_APP) and one.first <= upto:
                    gone.append(inbox.pop(one.id))
        return gone

    # ------------------------------------------------------------ how it looks

    def unread(self, person: str) -> dict[str, int]:
        """How many that person has not read, by type."""
        found = Counter(one.type for one in self.people[person].values() if one.read is None)
        return {kind: found[kind] for kind in TYPES}

    def view(self, person: str, devices: frozenset[str] | None = None) -> View:
        """That person's inbox as a screen that shows some devices only (None: all) should have it."""
        return [
            (one.id, one.first, when(one.read), when(one.dismissed), when(one.acknowledged))
            for one in sorted(self.people[person].values(), key=lambda one: -one.first)
            if devices is None or one.device in devices
        ]

    def note(self, head: int) -> None:
        """Remember how many were unread as of now."""
        self.counted[head] = {person: self.unread(person) for person in self.people}


def viewed(items: list[dict[str, Any]]) -> View:
    """Notifications as a list or a stream gives them, in the form of `Model.view`."""
    return [
        (one["id"], int(one["first"].rpartition("-")[2]), one["read"], one["dismissed"], one["acknowledged"])
        for one in items
    ]
