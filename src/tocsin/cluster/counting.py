"""Counting: to how many streams on all nodes a notification was written, and whether all have heard of a change.

The batch's transaction says which other nodes had streams for it; where it changed who is known (a user, a key), it
says all. Each of them answers, through the broker, with its counts for the span once it has given it out, and so has
dropped what it knew. Who sent waits for them, 50 ms at most; a node that missed once is not waited for until it has
answered again. What is told is exact while they answer, and a lower bound otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from tocsin.nodes import Broker
from tocsin.ports import Entry, Span

log = logging.getLogger("tocsin.cluster")

PATIENCE_SECONDS = 0.05
"""How long is waited for the others at most."""

COUNTS = b"c"
"""How messages with answers begin."""

REMEMBERED = 20_000
"""Notifications whose counts are kept for whoever asks late."""

_ANSWER_PAIRS = 300
_MOST_EARLY = 1_000


class Answer(msgspec.Struct, array_like=True):
    """What a node has written of a span.

    Attributes:
        node: which one.
        epoch, last: of which span.
        counts: (number of the log, streams), where it is not none.
        more: whether another part of it follows.
    """

    node: str
    epoch: str
    last: int
    counts: list[tuple[int, int]]
    more: bool = False


_encode = msgspec.json.Encoder().encode
_answers = msgspec.json.Decoder(list[Answer])


class _Waiting:
    def __init__(self, nodes: set[str], silent: set[str], due: float) -> None:
        self.nodes = nodes
        self.silent = silent
        self.due = due
        self.counts: dict[tuple[str, int], int] = {}
        self.changed = asyncio.Event()


class Counting:
    """Gathers the counts of other nodes, and tells them this one's.

    Parameters:
        node: this one's name.
        broker: carries the answers.
        concerns: whether this node has, or may be thought to have, streams for an audience.

    Attributes:
        lower_bounds: spans that somebody was told too little of.
    """

    def __init__(self, node: str, broker: Broker, concerns: Callable[[str], bool]) -> None:
        self.node = node
        self.lower_bounds = 0
        self._broker = broker
        self._concerns = concerns
        self._here: dict[int, int] = {}
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._early: OrderedDict[tuple[str, int], list[Answer]] = OrderedDict()
        self._silent: set[str] = set()
        self._answers: dict[str, list[Answer]] = {}
        self._given = asyncio.Event()

    # ------------------------------------------------------------ what this node writes

    def given_out(self, entries: Iterable[Entry]) -> None:
        """Remember to how many streams of this node these went."""
        for entry in entries:
            if entry.streamed:
                self._here[entry.seq] = entry.streamed
        while len(self._here) > REMEMBERED:
            del self._here[next(iter(self._here))]
        for waiting in self._waiting.values():
            waiting.changed.set()

    def recall(self, entries: Iterable[Entry]) -> None:
        """Fill in what went out before these came by, for the log had brought them earlier."""
        for entry in entries:
            entry.streamed = entry.streamed or self._here.get(entry.seq, 0)

    def answer(self, node: str, epoch: str, first: int, last: int, entries: Iterable[Entry] | None) -> None:
        """Tell the node that committed a span how much of it was written here. It may not have waited for this one.

        Parameters:
            entries: what is in it; None where that is not known.
        """
        if entries is not None and not any(self._is_ours(entry) for entry in entries):
            return
        numbers = range(first, last + 1) if entries is None else [entry.seq for entry in entries]
        counts = [(seq, self._here[seq]) for seq in numbers if seq in self._here]
        if not self._answers:
            asyncio.get_running_loop().call_soon(self._send)
        for at in range(0, max(1, len(counts)), _ANSWER_PAIRS):
            part, more = counts[at : at + _ANSWER_PAIRS], at + _ANSWER_PAIRS < len(counts)
            self._answers.setdefault(node, []).append(Answer(self.node, epoch, last, part, more))

    def _is_ours(self, entry: Entry) -> bool:
        told = entry.notification
        return entry.identity is not None or (told is not None and self._concerns(told.user_id or ""))

    def _send(self) -> None:
        answers, self._answers = self._answers, {}
        for node, all_of_them in answers.items():
            some: list[Answer] = []
            pairs = 0
            for one in all_of_them:
                if some and pairs + len(one.counts) + 4 > _ANSWER_PAIRS:
                    self._broker.tell(node, COUNTS + _encode(some))
                    some, pairs = [], 0
                some.append(one)
                pairs += len(one.counts) + 4
            self._broker.tell(node, COUNTS + _encode(some))

    # ------------------------------------------------------------ what others write

    def expect(self, span: Span) -> None:
        """A span was committed here: note who has to answer. They may have heard of it, and answered, earlier."""
        due = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        awaited = set(span.awaited)
        self._waiting[span.epoch, span.last] = _Waiting(awaited - self._silent, awaited & self._silent, due)
        for answer in self._early.pop((span.epoch, span.last), ()):
            self._take(answer)

    def hear(self, message: bytes) -> None:
        """What another node tells.

        Raises:
            msgspec.DecodeError: it is no answer.
        """
        for answer in _answers.decode(message):
            self._silent.discard(answer.node)
            self._take(answer)

    def _take(self, answer: Answer) -> None:
        place = (answer.epoch, answer.last)
        waiting = self._waiting.get(place)
        if waiting is None:
            self._early.setdefault(place, []).append(answer)
            if len(self._early) > _MOST_EARLY:
                self._early.popitem(last=False)
        elif answer.node in waiting.nodes | waiting.silent:
            for seq, streams in answer.counts:
                waiting.counts[answer.node, seq] = streams
            if not answer.more:
                waiting.nodes.discard(answer.node)
                waiting.silent.discard(answer.node)
                waiting.changed.set()

    async def settled(self, span: Span, is_given_out: Callable[[], bool]) -> None:
        """Wait until the others have answered, or the time is over, and add up what they told.

        Parameters:
            is_given_out: whether this node's own streams have got it.
        """
        waiting = self._waiting.get((span.epoch, span.last))
        if waiting is None:
            return
        try:
            async with asyncio.timeout_at(waiting.due):
                while waiting.nodes or not is_given_out():
                    waiting.changed.clear()
                    await waiting.changed.wait()
        except TimeoutError:
            self._missed(waiting.nodes)
        finally:
            if waiting.nodes | waiting.silent:
                self.lower_bounds += any(entry.notification is not None for entry in span.entries)
            del self._waiting[span.epoch, span.last]
            self.recall(span.entries)
            told: dict[int, int] = {}
            for (_, seq), streams in waiting.counts.items():
                told[seq] = told.get(seq, 0) + streams
            for entry in span.entries:
                entry.streamed += told.get(entry.seq, 0)

    def _missed(self, nodes: set[str]) -> None:
        fresh = nodes - self._silent
        if fresh:
            log.warning(
                "recipient counts are lower bounds until these nodes answer again: %s", ", ".join(sorted(fresh))
            )
        self._silent |= nodes
