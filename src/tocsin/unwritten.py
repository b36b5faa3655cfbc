"""Sessions that began while the store took no writes: held in memory, and written as soon as it takes them."""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

from tocsin.errors import Unavailable
from tocsin.ports import SESSIONS_KEPT, AuditEntry, Clock, Store
from tocsin.principal import Session, SessionId

MOST = 1_000
"""Sessions that are held at a time where one process is all there is."""

_ASK_SECONDS = 1.0

log = logging.getLogger("tocsin.audit")


class Unwritten:
    """Sessions of this process that the store does not have yet. They hold and end as others do, and end with it.

    Parameters:
        store: where they go.
        clock: says which sessions have ended when they do.
        most: how many at a time. 0 where other nodes answer, too: they would refuse what only this one knows.
    """

    def __init__(self, store: Store, clock: Clock, *, most: int) -> None:
        self._store = store
        self._clock = clock
        self._most = most
        self._kept: dict[SessionId, _Kept] = {}
        self._writing = asyncio.Lock()

    def get(self, id_: SessionId) -> Session | None:
        """The session of that id, if it waits here."""
        return kept.session if (kept := self._kept.get(id_)) is not None else None

    def keep(self, session: Session, audit: AuditEntry | None) -> bool:
        """Hold a session that the store has just refused to keep; False where that cannot be.

        Parameters:
            audit: of its beginning; it is written with it, and until then the log has it.
        """
        own = [id_ for id_, kept in self._kept.items() if kept.session.user_id == session.user_id]
        if len(self._kept) >= self._most or len(own) >= SESSIONS_KEPT:
            return False
        self._kept[session.id] = _Kept(session, audit)
        extra = {"who": audit.who, "action": audit.action, "what": audit.what} if audit is not None else None
        log.warning("a session could not be written yet: a restart before it is would end it", extra=extra)
        return True

    async def write(self, id_: SessionId) -> None:
        """Have that session written, if it waits here.

        Raises:
            Unavailable: the store does not take it yet.
        """
        async with self._writing:
            kept = self._kept.get(id_)
            if kept is None:
                return
            # A refusal may have left it there all the same (`outcome_unknown`).
            if await self._store.session(id_) is None:
                await self._store.put_session(kept.session, self._clock.now(), kept.audit)
            del self._kept[id_]

    async def run(self) -> None:
        """Write what waits whenever the store takes writes again."""
        while True:
            await asyncio.sleep(_ASK_SECONDS)
            try:
                for id_ in [] if self._store.troubles() else list(self._kept):
                    await self.write(id_)
            except Unavailable:
                log.debug("sessions wait on")


class _Kept(NamedTuple):
    session: Session
    audit: AuditEntry | None
