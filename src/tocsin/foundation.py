"""What the program stands on: by itself on one file, or on a database with other nodes beside it."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tocsin.announcement import LARGEST
from tocsin.broker.local import LocalBroker
from tocsin.cluster.asking import Asking
from tocsin.cluster.following import Following
from tocsin.cluster.leases import Lease
from tocsin.cluster.presence import ANYBODY, Presence
from tocsin.cluster.turns import Turns
from tocsin.config import Config
from tocsin.credentials.attempts import Attempts
from tocsin.credentials.shared_ticket import SharedTickets
from tocsin.credentials.ticket import Issuing, Tickets
from tocsin.errors import Damaged, NotYet, StartError, Unavailable
from tocsin.live.hub import Hub
from tocsin.nodes import Answered, Broker, Others, Tailed
from tocsin.ports import Clock, Span, Store
from tocsin.position import Epoch
from tocsin.principal import Principal
from tocsin.store.purge import Keeping, Purge
from tocsin.store.sqlite.store import SqliteStore

Work = Coroutine[Any, Any, None]

MOST_ANNOUNCED_BY_REDIS = 256 * 1024
"""Bytes of an announcement that carries its changes; a larger span is read from the log."""

_FAILURES = b"f"
_FIRST_START = "first start"
_FIRST_START_SECONDS = 30.0
_ASK_SECONDS = 0.1
_START_SECONDS = 60.0

T = TypeVar("T")

log = logging.getLogger("tocsin.server")


class KeptStore(Store, Protocol):
    """What the server asks of a store besides the port."""

    @property
    def queued(self) -> int: ...

    @property
    def batches(self) -> int: ...

    def purge(self, keeping: Keeping, clock: Clock) -> Purge:
        """What removes notifications that are not to be kept."""
        ...


class NoOthers:
    """What there is to ask where one process is all there is."""

    node = ""

    def answer_to(self, subject: str, answer: Callable[[str], str]) -> None:
        """Nobody will ask."""

    async def ask(self, subject: str, about: str) -> Answered:
        """Nobody answers, and nobody is missed."""
        return Answered({}, [])


class Alone:
    """One process on one SQLite file."""

    several = False

    def __init__(self, store: SqliteStore, broker: LocalBroker) -> None:
        self.store: KeptStore = store
        self.others: Others = NoOthers()
        self.identity: AbstractAsyncContextManager[None] = asyncio.Lock()
        self._broker = broker

    @classmethod
    async def open(cls, config: Config, died: Callable[[str], None]) -> Alone:
        """Open the file.

        Raises:
            StartError: it cannot be opened.
        """
        broker = LocalBroker()
        store = await SqliteStore.open(Path(config.data), broker, most_queued=config.limits.writer_queue, died=died)
        return cls(store, broker)

    async def first_start(self, make: Callable[[], Awaitable[None]]) -> None:
        """Have made what a new store must have."""
        await make()

    async def locate(self) -> tuple[Epoch, int]:
        """Where in the log to start."""
        return self.store.epoch, self.store.head

    def tickets(self, clock: Clock, _key: str) -> tuple[Issuing, Callable[[str], Awaitable[Principal]]]:
        """What issues tickets, and what redeems them."""
        tickets = Tickets(clock)

        async def redeem(text: str) -> Principal:
            return tickets.redeem(text)

        return tickets, redeem

    def feed(
        self,
        hub: Hub,
        give: Callable[[Span], None],
        attempts: Attempts,
        anew: Callable[[Epoch, int], None],
        forget: Callable[[str, str], None],
    ) -> list[Work]:
        """Begin to give out what is committed; what is to run meanwhile."""
        self._broker.subscribe(give)
        return []

    async def arrive(self, audience: str) -> None:
        """Somebody is about to have a stream here."""

    @property
    def blindness(self) -> str:
        return ""

    def counters(self) -> dict[tuple[str, str], Callable[[], float]]:
        """Figures that only grow."""
        return {}

    def gauges(self) -> dict[tuple[str, str], Callable[[], float]]:
        """Figures of now."""
        return {}

    async def close(self) -> None:
        """Let go of everything."""
        await self.store.close()


class AmongNodes:
    """One of several nodes on a PostgreSQL database."""

    several = True

    def __init__(self, node: str, clock: Clock, broker: Broker, announces: bool) -> None:  # noqa: FBT001
        self.node = node
        self.store: KeptStore
        self.identity: AbstractAsyncContextManager[None]
        self._log: Tailed
        self._clock = clock
        self._broker = broker
        self._presence: Presence | None = None
        self._following = Following(
            node,
            clock,
            broker,
            lambda audience: self._presence is not None and self._presence.concerns(audience),
            announces=announces,
            most=MOST_ANNOUNCED_BY_REDIS if announces else LARGEST,
        )
        asking = Asking(node, broker, lambda: self._presence.others if self._presence is not None else ())
        for kind, hear in asking.told.items():
            self._following.when_told(kind, hear)
        self.others: Others = asking

    @classmethod
    async def open(cls, config: Config, clock: Clock, died: Callable[[str], None]) -> AmongNodes:
        """Open the database.

        Raises:
            StartError: it cannot be opened, or what it takes is not installed.
        """
        # Here and not above: who has no such database has not installed what speaks to it.
        try:
            from tocsin.broker.postgresql import PostgresqlBroker
            from tocsin.store.postgresql.store import PostgresqlStore
        except ImportError as error:
            if error.name != "asyncpg":
                raise
            raise StartError("PostgreSQL needs its driver: pip install 'PATH-OF-THE-CHECKOUT[postgres]'") from None
        # A process that was started anew is another node: the one before may still be about somewhere.
        node = config.node or f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}"
        broker: Any
        if config.broker:
            try:
                from tocsin.broker.redis import RedisBroker
            except ImportError as error:
                if error.name not in ("redis", "hiredis"):
                    raise
                raise StartError("Redis needs its driver: pip install 'PATH-OF-THE-CHECKOUT[redis]'") from None
            broker = RedisBroker(config.broker, node)
        else:
            broker = PostgresqlBroker(config.database, node)
        self = cls(node, clock, broker, bool(config.broker))
        await asyncio.to_thread(os.makedirs, config.data, 0o700, exist_ok=True)
        store = await patiently(
            lambda: PostgresqlStore.open(
                config.database,
                self._following,
                node=node,
                notify=not config.broker,
                most_queued=config.limits.writer_queue,
                died=died,
                connections=config.limits.database_connections,
            )
        )
        self.store = self._log = store
        self.identity = Turns(store, "identity", node)
        if config.broker:
            broker.name = await patiently(lambda: store.setting("log_name", lambda: secrets.token_hex(8)))
        return self

    async def first_start(self, make: Callable[[], Awaitable[None]]) -> None:
        """Have made what a new store must have, by one of the nodes that start at once.

        Raises:
            StartError: another node began to and did not end.
        """
        for _ in range(int(_FIRST_START_SECONDS * 2 / _ASK_SECONDS)):
            if await self._log.lease(_FIRST_START, self.node, _FIRST_START_SECONDS):
                break
            await asyncio.sleep(_ASK_SECONDS)
        else:
            raise StartError("another node makes the first superuser, and does not come to an end")
        await make()
        await self._log.lease(_FIRST_START, self.node, 0)

    async def locate(self) -> tuple[Epoch, int]:
        """Where in the log to start."""
        return await self._following.locate(self._log)

    def tickets(self, clock: Clock, key: str) -> tuple[Issuing, Callable[[str], Awaitable[Principal]]]:
        """What issues tickets, and what redeems those of all nodes."""

        async def take(name: str, seconds: float) -> bool:
            # Nobody else is called that, so it is had once.
            return await self._log.lease(name, f"{self.node} {secrets.token_hex(16)}", seconds)

        shared = SharedTickets(Tickets(clock), clock, base64.b64decode(key), take)
        return shared, shared.redeem

    def feed(
        self,
        hub: Hub,
        give: Callable[[Span], None],
        attempts: Attempts,
        anew: Callable[[Epoch, int], None],
        forget: Callable[[str, str], None],
    ) -> list[Work]:
        """Begin to give out what is committed; what is to run meanwhile."""
        presence = Presence(self._log, self.node, self._clock, hub.audiences, hub.has)
        self._presence = presence
        hub.left, hub.nodes = presence.left, lambda: presence.nodes
        attempts.tell = lambda failure: self._broker.tell("", _FAILURES + self._named(failure))
        self._following.when_told(_FAILURES, lambda told: self._hear_failure(attempts, told))
        self._following.give_to(give, anew, forget)
        dead = Lease(self._log, "forget dead nodes", self.node, self._clock)
        return [self._broker.run(), self._following.run(), presence.run(), dead.keep(presence.forget_the_dead)]

    def _named(self, failure: bytes) -> bytes:
        return failure + b" " + self.node.encode()

    def _hear_failure(self, attempts: Attempts, told: bytes) -> None:
        failure, _, node = told.partition(b" ")
        if node != self.node.encode():
            attempts.heard(failure)

    async def arrive(self, audience: str) -> None:
        """Somebody is about to have a stream here."""
        if self._presence is not None:
            await self._presence.arrive(audience or ANYBODY)

    @property
    def blindness(self) -> str:
        return self._following.blindness

    def counters(self) -> dict[tuple[str, str], Callable[[], float]]:
        """Figures that only grow."""
        following = self._following
        return {
            ("tocsin_recipient_count_lower_bounds", "Spans whose senders were told too few recipients."): (
                lambda: following.counting.lower_bounds
            ),
            ("tocsin_log_readings", "Times that this node read from the log what it had not heard of."): (
                lambda: following.reads
            ),
        }

    def gauges(self) -> dict[tuple[str, str], Callable[[], float]]:
        """Figures of now."""
        presence = self._presence
        return {
            ("tocsin_nodes", "Nodes that live, this one among them."): lambda: presence.nodes if presence else 1,
            ("tocsin_broker_up", "Whether the broker is reached."): lambda: not self._broker.trouble,
            ("tocsin_log_blind", "Whether this node has lost sight of the log."): lambda: bool(self.blindness),
        }

    async def close(self) -> None:
        """Let go of everything; others need not find out by themselves that this node is gone."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._log.forget_node(self.node)
        await self.store.close()


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a store that may not be up yet, as after a power cut, again and again for a minute.

    Raises:
        NotYet: it does not come.
        StartError: something that waiting does not mend.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + _START_SECONDS
    said = ""
    while True:
        try:
            return await ask()
        except Damaged as error:
            raise StartError(f"{error.sentence}: restore a backup, or run `tocsin doctor`") from None
        except (StartError, Unavailable) as error:
            if isinstance(error, StartError) and not _may_pass(error.__context__):
                raise
            if loop.time() > ends:
                raise NotYet(error.sentence) from None
            if error.sentence != said:
                said = error.sentence
                log.warning("the store is not there yet, asking again for %d s: %s", ends - loop.time(), said)
        await asyncio.sleep(0.5)


def _may_pass(why: BaseException | None) -> bool:
    # 57P03: PostgreSQL is starting up.
    return isinstance(why, OSError) or getattr(why, "sqlstate", "") == "57P03"


Foundation = Alone | AmongNodes


async def open_foundation(config: Config, clock: Clock, died: Callable[[str], None]) -> Foundation:
    """Open what the settings name.

    Raises:
        StartError: it cannot be opened.
    """
    return await (AmongNodes.open(config, clock, died) if config.database else Alone.open(config, died))
