"""Who is known, on SQLite: users, keys, sessions, apps, secrets, installs, devices; the audit log and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tocsin.app import App, AppId, Secret
from tocsin.device import Device, DeviceId
from tocsin.ports import SESSIONS_KEPT, AuditEntry
from tocsin.principal import Key, KeyId, Session, SessionId, User, UserId
from tocsin.store.rows import app_of, key_of, secret_of, session_of, user_of
from tocsin.store.sqlite import counts
from tocsin.store.sqlite.batch import Batch
from tocsin.store.sqlite.queries import queries
from tocsin.store.sqlite.reader import Reader
from tocsin.store.sqlite.state import leave
from tocsin.store.sqlite.writer import Writer

_LAST = 1 << 62


class SqliteIdentity:
    """The part of the Store port that knows who somebody is; each change takes a number of the log.

    Parameters:
        writer: of the store.
        reader: of the store.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    def _somebody_left(self) -> None:
        """A user was deleted: what they had is still to be removed."""

    # ------------------------------------------------------------ users

    async def user(self, id_: UserId) -> User | None:
        rows = await self._reader.rows("user", id_)
        return user_of(rows[0]) if rows else None

    async def users(self, before: str | None, limit: int) -> list[User]:
        return [user_of(row) for row in await self._reader.rows("users", before or "", limit)]

    async def count_users(self) -> int:
        return int((await self._reader.rows("count_users"))[0][0])

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
            if not found:
                counts.join(batch.run, user.id, joined)
            batch.record(audit)
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
            batch.run("delete_sessions_of", id_)
            batch.run("delete_installs_of", id_)
            batch.run("forget_quotas_of", id_)
            batch.forget_onces(f"user:{id_} send")
            batch.run("forget_batches", f"user:{id_} batch")
            leave(batch, id_, batch.head)
            batch.record(audit)
            batch.changed("user", id_)
            return True

        deleted: bool = await self._writer.submit(delete)
        if deleted:
            self._somebody_left()
        return deleted

    # ------------------------------------------------------------ keys, sessions, apps, secrets, installs, devices

    async def key(self, id_: KeyId) -> Key | None:
        rows = await self._reader.rows("key", id_)
        return key_of(rows[0]) if rows else None

    async def keys(self, before: str | None, limit: int) -> list[Key]:
        return [key_of(row) for row in await self._reader.rows("keys", before or "", limit)]

    async def put_key(self, key: Key, audit: AuditEntry) -> None:
        row = (key.id, key.user_id, key.name, key.hash, key.created_at, key.expires_at)
        await self._put("put_key", row, ("key", key.id), audit)

    async def delete_key(self, id_: KeyId, audit: AuditEntry) -> bool:
        return await self._change("delete_key", (id_,), ("key", id_), audit)

    async def session(self, id_: SessionId) -> Session | None:
        rows = await self._reader.rows("session", id_)
        return session_of(rows[0]) if rows else None

    async def put_session(self, session: Session, now: int, audit: AuditEntry | None) -> None:
        def put(batch: Batch) -> None:
            batch.run("expire_sessions", now)
            batch.run("put_session", session.id, session.user_id, session.hash, session.created_at, session.expires_at)
            if audit is not None:
                batch.record(audit)
            batch.changed("session", session.id)
            for (id_,) in batch.run("delete_sessions_over", session.user_id, SESSIONS_KEPT):
                batch.changed("session", id_)

        await self._writer.submit(put)

    async def prolong_session(self, id_: SessionId, expires_at: int) -> bool:
        return await self._change("prolong_session", (expires_at, id_), ("session", id_), None)

    async def delete_session(self, id_: SessionId, audit: AuditEntry | None) -> bool:
        return await self._change("delete_session", (id_,), ("session", id_), audit)

    async def app(self, id_: AppId) -> App | None:
        rows = await self._reader.rows("app", id_)
        return app_of(rows[0]) if rows else None

    async def apps(self, before: str | None, limit: int) -> list[App]:
        return [app_of(row) for row in await self._reader.rows("apps", before or "", limit)]

    async def put_app(self, app: App, audit: AuditEntry) -> None:
        row = (app.id, app.name, app.quota_per_hour, int(app.install_for_all))

        def put(batch: Batch) -> None:
            batch.run("put_app", *row, batch.head)
            batch.record(audit)
            batch.changed("app", app.id)

        await self._writer.submit(put)

    async def delete_app(self, id_: AppId, audit: AuditEntry) -> bool:
        with_it = ("delete_secrets_of", "delete_installs_of_app", "forget_quotas_of_app")
        return await self._change("delete_app", (id_,), ("app", id_), audit, with_it=with_it)

    async def secret(self, id_: str) -> Secret | None:
        rows = await self._reader.rows("secret", id_)
        return secret_of(rows[0]) if rows else None

    async def secrets(self, app: AppId) -> list[Secret]:
        return [secret_of(row) for row in await self._reader.rows("secrets", app)]

    async def put_secret(self, secret: Secret, audit: AuditEntry) -> None:
        row = (secret.id, secret.app_id, secret.hash, secret.created_at)
        await self._put("put_secret", row, ("secret", secret.app_id), audit)

    async def delete_secret(self, app: AppId, id_: str, audit: AuditEntry) -> bool:
        return await self._change("delete_secret", (app, id_), ("secret", app), audit)

    async def installed(self, app: AppId, user: UserId) -> bool:
        query = {"app": app, "user": user}
        rows = await self._reader.read(lambda c: c.execute(queries()["installed"], query).fetchall())
        return bool(rows and rows[0][0])

    async def users_of_app(self, app: AppId, before: str | None, limit: int) -> list[UserId]:
        return [UserId(id_) for (id_,) in await self._reader.rows("users_of_app", app, before or "", limit)]

    async def apps_of_user(self, user: UserId, before: str | None, limit: int) -> list[AppId]:
        return [AppId(id_) for (id_,) in await self._reader.rows("apps_of_user", user, before or "", limit)]

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
        return await self._change("delete_device", (id_,), ("device", id_), audit)

    # ------------------------------------------------------------ audit and settings

    async def record(self, audit: AuditEntry) -> None:
        await self._writer.submit(lambda batch: batch.record(audit))

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
            batch.record(audit)
            batch.changed(*changed)

        await self._writer.submit(put)

    async def _change(
        self,
        name: str,
        at: tuple[Any, ...],
        changed: tuple[str, str],
        audit: AuditEntry | None,
        *,
        with_it: tuple[str, ...] = (),
    ) -> bool:
        def change(batch: Batch) -> bool:
            if not batch.run(name, *at):
                return False
            for other in with_it:
                batch.run(other, *at)
            if audit is not None:
                batch.record(audit)
            batch.changed(*changed)
            return True

        found: bool = await self._writer.submit(change)
        return found
