"""The store on PostgreSQL: one log that any number of nodes write to, each with a call a batch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec

from tocsin.announcement import entry_of
from tocsin.app import App, Quota
from tocsin.device import DeviceId
from tocsin.errors import Refusal, StartError, Unavailable, UsedKey
from tocsin.idempotency import Once
from tocsin.notification import Draft, NotificationId, Type
from tocsin.ports import (
    Announcer,
    AuditEntry,
    Clock,
    Entry,
    InboxPage,
    Page,
    Replay,
    SentNotification,
    Span,
    Wanted,
    Whereabouts,
)
from tocsin.position import Epoch
from tocsin.principal import UserId
from tocsin.receipt import NOTHING_UNREAD, Act, Item, State, Unread
from tocsin.store.bulk import Bulk
from tocsin.store.postgresql.batch import Appending, Doing, audit_row
from tocsin.store.postgresql.connection import Place
from tocsin.store.postgresql.identity import PostgresqlIdentity
from tocsin.store.postgresql.naming import claim, hold
from tocsin.store.postgresql.pages import Pages
from tocsin.store.postgresql.purge import PostgresqlGround
from tocsin.store.postgresql.reader import Reader
from tocsin.store.postgresql.schema import enter, hold_to_epoch, prepare
from tocsin.store.postgresql.search import Search
from tocsin.store.postgresql.tidying import Tidying
from tocsin.store.postgresql.writer import Writer
from tocsin.store.purge import Keeping, Purge
from tocsin.store.search_words import words_and_signs

log = logging.getLogger("tocsin.store")

_NOTE_SECONDS = 0.2
_AMONG_CONNECTIONS = 2
_START_SECONDS = 60.0
_LAST = 1 << 62
_FOUND = 500


class PostgresqlStore(PostgresqlIdentity):
    """The Store port on PostgreSQL, and what nodes need of it (`Tailed`). Made by `PostgresqlStore.open`."""

    def __init__(self, writer: Writer, reader: Reader, among: Reader, node: str, *, searches: int) -> None:
        super().__init__(writer, reader)
        self._node = node
        # Of its own: a crowd of readers that catch up must not keep a node from seeing the log.
        self._among = among
        self._starting: asyncpg.Connection | None = None
        self._bulk = Bulk(writer.submit)
        self._noting = False
        self._pages = Pages(reader.changes)
        self._search = Search(reader, lambda seconds: self.lease("search", node, seconds), at_once=searches)
        writer.committed = self._committed
        self._tidying = Tidying(writer, among, lambda seconds: self.lease("tidying", node, seconds))

    @classmethod
    async def open(
        cls,
        url: str,
        announcer: Announcer,
        *,
        node: str = "",
        notify: bool = True,
        most_queued: int = 20_000,
        died: Callable[[str], None] = log.critical,
        connections: int = 4,
    ) -> PostgresqlStore:
        """Open the store in a database that is there; tables are made where they are missing.

        Parameters:
            url: `postgresql://user:password@host:port/database`, with the parameters that libpq has.
            announcer: told of each commit of this node; where it is `Settling`, awaited.
            node: the id of this node: no other that runs has it, or it is refused.
            notify: whether the database tells other nodes of each commit.
            most_queued: writes that may wait.
            died: called on the loop when no write can be kept any more; the process should end.
            connections: for reading, besides the one for writing.

        Raises:
            StartError: it cannot be reached, its schema is newer, or another node has the name; the sentence has no
                password in it.
        """
        place = Place(url)
        node = node or "one"
        try:
            async with asyncio.timeout(_START_SECONDS):
                starting = await place.connect("tocsin start", lock_seconds=None)
                try:
                    ready = await prepare(starting, node)
                    await claim(starting, node)
                    pool = await place.pool(connections, ready.search_path)
                    among = await place.pool(_AMONG_CONNECTIONS, ready.search_path)
                except BaseException:
                    starting.terminate()
                    raise
        except StartError:
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
            raise StartError(f"{place}: cannot be opened: {place.without_secrets(error)}") from None

        async def connect() -> asyncpg.Connection:
            made = await place.connect("tocsin writer", search_path=ready.search_path)
            try:
                await enter(made, node, ready)
                await hold_to_epoch(made)
                await hold(made, node)
                # Which has held the name until now.
                starting.terminate()
            except BaseException:
                made.terminate()
                raise
            return made

        writer = Writer(connect, place.explain, node, announcer, notify=notify, most_queued=most_queued, died=died)
        writer.epoch, writer.head = ready.epoch, ready.head
        # The other connections are for those who read what they have.
        store = cls(writer, Reader(pool), Reader(among), node, searches=max(1, connections // 2))
        store._starting = starting
        return store

    @property
    def epoch(self) -> Epoch:
        return self._writer.epoch

    @property
    def head(self) -> int:
        return self._writer.head

    @property
    def queued(self) -> int:
        """Writes that wait for their commit."""
        return self._writer.queued

    @property
    def batches(self) -> int:
        """Transactions so far."""
        return self._writer.batches

    def troubles(self) -> Sequence[str]:
        return [self._writer.trouble] if self._writer.trouble else []

    async def close(self) -> None:
        self._tidying.stop()
        await self._search.close()
        await self._writer.close()
        if self._starting is not None:
            self._starting.terminate()
        with suppress(Unavailable):
            await self.forget_node(self._node)
        await self._reader.close()
        await self._among.close()

    # ------------------------------------------------------------ notifications

    async def append(self, draft: Draft) -> Entry | Replay:
        entry: Entry | Replay = await self._writer.submit(Appending(draft))
        return entry

    async def append_all(
        self, drafts: Sequence[Draft | Refusal], once: Once | None, now: int, *, whole: bool
    ) -> Sequence[Entry | Replay | Refusal]:
        return await self._bulk.append_all(drafts, once, now, whole=whole)

    async def quota(self, app: App, user: UserId, now: int) -> Quota:
        kept = await self._reader.rows(_QUOTA, app.id, user)
        return Quota.found([(hour, used) for hour, used in kept], app.quota_per_hour, now)

    async def replay(self, once: Once, now: int) -> Replay | None:
        rows = await self._reader.rows(_ONCE, once.scope, once.key, now)
        if not rows:
            return None
        fingerprint, id_, streamed = rows[0]
        if fingerprint != once.fingerprint:
            raise UsedKey
        return Replay(NotificationId(id_), kept=streamed)

    def _committed(self, span: Span) -> None:
        self._search.wake()
        # Best effort, with whatever is committed next: nobody waits for it.
        for entry in span.entries:
            if entry.streamed:
                self._writer.streamed.append((entry.seq, entry.streamed))
        if self._writer.streamed and not self._noting:
            self._noting = True
            asyncio.get_running_loop().call_later(_NOTE_SECONDS, self._write_notes)

    def _write_notes(self) -> None:
        self._noting = False
        if self._writer.streamed and not self._writer.trouble:
            try:
                noted = self._writer.submit(Doing("note", []))
            except Unavailable:
                return
            noted.add_done_callback(lambda future: future.cancelled() or future.exception())

    # ------------------------------------------------------------ inboxes

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        return await self._pages.changes(user, devices, since, limit)

    async def inbox(self, user: UserId, wanted: Wanted, before: int | None, limit: int) -> InboxPage:
        among = None
        if wanted.words is not None:
            words, signs = words_and_signs(wanted.words)
            wanted = msgspec.structs.replace(wanted, signs=signs)
            if words is not None:
                among = await self._search.find(words, user, _LAST if before is None else before, _FOUND)
        page = await self._reader.inbox(user, wanted, before, limit, among)
        if among is not None and len(among) == _FOUND and page.next is None:
            # There may be more than a search finds at a time.
            return InboxPage(page.items, among[-1], page.head)
        return page

    async def notification(self, user: UserId, id_: NotificationId) -> Item | None:
        return await self._reader.item(user, id_)

    async def unread(self, user: UserId) -> Unread:
        return await self._reader.unread(user)

    async def act(self, user: UserId, id_: NotificationId, act: Act, now: int) -> State:
        done: State = await self._writer.submit(Doing("act", [user, id_, act, now], lambda state: State(*state)))
        return done

    async def mark(
        self, user: UserId, upto: int | None, type_: Type | None, device: DeviceId | None, now: int
    ) -> tuple[int, Unread]:
        done: tuple[int, Unread] = await self._writer.submit(Doing("mark", [user, upto, type_, device, now], _marked))
        return done

    async def confirm(self, user: UserId, began: int, upto: int, now: int) -> None:
        await self._writer.submit(Doing("confirm", [user, began, upto, now]))

    async def whereabouts(self, id_: NotificationId, before: str | None, limit: int) -> Whereabouts | None:
        return await self._reader.whereabouts(id_, before, limit)

    async def sent(self, before: int | None, after: int, limit: int) -> list[SentNotification]:
        return await self._reader.sent(before, after, limit)

    async def withdraw(self, id_: NotificationId, now: int, audit: AuditEntry | None) -> None:
        await self._writer.submit(Doing("withdraw", [id_, now, audit_row(audit)]))

    # ------------------------------------------------------------ among nodes

    async def position(self) -> tuple[Epoch, int]:
        [(epoch, head)] = await self._among.rows("SELECT epoch, head FROM log")
        return Epoch(epoch), head

    async def tail(self, after: int, limit: int) -> Span:
        found = _tail(await self._among.value("SELECT read_tail($1, $2)", after, limit))
        entries = [entry_of(row) for row in found.entries]
        last = entries[-1].seq if len(entries) == limit else found.head
        return Span(Epoch(found.epoch), after + 1, last, entries)

    async def note_presence(self, node: str, came: Collection[str], gone: Collection[str]) -> None:
        await self._among.rows(_PRESENCE, node, list(came), list(gone))

    async def forget_node(self, node: str) -> None:
        # Another may only have been stopped for a while: its writer finds its own row there when it wakes.
        await self._among.rows(_FORGET_NODE, node, node == self._node)

    async def nodes(self) -> list[tuple[str, float]]:
        rows = await self._among.rows(
            "SELECT id, extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM nodes ORDER BY id"
        )
        return [(id_, seconds) for id_, seconds in rows]

    async def lease(self, name: str, node: str, seconds: float) -> bool:
        return bool(await self._among.rows(_LEASE, name, node, float(seconds)))

    # ------------------------------------------------------------ tidying

    def purge(self, keeping: Keeping, clock: Clock) -> Purge:
        """What removes notifications that are not to be kept; of several nodes one does it at a time."""
        ground = PostgresqlGround(
            self._writer, self._reader, lambda seconds: self.lease("retention", self._node, seconds)
        )
        return Purge(ground, keeping, clock)

    def _somebody_left(self) -> None:
        self._tidying.somebody_left()


class _Tail(msgspec.Struct):
    epoch: str
    head: int
    entries: list[list[Any]]


_tail = msgspec.json.Decoder(_Tail).decode

_QUOTA = "SELECT hour, used FROM quotas WHERE app_id = $1 AND user_id = $2"
_ONCE = """
SELECT i.fingerprint, i.notification_id,
    coalesce((SELECT s.streams FROM notifications n JOIN streamed s ON s.first = n.first
        WHERE n.id = i.notification_id), 0)
FROM idempotency i WHERE i.scope = $1 AND i.key = $2 AND i.expires_at > $3
"""
_PRESENCE = """
WITH seen AS (UPDATE nodes SET seen_at = clock_timestamp() WHERE id = $1),
    gone AS (DELETE FROM presence WHERE node = $1 AND audience = ANY ($3::text[]))
INSERT INTO presence (audience, node) SELECT DISTINCT unnest($2::text[]), $1 ON CONFLICT DO NOTHING
"""
_FORGET_NODE = """
WITH gone AS (DELETE FROM presence WHERE node = $1), free AS (DELETE FROM leases WHERE node = $1)
DELETE FROM nodes WHERE id = $1 AND ($2 OR seen_at < clock_timestamp() - interval '1 hour')
"""
# One that is given back ends now; one that has ended is anybody's.
_LEASE = """
INSERT INTO leases AS l (name, node, until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
WHERE l.node = excluded.node OR l.until <= clock_timestamp()
RETURNING 1
"""


def _marked(answer: Any) -> tuple[int, Unread]:
    upto, types, head = answer
    return upto, Unread({**NOTHING_UNREAD, **types}, head)
