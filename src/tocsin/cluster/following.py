"""Following: runs the tail. All spans, this node's own and the others', come to the streams through here."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import msgspec

from tocsin.announcement import Announcement, decode, encode
from tocsin.cluster.counting import COUNTS, Counting
from tocsin.cluster.tail import Tail, Want
from tocsin.errors import Malformed, Unavailable
from tocsin.nodes import Broker, Tailed
from tocsin.ports import Clock, Span
from tocsin.position import Epoch

log = logging.getLogger("tocsin.cluster")

MOST_OWED = 1_000
"""Spans that answers are owed for; who waits for one that is dropped gets a lower bound."""

PAGE = 2_000
"""Most changes read from the log at a time."""

_ANSWER_SECONDS = 1.5
_AGAIN_SECONDS = (0.05, 0.25)


class Following:
    """The announcer of a node among others: what its store commits goes the same way as what it hears of.

    Parameters:
        node: this one's name.
        clock: its monotonic side goes on while the process is stopped.
        broker: carries announcements.
        concerns: as Counting has it.
        announces: whether this node tells the others of its commits; not where the store does so by itself.
        most: bytes of an announcement.
    """

    def __init__(
        self,
        node: str,
        clock: Clock,
        broker: Broker,
        concerns: Callable[[str], bool],
        *,
        announces: bool,
        most: int,
    ) -> None:
        self.node = node
        self.counting = Counting(node, broker, concerns)
        self.reads = 0
        self._clock = clock
        self._broker = broker
        self._announces = announces
        self._most = most
        self._tail: Tail | None = None
        self._log: Tailed
        self._give: Callable[[Span], None] | None = None
        self._start_anew: Callable[[Epoch, int], None] = lambda _epoch, _head: None
        self._forget: Callable[[str, str], None] = lambda _kind, _id: None
        self._owed: list[Announcement] = []
        self._woken = asyncio.Event()
        self._told: dict[bytes, Callable[[bytes], None]] = {COUNTS: self.counting.hear}
        broker.subscribe(self.hear, self._hear_told)

    async def locate(self, log_: Tailed) -> tuple[Epoch, int]:
        """Find the place in the log to start after; what is committed from now on is given out once `give_to` is told.

        Raises:
            Unavailable: the log cannot be reached.
        """
        asked = self._clock.monotonic()
        epoch, head = await log_.position()
        self._log, self._tail = log_, Tail(epoch, head, asked)
        return epoch, head

    def give_to(
        self,
        give: Callable[[Span], None],
        start_anew: Callable[[Epoch, int], None],
        forget: Callable[[str, str], None],
    ) -> None:
        """Begin.

        Parameters:
            give: takes what is given out, in order.
            start_anew: told that all that is remembered of the log is void, and where to start again.
            forget: told the kind and the id of a user, a key and the like that has changed.
        """
        self._give, self._start_anew, self._forget = give, start_anew, forget

    @property
    def blindness(self) -> str:
        """Why this node may feed no stream and take nothing; empty when it may."""
        now = self._clock.monotonic()
        if self._tail is None or self._tail.sees(now):
            return ""
        return f"this node has not seen the log for {self._tail.blind_for(now):.0f} s"

    # ------------------------------------------------------------ what comes in

    def announce(self, span: Span) -> None:
        """A commit of this node."""
        self.counting.expect(span)
        if self._announces:
            self._broker.announce(encode(span, self.node, self._most))
        self._take(Announcement(span.epoch, span.first, span.last, self.node, span.entries))
        # What the log had brought before its commit was heard of here.
        self.counting.recall(span.entries)

    async def settled(self, span: Span) -> None:
        """Wait for the counts of other nodes."""
        await self.counting.settled(span, lambda: self._tail is None or self._tail.mine >= span.last)

    def hear(self, message: bytes) -> None:
        """An announcement from the broker."""
        try:
            told = decode(message)
        except Malformed as error:
            log.warning("what was announced cannot be read: %s", error)
            return
        if told.node != self.node:
            if len(self._owed) < MOST_OWED:
                self._owed.append(told)
            self._take(told)

    def _take(self, told: Announcement) -> None:
        tail = self._tail
        if tail is None or self._give is None:
            return
        for entry in told.entries or ():
            if entry.identity is not None:
                # At once, though it may be given out late: whoever changed it waits 50 ms and no more.
                self._forget(*entry.identity)
        for span in tail.hear(told, self._clock.monotonic()):
            self._give_out(span)
        self._pay()
        # Whether there is something to be asked of the log is looked at outside of this call.
        if tail.wakes() - self._clock.monotonic() < 0.5:
            self._woken.set()

    def when_told(self, kind: bytes, hear: Callable[[bytes], None]) -> None:
        """Who hears of messages of a kind that other nodes tell this one.

        Parameters:
            kind: one byte.
        """
        self._told[kind] = hear

    def _hear_told(self, message: bytes) -> None:
        hear = self._told.get(message[:1])
        try:
            if hear is not None:
                hear(message[1:])
        except (msgspec.DecodeError, ValueError) as error:
            log.warning("what a node tells cannot be read: %s", error)

    def _give_out(self, span: Span) -> None:
        assert self._give is not None
        try:
            self._give(span)
        except Exception:
            log.exception("giving out %d to %d failed", span.first, span.last)
        self.counting.given_out(span.entries)

    def _pay(self) -> None:
        tail = self._tail
        assert tail is not None
        if not self._owed:
            return
        owed, self._owed = self._owed, []
        for told in owed:
            if told.epoch == tail.epoch and told.last > tail.mine:
                self._owed.append(told)
            elif told.epoch == tail.epoch:
                self.counting.answer(told.node, told.epoch, told.first, told.last, told.entries)

    # ------------------------------------------------------------ asking the log

    async def run(self) -> None:
        """Look at the head once a second, and read the log where there is a gap. Never ends by itself."""
        while True:
            try:
                await self._once()
            except Unavailable:
                await asyncio.sleep(random.uniform(*_AGAIN_SECONDS))  # noqa: S311  (no secret)
            except TimeoutError:
                log.debug("the log did not answer in time")
            except Exception:
                # Whatever it is: a node that ceased to look would be blind for good.
                log.exception("following the log failed")
                await asyncio.sleep(_AGAIN_SECONDS[1])

    async def _once(self) -> None:
        tail, clock = self._tail, self._clock
        assert tail is not None
        asked, after = clock.monotonic(), tail.mine
        want = tail.wants(asked)
        if want is Want.NOTHING:
            self._woken.clear()
            try:
                async with asyncio.timeout(max(0.0, tail.wakes() - asked)):
                    await self._woken.wait()
            except TimeoutError:
                pass
            # What woke us may be due a moment later only.
            wait = tail.wakes() - clock.monotonic()
            if 0 < wait < 0.1:
                await asyncio.sleep(wait)
            return
        async with asyncio.timeout(_ANSWER_SECONDS):
            if want is Want.LOOK:
                epoch, head = await self._log.position()
                tail.looked(epoch, head, after, asked, clock.monotonic())
            else:
                span = await self._log.tail(after, PAGE)
                self.reads += 1
                more = len(span.entries) >= PAGE
                for given in tail.read(span, after, asked, clock.monotonic(), more=more):
                    self._give_out(given)
                self._pay()
        if tail.lost:
            await self._begin_again(tail)

    async def _begin_again(self, tail: Tail) -> None:
        asked = self._clock.monotonic()
        epoch, head = await self._log.position()
        log.warning("the log is %s at %d now, was %s at %d: beginning anew", epoch, head, tail.epoch, tail.mine)
        self._owed.clear()
        tail.begin(epoch, head, asked)
        self._start_anew(epoch, head)
