"""What nodes on one log need of the store and of the announcer, besides the ports that one process has.

`docs/decisions/0007-postgresql-and-many-nodes.md` says how it fits together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from tocsin.ports import Span
from tocsin.position import Epoch


@runtime_checkable
class Settling(Protocol):
    """An announcer that learns to how many streams on other nodes a span went."""

    async def settled(self, span: Span) -> None:
        """Come back once that is known, or after about 60 ms.

        Called after `announce`, for every span: one that names no other node has its own streams to wait for, at
        most. Whoever sent what is in it hears of it only then; the next batch does not wait.
        """
        ...


class Tailed(Protocol):
    """A log that several nodes write to, as each of them follows it; all raise Unavailable when it is out of reach."""

    async def position(self) -> tuple[Epoch, int]:
        """The epoch and the head, now."""
        ...

    async def tail(self, after: int, limit: int) -> Span:
        """Every change with a number above `after`, in order, read in one snapshot.

        Numbers may be missing: what took them has changed again since. Where less than `limit` was found, `last` is
        the head; otherwise the number of the last entry.
        """
        ...

    async def note_presence(self, node: str, came: Collection[str], gone: Collection[str]) -> None:
        """Audiences that a node has streams for from now on, and has no more.

        Parameters:
            came, gone: ids of users, or '' for any stream at all.
        """
        ...

    async def forget_node(self, node: str) -> None:
        """A node is no more: nobody awaits it."""
        ...

    async def nodes(self) -> list[tuple[str, float]]:
        """The nodes that write to the log, and how many seconds ago each was last seen."""
        ...

    async def lease(self, name: str, node: str, seconds: float) -> bool:
        """Take a piece of work for so long, or prolong it; 0 seconds give it back. False when another node has it."""
        ...


class Broker(Protocol):
    """Carries words from node to node: at most once or more often, late, in any order. The log heals what is lost.

    Nothing waits for it, and nothing fails with it. What is said while it is out of reach is dropped.
    """

    @property
    def trouble(self) -> str:
        """Why nothing is carried now; empty when it is."""
        ...

    def subscribe(self, announced: Callable[[bytes], None], told: Callable[[bytes], None]) -> None:
        """Who hears what nodes announce (this one's own may be among it), and what this node is told."""
        ...

    def announce(self, told: bytes) -> None:
        """To all nodes."""
        ...

    def tell(self, node: str, message: bytes) -> None:
        """To one node, or to all with the name ''. At most 7,900 bytes."""
        ...

    async def run(self) -> None:
        """Keep a connection, and find another one when it is lost. Never ends by itself."""
        ...


class Answered(msgspec.Struct, frozen=True):
    """What other nodes have answered.

    Attributes:
        by: the answer of each.
        missing: those that live, as far as is known, and have not answered.
    """

    by: Mapping[str, str]
    missing: Sequence[str]


class Others(Protocol):
    """The other nodes, as somebody asks them who must know what is going on everywhere at this moment."""

    @property
    def node(self) -> str:
        """This one's name; empty where there are no others and never will be."""
        ...

    def answer_to(self, subject: str, answer: Callable[[str], str]) -> None:
        """What other nodes are told that ask about something."""
        ...

    async def ask(self, subject: str, about: str) -> Answered:
        """What each of them answers, within a second."""
        ...
