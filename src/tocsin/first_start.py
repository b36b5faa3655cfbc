"""Who is known when a store is new: sample people for trying out, or one superuser."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
from pathlib import Path

from tocsin import samples
from tocsin.config import Config
from tocsin.credentials.password import hash_password
from tocsin.ports import AuditEntry, Clock, Store
from tocsin.principal import NOTIFICATIONS, User, UserId
from tocsin.store.sqlite.examination import left_behind

log = logging.getLogger("tocsin.server")


async def put_in(store: Store, config: Config, clock: Clock) -> None:
    """Put in who is to be there, where nobody is; done again, it changes nothing.

    Raises:
        StartError: the store has what must not be served as the settings have it.
    """
    folder = Path(config.data)
    is_empty = bool(config.database) and not await store.users(None, 1)
    if is_empty and (left := await asyncio.to_thread(left_behind, folder)):
        log.warning(left)
    if config.dev:
        await samples.put_in(store, clock)
    else:
        await samples.refuse_in(store)
        await _superuser(store, clock, folder)


async def _superuser(store: Store, clock: Clock, folder: Path) -> None:
    if await store.users(None, 1):
        return
    password = secrets.token_urlsafe(18)
    hashed = await asyncio.to_thread(hash_password, password)
    user = User(
        id=UserId("admin"),
        name="admin",
        password=hashed,
        permissions=frozenset({NOTIFICATIONS}),
        superuser=True,
    )
    audit = AuditEntry(at=clock.now(), who="tocsin", action="user.create", what="admin", origin="")
    note = f"user: admin\npassword: {password}\n"
    if sys.stderr.isatty():
        print(f"The first superuser, shown once:\n{note}", file=sys.stderr)  # noqa: T201
    else:
        path = folder / "first-superuser.txt"
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(note)
        log.warning("the first superuser's password is in %s; sign in, change it, delete the file", path)
    # Written down first: a crash in between leaves a note without a user, never a user nobody knows.
    stored = await store.put_user(user, audit, replace=False)
    if stored.password != hashed:
        log.warning("another node was first to make the first superuser: its note holds, the one of here does not")
