"""What retention does on PostgreSQL; of several nodes the one that has the lease does it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.app import AppId
from tocsin.errors import Unavailable
from tocsin.store.postgresql.batch import Doing
from tocsin.store.postgresql.reader import Reader
from tocsin.store.postgresql.writer import Writer
from tocsin.store.purge import Part, Row

_OWNERS = 200
_LEASE_SECONDS = 60.0

_QUERIES = {
    "purge_look": """
        SELECT first, user_id, app_id, created_at FROM notifications WHERE first > $1 ORDER BY first LIMIT $2""",
    "floor_of": "SELECT upto FROM floors WHERE owner = $1 AND app_id = $2",
    "broadcasts_between": """
        SELECT type, count(*), max(first), min(first) FILTER (WHERE app_id = ANY ($4) AND withdrawn_at IS NULL)
        FROM (SELECT first, type, app_id, withdrawn_at FROM notifications
            WHERE user_id IS NULL AND first > $1 AND first <= $2 ORDER BY first LIMIT $3) AS next
        GROUP BY type""",
    "broadcasts_below": "SELECT first FROM notifications WHERE user_id IS NULL AND first <= $1 ORDER BY first LIMIT $2",
    "broadcast_receipts": """
        SELECT first, user_id FROM receipts
        WHERE (first, user_id) > ($1, $2) AND first <= $3 AND broadcast ORDER BY first, user_id LIMIT $4""",
    "beyond_newest": "SELECT first FROM notifications WHERE user_id = $1 ORDER BY first DESC LIMIT 1 OFFSET $2",
    "own_below": "SELECT first FROM notifications WHERE user_id = $1 AND first <= $2 ORDER BY first LIMIT $3",
    "spent_marks": """
        SELECT m.user_id, m.type, m.device_id, m.upto, m.upto <= $6
            AND EXISTS (SELECT 1 FROM marks n WHERE n.user_id = m.user_id AND n.type = m.type
                AND n.device_id = m.device_id AND n.upto > m.upto)
            AND NOT EXISTS (SELECT 1 FROM notifications o WHERE o.user_id = m.user_id AND o.first <= m.upto)
        FROM (SELECT user_id, type, device_id, upto FROM marks
            WHERE (user_id, type, device_id, upto) > ($1, $2, $3, $4)
            ORDER BY user_id, type, device_id, upto LIMIT $5) AS m""",
    "spent_watermarks": """
        SELECT w.user_id, w.upto, w.upto <= $4
            AND EXISTS (SELECT 1 FROM watermarks n WHERE n.user_id = w.user_id AND n.upto > w.upto)
            AND NOT EXISTS (SELECT 1 FROM notifications o WHERE o.user_id = w.user_id AND o.first <= w.upto)
        FROM (SELECT user_id, upto FROM watermarks WHERE (user_id, upto) > ($1, $2)
            ORDER BY user_id, upto LIMIT $3) AS w""",
}
# A step from user to user of the index, whatever each of them has.
_NEXT_OWNERS = """
WITH RECURSIVE owner (user_id, place) AS (
    (SELECT user_id, 1 FROM notifications WHERE user_id > $1 ORDER BY user_id LIMIT 1)
    UNION ALL
    SELECT (SELECT n.user_id FROM notifications n WHERE n.user_id > o.user_id ORDER BY n.user_id LIMIT 1), o.place + 1
    FROM owner o WHERE o.user_id IS NOT NULL AND o.place < $2
)
SELECT user_id, (SELECT max(first) FROM notifications n WHERE n.user_id = owner.user_id)
FROM owner WHERE user_id IS NOT NULL ORDER BY place
"""


class PostgresqlGround:
    """The store as retention sees it.

    Parameters:
        writer, reader: of the store.
        lease: takes or prolongs the lease for so many seconds; False when another node has it.
    """

    def __init__(self, writer: Writer, reader: Reader, lease: Callable[[float], Awaitable[bool]]) -> None:
        self._writer = writer
        self._reader = reader
        self._lease = lease
        self._leased = 0.0

    @property
    def queued(self) -> int:
        return self._writer.queued

    async def may_begin(self) -> bool:
        self._leased = time.monotonic()
        return await self._lease(_LEASE_SECONDS)

    async def look(self, name: str, *values: Any) -> list[Row]:
        if time.monotonic() - self._leased > _LEASE_SECONDS / 3 and not await self.may_begin():
            raise Unavailable("Another node looks after retention")
        if name == "broadcasts_between":
            values = (*values[:3], msgspec.json.decode(values[3]))
        return await self._reader.rows(_QUERIES[name], *values)

    async def owners(self, after: str) -> list[Row]:
        return await self._reader.rows(_NEXT_OWNERS, after, _OWNERS)

    async def remove_own(self, parts: Sequence[Part]) -> int:
        told = [[part.user, part.app, part.firsts] for part in parts]
        gone: int = await self._writer.submit(Doing("remove_own", [told]))
        return gone

    async def raise_broadcasts(self, before: int, upto: int, by_type: Mapping[str, int]) -> bool:
        done: bool = await self._writer.submit(Doing("raise_broadcasts", [before, upto, dict(by_type)]))
        return done

    async def void_broadcasts(self, app: AppId, firsts: Sequence[int], now: int) -> int:
        gone: int = await self._writer.submit(Doing("void_broadcasts", [app, firsts, now]))
        return gone

    async def remove_receipts(self, of: Mapping[str, Sequence[int]]) -> None:
        await self._writer.submit(Doing("remove_receipts", [dict(of)]))

    async def remove_broadcasts(self, firsts: Sequence[int]) -> None:
        await self._writer.submit(Doing("remove_broadcasts", [firsts]))

    async def remove_spent(self, kind: str, keys: Sequence[Row]) -> None:
        await self._writer.submit(Doing(f"purge_{kind}", [keys]))

    async def give_back(self) -> bool:
        # Its autovacuum does.
        return False
