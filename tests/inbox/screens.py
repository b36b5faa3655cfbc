"""Somebody's open streams in all three skins, read alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from harness.http_stream import Sse
from inbox.people import Person, number

SECONDS = 20.0
"""How long anything is waited for."""

Event = dict[str, Any]


class Screen:
    """One stream; events look like those of an envelope, whatever the skin.

    Parameters:
        stream: a WebSocket, SSE or NDJSON of the harness.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def next(self, timeout: float = SECONDS) -> Event:
        if isinstance(self.stream, Sse):
            event = self.stream.next(timeout)
            name = "notification" if event.name == "message" else event.name
            return {"event": name, "position": event.id, "data": event.json}
        read = getattr(self.stream, "recv_json", None) or self.stream.next
        told: Event = read(timeout)
        return told

    def until(self, fits: Callable[[Event], bool]) -> list[Event]:
        """All events up to and with the first that fits."""
        found: list[Event] = []
        deadline = time.monotonic() + SECONDS
        while not found or not fits(found[-1]):
            found.append(self.next(deadline - time.monotonic()))
        return found

    def until_event(self, name: str) -> list[Event]:
        return self.until(lambda event: event["event"] == name)

    def counted(self, position: str) -> Event:
        """The data of the first `unread` that counts everything up to a position."""
        return dict(
            self.until(
                lambda event: event["event"] == "unread" and number(event["data"]["position"]) >= number(position)
            )[-1]["data"]
        )

    def change(self) -> Event:
        """The next event that is no count."""
        return self.until(lambda event: event["event"] != "unread")[-1]

    def counts_only_for(self, seconds: float) -> bool:
        """Whether nothing but how much is unread comes for so long."""
        deadline = time.monotonic() + seconds
        try:
            while self.next(max(0.0, deadline - time.monotonic()))["event"] == "unread":
                pass
        except TimeoutError:
            return True
        return False

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing at all comes for so long."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False


def screens(person: Person, **options: Any) -> list[Screen]:
    """A WebSocket, SSE and NDJSON of somebody that are live.

    Each has had its first counts. Others may follow: of one that comes later, all of them are told.
    """
    lines = {**options, "params": {"protocol": "tocsin.v1", **options.get("params", {})}}
    opened = [Screen(person.websocket(**options)), Screen(person.sse(**options)), Screen(person.lines(**lines))]
    for screen in opened:
        screen.until_event("unread")
    return opened
