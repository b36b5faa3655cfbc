"""Tidying on PostgreSQL: what deleted users had, and what has expired; nobody waits for it.

Of several nodes the one that has the lease does it, so that each is done once. One that was stopped and is woken after
its lease has gone may do one chunk more: it removes what is to be removed, whoever asks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tocsin.errors import Unavailable
from tocsin.store.postgresql.batch import Doing
from tocsin.store.postgresql.reader import Reader
from tocsin.store.postgresql.writer import Writer

log = logging.getLogger("tocsin.store")

LOOK_SECONDS = 2.0
"""How often it is looked whether a user was deleted on another node."""

FORGET_SECONDS = 600.0
"""Between two times of forgetting what has expired."""

_LEASE_SECONDS = 10.0


class Tidying:
    """A task of the store's.

    Parameters:
        writer, reader: of the store.
        lease: takes or prolongs the lease for so many seconds; False when another node has it.
    """

    def __init__(self, writer: Writer, reader: Reader, lease: Callable[[float], Awaitable[bool]]) -> None:
        self._writer = writer
        self._reader = reader
        self._lease = lease
        self._leased_until = 0.0
        self._forget_due = 0.0
        self._woken = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def somebody_left(self) -> None:
        """A user was deleted here."""
        self._woken.set()

    def stop(self) -> None:
        """Leave the rest to whoever comes next."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._tidy()
            except Unavailable:
                log.debug("what is to be removed stays until the store takes writes again")
            except Exception:
                log.exception("tidying failed; it is tried again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
            self._woken.clear()

    async def _tidy(self) -> None:
        while await self._has_the_lease() and await self._reader.value("SELECT EXISTS (SELECT FROM leavers)"):
            # A chunk a transaction: a user with a million notifications must not hold up anybody's send.
            await self._writer.submit(Doing("remove_of_leaver", []))
        if time.monotonic() >= self._forget_due:
            while await self._has_the_lease():
                if not await self._writer.submit(Doing("forget", [int(time.time() * 1000)])):
                    self._forget_due = time.monotonic() + FORGET_SECONDS
                    break

    async def _has_the_lease(self) -> bool:
        asked = time.monotonic()
        if self._leased_until - asked < _LEASE_SECONDS / 2:
            self._leased_until = asked + _LEASE_SECONDS if await self._lease(_LEASE_SECONDS) else 0.0
        return self._leased_until > 0.0
