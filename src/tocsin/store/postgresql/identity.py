"""Who is known, on PostgreSQL: users, keys, sessions, apps, secrets, installs, devices; the audit log and settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from tocsin.app import App, AppId, Secret
from tocsin.device import Device, DeviceId
from tocsin.ports import SESSIONS_KEPT, AuditEntry
from tocsin.principal import Key, KeyId, Session, SessionId, User, UserId
from tocsin.store.postgresql.batch import Doing, audit_row
from tocsin.store.postgresql.reader import Reader
from tocsin.store.postgresql.writer import Writer
from tocsin.store.rows import app_of, key_of, secret_of, session_of, user_of

_LAST = 1 << 62
_USER = "SELECT id, name, password, permissions, superuser, disabled, joined, tokens_after FROM users"
_KEY = "SELECT id, user_id, name, hash, created_at, expires_at FROM keys"
_SESSION = "SELECT id, user_id, hash, created_at, expires_at FROM sessions WHERE id = $1"
_APP = "SELECT id, name, quota_per_hour, install_for_all, joined FROM apps"
_SECRET = "SELECT id, app_id, hash, created_at FROM secrets"  # noqa: S105
_DEVICE = "SELECT id, name FROM devices"
_PAGE = " WHERE id > $1 ORDER BY id LIMIT $2"
_INSTALLED = """
SELECT coalesce(i.installed, a.install_for_all)
FROM apps a JOIN users u ON u.id = $2 LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE a.id = $1
"""
_USERS_OF_APP = """
SELECT u.id
FROM apps a CROSS JOIN users u LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE a.id = $1 AND u.id > $2 AND coalesce(i.installed, a.install_for_all)
ORDER BY u.id LIMIT $3
"""
_APPS_OF_USER = """
SELECT a.id
FROM users u CROSS JOIN apps a LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE u.id = $1 AND a.id > $2 AND coalesce(i.installed, a.install_for_all)
ORDER BY a.id LIMIT $3
"""
_AUDITS = """
SELECT number, at, who, action, what, origin, result FROM audit WHERE number < $1 ORDER BY number DESC LIMIT $2
"""


class PostgresqlIdentity:
    """The part of the Store port that knows who somebody is; each change takes a number of the log.

    Parameters:
        writer: of the store.
        reader: of the store.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader
        self._settings = asyncio.Lock()

    def _somebody_left(self) -> None:
        """A user was deleted: what they had is still to be removed."""

    # ------------------------------------------------------------ users

    async def user(self, id_: UserId) -> User | None:
        rows = await self._reader.rows(_USER + " WHERE id = $1", id_)
        return user_of(rows[0]) if rows else None

    async def users(self, before: str | None, limit: int) -> list[User]:
        return [user_of(row) for row in await self._reader.rows(_USER + _PAGE, before or "", limit)]

    async def count_users(self) -> int:
        return int(await self._reader.value("SELECT count(*) FROM users"))

    async def put_user(self, user: User, audit: AuditEntry, *, replace: bool = True) -> User:
        permissions = msgspec.json.encode(sorted(user.permissions)).decode()
        about = [user.id, user.name, user.password, permissions, user.superuser, user.disabled, user.tokens_after]
        put = Doing("put_user", [*about, replace, audit_row(audit)], user_of)
        stored: User = await self._writer.submit(put)
        return stored

    async def delete_user(self, id_: UserId, audit: AuditEntry) -> bool:
        deleted: bool = await self._writer.submit(Doing("delete_user", [id_, audit_row(audit)]))
        if deleted:
            self._somebody_left()
        return deleted

    # ------------------------------------------------------------ keys, sessions, apps, secrets, installs, devices

    async def key(self, id_: KeyId) -> Key | None:
        rows = await self._reader.rows(_KEY + " WHERE id = $1", id_)
        return key_of(rows[0]) if rows else None

    async def keys(self, before: str | None, limit: int) -> list[Key]:
        return [key_of(row) for row in await self._reader.rows(_KEY + _PAGE, before or "", limit)]

    async def put_key(self, key: Key, audit: AuditEntry) -> None:
        row = [key.id, key.user_id, key.name, key.hash.hex(), key.created_at, key.expires_at]
        await self._put("key", row, audit)

    async def delete_key(self, id_: KeyId, audit: AuditEntry) -> bool:
        return await self._delete("key", id_, audit)

    async def session(self, id_: SessionId) -> Session | None:
        rows = await self._reader.rows(_SESSION, id_)
        return session_of(rows[0]) if rows else None

    async def put_session(self, session: Session, now: int, audit: AuditEntry | None) -> None:
        row = [session.id, session.user_id, session.hash.hex(), session.created_at, session.expires_at]
        await self._writer.submit(Doing("put_session", [*row, now, SESSIONS_KEPT, audit_row(audit)]))

    async def prolong_session(self, id_: SessionId, expires_at: int) -> bool:
        found: bool = await self._writer.submit(Doing("prolong_session", [id_, expires_at]))
        return found

    async def delete_session(self, id_: SessionId, audit: AuditEntry | None) -> bool:
        return await self._delete("session", id_, audit)

    async def app(self, id_: AppId) -> App | None:
        rows = await self._reader.rows(_APP + " WHERE id = $1", id_)
        return app_of(rows[0]) if rows else None

    async def apps(self, before: str | None, limit: int) -> list[App]:
        return [app_of(row) for row in await self._reader.rows(_APP + _PAGE, before or "", limit)]

    async def put_app(self, app: App, audit: AuditEntry) -> None:
        await self._put("app", [app.id, app.name, app.quota_per_hour, app.install_for_all], audit)

    async def delete_app(self, id_: AppId, audit: AuditEntry) -> bool:
        return await self._delete("app", id_, audit)

    async def secret(self, id_: str) -> Secret | None:
        rows = await self._reader.rows(_SECRET + " WHERE id = $1", id_)
        return secret_of(rows[0]) if rows else None

    async def secrets(self, app: AppId) -> list[Secret]:
        rows = await self._reader.rows(_SECRET + " WHERE app_id = $1 ORDER BY created_at, id", app)
        return [secret_of(row) for row in rows]

    async def put_secret(self, secret: Secret, audit: AuditEntry) -> None:
        await self._put("secret", [secret.id, secret.app_id, secret.hash.hex(), secret.created_at], audit)

    async def delete_secret(self, app: AppId, id_: str, audit: AuditEntry) -> bool:
        return await self._delete("secret", id_, audit, of=app)

    async def installed(self, app: AppId, user: UserId) -> bool:
        return bool(await self._reader.value(_INSTALLED, app, user))

    async def users_of_app(self, app: AppId, before: str | None, limit: int) -> list[UserId]:
        return [UserId(id_) for (id_,) in await self._reader.rows(_USERS_OF_APP, app, before or "", limit)]

    async def apps_of_user(self, user: UserId, before: str | None, limit: int) -> list[AppId]:
        return [AppId(id_) for (id_,) in await self._reader.rows(_APPS_OF_USER, user, before or "", limit)]

    async def put_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None:
        await self._writer.submit(Doing("install", [app, user, True, audit_row(audit)]))

    async def delete_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None:
        await self._writer.submit(Doing("install", [app, user, False, audit_row(audit)]))

    async def device(self, id_: DeviceId) -> Device | None:
        rows = await self._reader.rows(_DEVICE + " WHERE id = $1", id_)
        return Device(id=rows[0][0], name=rows[0][1]) if rows else None

    async def devices(self, before: str | None, limit: int) -> list[Device]:
        rows = await self._reader.rows(_DEVICE + _PAGE, before or "", limit)
        return [Device(id=row[0], name=row[1]) for row in rows]

    async def put_device(self, device: Device, audit: AuditEntry) -> None:
        await self._put("device", [device.id, device.name], audit)

    async def delete_device(self, id_: DeviceId, audit: AuditEntry) -> bool:
        return await self._delete("device", id_, audit)

    # ------------------------------------------------------------ audit and settings

    async def record(self, audit: AuditEntry) -> None:
        await self._writer.submit(Doing("record", [audit_row(audit)]))

    async def audits(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        rows = await self._reader.rows(_AUDITS, _LAST if before is None else before, limit)
        return [
            (number, AuditEntry(at=at, who=who, action=action, what=what, origin=origin, result=result))
            for number, at, who, action, what, origin, result in rows
        ]

    async def setting(self, name: str, default: Callable[[], str]) -> str:
        async with self._settings:
            value: str | None = await self._reader.value("SELECT value FROM settings WHERE name = $1", name)
            if value is None:
                value = await self._writer.submit(Doing("setting", [name, default()]))
            assert value is not None
            return value

    # ------------------------------------------------------------

    async def _put(self, kind: str, row: list[Any], audit: AuditEntry) -> None:
        await self._writer.submit(Doing("put", [kind, row, audit_row(audit)]))

    async def _delete(self, kind: str, id_: str, audit: AuditEntry | None, *, of: str | None = None) -> bool:
        deleted: bool = await self._writer.submit(Doing("delete", [kind, id_, of, audit_row(audit)]))
        return deleted
