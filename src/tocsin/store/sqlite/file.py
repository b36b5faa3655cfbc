"""The SQLite file: opened with its promises on, locked to one process, at the newest schema."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import secrets
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw

from tocsin.errors import StartError, Unavailable
from tocsin.ownership import why_not_opened
from tocsin.position import Epoch
from tocsin.store.sqlite.queries import queries

log = logging.getLogger("tocsin.store")

OLDEST_SAFE = (3, 51, 3)
"""Before it, resetting the WAL could race with a commit."""

BUSY_MS = 2_000
"""How long anybody waits for a lock that another process holds."""


def connect(
    path: Path, *, vfs: str | None = None, read_only: bool = False, synchronous: str = "FULL"
) -> apsw.Connection:
    """Open a connection with the pragmas that the promises rest on.

    Parameters:
        path: of the database file.
        vfs: name of a registered SQLite VFS, or None for the default.
        read_only: for readers; the writer creates the file where it is missing.
        synchronous: FULL syncs the WAL at each commit; nothing less keeps what was answered.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=256)
    connection.set_busy_timeout(BUSY_MS)
    run = connection.execute
    if not read_only:
        if not connection.pragma("page_count"):
            run("PRAGMA auto_vacuum = incremental")
        run("PRAGMA journal_mode = wal")
        connection.wal_autocheckpoint(0)
    run(f"PRAGMA synchronous = {synchronous}")
    run("PRAGMA fullfsync = on")
    run("PRAGMA checkpoint_fullfsync = on")
    run("PRAGMA trusted_schema = off")
    run("PRAGMA cell_size_check = on")
    run("PRAGMA temp_store = memory")
    # A mapped file answers a bad sector or a cut file with SIGBUS instead of an error.
    run("PRAGMA mmap_size = 0")
    run("PRAGMA cache_size = -16384")
    return connection


def make_folder(folder: Path) -> None:
    """Make the data folder, for this user only, where it is missing.

    Raises:
        StartError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{folder}: the data folder cannot be made: {error.strerror}") from None


class Lock:
    """The lock file: one SQLite file belongs to one process, and its head never goes back unseen.

    It holds `<epoch> <head>` as of the last checkpoint. A database file copied back from an older day
    has a smaller head: its numbers would be used again, so it gets a new epoch.

    Raises:
        StartError: another process has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = self._open()
        except OSError as error:
            raise StartError(f"{path}: cannot be opened: {why_not_opened(path, error)}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise StartError(
                f"{path.parent}: another tocsin process is running on this data folder; "
                "stop it first, or start this one with another --data"
            ) from None

    @property
    def name(self) -> str:
        """Of the file, without its folder."""
        return self._path.name

    def read(self) -> tuple[str, int]:
        """Epoch and head as last noted; an empty epoch where nothing was."""
        return _noted(self._file)

    def note(self, epoch: str, head: int) -> None:
        """Note how far the log has come."""
        _note(self._file, epoch, head)

    def hold(self) -> None:
        """Have it still: somebody may take it for a leftover, and delete it.

        Raises:
            Unavailable: it is gone, and another process has the one that is there now.
        """
        if is_same(self._path, self._file):
            return
        try:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                epoch, head = self.read()
                # Who had it meanwhile may have brought the log further.
                if _noted(file) < (epoch, head) or _noted(file)[0] != epoch:
                    _note(file, epoch, head)
                # Under the same number, which the checkpointer writes to.
                os.dup2(file, self._file, inheritable=False)
            finally:
                os.close(file)
        except OSError:
            raise Unavailable(
                f"{self._path.name} was taken away, and another process may have the data folder now", retry_after=5
            ) from None
        log.warning("%s was taken away while it is in use; it is there again", self._path)

    def release(self) -> None:
        """Let the next process in."""
        os.close(self._file)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _noted(file: int) -> tuple[str, int]:
    found = re.match(r"([0-9a-f]{8}) (\d{1,19}) *\n", os.pread(file, 64, 0).decode("ascii", "replace"))
    return (found[1], int(found[2])) if found else ("", 0)


def _note(file: int, epoch: str, head: int) -> None:
    os.pwrite(file, f"{epoch} {head:<19d}\n".encode(), 0)


def is_same(path: Path, file: int) -> bool:
    """Whether what an open file is is found under that path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except OSError:
        return False


def refuse_lost(path: Path, lock: Lock) -> None:
    """Keep a server from beginning anew, empty, where a log was.

    Parameters:
        path: of the database file.

    Raises:
        StartError: it is not there, and the lock tells of one.
    """
    _epoch, head = lock.read()
    if head and not path.exists():
        raise StartError(
            f"{path} is gone: {lock.name} beside it tells of a log with {head} numbers. Put it back, or a backup "
            f"(`tocsin restore`); to begin with an empty one, remove {lock.name}, too"
        )


def not_opened(path: Path, error: apsw.Error) -> StartError:
    """The refusal to start with a database that SQLite cannot open; it does not say itself what the system said."""
    return StartError(f"{path}: cannot be opened: {why_not_opened(path, OSError(str(error)))}")


def prepare(connection: apsw.Connection, lock: Lock) -> tuple[Epoch, int]:
    """Bring the schema up to date and settle the epoch.

    Returns:
        The epoch and the head of the log.

    Raises:
        StartError: SQLite is too old, the schema is newer than this program, a migration was edited
            after it was applied, or the file is damaged.
    """
    if tuple(map(int, apsw.sqlite_lib_version().split("."))) < OLDEST_SAFE:
        raise StartError(f"SQLite {apsw.sqlite_lib_version()} is too old: {'.'.join(map(str, OLDEST_SAFE))} is needed")
    try:
        _migrate(connection)
        # Frames whose sync failed in an earlier life may be readable and yet not be on disk: with a
        # checkpoint they are, before anything is promised on top of them.
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        [(head, epoch)] = _rows(connection, queries()["head"])
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise StartError(
            f"{connection.filename}: the database is damaged ({error}); restore a backup, or run `tocsin doctor`"
        ) from None
    except apsw.Error as error:
        raise not_opened(Path(connection.filename), error) from None
    noted_epoch, noted_head = lock.read()
    if noted_epoch == epoch and noted_head > head:
        epoch = new_epoch()
        connection.execute(queries()["set_epoch"], (epoch,))
    lock.note(epoch, head)
    return Epoch(epoch), head


def new_epoch() -> Epoch:
    """A random epoch."""
    return Epoch(secrets.token_hex(4))


def _rows(connection: apsw.Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def _migrations() -> list[tuple[int, str, str]]:
    found = []
    for entry in (files("tocsin.store.sqlite") / "migrations").iterdir():
        if entry.name.endswith(".sql"):
            found.append((int(entry.name[:4]), entry.name, entry.read_text(encoding="utf-8")))
    return sorted(found)


def _migrate(connection: apsw.Connection) -> None:
    known = _migrations()
    run = connection.execute
    run("BEGIN IMMEDIATE")
    try:
        if not _is_ours_or_empty(connection):
            raise StartError(f"{connection.filename}: it is no database of Tocsin; start with another --data")
        run(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL,"
            " sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
        )
        applied: dict[int, str] = dict(_rows(connection, "SELECT number, sha256 FROM migrations"))
        newest = max(applied, default=0)
        if newest > known[-1][0]:
            raise StartError(
                f"the database has schema {newest}, this program knows {known[-1][0]}: it was used by a newer"
                " version; start that one"
            )
        for number, name, text in known:
            digest = hashlib.sha256(text.encode()).hexdigest()
            if number not in applied:
                run(text)
                run(
                    "INSERT INTO migrations VALUES (?, ?, ?, ?)",
                    (number, name, digest, int(time.time() * 1000)),
                )
            elif applied[number] != digest:
                raise StartError(f"migration {name} is not the one that was applied to this database")
        run("INSERT INTO log VALUES (1, 0, ?) ON CONFLICT DO NOTHING", (new_epoch(),))
    except BaseException:
        run("ROLLBACK")
        raise
    run("COMMIT")
    if 0 < newest < known[-1][0]:
        log.info("schema brought from %d to %d", newest, known[-1][0])


def _is_ours_or_empty(connection: apsw.Connection) -> bool:
    names = {name for (name,) in _rows(connection, "SELECT name FROM sqlite_schema")}
    return not names or "migrations" in names
