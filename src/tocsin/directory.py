"""The directory: who is known (users, keys, sessions, apps, secrets, installs), as last committed.

A bounded cache in front of the store. The log tells which entry changed, and that entry is dropped, so
a revoked key stops holding at the next look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tocsin.app import App, AppId, Secret
from tocsin.ports import Store
from tocsin.principal import Key, KeyId, Session, SessionId, User, UserId

V = TypeVar("V")

_TRIES = 10

ENTRIES = 50_000
"""Most entries kept of each kind."""


class Directory:
    """Answers who somebody is, from memory where it can.

    Parameters:
        store: where the truth is.
        unwritten: a session that the store does not have yet.
    """

    def __init__(self, store: Store, unwritten: Callable[[SessionId], Session | None] = lambda _: None) -> None:
        self._store = store
        self._unwritten = unwritten
        self._users: dict[str, User | None] = {}
        self._keys: dict[str, Key | None] = {}
        self._sessions: dict[str, Session | None] = {}
        self._apps: dict[str, App | None] = {}
        self._secrets: dict[str, list[Secret]] = {}
        self._installs: dict[str, bool] = {}
        self._generation = 0

    def still_knows(self, key: Key, user: User) -> bool:
        """Whether both are known, and are what they were: for who kept them from an earlier look."""
        return self._keys.get(key.id) is key and self._users.get(user.id) is user

    async def user(self, id_: UserId) -> User | None:
        if (known := self._users.get(id_)) is not None:
            return known
        return await self._look(self._users, id_, lambda: self._store.user(id_))

    async def key(self, id_: KeyId) -> Key | None:
        return await self._look(self._keys, id_, lambda: self._store.key(id_))

    async def session(self, id_: SessionId) -> Session | None:
        if (waiting := self._unwritten(id_)) is not None:
            return waiting
        return await self._look(self._sessions, id_, lambda: self._store.session(id_))

    async def app(self, id_: AppId) -> App | None:
        return await self._look(self._apps, id_, lambda: self._store.app(id_))

    async def secrets(self, app: AppId) -> list[Secret]:
        return await self._look(self._secrets, app, lambda: self._store.secrets(app))

    async def installed(self, app: AppId, user: UserId) -> bool:
        # U+0000 is in no id: no two pairs share a name in this cache.
        return await self._look(self._installs, f"{app}\0{user}", lambda: self._store.installed(app, user))

    def forget(self, kind: str, id_: str) -> None:
        """Drop what a numbered change touched.

        Parameters:
            kind: `user`, `key`, `session`, `app`, `secret` (id: of the app), `install` (id: app, U+0000, user) or
                `device`.
        """
        self._generation += 1
        match kind:
            case "user":
                self._users.pop(id_, None)
                self._installs.clear()
            case "key":
                self._keys.pop(id_, None)
            case "session":
                self._sessions.pop(id_, None)
            case "app":
                self._apps.pop(id_, None)
                self._secrets.pop(id_, None)
                self._installs.clear()
            case "secret":
                self._secrets.pop(id_, None)
            case "install":
                self._installs.pop(id_, None)

    def forget_all(self) -> None:
        """Drop everything: what was changed meanwhile is not known."""
        self._generation += 1
        for known in (self._users, self._keys, self._sessions, self._apps, self._secrets, self._installs):
            known.clear()

    async def _look(self, known: dict[str, V], id_: str, read: Callable[[], Awaitable[V]]) -> V:
        try:
            return known[id_]
        except KeyError:
            pass
        for _ in range(_TRIES):
            generation = self._generation
            found = await read()
            if generation == self._generation:
                # What is not there is not kept: strangers could fill the memory with names.
                if found:
                    if len(known) >= ENTRIES:
                        del known[next(iter(known))]
                    known[id_] = found
                return found
            # Something was changed while we read, and told before we could keep what we read: read again.
        return found
