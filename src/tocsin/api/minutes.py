"""What happened here, minute by minute: a day of it in memory, gone with the process."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from tocsin.ports import Clock

KEPT = 24 * 60
"""Minutes."""

STEPS = 4
"""Of a time, to a doubling of it; the first begins at a microsecond."""

_MINUTE_MS = 60_000
_FIRST_REFUSAL = 400


class Counts(msgspec.Struct, frozen=True):
    """What has been counted since the process began, and how many streams are open now."""

    sends: int
    deliveries: int
    streams: int


class Span(msgspec.Struct):
    """What happened in one minute, or in several.

    Attributes:
        at: when it began, milliseconds UTC.
        sends: notifications that streams of this node were told of, whichever node took them.
        deliveries: how often one was written to a stream.
        refusals: requests to send that were answered with 400 or more.
        streams: most that were open when somebody looked.
        seconds: how long requests to send took to be answered, when they were taken: how many took up to the upper
            end of which step.
    """

    at: int
    sends: int = 0
    deliveries: int = 0
    refusals: int = 0
    streams: int = 0
    seconds: dict[int, int] = {}

    def add(self, other: Span) -> None:
        """Take another into this one."""
        self.sends += other.sends
        self.deliveries += other.deliveries
        self.refusals += other.refusals
        self.streams = max(self.streams, other.streams)
        for step, count in other.seconds.items():
            self.seconds[step] = self.seconds.get(step, 0) + count

    def quantile(self, share: float) -> float | None:
        """Within how many milliseconds that share of the sends was answered, to a fifth; None where there were none."""
        wanted = math.ceil(sum(self.seconds.values()) * share)
        for step in sorted(self.seconds):
            wanted -= self.seconds[step]
            if wanted <= 0:
                return round(2 ** ((step + 1) / STEPS) / 1000, 3)
        return None


class Minutes:
    """The ring.

    Parameters:
        clock: says which minute it is.
        read: the counts of this node.

    Attributes:
        began: when the process did, milliseconds UTC.
        statuses: how many requests to send were answered with which status since then.
        steps: of those that were taken, how long each took, as `Span.seconds`.
        spent: seconds that they took together.
    """

    def __init__(self, clock: Clock, read: Callable[[], Counts]) -> None:
        self._clock = clock
        self._read = read
        self.began = clock.now()
        self.statuses: dict[int, int] = {}
        self.steps: dict[int, int] = {}
        self.spent = 0.0
        self._before = read()
        self._past: deque[Span] = deque(maxlen=KEPT)
        self._current = Span(self.began // _MINUTE_MS * _MINUTE_MS)

    def answered(self, status: int, seconds: float) -> None:
        """A request to send was answered."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status >= _FIRST_REFUSAL:
            self._current.refusals += 1
        else:
            step = int(STEPS * math.log2(max(1.0, seconds * 1e6)))
            self._current.seconds[step] = self._current.seconds.get(step, 0) + 1
            self.steps[step] = self.steps.get(step, 0) + 1
            self.spent += seconds

    def look(self) -> None:
        """Bring the minute up to now, and begin the next one where it is over."""
        now, before, current = self._read(), self._before, self._current
        current.sends += now.sends - before.sends
        current.deliveries += now.deliveries - before.deliveries
        current.streams = max(current.streams, now.streams)
        self._before = now
        at = self._clock.now() // _MINUTE_MS * _MINUTE_MS
        # After somebody set the clock back, the minute goes on until its time comes again.
        if at > current.at:
            self._past.append(current)
            self._current = Span(at, streams=now.streams)

    async def run(self) -> None:
        """Look once a second. Never ends by itself."""
        while True:
            await asyncio.sleep(1.0)
            self.look()

    def last(self, minutes: int, step: int) -> list[Span]:
        """What happened, oldest first; where nothing was looked at, there is nothing.

        Parameters:
            minutes: how far back.
            step: how many minutes go together.
        """
        self.look()
        since = self._clock.now() - minutes * _MINUTE_MS
        return _together([one for one in (*self._past, self._current) if one.at > since], step * _MINUTE_MS)


def _together(spans: Iterable[Span], step_ms: int) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        at = span.at // step_ms * step_ms
        if not found or found[-1].at != at:
            found.append(Span(at))
        found[-1].add(span)
    return found
