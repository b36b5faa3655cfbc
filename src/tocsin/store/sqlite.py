"""The store on one SQLite file; needs nothing else, and belongs to one process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from tocsin.app import App, AppId, Secret
from tocsin.device import Device, DeviceId
from tocsin.errors import StartError, Unavailable
from tocsin.idempotency import Once
from tocsin.notification import Draft, Notification, NotificationId
from tocsin.ports import Announcer, AuditEntry, Entry, InboxPage, Page, Replay
from tocsin.position import Epoch
from tocsin.principal import Key, KeyId, User, UserId
from tocsin.store.queries import queries
from tocsin.store.rows import app_of, key_of, secret_of, user_of
from tocsin.store.sqlite_batch import Appending, Batch, replay_of
from tocsin.store.sqlite_checkpointer import Checkpointer
from tocsin.store.sqlite_file import Lock, connect, make_folder, prepare
from tocsin.store.sqlite_ledger import Ledger
from tocsin.store.sqlite_reader import Reader, read_changes, read_inbox, read_notification
from tocsin.store.writer import Writer

log = logging.getLogger("tocsin.store")

FILE = "tocsin.db"
_TIDY_SECONDS = 600.0
_LAST = 1 << 62


class SqliteStore:
    """The Store port on SQLite: one writer, readers of their own, a checkpointer beside them.

    Made by `SqliteStore.open`.
    """

    def __init__(
        self, ledger: Ledger, reader: Reader, lock: Lock, checkpoints: apsw.Connection, writer: Writer
    ) -> None:
        self._ledger = ledger
        self._reader = reader
        self._lock = lock
        self._writer = writer
        self._checkpointer = Checkpointer(checkpoints, ledger, lock, writer.fail)
        self._leaving = asyncio.create_task(self._let_leavers_go())
        self._expiring = asyncio.create_task(self._forget_old_keys())

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
            StartError: another process has the folder, or the file is newer, damaged or not readable.
        """
        make_folder(folder)
        path = folder / FILE
        lock = Lock(folder / "tocsin.lock")
        try:
            connection = connect(path, vfs=vfs, synchronous=synchronous)
            epoch, head = prepare(connection, lock)
        except apsw.Error as error:
            lock.release()
            raise StartError(f"{path}: cannot be opened: {error}") from None
        except StartError:
            lock.release()
            raise
        ledger = Ledger(connection, path if vfs is None else None, epoch, head)
        writer = Writer(ledger, announcer, most_queued=most_queued, died=died)
        return cls(ledger, Reader(path, vfs=vfs), lock, connect(path, vfs=vfs, synchronous=synchronous), writer)

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
        self._reader.close()
        await self._writer.close()
        # So that a file copied back later is seen to be older.
        self._lock.note(self._ledger.epoch, self._ledger.head)
        self._lock.release()

    # ------------------------------------------------------------ notifications

    async def append(self, draft: Draft) -> Entry | Replay:
        entry: Entry | Replay = await self._writer.submit(Appending(draft))
        if draft.once is not None and isinstance(entry, Entry) and entry.streamed:
            self._note_streamed(draft.once, entry.streamed)
        return entry

    async def replay(self, once: Once, now: int) -> Replay | None:
        return replay_of(await self._reader.rows("once", once.scope, once.key, now), once)

    def _note_streamed(self, once: Once, streamed: int) -> None:
        # Best effort: nobody waits for it, and where it fails the count that is repeated is 0.
        noted = self._writer.submit(lambda batch: batch.run("once_streamed", streamed, once.scope, once.key))
        noted.add_done_callback(lambda future: future.cancelled() or future.exception())

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        return await self._reader.read(lambda connection: read_changes(connection, user, devices, since, limit))

    async def inbox(self, user: UserId, before: int | None, limit: int) -> InboxPage:
        return await self._reader.read(lambda connection: read_inbox(connection, user, before, limit))

    async def notification(self, user: UserId, id_: NotificationId) -> Notification | None:
        return await self._reader.read(lambda connection: read_notification(connection, user, id_))

    # ------------------------------------------------------------ users

    async def user(self, id_: UserId) -> User | None:
        rows = await self._reader.rows("user", id_)
        return user_of(rows[0]) if rows else None

    async def users(self, before: str | None, limit: int) -> list[User]:
        return [user_of(row) for row in await self._reader.rows("users", before or "", limit)]

    async def put_user(self, user: User, audit: AuditEntry, *, replace: bool = True) -> User:
        def put(batch: Batch) -> User:
            found = batch.run("joined", user.id)
            if found and not replace:
                return user_of(batch.run("user", user.id)[0])
            joined = int(found[0][0]) if found else batch.head
            permissions = msgspec.json.encode(sorted(user.permissions)).decode()
            # Tokens of an earlier user of that name, deleted since, must not hold for this one.
            tokens_after = user.tokens_after if found or user.tokens_after else audit.at
            flags = (int(user.superuser), int(user.disabled), joined, tokens_after)
            batch.run("put_user", user.id, user.name, user.password, permissions, *flags)
            _record(batch, audit)
            batch.changed("user", user.id)
            return msgspec.structs.replace(user, joined=joined, tokens_after=tokens_after)

        stored: User = await self._writer.submit(put)
        return stored

    async def delete_user(self, id_: UserId, audit: AuditEntry) -> bool:
        def delete(batch: Batch) -> bool:
            if not batch.run("delete_user", id_):
                return False
            for (key,) in batch.run("delete_keys_of", id_):
                batch.changed("key", key)
            batch.run("delete_installs_of", id_)
            batch.run("forget_onces", f"user:{id_} send")
            batch.run("put_leaver", id_, batch.head)
            _record(batch, audit)
            batch.changed("user", id_)
            return True

        deleted: bool = await self._writer.submit(delete)
        if deleted and self._leaving.done():
            self._leaving = asyncio.create_task(self._let_leavers_go())
        return deleted

    async def _let_leavers_go(self) -> None:
        # A chunk a transaction: a user with a million notifications must not hold up anybody's send.
        def chunk(batch: Batch) -> bool:
            found = batch.run("leaver")
            if not found:
                return False
            user, upto = found[0]
            if not batch.run("delete_of_leaver", user, upto):
                batch.run("forget_leaver", user)
            return True

        going = True
        while going:
            try:
                going = await self._writer.submit(chunk)
            except Unavailable:
                await asyncio.sleep(1.0)

    async def _forget_old_keys(self) -> None:
        def chunk(batch: Batch) -> bool:
            return bool(batch.run("expire_onces", int(time.time() * 1000)))

        while True:
            try:
                going = True
                while going:
                    going = await self._writer.submit(chunk)
            except Unavailable:
                log.debug("expired idempotency keys stay until the store takes writes again")
            await asyncio.sleep(_TIDY_SECONDS)

    # ------------------------------------------------------------ keys, apps, secrets, installs, devices

    async def key(self, id_: KeyId) -> Key | None:
        rows = await self._reader.rows("key", id_)
        return key_of(rows[0]) if rows else None

    async def keys(self, before: str | None, limit: int) -> list[Key]:
        return [key_of(row) for row in await self._reader.rows("keys", before or "", limit)]

    async def put_key(self, key: Key, audit: AuditEntry) -> None:
        row = (key.id, key.user_id, key.name, key.hash, key.created_at, key.expires_at)
        await self._put("put_key", row, ("key", key.id), audit)

    async def delete_key(self, id_: KeyId, audit: AuditEntry) -> bool:
        return await self._delete("delete_key", (id_,), ("key", id_), audit)

    async def app(self, id_: AppId) -> App | None:
        rows = await self._reader.rows("app", id_)
        return app_of(rows[0]) if rows else None

    async def apps(self, before: str | None, limit: int) -> list[App]:
        return [app_of(row) for row in await self._reader.rows("apps", before or "", limit)]

    async def put_app(self, app: App, audit: AuditEntry) -> None:
        row = (app.id, app.name, app.quota_per_hour, int(app.install_for_all))
        await self._put("put_app", row, ("app", app.id), audit)

    async def delete_app(self, id_: AppId, audit: AuditEntry) -> bool:
        return await self._delete(
            "delete_app", (id_,), ("app", id_), audit, with_it=("delete_secrets_of", "delete_installs_of_app")
        )

    async def secret(self, id_: str) -> Secret | None:
        rows = await self._reader.rows("secret", id_)
        return secret_of(rows[0]) if rows else None

    async def secrets(self, app: AppId) -> list[Secret]:
        return [secret_of(row) for row in await self._reader.rows("secrets", app)]

    async def put_secret(self, secret: Secret, audit: AuditEntry) -> None:
        row = (secret.id, secret.app_id, secret.hash, secret.created_at)
        await self._put("put_secret", row, ("secret", secret.app_id), audit)

    async def delete_secret(self, app: AppId, id_: str, audit: AuditEntry) -> bool:
        return await self._delete("delete_secret", (app, id_), ("secret", app), audit)

    async def installed(self, app: AppId, user: UserId) -> bool:
        query = {"app": app, "user": user}
        rows = await self._reader.read(lambda c: c.execute(queries()["installed"], query).fetchall())
        return bool(rows and rows[0][0])

    async def put_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None:
        await self._put("put_install", (app, user, 1), ("install", f"{app}\0{user}"), audit)

    async def delete_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None:
        await self._put("put_install", (app, user, 0), ("install", f"{app}\0{user}"), audit)

    async def device(self, id_: DeviceId) -> Device | None:
        rows = await self._reader.rows("device", id_)
        return Device(id=rows[0][0], name=rows[0][1]) if rows else None

    async def devices(self, before: str | None, limit: int) -> list[Device]:
        return [Device(id=row[0], name=row[1]) for row in await self._reader.rows("devices", before or "", limit)]

    async def put_device(self, device: Device, audit: AuditEntry) -> None:
        await self._put("put_device", (device.id, device.name), ("device", device.id), audit)

    async def delete_device(self, id_: DeviceId, audit: AuditEntry) -> bool:
        return await self._delete("delete_device", (id_,), ("device", id_), audit)

    # ------------------------------------------------------------ audit and settings

    async def record(self, audit: AuditEntry) -> None:
        await self._writer.submit(lambda batch: _record(batch, audit))

    async def audits(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        rows = await self._reader.rows("audits", _LAST if before is None else before, limit)
        return [
            (number, AuditEntry(at=at, who=who, action=action, what=what, origin=origin, result=result))
            for number, at, who, action, what, origin, result in rows
        ]

    async def setting(self, name: str, default: Callable[[], str]) -> str:
        def get(batch: Batch) -> str:
            if not batch.run("setting", name):
                batch.run("put_setting", name, default())
            return str(batch.run("setting", name)[0][0])

        value: str = await self._writer.submit(get)
        return value

    # ------------------------------------------------------------

    async def _put(self, name: str, row: tuple[Any, ...], changed: tuple[str, str], audit: AuditEntry) -> None:
        def put(batch: Batch) -> None:
            batch.run(name, *row)
            _record(batch, audit)
            batch.changed(*changed)

        await self._writer.submit(put)

    async def _delete(
        self,
        name: str,
        at: tuple[str, ...],
        changed: tuple[str, str],
        audit: AuditEntry,
        *,
        with_it: tuple[str, ...] = (),
    ) -> bool:
        def delete(batch: Batch) -> bool:
            if not batch.run(name, *at):
                return False
            for other in with_it:
                batch.run(other, *at)
            _record(batch, audit)
            batch.changed(*changed)
            return True

        deleted: bool = await self._writer.submit(delete)
        return deleted


def _record(batch: Batch, audit: AuditEntry) -> None:
    batch.run("record", audit.at, audit.who, audit.action, audit.what, audit.origin, audit.result)
