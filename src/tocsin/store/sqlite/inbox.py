"""Reads of an inbox from SQLite: pages, one notification, counts, what became of one."""

from __future__ import annotations

from typing import Any

import apsw
import msgspec

from tocsin.errors import Unavailable
from tocsin.notification import NotificationId
from tocsin.ports import EVERYTHING, InboxPage, Recipient, SentNotification, Wanted, Whereabouts
from tocsin.principal import UserId
from tocsin.receipt import Item, State, Unread
from tocsin.store.sqlite import counts
from tocsin.store.sqlite.marks import Marks
from tocsin.store.sqlite.reader import checksum, item_of, runner

Row = tuple[Any, ...]

LOOKED_THROUGH = 5_000
"""Own notifications, and as many broadcasts, looked through for one page; the next one goes on from there."""

_AT_ONCE = 500
_LAST = 1 << 62
_DISORDER_MS = 3_600_000
_ENDS = """
SELECT first, created_at FROM notifications WHERE first = (SELECT min(first) FROM notifications)
UNION ALL
SELECT first, created_at FROM notifications WHERE first = (SELECT max(first) FROM notifications)"""

_KEYS = """
SELECT n.first, n.since, n.type, n.device_id, r.read, r.read_at, r.dismissed_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.user_id IS :owner AND n.first < :before AND n.first > :low AND n.withdrawn_at IS NULL"""
_NTH = """
SELECT first FROM notifications WHERE user_id IS ? AND first < ? AND first > ?
ORDER BY first DESC LIMIT 1 OFFSET ?"""
_FILTERS = {
    "types": " AND n.type IN (SELECT value FROM json_each(:types))",
    "devices": " AND n.device_id IN (SELECT value FROM json_each(:devices))",
    "apps": " AND n.app_id IN (SELECT value FROM json_each(:apps))",
    "groups": " AND n.body ->> '$.group' IN (SELECT value FROM json_each(:groups))",
    # The raw text first: only of what has it somewhere is it seen where.
    "signs": """ AND NOT EXISTS (SELECT 1 FROM json_each(:signs) WHERE NOT CASE WHEN instr(n.body, value) THEN
        instr(n.body ->> '$.title', value) OR instr(n.body ->> '$.message', value) ELSE 0 END)""",
    "from_": " AND n.created_at >= :from_",
    "to": " AND n.created_at < :to",
    "among": " AND n.first IN (SELECT value FROM json_each(:among))",
}


def read_inbox(
    connection: apsw.Connection,
    user: UserId,
    wanted: Wanted,
    before: int | None,
    limit: int,
    among: list[int] | None = None,
) -> InboxPage:
    """A page of a user's notifications, newest first; own ones and broadcasts merged by their creation.

    Parameters:
        among: only these numbers, newest first: what a search has found.
    """
    with connection:
        run = runner(connection)
        head = int(run("head")[0][0])
        joined = run("joined", user)
        if not joined:
            return InboxPage([], None, head)
        floor = run("floor")
        lows = (int(joined[0][0]), max(int(joined[0][0]), floor[0][0] if floor else 0))
        place = min(before if before is not None else _LAST, _border(connection, wanted.to, _DISORDER_MS))
        bottom = _border(connection, wanted.from_, -_DISORDER_MS) - 1 if wanted.from_ is not None else 0
        bounds = (max(lows[0], bottom), max(lows[1], bottom))
        if wanted.unread:
            firsts, next_ = _unread_page(connection, user, wanted, among, bounds, place, limit)
        else:
            firsts, next_ = _Scan(connection, user, wanted, among, bounds).page(place, limit)
        marks = Marks.of(run, user, min(firsts, default=_LAST))
        rows = run("items", {"user": user, "firsts": msgspec.json.encode(firsts).decode()})
        told = [item_of(row, user, marks) for row in rows]
    # Damaged rows are left out after they were counted: what is older stays within reach.
    return InboxPage([item for item in told if isinstance(item, Item)], next_, head)


def _unread_page(
    connection: apsw.Connection,
    user: UserId,
    wanted: Wanted,
    among: list[int] | None,
    lows: tuple[int, int],
    before: int,
    limit: int,
) -> tuple[list[int], int | None]:
    """As a scan's page; below the marks there is only what was set unread, and that is a short list."""
    run = runner(connection)
    mark = min((row[1] for row in run("counters", user)), default=0)
    above = (max(lows[0], mark), max(lows[1], mark))
    firsts, next_ = _Scan(connection, user, wanted, among, above).page(before, limit)
    if next_ is not None or not mark:
        return firsts, next_
    explicit = [int(row[0]) for row in run("explicit_unread", user, before, mark, _AT_ONCE)]
    narrowed = explicit if among is None else sorted(set(explicit) & set(among), reverse=True)
    more, next_ = _Scan(connection, user, wanted, narrowed, lows).page(min(before, mark + 1), limit - len(firsts))
    if next_ is None and len(explicit) == _AT_ONCE:
        next_ = explicit[-1]
    return firsts + more, next_


class _Scan:
    """Looks for the numbers of one page."""

    def __init__(
        self,
        connection: apsw.Connection,
        user: UserId,
        wanted: Wanted,
        among: list[int] | None,
        lows: tuple[int, int],
    ) -> None:
        self._connection = connection
        self._user = user
        self._wanted = wanted
        self._lows = lows
        # What a search has found is few; without a filter every row is wanted.
        self._bounded = among is None and wanted != EVERYTHING
        self._run = runner(connection)
        self._values: dict[str, Any] = {"user": user, "limit": _AT_ONCE}
        self._sql = _KEYS
        for name, clause in _FILTERS.items():
            value = among if name == "among" else getattr(wanted, name)
            if value is not None:
                self._sql += clause
                self._values[name] = (
                    msgspec.json.encode(sorted(value)).decode() if not isinstance(value, int) else value
                )
        self._sql += " ORDER BY n.first DESC LIMIT :limit"

    def page(self, before: int, limit: int) -> tuple[list[int], int | None]:
        """The numbers of a page, and where the next one begins; None when this was the last."""
        found: list[int] = []
        bottom = self._bottom(before) if self._bounded else 0
        while True:
            at_once = min(_AT_ONCE, max(limit + 1, 50))
            rows = self._between(bottom, before, at_once)
            marks = Marks.of(self._run, self._user, min((row[1] for row in rows), default=_LAST))
            for row in rows:
                if self._is_wanted(row, marks):
                    if len(found) == limit:
                        return found, found[-1] if found else row[0] + 1
                    found.append(row[0])
            if len(rows) < at_once:
                return found, bottom + 1 if bottom else None
            before = rows[-1][0]

    def _bottom(self, before: int) -> int:
        """The number at which enough was looked through, wanted or not; 0 where there is not so much."""
        found: list[list[Row]] = [
            self._connection.execute(_NTH, (owner, before, low, LOOKED_THROUGH)).fetchall()
            for owner, low in zip((self._user, None), self._lows, strict=True)
        ]
        return max((int(row[0]) for rows in found for row in rows), default=0)

    def _between(self, bottom: int, before: int, limit: int) -> list[Row]:
        rows: list[Row] = []
        for owner, low in ((self._user, self._lows[0]), (None, self._lows[1])):
            values = {**self._values, "owner": owner, "before": before, "low": max(low, bottom), "limit": limit}
            rows += self._connection.execute(self._sql, values).fetchall()
        return sorted(rows, key=lambda row: -int(row[0]))[:limit]

    def _is_wanted(self, row: Row, marks: Marks) -> bool:
        _first, since, type_, device, read, _read_at, dismissed_at = row
        wanted = self._wanted
        if wanted.dismissed is not None and wanted.dismissed is not (dismissed_at is not None):
            return False
        if wanted.unread is None:
            return True
        is_read = bool(read) if read is not None else marks.read_at(type_, device, since) is not None
        return wanted.unread is not is_read


def read_item(connection: apsw.Connection, user: UserId, id_: NotificationId) -> Item | None:
    """One of a user's notifications as they have it."""
    with connection:
        run = runner(connection)
        joined, floor, number = run("joined", user), run("floor"), run("number_of", id_)
        if not joined or not number:
            return None
        [row] = run("item", {"user": user, "first": number[0][0]})
        marks = Marks.of(run, user, row[7])
    first, owner, withdrawn_at = row[0], row[3], row[9]
    gone = owner is None and floor and first <= floor[0][0]
    if owner not in (None, user) or first <= joined[0][0] or gone or withdrawn_at is not None:
        return None
    item = item_of(row, user, marks)
    if not isinstance(item, Item):
        raise Unavailable("This notification is damaged on disk", retry_after=60)
    return item


def read_unread(connection: apsw.Connection, user: UserId) -> Unread:
    """How many a user has not read."""
    with connection:
        run = runner(connection)
        types, head = counts.unread(run, user), int(run("head")[0][0])
    return Unread(types, head)


def read_whereabouts(
    connection: apsw.Connection, id_: NotificationId, before: str | None, limit: int
) -> Whereabouts | None:
    """What became of a notification."""
    with connection:
        run = runner(connection)
        rows = run("sent", id_)
        if not rows:
            return None
        first, since, _id, user, type_, device, sender, withdrawn_at, streams, credential, created_at = rows[0]
        about = {"first": first, "since": since, "type": type_, "device": device or "", "user": user}
        [sums] = run("recipients_summed", about)
        found = run("recipients", {**about, "after": before or "", "limit": limit + 1})
    page = [Recipient(row[0], row[1], State(row[2], row[3], row[4])) for row in found[:limit]]
    return Whereabouts(
        id=id_,
        first=first,
        sender=sender,
        credential=credential,
        user_id=user,
        created_at=created_at,
        streamed=streams,
        withdrawn=withdrawn_at,
        recipients=sums[0],
        delivered=sums[1],
        read=sums[2],
        dismissed=sums[3],
        acknowledged=sums[4],
        page=page,
        next=page[-1].user_id if len(found) > limit else None,
    )


def sent_of(row: Row) -> SentNotification:
    """A row of `all_sent`."""
    first, id_, user, device, type_, sender, credential, created_at, streams, withdrawn_at, text, crc = row
    body = text.encode()
    whole = withdrawn_at is None and checksum(first, id_, user, device, body) == crc
    return SentNotification(
        first=first,
        id=id_,
        type=type_,
        user_id=user,
        device_id=device,
        sender=sender,
        credential=credential,
        created_at=created_at,
        streamed=streams,
        withdrawn=withdrawn_at,
        body=body if whole else None,
    )


def _border(connection: apsw.Connection, at: int | None, margin: int) -> int:
    """A number that everything created from `at` on (plus a margin for clocks that were set) lies above.

    What is newer than the last or older than the first was stamped by a clock that was wrong: it says nothing.

    Parameters:
        at, margin: milliseconds; None for no border at all.
    """
    if at is None:
        return _LAST
    ends: list[Row] = connection.execute(_ENDS).fetchall()
    if len(ends) < 2:
        return 0 if margin < 0 else _LAST
    (_, oldest), (newest_first, newest) = ends
    sane = range(oldest - _DISORDER_MS, newest + _DISORDER_MS + 1)
    low, high = 0, int(newest_first) + 1
    sql = "SELECT first, created_at FROM notifications WHERE first >= ? ORDER BY first LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        found: list[Row] = connection.execute(sql, (middle,)).fetchall()
        # Where nothing is said, to the side that leaves more in.
        if found and (found[0][1] < at + margin if found[0][1] in sane else margin > 0):
            low = found[0][0] + 1
        else:
            high = middle
    return low
