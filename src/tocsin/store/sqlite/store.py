"""The store on one SQLite file; needs nothing else, and belongs to one process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path

import apsw
import msgspec

from tocsin.app import App, Quota
from tocsin.device import DeviceId
from tocsin.errors import Refusal, Unavailable
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
from tocsin.receipt import Act, Item, State, Unread
from tocsin.store.bulk import Bulk
from tocsin.store.purge import Keeping, Purge
from tocsin.store.search_words import words_and_signs
from tocsin.store.sqlite import state
from tocsin.store.sqlite.backup import Snapshots
from tocsin.store.sqlite.batch import Appending, Batch, replay_of
from tocsin.store.sqlite.bulk import keeping
from tocsin.store.sqlite.checkpointer import Checkpointer
from tocsin.store.sqlite.file import Lock, connect, make_folder, not_opened, prepare, refuse_lost
from tocsin.store.sqlite.identity import SqliteIdentity
from tocsin.store.sqlite.inbox import read_inbox, read_item, read_unread, read_whereabouts, sent_of
from tocsin.store.sqlite.ledger import Ledger
from tocsin.store.sqlite.moved import refuse_moved
from tocsin.store.sqlite.purge import SqliteGround
from tocsin.store.sqlite.reader import Reader, read_changes
from tocsin.store.sqlite.search import Search
from tocsin.store.sqlite.writer import Writer

log = logging.getLogger("tocsin.store")

FILE = "tocsin.db"
_TIDY_SECONDS = 600.0
_NOTE_SECONDS = 0.2
_LAST = 1 << 62
_FOUND = 500


class SqliteStore(SqliteIdentity):
    """The Store port on SQLite: one writer, readers of their own, a checkpointer beside them.

    Made by `SqliteStore.open`.
    """

    def __init__(
        self,
        ledger: Ledger,
        reader: Reader,
        lock: Lock,
        checkpoints: apsw.Connection,
        writer: Writer,
        snapshots: Snapshots,
        search: Search | None,
    ) -> None:
        super().__init__(writer, reader)
        self._search = search
        self._snapshots = snapshots
        self._ledger = ledger
        self._lock = lock
        self._noting = False
        self._bulk = Bulk(lambda part: writer.submit(keeping(part)))
        self._checkpointer = Checkpointer(checkpoints, ledger, lock, writer.fail)
        self._leaving = asyncio.create_task(self._let_leavers_go())
        self._expiring = asyncio.create_task(self._forget_what_is_over())

    @classmethod
    async def open(
        cls,
        folder: Path,
        announcer: Announcer,
        *,
        most_queued: int = 20_000,
        died: Callable[[str], None] = log.critical,
        vfs: str | None = None,
        synchronous: str = "FULL",
    ) -> SqliteStore:
        """Open the store in a data folder, which is created (0700) where it is missing.

        Parameters:
            folder: holds the database, its WAL and its lock.
            announcer: told of each commit.
            most_queued: writes that may wait.
            died: called on the loop when no write can be kept any more; the process should end.
            vfs, synchronous: for tests of what the disk may do.

        Raises:
            StartError: another process has the folder, or the file is newer, damaged, not readable or was copied to
                PostgreSQL.
        """
        make_folder(folder)
        path = folder / FILE
        with ExitStack() as opened:
            lock = Lock(folder / "tocsin.lock")
            opened.callback(lock.release)
            try:
                refuse_lost(path, lock)
                connection = connect(path, vfs=vfs, synchronous=synchronous)
                opened.callback(connection.close)
                epoch, head = prepare(connection, lock)
                refuse_moved(connection, folder)
                checkpoints = connect(path, vfs=vfs, synchronous=synchronous)
                opened.callback(checkpoints.close)
                # Last, as it has threads.
                reader = Reader(path, vfs=vfs)
            except apsw.Error as error:
                raise not_opened(path, error) from None
            opened.pop_all()
        ledger = Ledger(connection, path if vfs is None else None, epoch, head, lock.hold)
        following = _Following(announcer)
        writer = Writer(ledger, following, most_queued=most_queued, died=died)
        search = Search.open(folder, path, epoch) if vfs is None else None
        store = cls(ledger, reader, lock, checkpoints, writer, Snapshots(writer, folder), search)
        following.committed = store._committed
        return store

    @property
    def epoch(self) -> Epoch:
        return self._ledger.epoch

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
        self._leaving.cancel()
        self._expiring.cancel()
        await asyncio.to_thread(self._checkpointer.close)
        if self._search is not None:
            await asyncio.to_thread(self._search.close)
        self._reader.close()
        await self._writer.close()
        # So that a file copied back later is seen to be older.
        self._lock.note(self._ledger.epoch, self._ledger.head)
        self._lock.release()

    # ------------------------------------------------------------ notifications

    async def append(self, draft: Draft) -> Entry | Replay:
        entry: Entry | Replay = await self._writer.submit(Appending(draft))
        return entry

    async def append_all(
        self, drafts: Sequence[Draft | Refusal], once: Once | None, now: int, *, whole: bool
    ) -> Sequence[Entry | Replay | Refusal]:
        return await self._bulk.append_all(drafts, once, now, whole=whole)

    async def quota(self, app: App, user: UserId, now: int) -> Quota:
        return Quota.found(await self._reader.rows("quota_used", app.id, user), app.quota_per_hour, now)

    async def replay(self, once: Once, now: int) -> Replay | None:
        return replay_of(await self._reader.rows("once", once.scope, once.key, now), once)

    def _committed(self, span: Span) -> None:
        if self._search is not None:
            self._search.wake()
        # Best effort, with whatever is committed next: nobody waits for it.
        for entry in span.entries:
            if entry.streamed:
                self._ledger.streamed.append((entry.seq, entry.streamed))
        if self._ledger.streamed and not self._noting:
            self._noting = True
            asyncio.get_running_loop().call_later(_NOTE_SECONDS, self._write_notes)

    def _write_notes(self) -> None:
        self._noting = False
        if self._ledger.streamed and not self._writer.trouble:
            try:
                noted = self._writer.submit(lambda _batch: None)
            except Unavailable:
                return
            noted.add_done_callback(lambda future: future.cancelled() or future.exception())

    # ------------------------------------------------------------ inboxes

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        return await self._reader.read(
            lambda connection: read_changes(connection, user, devices, since, limit),
            alike=("changes", user, devices, since, limit),
        )

    async def inbox(self, user: UserId, wanted: Wanted, before: int | None, limit: int) -> InboxPage:
        among = None
        if wanted.words is not None:
            if self._search is None:
                raise Unavailable("There is no search here")
            words, signs = words_and_signs(wanted.words)
            wanted = msgspec.structs.replace(wanted, signs=signs)
            if words is not None:
                among = await self._search.find(words, user, _LAST if before is None else before, _FOUND)
        page = await self._reader.read(lambda connection: read_inbox(connection, user, wanted, before, limit, among))
        if among is not None and len(among) == _FOUND and page.next is None:
            # There may be more than a search finds at a time.
            return InboxPage(page.items, among[-1], page.head)
        return page

    async def notification(self, user: UserId, id_: NotificationId) -> Item | None:
        return await self._reader.read(lambda connection: read_item(connection, user, id_))

    async def unread(self, user: UserId) -> Unread:
        return await self._reader.read(lambda connection: read_unread(connection, user), alike=("unread", user))

    async def act(self, user: UserId, id_: NotificationId, act: Act, now: int) -> State:
        done: State = await self._writer.submit(lambda batch: state.act(batch, user, id_, act, now))
        return done

    async def mark(
        self, user: UserId, upto: int | None, type_: Type | None, device: DeviceId | None, now: int
    ) -> tuple[int, Unread]:
        done: tuple[int, Unread] = await self._writer.submit(
            lambda batch: state.mark(batch, user, upto, type_, device, now)
        )
        return done

    async def confirm(self, user: UserId, began: int, upto: int, now: int) -> None:
        await self._writer.submit(lambda batch: state.confirm(batch, user, began, upto, now))

    async def whereabouts(self, id_: NotificationId, before: str | None, limit: int) -> Whereabouts | None:
        return await self._reader.read(lambda connection: read_whereabouts(connection, id_, before, limit))

    async def sent(self, before: int | None, after: int, limit: int) -> list[SentNotification]:
        upto = _LAST if before is None else before
        return [sent_of(row) for row in await self._reader.rows("all_sent", upto, after, limit)]

    async def withdraw(self, id_: NotificationId, now: int, audit: AuditEntry | None) -> None:
        await self._writer.submit(lambda batch: state.withdraw(batch, id_, now, audit))

    # ------------------------------------------------------------ tidying

    def purge(self, keeping: Keeping, clock: Clock) -> Purge:
        """What removes notifications that are not to be kept."""
        return Purge(SqliteGround(self._writer, self._reader), keeping, clock)

    def snapshot(self) -> AbstractAsyncContextManager[Path]:
        """The whole database as one file, as of one moment after now, while writes go on; then it is removed.

        Raises:
            Conflict: another one is being made. Unavailable: it cannot be made now.
        """
        return self._snapshots.take()

    def _somebody_left(self) -> None:
        if self._leaving.done():
            self._leaving = asyncio.create_task(self._let_leavers_go())

    async def _let_leavers_go(self) -> None:
        # A chunk a transaction: a user with a million notifications must not hold up anybody's send.
        going = True
        while going:
            try:
                going = await self._writer.submit(state.remove_of_leaver)
            except Unavailable:
                await asyncio.sleep(1.0)

    async def _forget_what_is_over(self) -> None:
        def chunk(batch: Batch) -> bool:
            now = int(time.time() * 1000)
            gone = batch.run("expire_onces", now) + batch.run("expire_batches", now) + batch.run("forget_streamed")
            return bool(gone)

        while True:
            try:
                going = True
                while going:
                    going = await self._writer.submit(chunk)
            except Unavailable:
                log.debug("expired idempotency keys and the like stay until the store takes writes again")
            await asyncio.sleep(_TIDY_SECONDS)


class _Following:
    """Hears of each commit after the streams did."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self.committed: Callable[[Span], None] = lambda _span: None

    def announce(self, span: Span) -> None:
        self._announcer.announce(span)
        self.committed(span)
