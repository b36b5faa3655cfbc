"""The ledger: runs a batch of commands as one SQLite transaction, and judges what went wrong when it fails.

Runs in the writer's thread only.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from tocsin.errors import Damaged, Refusal, Unavailable
from tocsin.ports import Entry, Span
from tocsin.position import Epoch
from tocsin.store.sqlite.batch import Appending, Batch, Command, Result
from tocsin.store.sqlite.queries import queries

log = logging.getLogger("tocsin.store")

T = TypeVar("T")

WAL_PAGES = 8_000
"""Pages of WAL (4 KiB each) at which the writer moves them itself, so that it can begin anew.

While somebody reads what is in it, it cannot; then the writer tries again after a quarter as many more. The file keeps
the size that it came to: to cut it holds up the commit that does it, by seconds where the disk has other work.
"""

_TOLD_AGAIN_SECONDS = 60.0
"""After which a trouble that comes and goes is told of again: on a full disk a small write may find room."""


class Broken(Exception):
    """What is in the file is not what this process has brought it to: a sync failed, or another process wrote."""


class Ledger:
    """The connection that does all writes, and the head it has brought the log to.

    Parameters:
        connection: opened for writing.
        path: of the database file, looked at before each commit; None where a VFS keeps it elsewhere.
        hold: raises Unavailable where the data folder is another process's; asked before each commit.

    Attributes:
        streamed: (number, streams) of notifications that were fanned out, kept with the next commit; added to
            by the event loop.
    """

    def __init__(
        self, connection: apsw.Connection, path: Path | None, epoch: Epoch, head: int, hold: Callable[[], None]
    ) -> None:
        self.epoch = epoch
        self.head = head
        self.trouble = ""
        self._told = ""
        self._told_at = 0.0
        self._told_of_end = True
        self.waiting = False
        self.before_commit: Callable[[], None] = lambda: None
        self.wal_pages = 0
        self._too_long = WAL_PAGES
        self._doubtful = False
        self._connection = connection
        connection.set_wal_hook(self._note_wal)
        self._path = path
        self._hold = hold
        self._file = _identity(path)
        self._known_users: dict[str, bool] = {}
        self.streamed: deque[tuple[int, int]] = deque()

    def commit(self, commands: list[Command], patience_ms: int) -> tuple[list[Result], Span | None]:
        """Run commands in one transaction.

        Parameters:
            patience_ms: how long to wait for a lock that another process holds.

        Returns:
            A result for each command, and the span they took, None when nothing was numbered.

        Raises:
            Broken: the process must end.
        """
        try:
            return self._attempt(commands, patience_ms)
        except Broken:
            raise
        except apsw.Error as error:
            self._roll_back()
            if _is_of_the_store(error) or len(commands) == 1:
                return [self._refusal(error)] * len(commands), None
        except Exception as error:
            self._roll_back()
            if len(commands) == 1 and isinstance(error, UnicodeDecodeError):
                log.error("a command failed: a text is damaged on disk: %s", error)
                return [Damaged("a text that this needs")], None
            if len(commands) == 1:
                log.exception("a command failed")
                return [error], None
        return self._one_by_one(commands, patience_ms)

    def check(self) -> None:
        """Look whether the store could take a write now; where it could not, try one."""
        try:
            self._still_there()
            if self.trouble:
                self._connection.execute("BEGIN IMMEDIATE")
                self._refuse_foreign()
                self._connection.execute("UPDATE log SET head = head; COMMIT")
                self._note("")
        except (Unavailable, apsw.Error) as error:
            self._roll_back()
            raise_if_broken(error)
            self._note(str(error))

    def aside(self, step: Callable[[apsw.Connection], T]) -> T:
        """Do something else with the connection, between two transactions."""
        return step(self._connection)

    def close(self) -> None:
        """Let go of the file; the last one out folds the WAL into it."""
        self._connection.close()

    def _attempt(self, commands: list[Command], patience_ms: int) -> tuple[list[Result], Span | None]:
        self._connection.set_busy_timeout(patience_ms)
        batch = Batch(self._connection, self.head, self._known_users, self.streamed)
        results: list[Result] = []
        self._wait("BEGIN IMMEDIATE")
        self._refuse_foreign()
        try:
            for command in commands:
                results.append(_result(command, batch))
            batch.finish()
            if not batch.anything:
                self._connection.execute("ROLLBACK")
                return results, None
            self._still_there()
        except Unavailable as refusal:
            self._roll_back()
            self._note(str(refusal))
            return [refusal] * len(commands), None
        self.before_commit()
        self._doubtful = True
        self._wait("COMMIT")
        self._doubtful = False
        if self.wal_pages >= self._too_long:
            self._checkpoint()
        first, self.head = self.head + 1, batch.head
        self._note("")
        return results, Span(self.epoch, first, batch.head, batch.entries) if batch.entries else None

    def _wait(self, sql: str) -> None:
        self.waiting = True
        try:
            self._connection.execute(sql)
        finally:
            self.waiting = False

    def _one_by_one(self, commands: list[Command], patience_ms: int) -> tuple[list[Result], Span | None]:
        # One command that the database will not have must not take the others down with it.
        results: list[Result] = []
        entries: list[Entry] = []
        first = self.head + 1
        for command in commands:
            [result], span = self.commit([command], patience_ms)
            results.append(result)
            entries += span.entries if span else []
        return results, Span(self.epoch, first, self.head, entries) if entries else None

    def _note(self, trouble: str) -> None:
        self.trouble = trouble
        if not trouble and not self._told_of_end:
            log.warning("the store takes writes again")
            self._told_of_end = True
        elif trouble and self._told_of_end:
            now = time.monotonic()
            if trouble != self._told or now - self._told_at >= _TOLD_AGAIN_SECONDS:
                log.error("the store cannot take writes now: %s", trouble)
                self._told, self._told_at, self._told_of_end = trouble, now, False

    def _refusal(self, error: apsw.Error) -> Unavailable:
        raise_if_broken(error)
        if _is_of_the_store(error):
            self._note(str(error))
        else:
            log.error("a command failed: %s", error)
        # A commit that failed on its way to the disk may be found there after a restart.
        return Unavailable("The store cannot take it now", outcome_unknown=isinstance(error, apsw.IOError))

    def _note_wal(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        self.wal_pages = pages
        if pages < WAL_PAGES:
            self._too_long = WAL_PAGES
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        self._too_long = self.wal_pages + WAL_PAGES // 4
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            raise_if_broken(error)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error as error:
                raise_if_broken(error)
        self._known_users.clear()
        if not self._doubtful:
            return
        # The commit may have come to be all the same.
        try:
            row = self._connection.execute(queries()["head"]).fetchone()
            if row:
                self.head = int(row[0])
                self._doubtful = False
        except apsw.Error as error:
            raise_if_broken(error)

    def _refuse_foreign(self) -> None:
        """In a transaction: end it, and the process, where somebody else has numbered something.

        It was told to no stream here, and cannot be told in its order any more.
        """
        [(head, _epoch)] = self._connection.execute(queries()["head"]).fetchall()
        if head != self.head and not self._doubtful:
            self._connection.execute("ROLLBACK")
            raise Broken(f"another process has written to the log: it is at {head}, not at {self.head}")

    def _still_there(self) -> None:
        # A deleted file goes on taking writes, which nobody will ever read.
        if self._path is not None and _identity(self._path) != self._file:
            raise Unavailable("the database file is gone or was replaced", retry_after=5)
        self._hold()


def _result(command: Command, batch: Batch) -> Result:
    try:
        return command(batch) if isinstance(command, Appending) else batch.whole(command)
    except Refusal as refusal:
        return refusal


def _identity(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


_OF_THE_STORE = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)


def _is_of_the_store(error: Exception) -> bool:
    return isinstance(error, _OF_THE_STORE)


def raise_if_broken(error: Exception) -> None:
    """Raise Broken when a sync failed: pages the kernel could not write are marked clean and may vanish."""
    code = getattr(error, "extendedresult", 0)
    if code in (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC):
        raise Broken(str(error)) from error
