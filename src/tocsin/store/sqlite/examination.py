"""A look into a database that nobody runs on, changing nothing: what `tocsin doctor` asks about."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw

from tocsin import errors
from tocsin.store.rows import permissions_of
from tocsin.store.sqlite.file import OLDEST_SAFE
from tocsin.store.sqlite.moved import NAME as MOVED
from tocsin.store.sqlite.moved import left_sentence, moved_sentence
from tocsin.store.sqlite.reader import checksum
from tocsin.store.sqlite.store import FILE

LOCK_FILE = "tocsin.lock"
_MOST_NAMED = 5
_KEY_BYTES = 32


class Damaged(Exception):
    """The file cannot be read through; the message says at what it stopped."""


def sqlite_version() -> tuple[str, bool]:
    """SQLite's version, and whether it is safe to keep a log with."""
    version = apsw.sqlite_lib_version()
    return version, tuple(map(int, version.split("."))) >= OLDEST_SAFE


def database(folder: Path) -> Path:
    """Where a data folder has its database."""
    return folder / FILE


def in_use(folder: Path) -> bool:
    """Whether a process runs on that data folder.

    Raises:
        OSError: the lock file cannot be opened.
    """
    try:
        file = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def moved_to(folder: Path) -> str:
    """Where the database of a data folder was copied to, and when; empty when it was not, or cannot be read."""
    return _told(folder, Examination.moved)


def moved_trouble(folder: Path) -> str:
    """What to say of a data folder whose database was copied to PostgreSQL; empty of any other."""
    return moved_sentence(folder, to) if (to := moved_to(folder)) else ""


def left_behind(folder: Path) -> str:
    """What to say of a data folder when an empty PostgreSQL is served; empty when it was copied, or holds nothing."""
    return _told(folder, lambda looked: left_sentence(folder) if looked.holds_anything() and not looked.moved() else "")


def _told(folder: Path, look: Callable[[Examination], str]) -> str:
    if not database(folder).exists():
        return ""
    try:
        looked = Examination(folder)
        try:
            return look(looked)
        finally:
            looked.close()
    except Damaged:
        # Whoever opens it says what is wrong with it.
        return ""


class Examination:
    """One read-only connection to a database that is not in use.

    Raises:
        Damaged: it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        path = database(folder).absolute()
        log = path.with_name(f"{FILE}-wal")
        # Without a WAL to read, nothing needs to be created beside the file, perhaps as another user.
        still = "" if log.exists() and log.stat().st_size else "&immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        try:
            self._connection = apsw.Connection(f"file:{quote(str(path))}?mode=ro{still}", flags=flags)
            self._connection.execute("PRAGMA mmap_size = 0")
            self._rows("SELECT count(*) FROM sqlite_schema")
        except apsw.Error as error:
            raise Damaged(str(error)) from None

    def schema(self) -> tuple[int, int, list[str]]:
        """The schema's number, the newest that this program knows, and migrations that are not the known ones.

        Raises:
            Damaged: it cannot be read.
        """
        known = {
            int(entry.name[:4]): (entry.name, hashlib.sha256(entry.read_bytes()).hexdigest())
            for entry in (files("tocsin.store.sqlite") / "migrations").iterdir()
            if entry.name.endswith(".sql")
        }
        applied: dict[int, str] = dict(self._rows("SELECT number, sha256 FROM migrations"))
        foreign = [
            known[number][0] for number, digest in applied.items() if known.get(number, ("", digest))[1] != digest
        ]
        return max(applied, default=0), max(known), foreign

    def structure(self) -> list[str]:
        """What SQLite's `quick_check` finds, at most a few lines; empty when nothing.

        Raises:
            Damaged: it cannot be read.
        """
        found = [str(row[0]) for row in self._rows(f"PRAGMA quick_check({_MOST_NAMED})")]
        return [] if found == ["ok"] else found

    def damaged_rows(self) -> tuple[int, list[str]]:
        """How many notifications there are, and the ids of some that are not as they were written.

        Raises:
            Damaged: it cannot be read to the end.
        """
        count = 0
        damaged: list[str] = []
        for first, id_, user, device, body, crc in self._notifications():
            count += 1
            if checksum(first, id_, user, device, body) != crc and len(damaged) < _MOST_NAMED:
                damaged.append(str(id_))
        return count, damaged

    def damaged_people(self) -> list[str]:
        """What of people and of the key that their tokens are signed with is not as it was written: the first few.

        Raises:
            Damaged: it cannot be read to the end.
        """
        found = []
        # As bytes: a text that is no UTF-8 any more is one damaged row, not the end of the reading.
        people = (
            "SELECT id, CAST(name AS BLOB), CAST(coalesce(password, '') AS BLOB), CAST(permissions AS BLOB) FROM users"
        )
        for id_, name, password, permissions in self._rows(people):
            try:
                permissions_of(id_, permissions)
                _ = name.decode(), password.decode()
            except (errors.Damaged, UnicodeDecodeError):
                found.append(f"the user {id_!r:.100}")
        for (key,) in self._rows("SELECT CAST(value AS BLOB) FROM settings WHERE name = 'token_key'"):
            try:
                sound = len(base64.b64decode(key, validate=True)) >= _KEY_BYTES
            except ValueError:
                sound = False
            if not sound:
                found.append("the key that tokens are signed with")
        return found[:_MOST_NAMED]

    def newest(self) -> int | None:
        """When the newest notification was created, milliseconds UTC; None where there is none.

        Raises:
            Damaged: it cannot be read.
        """
        rows = self._rows("SELECT created_at FROM notifications ORDER BY first DESC LIMIT 1")
        return int(rows[0][0]) if rows else None

    def hashes(self) -> set[bytes]:
        """What is kept of all keys and app secrets.

        Raises:
            Damaged: it cannot be read.
        """
        return {bytes(row[0]) for row in self._rows("SELECT hash FROM keys UNION ALL SELECT hash FROM secrets")}

    def superusers(self, most: int) -> list[tuple[str, str]]:
        """Ids and password hashes of superusers who can sign in.

        Raises:
            Damaged: it cannot be read.
        """
        sql = "SELECT id, password FROM users WHERE superuser AND NOT disabled AND password IS NOT NULL LIMIT ?"
        return [(str(id_), str(password)) for id_, password in self._rows(sql, most)]

    def password(self, user: str) -> str | None:
        """The password hash of somebody who can sign in with one; None where they cannot, or there is no such user.

        Raises:
            Damaged: it cannot be read.
        """
        rows = self._rows("SELECT password FROM users WHERE id = ? AND NOT disabled", user)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def moved(self) -> str:
        """Where it was copied to, and when; empty when it was not.

        Raises:
            Damaged: it cannot be read.
        """
        rows = self._rows("SELECT value FROM settings WHERE name = ?", MOVED)
        return str(rows[0][0]) if rows else ""

    def holds_anything(self) -> bool:
        """Whether it has people or notifications.

        Raises:
            Damaged: it cannot be read.
        """
        rows = self._rows("SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM notifications)")
        return bool(rows[0][0])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _notifications(self) -> Iterator[tuple[Any, ...]]:
        # As bytes: a text that is no UTF-8 any more is one damaged row, not the end of the reading.
        sql = "SELECT first, id, user_id, device_id, CAST(body AS BLOB), crc FROM notifications ORDER BY first"
        try:
            yield from self._connection.execute(sql)
        except (apsw.Error, UnicodeDecodeError) as error:
            raise Damaged(str(error)) from None

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except (apsw.Error, UnicodeDecodeError) as error:
            raise Damaged(str(error)) from None
