"""Somebody's open streams in all three skins, read alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from harness.http_stream import Sse
from harness.patience import PATIENCE
from inbox.people import Person, number

Event = dict[str, Any]


class Screen:
    """One stream; events look like those of an envelope, whatever the skin.

    Parameters:
        stream: a WebSocket, SSE or NDJSON of the harness.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def next(self, timeout: float = PATIENCE) -> Event:
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
        deadline = time.monotonic() + PATIENCE
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


class Watched:
    """A stream that is live, read in a thread of its own so that it never falls behind.

    Parameters:
        stream: a WebSocket, SSE or NDJSON of the harness.

    Attributes:
        events: each with when it came, monotonic seconds.
    """

    def __init__(self, stream: Any) -> None:
        self.events: list[tuple[float, Event]] = []
        self._screen = Screen(stream)
        self._changed = threading.Condition()
        self._trouble: Exception | None = None
        self._over = False
        self._screen.until_event("caught-up")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def first(self, fits: Callable[[Event], bool], start: int = 0) -> tuple[float, Event]:
        """The first event that fits, and when it came; it is waited for.

        Parameters:
            start: how many events are passed over.
        """
        deadline, at = time.monotonic() + PATIENCE, start
        with self._changed:
            while True:
                for found in self.events[at:]:
                    if fits(found[1]):
                        return found
                at = max(at, len(self.events))
                assert self._trouble is None, self._trouble
                assert self._changed.wait(deadline - time.monotonic()), f"does not come; last {self.events[-3:]}"

    def stop(self) -> None:
        """Read no more."""
        self._over = True
        self._thread.join(10)
        self._screen.stream.close()

    def _read(self) -> None:
        while not self._over:
            try:
                event = self._screen.next(0.5)
            except TimeoutError:
                continue
            except Exception as error:  # noqa: BLE001 - it must reach the test, whatever it is
                with self._changed:
                    self._trouble = error
                    self._changed.notify()
                return
            with self._changed:
                self.events.append((time.monotonic(), event))
                self._changed.notify()


def screens(person: Person, **options: Any) -> list[Screen]:
    """A WebSocket, SSE and NDJSON of somebody that are live.

    Each has had its first counts. Others may follow: of one that comes later, all of them are told.
    """
    lines = {**options, "params": {"protocol": "tocsin.v1", **options.get("params", {})}}
    opened = [Screen(person.websocket(**options)), Screen(person.sse(**options)), Screen(person.lines(**lines))]
    for screen in opened:
        screen.until_event("unread")
    return opened
