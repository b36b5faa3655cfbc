"""A log whose rows move, and nodes that follow it by the real `Tail`, driven by random histories.

An announcement may be lost, doubled or late, a question to the log is answered by a snapshot of any moment between
asking and hearing, a node may stand still, and the log may be replaced by an older one of another epoch. A reader
behind each node applies what is given out. `run` raises AssertionError with the first broken promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tocsin.announcement import Announcement
from tocsin.cluster.tail import BLIND_SECONDS, GAP_SECONDS, LOOK_SECONDS, Tail, Want
from tocsin.notification import Notification, NotificationId
from tocsin.ports import Entry, Span
from tocsin.position import Epoch

LIMIT = 3
"""Rows that one reading brings at most."""

Action = tuple[Any, ...]


class Log:
    """Rows by name, each with the number of its latest change."""

    def __init__(self) -> None:
        self.epoch, self.head = Epoch("e0"), 0
        self.rows: dict[str, int] = {}
        self.old: list[tuple[int, dict[str, int]]] = []

    def commit(self, names: Sequence[int]) -> Span:
        first = self.head + 1
        self.old.append((self.head, dict(self.rows)))
        entries = []
        for name in names:
            self.head += 1
            self.rows[f"row{name}"] = self.head
            entries.append(entry(f"row{name}", self.head))
        return Span(self.epoch, first, self.head, entries)

    def fail_over(self, back: int) -> None:
        """Another server takes over, which has not got the last commits."""
        if self.old:
            self.head, self.rows = self.old[max(0, len(self.old) - 1 - back)]
            self.rows, self.old = dict(self.rows), []
        self.epoch = Epoch(f"e{int(self.epoch[1:]) + 1}")

    def tail(self, after: int) -> tuple[Span, bool]:
        found = sorted((seq, name) for name, seq in self.rows.items() if seq > after)[:LIMIT]
        full = len(found) == LIMIT
        last = found[-1][0] if full else self.head
        return Span(self.epoch, after + 1, last, [entry(name, seq) for seq, name in found]), full


def entry(name: str, seq: int) -> Entry:
    told = Notification(
        first=seq, seq=seq, since=seq, id=NotificationId(name), user_id=None, device_id=None, body=b"{}"
    )
    return Entry(seq=seq, notification=told)


@dataclass
class Question:
    """A look or a reading that is under way."""

    want: Want
    after: int
    asked: float
    answer: Any = None


@dataclass
class Node:
    """A node, and one reader behind it."""

    log: Log
    tail: Tail
    name: int
    own: list[Announcement] = field(default_factory=list)
    inbox: list[Announcement] = field(default_factory=list)
    question: Question | None = None
    rows: dict[str, int] = field(default_factory=dict)
    at: int = 0
    closed: int = 0

    def give(self, spans: list[Span], now: float, proof: float) -> None:
        for span in spans:
            assert span.epoch == self.tail.epoch, "a span of another log is given out"
            assert span.first == self.at + 1, f"after {self.at} came {span.first}"
            numbers = [one.seq for one in span.entries]
            assert numbers == sorted(set(numbers)), "out of order"
            assert all(self.at < one <= span.last for one in numbers), f"{numbers} given after {self.at}"
            assert now - proof <= BLIND_SECONDS, f"given out {now - proof:.1f} s after the log was last seen"
            for one in span.entries:
                self.rows[one.id] = one.seq
            self.at = span.last

    def start_anew(self, now: float) -> None:
        self.tail.begin(self.log.epoch, self.log.head, now)
        self.at, self.rows, self.closed = self.log.head, dict(self.log.rows), self.closed + 1


class World:
    """Nodes on one log, and the time."""

    def __init__(self, make: Callable[[Epoch, int, float], Tail], nodes: int = 2) -> None:
        self.now, self.log = 0.0, Log()
        self.nodes = [Node(self.log, make(self.log.epoch, 0, 0.0), n) for n in range(nodes)]
        self.proof = [0.0] * nodes

    def commit(self, by: int, names: Sequence[int], told: bool) -> None:
        span = self.log.commit(names)
        for node in self.nodes:
            of = Announcement(span.epoch, span.first, span.last, f"n{by}", span.entries)
            if node.name == by:
                node.own.append(of)
            else:
                node.inbox.append(of if told else Announcement(span.epoch, span.first, span.last, f"n{by}"))

    def hear(self, node: Node, told: Announcement) -> None:
        node.give(node.tail.hear(told, self.now), self.now, self.proof[node.name])

    def ask(self, node: Node) -> None:
        want = node.tail.wants(self.now)
        if node.question is None and want is not Want.NOTHING:
            node.question = Question(want, node.tail.mine, self.now)

    def serve(self, node: Node) -> None:
        asked = node.question
        if asked is not None and asked.answer is None:
            looking = asked.want is Want.LOOK
            asked.answer = (self.log.epoch, self.log.head) if looking else self.log.tail(asked.after)

    def answer(self, node: Node) -> None:
        asked, tail = node.question, node.tail
        if asked is None or asked.answer is None:
            return
        node.question = None
        self.proof[node.name] = max(self.proof[node.name], asked.asked)
        if asked.want is Want.LOOK:
            tail.looked(*asked.answer, asked.after, asked.asked, self.now)
        else:
            span, more = asked.answer
            given = tail.read(span, asked.after, asked.asked, self.now, more=more)
            node.give(given, self.now, self.proof[node.name])
        if tail.lost:
            assert tail.epoch != self.log.epoch, "nothing was lost, and streams are closed"
            node.start_anew(self.now)
            self.proof[node.name] = self.now

    def do(self, action: Action) -> None:
        kind, node = action[0], self.nodes[action[1] % len(self.nodes)]
        match kind:
            case "commit":
                self.commit(node.name, action[2], action[3])
            case "own" if node.own:
                self.hear(node, node.own.pop(0))
            case "hear" if node.inbox:
                place = action[2] % len(node.inbox)
                told = node.inbox[place]
                if action[3] != "again":
                    node.inbox.pop(place)
                if action[3] != "lost":
                    self.hear(node, told)
            case "ask":
                self.ask(node)
            case "serve":
                self.serve(node)
            case "answer":
                self.answer(node)
            case "wait":
                self.now += action[2]
            case "fail over":
                self.log.fail_over(action[2])

    def settle(self) -> None:
        """Nothing more is announced; the log is there. Every node has to come to its end by itself."""
        began = self.now
        for node in self.nodes:
            while node.own:
                self.hear(node, node.own.pop(0))
            self.serve(node)
            self.answer(node)
        while self.now - began < LOOK_SECONDS + 2 * GAP_SECONDS + 0.3:
            for node in self.nodes:
                self.ask(node)
                self.serve(node)
                self.answer(node)
            self.now += 0.01
        for node in self.nodes:
            assert node.tail.epoch == self.log.epoch, "it still follows the log that is gone"
            assert node.at == self.log.head, f"never came beyond {node.at}, the head is {self.log.head}"
            assert node.rows == self.log.rows, f"its readers have {node.rows}, the log {self.log.rows}"


def run(history: Sequence[Action], make: Callable[[Epoch, int, float], Tail] = Tail) -> World:
    """A history, and what must be true after it."""
    world = World(make)
    for action in history:
        world.do(action)
    world.settle()
    return world
