"""Asking: what other nodes have at this moment and no log tells, as their streams.

A question goes to all nodes by the broker, and each answers the one that asked, in pieces that a broker can carry.
Nothing of it is kept; who does not answer in time is named.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Mapping

import msgspec

from tocsin.nodes import Answered, Broker

QUESTIONS = b"q"
"""How messages with questions begin."""

ANSWERS = b"a"
"""How messages with a piece of an answer begin."""

PATIENCE_SECONDS = 1.0
"""Longest that answers are waited for."""

_CHARACTERS = 1_900
"""Of a piece: each may take four bytes."""

_MOST_PIECES = 1_000


class _Question(msgspec.Struct, array_like=True):
    node: str
    number: int
    subject: str
    about: str


class _Head(msgspec.Struct, array_like=True):
    """What stands before a piece.

    Attributes:
        node: whose answer it is.
        number: of the question.
        piece, pieces: which one it is, of how many.
    """

    node: str
    number: int
    piece: int
    pieces: int


_encode = msgspec.json.Encoder().encode
_question = msgspec.json.Decoder(_Question).decode
_head = msgspec.json.Decoder(_Head).decode


class _Waiting:
    def __init__(self, nodes: Collection[str]) -> None:
        self.missing = set(nodes)
        self.pieces: dict[str, dict[int, str]] = {}
        self.answers: dict[str, str] = {}
        self.complete = asyncio.Event()


class Asking:
    """Asks other nodes, and answers them.

    Parameters:
        node: this one's name.
        broker: carries words.
        others: the other nodes that live.
        seconds: longest that answers are waited for.
    """

    def __init__(
        self, node: str, broker: Broker, others: Callable[[], Collection[str]], *, seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.node = node
        self._seconds = seconds
        self._broker = broker
        self._others = others
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._subjects: dict[str, Callable[[str], str]] = {}

    @property
    def told(self) -> Mapping[bytes, Callable[[bytes], None]]:
        """What hears of which kind of messages."""
        return {QUESTIONS: self._hear_question, ANSWERS: self._hear_answer}

    def answer_to(self, subject: str, answer: Callable[[str], str]) -> None:
        """What other nodes are told that ask about something."""
        self._subjects[subject] = answer

    async def ask(self, subject: str, about: str) -> Answered:
        """What each of the other nodes answers; it takes as long as the slowest, a second at most."""
        others = self._others()
        if not others:
            return Answered({}, [])
        number = next(self._numbers)
        waiting = self._waiting[number] = _Waiting(others)
        try:
            self._broker.tell("", QUESTIONS + _encode(_Question(self.node, number, subject, about)))
            async with asyncio.timeout(self._seconds):
                await waiting.complete.wait()
        except TimeoutError:
            pass
        finally:
            del self._waiting[number]
        return Answered(waiting.answers, sorted(waiting.missing))

    def _hear_question(self, message: bytes) -> None:
        asked = _question(message)
        answer = self._subjects.get(asked.subject)
        if asked.node == self.node or answer is None:
            return
        text = answer(asked.about)
        pieces = [text[at : at + _CHARACTERS] for at in range(0, max(1, len(text)), _CHARACTERS)][:_MOST_PIECES]
        for at, piece in enumerate(pieces):
            head = _encode(_Head(self.node, asked.number, at, len(pieces)))
            self._broker.tell(asked.node, ANSWERS + head + b"\n" + piece.encode())

    def _hear_answer(self, message: bytes) -> None:
        before, _, text = message.partition(b"\n")
        head = _head(before)
        waiting = self._waiting.get(head.number)
        if waiting is None:
            return
        pieces = waiting.pieces.setdefault(head.node, {})
        pieces[head.piece] = text.decode()
        if len(pieces) == head.pieces:
            waiting.answers[head.node] = "".join(pieces[at] for at in range(head.pieces))
            waiting.missing.discard(head.node)
            if not waiting.missing:
                waiting.complete.set()
