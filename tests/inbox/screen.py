"""A screen: loads the list, then applies events in order, as docs/decisions/0006-the-inbox.md says and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from inbox.model import View, viewed
from tocsin.notification import TYPES

CHANGES = ("notification", "withdrawn", "receipt", "mark", "purged")
"""Events with a place in the log that change what is before somebody."""


class Torn(AssertionError):
    """A stream broke its promise: went back, came twice, or began without hello."""


def number(position: str) -> int:
    """The number in a position."""
    return int(position.rpartition("-")[2])


class Screen:
    """What one person has open somewhere.

    Parameters:
        devices: shows what is about these only; None shows all.

    Attributes:
        held: notifications by id, as lists give them.
        position: everything up to there is in `held`; empty before anything was loaded.
        all_counts: `unread` events; `counted_at`: the number of the latest.
        uncounted_at: the number of the latest event that one must follow.
        lost: how often a gap was told.
    """

    def __init__(self, devices: frozenset[str] | None = None) -> None:
        self.devices = devices
        self.held: dict[str, dict[str, Any]] = {}
        self.position = ""
        self.counted_at = -1
        self.uncounted_at = -1
        self.all_counts: list[dict[str, Any]] = []
        self.lost = 0
        self.caught_up = False
        self._told: set[str] = set()
        self._greeted = False

    # ------------------------------------------------------------ loading

    def load(self, items: Iterable[dict[str, Any]], position: str) -> None:
        """A page of the list; of several pages the earliest position is gone on from."""
        for item in items:
            self.held[item["id"]] = item
        if not self.position or number(position) < number(self.position):
            self.position = position

    def kept(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """What a program might have written down, to go on from later."""
        return self.position, {id_: dict(item) for id_, item in self.held.items()}

    def restore(self, kept: tuple[str, dict[str, dict[str, Any]]]) -> None:
        """Start again from what was written down."""
        self.position, self.held = kept[0], {id_: dict(item) for id_, item in kept[1].items()}

    # ------------------------------------------------------------ a stream

    def connect(self) -> None:
        """A new stream, from `position` on."""
        self._greeted = self.caught_up = False
        self._told = set()

    def take(self, event: dict[str, Any]) -> None:
        """An event of the stream.

        Raises:
            Torn: it may not stand here.
        """
        name, position, data = event["event"], event["position"], event["data"]
        if name == "unread":
            self.counted_at = max(self.counted_at, number(data["position"]))
            self.all_counts.append(data)
            return
        if (name == "hello") is self._greeted:
            raise Torn(f"{name} at {position}: hello comes first, and once")
        self._greeted = True
        here, there = number(self.position) if self.position else -1, number(position)
        if name in CHANGES:
            if there <= here:
                raise Torn(f"{name} {data} at {position}, after {self.position}")
            if name == "notification" and data["id"] in self._told:
                raise Torn(f"{data['id']} came twice on one stream")
            self.apply(name, data)
        elif there < here:
            raise Torn(f"{name} at {position}, after {self.position}")
        if name in (*CHANGES[1:], "caught-up"):
            self.uncounted_at = there
        if name == "gap":
            self.lost += 1
        elif name == "caught-up":
            if self.caught_up:
                raise Torn("caught up twice")
            self.caught_up = True
        elif name == "notification":
            self._told.add(data["id"])
        self.position = position

    def apply(self, name: str, data: dict[str, Any]) -> None:
        """The rules."""
        match name:
            case "notification":
                self.held[data["id"]] = data
            case "withdrawn":
                self.held.pop(data["id"], None)
            case "receipt" if data["id"] in self.held:
                self.held[data["id"]] |= {key: data[key] for key in ("read", "dismissed", "acknowledged")}
            case "mark":
                for one in self.held.values():
                    fits = data["type"] in (None, one["type"]) and data["deviceId"] in (None, one["deviceId"])
                    if one["read"] is None and fits and number(one["since"]) <= number(data["upTo"]):
                        one["read"] = data["at"]
            case "purged":
                self.held = {
                    id_: one
                    for id_, one in self.held.items()
                    if not (
                        (one["userId"] is None) is data["broadcasts"]
                        and data["appId"] in (None, one.get("appId") or "")
                        and number(one["first"]) <= number(data["upTo"])
                    )
                }

    # ------------------------------------------------------------ how it looks

    def view(self) -> View:
        """As `Model.view` gives it."""
        return sorted(viewed(list(self.held.values())), key=lambda row: -row[1])

    def unread(self) -> dict[str, int]:
        """A recount of what is held here."""
        found = Counter(one["type"] for one in self.held.values() if one["read"] is None)
        return {kind: found[kind] for kind in TYPES}
