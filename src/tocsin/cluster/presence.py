"""Presence: tells the log for whom this node has streams, so that others know whom to wait for."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Collection, Iterable

from tocsin.errors import Unavailable
from tocsin.nodes import Tailed
from tocsin.ports import Clock

log = logging.getLogger("tocsin.cluster")

ANYBODY = ""
"""The audience of a broadcast: any stream at all."""

SEEN_SECONDS = 2.0
"""Between two signs of life."""

GONE_SECONDS = 15.0
"""A node without a sign of life for so long is not counted, and what it noted is removed."""

FORGOTTEN_SECONDS = 6.0
"""After so long without a sign of life, others may have removed what this one noted."""

WHOLE_SECONDS = 300.0
"""After so long everything is noted anew, whatever is believed to be there."""

_BATCH = 2_000
_AGAIN_SECONDS = (0.1, 0.3)
_LEAVE_SECONDS = 0.25
_ARRIVE_SECONDS = 1.0


class Presence:
    """Keeps what the log knows of this node equal to the streams it has.

    Parameters:
        log_: where it is noted.
        node: this one's name.
        here: whom this node has streams for now, '' among them where there is any.
        has: whether somebody is among them.

    Attributes:
        others: the other nodes that live.
    """

    def __init__(
        self, log_: Tailed, node: str, clock: Clock, here: Callable[[], Iterable[str]], has: Callable[[str], bool]
    ) -> None:
        self.others: frozenset[str] = frozenset()
        self._log = log_
        self._node = node
        self._clock = clock
        self._here = here
        self._has = has
        self._noted: set[str] = set()
        self._expected: dict[str, float] = {}
        self._arriving: dict[str, asyncio.Future[None]] = {}
        self._left: set[str] = set()
        # What the log may have or not: it is being taken out, or was and somebody has come meanwhile.
        self._doubtful: set[str] = set()
        self._wake = asyncio.Event()
        self._seen = self._whole = -math.inf

    @property
    def nodes(self) -> int:
        """How many nodes live, this one among them."""
        return 1 + len(self.others)

    def concerns(self, audience: str) -> bool:
        """Whether somebody may believe that this node has streams for an audience."""
        return audience in self._noted or audience in self._arriving or audience in self._doubtful

    async def arrive(self, audience: str) -> None:
        """Have it known that a stream of an audience is about to open here: what is sent after that counts it.

        Where the log cannot be reached in a second, the stream opens all the same; counts are lower then.
        """
        wanted = {audience, ANYBODY}
        until = self._clock.monotonic() + 10.0
        for one in wanted:
            self._expected[one] = until
            self._left.discard(one)
        missing = wanted - self._noted
        if not missing:
            return
        loop = asyncio.get_running_loop()
        futures = [self._arriving.setdefault(one, loop.create_future()) for one in missing]
        self._wake.set()
        await asyncio.wait(futures, timeout=_ARRIVE_SECONDS)

    def left(self, audience: str) -> None:
        """The last stream of an audience here has closed."""
        self._left.add(audience)

    async def run(self) -> None:
        """Tell the log of comings at once, of goings a little later, and that this node lives. Never ends by itself."""
        while True:
            try:
                await self._note()
            except Unavailable:
                await asyncio.sleep(random.uniform(*_AGAIN_SECONDS))  # noqa: S311  (no secret)
            except Exception:
                log.exception("what this node has could not be noted")
                await asyncio.sleep(_AGAIN_SECONDS[1])
            if not self._arriving and not self._doubtful:
                self._wake.clear()
                try:
                    async with asyncio.timeout(_LEAVE_SECONDS if self._left else SEEN_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _note(self) -> None:
        now = self._clock.monotonic()
        arriving = list(self._arriving)[:_BATCH]
        came = {*arriving, *filter(self._is_wanted, self._doubtful)}
        whole = now - self._seen > FORGOTTEN_SECONDS or now - self._whole > WHOLE_SECONDS
        if whole:
            # Others may have removed what this node had noted.
            came.update(self._here())
        for some in _parts(came if whole else came - self._noted):
            await self._say(now, some, ())
        if whole:
            self._whole = now
        for one in arriving:
            self._arrived(one)
        self._expected = {one: until for one, until in self._expected.items() if until > now}
        self._left = {one for one in self._left if not self._has(one) and (one in self._noted or one in self._arriving)}
        for some in _parts(self._left | self._doubtful):
            if gone := [one for one in some if not self._is_wanted(one)]:
                await self._say(now, (), gone)
        if now - self._seen >= SEEN_SECONDS * 0.9:
            await self._say(now, (), ())
            await self._count()

    async def _say(self, now: float, came: Collection[str], gone: Collection[str]) -> None:
        # Before it is said: who arrives while it is on its way must not take for noted what is about to go.
        self._left.difference_update(gone)
        self._noted.difference_update(gone)
        self._doubtful.update(gone)
        await self._log.note_presence(self._node, came, gone)
        self._seen = now
        self._noted.update(came)
        self._doubtful.difference_update(came, (one for one in gone if not self._is_wanted(one)))

    def _is_wanted(self, audience: str) -> bool:
        return audience in self._expected or audience in self._arriving or self._has(audience)

    def _arrived(self, audience: str) -> None:
        future = self._arriving.pop(audience, None)
        if future is not None and not future.done():
            future.set_result(None)

    async def _count(self) -> None:
        nodes = await self._log.nodes()
        self.others = frozenset(node for node, age in nodes if age < GONE_SECONDS and node != self._node)

    async def forget_the_dead(self) -> None:
        """Remove what nodes had noted that give no sign of life. One node at a time does it; never ends by itself."""
        while True:
            await asyncio.sleep(SEEN_SECONDS)
            try:
                for node, age in await self._log.nodes():
                    if age >= GONE_SECONDS and node != self._node:
                        await self._log.forget_node(node)
            except Unavailable:
                log.debug("the log is out of reach; the dead are forgotten later")


def _parts(audiences: set[str]) -> Iterable[list[str]]:
    ordered = sorted(audiences)
    return (ordered[at : at + _BATCH] for at in range(0, len(ordered), _BATCH))
