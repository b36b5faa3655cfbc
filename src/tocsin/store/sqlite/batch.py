"""One batch of writes on SQLite: decided, numbered, written and committed in one transaction.

Runs in the writer's thread only. Notifications of a batch are inserted by a few statements of many rows:
a statement gives the interpreter lock up and takes it back once, whatever its rows, and each taking back
can wait behind a busy event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import apsw
import msgspec

from tocsin.app import HOUR_MS, Quota
from tocsin.errors import NotFound, Refusal, TooMany, UsedKey
from tocsin.idempotency import KEPT_MS, Once
from tocsin.notification import Draft, Notification, NotificationId
from tocsin.ports import AuditEntry, Entry, Replay
from tocsin.receipt import InboxChange
from tocsin.store.sqlite.queries import queries
from tocsin.store.sqlite.reader import checksum

_COLUMNS = "first, seq, since, id, user_id, device_id, app_id, type, sender, credential, created_at, body, crc"
_WIDTH = 13
_ROW = f"({', '.join('?' * _WIDTH)})"
_CHUNKS = (64, 32, 16, 8, 4, 2, 1)
_INSERT = {size: f"INSERT INTO notifications ({_COLUMNS}) VALUES {', '.join([_ROW] * size)}" for size in _CHUNKS}  # noqa: S608  (constants only)

_KNOWN_USERS = 100_000

Command = Callable[["Batch"], Any]
"""A write: given the batch, does its part and answers its result, or raises a Refusal before writing."""

Result = Any
"""What a command answered, or the exception that its caller is to get."""


class Batch:
    """The transaction that commands write through.

    Parameters:
        streamed: to how many streams earlier notifications went: (number, streams), kept along with this batch.

    Attributes:
        head: the last number given out, counting this batch.
        entries: what took a number, in order.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        head: int,
        known_users: dict[str, bool],
        streamed: deque[tuple[int, int]] | None = None,
    ) -> None:
        self.head = head
        self.entries: list[Entry] = []
        self.wrote = False
        self._connection = connection
        self._known_users = known_users
        self._streamed = streamed
        self._values: list[Any] = []
        self._own: dict[tuple[str, str], int] = {}
        self._broadcasts: dict[str, int] = {}
        self._quotas: dict[tuple[str, str], tuple[int, int]] = {}
        self._onces: dict[tuple[str, str], tuple[Once, Entry, int]] = {}

    def append(self, draft: Draft) -> Entry | Replay:
        """Number a draft and queue its row; decided (key, audience, quota) before anything is written."""
        if (once := draft.once) is not None and (replay := self._earlier(once, draft.created_at)) is not None:
            return replay
        if draft.user_id is not None and not self._is_user(draft.user_id):
            raise NotFound("User")
        quota = self._take_quota(draft) if draft.quota is not None else None
        self.head = number = self.head + 1
        row = Notification(
            first=number,
            seq=number,
            since=number,
            id=draft.id,
            user_id=draft.user_id,
            device_id=draft.device_id,
            body=draft.body,
        )
        entry = Entry(seq=number, notification=row, quota=quota)
        self._values += (
            number,
            number,
            number,
            draft.id,
            draft.user_id,
            draft.device_id,
            draft.app_id,
            draft.type,
            draft.sender,
            draft.credential,
            draft.created_at,
            draft.body.decode(),
            checksum(number, draft.id, draft.user_id, draft.device_id, draft.body),
        )
        self.entries.append(entry)
        if draft.user_id is None:
            self._broadcasts[draft.type] = self._broadcasts.get(draft.type, 0) + 1
        else:
            place = (draft.user_id, draft.type)
            self._own[place] = self._own.get(place, 0) + 1
        if once is not None:
            self._onces[once.scope, once.key] = (once, entry, draft.created_at + KEPT_MS)
        return entry

    def run(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a named query at its place among the batch's writes.

        Parameters:
            values: in order, or one mapping by name.
        """
        self._flush_rows()
        self.wrote = True
        bound = values[0] if values and isinstance(values[0], dict) else values
        return self._connection.execute(queries()[name], bound).fetchall()

    def take(self, change: Callable[[int], InboxChange]) -> int:
        """Give a change of an inbox its number.

        Parameters:
            change: made from that number.
        """
        self.head += 1
        self.entries.append(Entry(seq=self.head, change=change(self.head)))
        return self.head

    def record(self, audit: AuditEntry) -> None:
        """Add to the audit log."""
        self.run("record", audit.at, audit.who, audit.action, audit.what, audit.origin, audit.result)

    def whole(self, command: Command) -> Result:
        """Run a command so that one which is refused half-way leaves nothing behind."""
        self._flush_rows()
        head, entries, wrote = self.head, len(self.entries), self.wrote
        onces = self._onces.copy()
        self._connection.execute("SAVEPOINT command")
        try:
            result = command(self)
        except Refusal:
            self._connection.execute("ROLLBACK TO command; RELEASE command")
            self.head, self.wrote = head, wrote
            del self.entries[entries:]
            self._values, self._own, self._broadcasts, self._quotas = [], {}, {}, {}
            self._onces = onces
            raise
        # After any other error the transaction goes as a whole. On a full disk it has gone, and the savepoint with it.
        self._connection.execute("RELEASE command")
        return result

    def forget_onces(self, scope: str) -> None:
        """Forget what was sent under the keys of a scope, in this batch, too."""
        self.run("forget_onces", scope)
        self._onces = {place: sent for place, sent in self._onces.items() if place[0] != scope}

    def changed(self, kind: str, id_: str) -> None:
        """Give a change of identity its number, so that every node hears of it."""
        self.head += 1
        self.entries.append(Entry(seq=self.head, identity=(kind, id_)))
        self._known_users.clear()

    def finish(self) -> None:
        """Write what is still queued."""
        self._flush_rows()
        if self._streamed:
            notes = [self._streamed.popleft() for _ in range(len(self._streamed))]
            self._connection.execute(queries()["put_streamed"], (msgspec.json.encode(notes).decode(),))
            self.wrote = True
        for once, entry, expires_at in self._onces.values():
            values = (once.scope, once.key, once.fingerprint, entry.id, expires_at)
            self._connection.execute(queries()["put_once"], values)
        if self.entries:
            self._connection.execute(queries()["set_head"], (self.head,))

    @property
    def anything(self) -> bool:
        """Whether there is something to commit."""
        return self.wrote or bool(self.entries)

    def _flush_rows(self) -> None:
        if values := self._values:
            self._values, at = [], 0
            for size in _CHUNKS:
                while len(values) - at >= size * _WIDTH:
                    self._connection.execute(_INSERT[size], values[at : at + size * _WIDTH])
                    at += size * _WIDTH
        if self._broadcasts:
            self._add("add_broadcasts", [*self._broadcasts.items()])
            self._broadcasts = {}
        if self._own:
            self._add("add_own", [(user, kind, count) for (user, kind), count in self._own.items()])
            self._own = {}
        for (app, user), (hour, used) in self._quotas.items():
            self._connection.execute(queries()["use_quota"], (app, user, hour, used))
        self._quotas = {}

    def _add(self, name: str, sums: list[Any]) -> None:
        # One statement, however many there are: see above.
        self._connection.execute(queries()[name], (msgspec.json.encode(sums).decode(),))

    def _is_user(self, id_: str) -> bool:
        known = self._known_users.get(id_)
        if known is None:
            known = self._connection.execute(queries()["joined"], (id_,)).fetchone() is not None
            if len(self._known_users) >= _KNOWN_USERS:
                self._known_users.clear()
            self._known_users[id_] = known
        return known

    def _earlier(self, once: Once, now: int) -> Replay | None:
        twin = self._onces.get((once.scope, once.key))
        if twin is None:
            rows = self._connection.execute(queries()["once"], (once.scope, once.key, now)).fetchall()
            return replay_of(rows, once)
        if twin[0].fingerprint != once.fingerprint:
            raise UsedKey
        return Replay(twin[1].id, twin[1])

    def _take_quota(self, draft: Draft) -> Quota:
        limit = draft.quota or 0
        hour = draft.created_at // HOUR_MS
        place = (str(draft.app_id), str(draft.user_id))
        kept = self._quotas.get(place) or self._connection.execute(queries()["quota_used"], place).fetchone()
        kept_hour, used = kept if kept is not None else (hour, 0)
        if kept_hour == hour + 1:
            # Overtaken at the turn of the hour: charged to the newer one, which must not start anew.
            hour = kept_hour
        elif kept_hour != hour:
            used = 0
        left = Quota.after(used + 1, limit, draft.created_at)
        if used >= limit:
            raise TooMany("Too many requests", retry_after=left.reset, limit=limit)
        self._quotas[place] = (hour, used + 1)
        return left


def replay_of(rows: list[tuple[Any, ...]], once: Once) -> Replay | None:
    """What the query `once` found, held against the request that asks.

    Raises:
        UsedKey: the key was used for another request.
    """
    if not rows:
        return None
    fingerprint, id_, streamed = rows[0]
    if fingerprint != once.fingerprint:
        raise UsedKey
    return Replay(NotificationId(id_), kept=streamed)


class Appending(msgspec.Struct, frozen=True):
    """The command that keeps a draft."""

    draft: Draft

    def __call__(self, batch: Batch) -> Entry | Replay:
        return batch.append(self.draft)
