"""What is asked of other nodes comes back whole, from each that answers; the others are named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness.patience import PATIENCE
from tocsin.cluster.asking import ANSWERS, QUESTIONS, Asking
from tocsin.nodes import Answered

TEXT = "Zürich 𝄞\n" * 4_000


class Wire:
    """Brings messages to nodes in a later turn of the loop.

    Parameters:
        passed: how often a message is brought, by its kind and how many of that kind came before.
        seconds: how long is waited for who does not answer.
    """

    trouble = ""

    def __init__(
        self, passed: Callable[[bytes, int], int] = lambda _kind, _number: 1, *, seconds: float = PATIENCE
    ) -> None:
        self._seconds = seconds
        self.nodes: dict[str, Asking] = {}
        self.largest = 0
        self._passed = passed
        self._sent = {QUESTIONS: 0, ANSWERS: 0}

    def add(self, name: str, others: tuple[str, ...]) -> Asking:
        node = self.nodes[name] = Asking(name, self, lambda: others, seconds=self._seconds)
        node.answer_to("length", lambda about: f"{name} {about} {TEXT}")
        return node

    def tell(self, node: str, message: bytes) -> None:
        self.largest = max(self.largest, len(message))
        message.decode()  # PostgreSQL carries text only
        times = self._passed(message[:1], self._sent[message[:1]])
        self._sent[message[:1]] += 1
        for hearer in [self.nodes[node]] if node else self.nodes.values():
            for _ in range(times):
                asyncio.get_running_loop().call_soon(hearer.told[message[:1]], message[1:])

    def subscribe(self, announced: Any, told: Any) -> None: ...
    def announce(self, told: bytes) -> None: ...
    async def run(self) -> None: ...


def asked(wire: Wire, others: tuple[str, ...] = ("b", "c")) -> Answered:
    async def ask() -> Answered:
        a = wire.add("a", others)
        wire.add("b", ())
        wire.add("c", ())
        return await a.ask("length", "é")

    return asyncio.run(ask())


def test_every_node_answers_in_pieces_that_a_broker_can_carry() -> None:
    wire = Wire()
    assert asked(wire) == Answered({"b": f"b é {TEXT}", "c": f"c é {TEXT}"}, [])
    assert wire.largest <= 7_900


def test_pieces_that_come_twice_are_taken_once() -> None:
    assert asked(Wire(lambda _kind, _number: 2)) == asked(Wire())


def test_a_node_whose_answer_is_not_whole_is_missed_and_named() -> None:
    answered = asked(Wire(lambda kind, number: not (kind == ANSWERS and number == 3), seconds=1.0))
    assert len(answered.by) == 1
    assert {*answered.by, *answered.missing} == {"b", "c"}


def test_a_node_that_is_gone_is_named_and_one_that_was_not_known_is_heard() -> None:
    answered = asked(Wire(seconds=1.0), others=("b", "gone"))
    assert answered.missing == ["gone"]
    assert set(answered.by) == {"b", "c"}


def test_nobody_is_waited_for_where_there_are_no_others() -> None:
    assert asked(Wire(lambda _kind, _number: 0), others=()) == Answered({}, [])
