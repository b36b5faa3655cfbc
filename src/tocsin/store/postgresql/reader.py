"""Reads from PostgreSQL: a few connections, each read one statement and so of one snapshot."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec

from tocsin.device import DeviceId
from tocsin.errors import Unavailable
from tocsin.notification import Notification, NotificationId
from tocsin.ports import InboxPage, Page, Recipient, SentNotification, Wanted, Whereabouts
from tocsin.principal import UserId
from tocsin.receipt import NOTHING_UNREAD, Change, Item, Mark, Purged, Receipt, State, Unread, Withdrawn

log = logging.getLogger("tocsin.store")

PAGE_BYTES = 128 * 1024
"""Bodies in one page of changes; a stream holds no more than its budget."""

DEVICE_SPAN = 20_000
"""Numbers looked through for one page of a stream that wants few devices only."""

LOOKED_THROUGH = 5_000
"""Own notifications, and as many broadcasts, looked through for one page; the next one goes on from there."""

MOST_WAITING = 1_000
"""Reads that may wait for a connection."""

LONGEST_SECONDS = 2.5
"""After which a read is given up, whatever it waits for; the database gives it up after 2 s."""

_DISORDER_MS = 3_600_000
_SMALL = 250
_LAST = 1 << 62

Row = list[Any]

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionResetError,
)


class _Changes(msgspec.Struct):
    head: int
    upto: int
    joined: int
    floor: int
    own: list[Row]
    broadcasts: list[Row]
    receipts: list[Row]
    marks: list[Row]
    floors: list[Row]


class _Inbox(msgspec.Struct):
    head: int
    next: int | None
    items: list[Row]


class _Whereabouts(msgspec.Struct):
    first: int
    sender: str
    credential: str
    user: UserId | None
    created: int
    withdrawn: int | None
    streamed: int
    sums: list[int]
    page: list[Row]


_UNSAYABLE = re.compile("[\0\ud800-\udfff]")
_changes = msgspec.json.Decoder(_Changes).decode
_inbox = msgspec.json.Decoder(_Inbox).decode
_whereabouts = msgspec.json.Decoder(_Whereabouts).decode
_row = msgspec.json.Decoder(Row).decode


class Reader:
    """A pool of connections for reading.

    Parameters:
        pool: of connections that find the functions and the tables.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting = 0
        self._failing = False
        self._letting_go: set[asyncio.Task[None]] = set()

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query.

        Raises:
            Unavailable: the store cannot be reached now, or took too long.
        """
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many reads are waiting")
        self._waiting += 1
        ends = time.monotonic() + LONGEST_SECONDS
        try:
            try:
                return await self._fetch(sql, values, ends)
            except _LOST:
                # It may have been a connection of before a restart: a read does no harm when it is made again.
                return await self._fetch(sql, values, ends)
        except asyncpg.DataError:
            # A lone surrogate, or a number beyond all numbers: nothing has that name.
            return []
        except (*_LOST, asyncpg.PostgresError, OSError, TimeoutError) as error:
            # Once, and not for each of those who ask while it is away.
            log.log(
                logging.DEBUG if self._failing else logging.ERROR,
                "a read failed: %s",
                str(error) or type(error).__name__,
            )
            self._failing = True
            raise Unavailable("The store cannot be read now") from None
        finally:
            self._waiting -= 1

    async def _fetch(self, sql: str, values: tuple[Any, ...], ends: float) -> list[tuple[Any, ...]]:
        connection = await self._pool.acquire(timeout=_left(ends))
        given_up = False
        try:
            self._failing = False
            sayable = [_sayable(value) for value in values]
            return [tuple(row) for row in await connection.fetch(sql, *sayable, timeout=_left(ends))]
        except (TimeoutError, asyncio.CancelledError):
            given_up = True
            raise
        finally:
            if given_up:
                # It is first called off at the database, which may take as long again: nobody waits for that.
                letting_go = asyncio.create_task(self._let_go(connection))
                self._letting_go.add(letting_go)
                letting_go.add_done_callback(self._letting_go.discard)
            else:
                await self._pool.release(connection)

    async def _let_go(self, connection: Any) -> None:
        with suppress(*_LOST, OSError, TimeoutError):
            await self._pool.release(connection, timeout=LONGEST_SECONDS)

    async def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None where there is none."""
        rows = await self.rows(sql, *values)
        return rows[0][0] if rows else None

    async def close(self) -> None:
        """Let go of the connections."""
        self._pool.terminate()
        if self._letting_go:
            await asyncio.wait(self._letting_go)

    # ------------------------------------------------------------ inboxes

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        """A page of what changed for a user after a number; the guarantee is the Store's.

        Each kind of change is read by its own index and merged: where one of them filled its limit, of rows or
        of bytes, only what lies up to its last number is told, since of the others there may be more.
        """
        about = None if devices is None else sorted(devices)
        sql = "SELECT read_changes($1, $2, $3, $4, $5, $6)"
        text = await self.value(sql, user, about, since, limit, PAGE_BYTES, DEVICE_SPAN)
        found = _changes(text)
        upto = found.upto
        seqs = [(found.own, 1), (found.broadcasts, 1), (found.receipts, 0), (found.marks, 0), (found.floors, 0)]
        for rows, place in seqs:
            if len(rows) == limit:
                upto = min(upto, rows[-1][place])
        for rows in (found.own, found.broadcasts):
            # More of them may have been left out.
            if sum(len(row[5].encode()) for row in rows) > PAGE_BYTES:
                upto = min(upto, rows[-1][1])
        told: list[tuple[int, int, Change | None]] = []
        for row in [*found.own, *found.broadcasts]:
            if row[1] <= upto:
                told.append((row[1], len(row[5].encode()), item_of(row, user)))
        for row in found.receipts:
            told.append((row[0], _SMALL, _receipt_of(row, user)))
        for row in found.marks:
            told.append((row[0], _SMALL, _mark_of(row, user)))
        for seq, owner, app, to in found.floors:
            purged = Purged(seq=seq, user_id=owner or None, app_id=app or None, upto=to)
            told.append((seq, _SMALL, purged))
        changes: list[Change] = []
        size = 0
        for seq, weight, change in sorted(told, key=lambda one: one[0]):
            if seq > upto:
                break
            size += weight
            if size > PAGE_BYTES and changes:
                upto = _number(changes[-1])
                break
            if change is not None:
                changes.append(change)
        # What lies below the joining number was never theirs to lose.
        floor = found.floor if found.floor > found.joined else 0
        return Page(changes, upto, found.head, full=upto < found.head, floor=floor)

    async def inbox(
        self, user: UserId, wanted: Wanted, before: int | None, limit: int, among: list[int] | None
    ) -> InboxPage:
        """A page of a user's notifications, newest first.

        Parameters:
            among: only these numbers, newest first: what a search has found.
        """
        w = {
            "types": _sorted(wanted.types),
            "devices": _sorted(wanted.devices),
            "apps": _sorted(wanted.apps),
            "groups": _sorted(wanted.groups),
            "signs": _sorted(wanted.signs),
            "unread": wanted.unread,
            "dismissed": wanted.dismissed,
            "from": wanted.from_,
            "to": wanted.to,
        }
        text = await self.value(
            "SELECT read_inbox($1, $2::jsonb, $3, $4, $5, $6, $7)",
            user, msgspec.json.encode(w).decode(), among, before, limit, LOOKED_THROUGH, _DISORDER_MS,
        )  # fmt: skip
        found = _inbox(text)
        told = [item_of(row, user) for row in found.items]
        # Damaged rows are left out after they were counted: what is older stays within reach.
        return InboxPage([item for item in told if isinstance(item, Item)], found.next, found.head)

    async def item(self, user: UserId, id_: NotificationId) -> Item | None:
        """One of a user's notifications as they have it."""
        text = await self.value("SELECT read_item($1, $2)", user, id_)
        if text is None:
            return None
        item = item_of(_row(text), user)
        if not isinstance(item, Item):
            raise Unavailable("This notification is damaged on disk", retry_after=60)
        return item

    async def unread(self, user: UserId) -> Unread:
        """How many a user has not read."""
        types, head = _row(await self.value("SELECT read_unread($1)", user))
        return Unread({**NOTHING_UNREAD, **types}, head)

    async def whereabouts(self, id_: NotificationId, before: str | None, limit: int) -> Whereabouts | None:
        """What became of a notification."""
        text = await self.value("SELECT read_whereabouts($1, $2, $3)", id_, before or "", limit + 1)
        if text is None:
            return None
        found = _whereabouts(text)
        page = [Recipient(row[0], row[1], State(row[2], row[3], row[4])) for row in found.page[:limit]]
        recipients, delivered, read, dismissed, acknowledged = found.sums
        return Whereabouts(
            id=id_,
            first=found.first,
            sender=found.sender,
            credential=found.credential,
            user_id=found.user,
            created_at=found.created,
            streamed=found.streamed,
            withdrawn=found.withdrawn,
            recipients=recipients,
            delivered=delivered,
            read=read,
            dismissed=dismissed,
            acknowledged=acknowledged,
            page=page,
            next=page[-1].user_id if len(found.page) > limit else None,
        )

    async def sent(self, before: int | None, after: int, limit: int) -> list[SentNotification]:
        """What was sent by anybody between two numbers, newest first."""
        return [_sent_of(row) for row in await self.rows(_SENT, _LAST if before is None else before, after, limit)]


def item_of(row: Row, reader: UserId | None) -> Item | Withdrawn | None:
    """A row of a notification with the reader's receipt, if it is as it was written.

    Parameters:
        reader: who asked; a damaged index may lead to somebody else's row.
    """
    first, seq, id_, user, device, text, sum_, since, withdrawn_at, read, dismissed, acknowledged = row
    if checksum(first, id_, user, device, text) != sum_ or user not in (None, reader):
        log.error("notification %s is damaged on disk and is not shown; restore a backup", id_)
        return None
    if withdrawn_at is not None:
        # One that retention has let go of has kept its number, and its floor tells that.
        return Withdrawn(seq=seq, first=first, id=id_, user_id=user, device_id=device) if seq != first else None
    found = Notification(first=first, seq=seq, since=since, id=id_, user_id=user, device_id=device, body=text.encode())
    return Item(found, State(read, dismissed, acknowledged))


def checksum(first: int, id_: str, user: str | None, device: str | None, body: str) -> int:
    """What `checksum` of `functions.sql` gives: the first four bytes of SHA-256, signed."""
    about = f"{first} {id_} {'' if user is None else 'u' + user} {'' if device is None else 'd' + device} {body}"
    return int.from_bytes(hashlib.sha256(about.encode()).digest()[:4], "big", signed=True)


def _sent_of(row: tuple[Any, ...]) -> SentNotification:
    first, id_, user, device, type_, sender, credential, created_at, streams, withdrawn_at, text, sum_ = row
    whole = withdrawn_at is None and checksum(first, id_, user, device, text) == sum_
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
        body=text.encode() if whole else None,
    )


_SENT = """
SELECT n.first, n.id, n.user_id, n.device_id, n.type, n.sender, n.credential, n.created_at, coalesce(s.streams, 0),
    n.withdrawn_at, n.body, n.sum
FROM notifications n LEFT JOIN streamed s ON s.first = n.first
WHERE n.first < $1 AND n.first > $2 AND (n.withdrawn_at IS NULL OR n.seq <> n.first)
ORDER BY n.first DESC LIMIT $3
"""


def _receipt_of(row: Row, user: UserId | None) -> Receipt:
    assert user is not None
    seq, id_, first, device, read, dismissed, acknowledged = row
    state = State(read, dismissed, acknowledged)
    return Receipt(seq=seq, user_id=user, id=id_, first=first, device_id=device, state=state)


def _mark_of(row: Row, user: UserId | None) -> Mark:
    assert user is not None
    seq, type_, device, upto, at = row
    return Mark(seq=seq, user_id=user, type=type_ or None, device_id=device or None, upto=upto, at=at)


def _number(change: Change) -> int:
    return change.notification.seq if isinstance(change, Item) else change.seq


def _left(ends: float) -> float:
    return max(0.001, ends - time.monotonic())


def _sayable(value: Any) -> Any:
    # No id holds a NUL or half a letter, and PostgreSQL's texts cannot: what names one names nothing.
    if isinstance(value, str):
        return _UNSAYABLE.sub("\ufffd", value)
    return [_sayable(one) for one in value] if isinstance(value, list) else value


def _sorted(values: frozenset[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(map(_sayable, values))
