"""The file of the search index: what is in it, and how it follows the log, a step at a time.

Texts go from one file to the other as JSONB inside of two SQL statements for a few hundred rows: Python does not
see them, and the interpreter is free while SQLite reads, splits into words and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from tocsin.store.search_words import EMOJI_FROM, EMOJI_TO
from tocsin.store.sqlite.file import connect

FORMAT = 3
"""Of the schema below; a file of another one is made again."""

CHUNK_ROWS = 300
CHUNK_BYTES = 1 << 20
"""How much is read from the log by one statement: a moment's snapshot."""

STEP_CHUNKS = 10
"""Chunks in one transaction of the index: FTS5 merges less often than with one each."""

_FLOORS = 50
_LEAVERS = 20
_SWEPT = 1_000
_AUTO_CHECKPOINT = 2_000

BEGINNINGS = (1, 2, 3, 4, 6, 8)
"""Characters of the beginnings that have a list of their own of where they are. Without one, FTS5 joins the lists of
all words that begin so: of a word that many notifications hold, as long as the store is large."""

# Emoji that Unicode has had since 7.0 are letters to FTS5.
_SEPARATORS = "".join(map(chr, range(ord(EMOJI_FROM), ord(EMOJI_TO) + 1)))

TOKENIZER = ("unicode61", "remove_diacritics", "2", "separators", _SEPARATORS)
"""What tells FTS5 which words a text has: its name and its arguments."""

TOKENIZE = " ".join(f"'{part}'" for part in TOKENIZER)
"""The same, as an option of a table says it, in double quotes."""

_SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5 (
    title, message, owner,
    content = '', contentless_delete = 1, tokenize = "{TOKENIZE}",
    prefix = '{" ".join(map(str, BEGINNINGS))}'
);
-- How far the log has been followed: notifications by their number, withdrawals and floors by their change's.
-- `swept`: up to where the index was last held against the log.
CREATE TABLE followed (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  TEXT NOT NULL,
    first  INTEGER NOT NULL DEFAULT 0,
    voids  INTEGER NOT NULL DEFAULT 0,
    floors INTEGER NOT NULL DEFAULT 0,
    swept  INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Up to where each owner's were taken out, of one app or of all ('').
CREATE TABLE floors (
    owner  TEXT NOT NULL,
    app_id TEXT NOT NULL,
    upto   INTEGER NOT NULL,
    PRIMARY KEY (owner, app_id)
) STRICT, WITHOUT ROWID;
"""

# ---------------------------------------------------------------- of the log

# A row that is not JSON (the disk lost a bit) has no words, and stops nothing.
_ROWS = """
WITH chunk AS (SELECT first, user_id, withdrawn_at, body FROM notifications WHERE first > ?1 ORDER BY first LIMIT ?2),
    sized AS (SELECT *, sum(octet_length(body)) OVER (ORDER BY first) - octet_length(body) AS before FROM chunk)
SELECT max(first), jsonb_group_array(jsonb_array(
        first,
        CASE WHEN json_valid(body) THEN body ->> '$.title' END,
        CASE WHEN json_valid(body) THEN body ->> '$.message' END,
        user_id
    )) FILTER (WHERE withdrawn_at IS NULL)
FROM sized WHERE before < ?3
"""
_HEAD = "SELECT head FROM log"
_VOIDS = (
    "SELECT max(seq), jsonb_group_array(first) FROM (SELECT seq, first FROM voids WHERE seq > ? ORDER BY seq LIMIT ?)"
)
_FLOORS_SINCE = "SELECT seq, owner, app_id, upto FROM floors WHERE seq > ? ORDER BY seq LIMIT ?"
_LEAVING = "SELECT user_id, upto FROM leavers LIMIT ?"
_STALE = """
SELECT jsonb_group_array(j.value) FROM json_each(?) j LEFT JOIN notifications n ON n.first = j.value
WHERE n.first IS NULL OR n.withdrawn_at IS NOT NULL
"""
_STALE_OF_APP = _STALE + " OR coalesce(n.app_id, ' ') = ?"

# ---------------------------------------------------------------- of the index

# An owner is a word that nobody's text is meant to hold: it begins with a character of private use.
_OWNER = "char(57344) || iif(value ->> 3 IS NULL, 'all', hex(value ->> 3))"
_INSERT = f"""
INSERT INTO words (rowid, title, message, owner)
SELECT value ->> 0, value ->> 1, value ->> 2, {_OWNER} FROM json_each(?)
"""  # noqa: S608  (constants only)
_REMOVE = "DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))"
_OWNED = """
SELECT count(*), max(rowid), jsonb_group_array(rowid) FROM (
    SELECT rowid FROM words WHERE words MATCH ? AND rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?)
"""
_HELD = "SELECT max(id), jsonb_group_array(id) FROM (SELECT id FROM words_docsize WHERE id > ? ORDER BY id LIMIT ?)"
_FLOOR = "SELECT coalesce(max(upto), 0) FROM floors WHERE owner = ? AND app_id IN ('', ?)"
_RAISE = "INSERT INTO floors VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)"
_FOLLOW = "UPDATE followed SET first = ?, voids = ?, floors = ?, swept = ?"
_FOLLOWED = "SELECT first, voids, floors, swept FROM followed WHERE epoch = ?"


class Unfit(Exception):
    """The index does not belong to this log, or is of another format: it has to be made again."""


class LogUnreadable(Exception):
    """The log could not be read; the index is none the worse for it."""


def owner(user: str | None) -> str:
    """The word that stands for a user, or for everyone, in the column `owner`."""
    return "\ue000" + (user.encode(errors="surrogatepass").hex() if user is not None else "all")


class Index:
    """Both files, open in one thread.

    Parameters:
        path: of the index; made where it is missing.
        log_path: of the log; only ever read.
        epoch: of the log.

    Raises:
        Unfit: it has to be made again. apsw.Error: as it says.
    """

    def __init__(self, path: Path, log_path: Path, epoch: str) -> None:
        # Without a sync of its own at each commit; yet one that is cut off by a power cut is whole.
        self._connection = connect(path, synchronous="NORMAL")
        try:
            self._log = connect(log_path, read_only=True)
        except apsw.Error as error:
            self._connection.close()
            raise LogUnreadable(str(error)) from error
        try:
            self._connection.wal_autocheckpoint(_AUTO_CHECKPOINT)
            self._make(epoch)
            found = self._run(_FOLLOWED, epoch)
            [(head,)] = self._read(_HEAD)
            if not found or max(found[0]) > head:
                raise Unfit("it is not of this log")
        except BaseException:
            self.close()
            raise
        self._first, self._voids, self._floors, self._swept = found[0]
        self._found = head

    @property
    def behind(self) -> bool:
        """Whether it still takes in what was in the log before it was opened."""
        return bool(self._first < self._found)

    def close(self) -> None:
        """Let go of both files."""
        self._log.close()
        self._connection.close()

    def interrupt(self) -> None:
        """End the statement that runs now, from another thread."""
        with suppress(apsw.ConnectionClosedError):
            self._log.interrupt()
            self._connection.interrupt()

    def step(self, pause: Callable[[], None]) -> bool:
        """Follow the log a little further, in one transaction of the index.

        Parameters:
            pause: called between two statements that work for long.

        Returns:
            Whether there is more to do.

        Raises:
            LogUnreadable. apsw.Error: of the index; nothing of this step is in it.
        """
        before = (self._first, self._voids, self._floors, self._swept)
        try:
            with self._transaction():
                gone = self._take_out()
                more = self._put_in(pause)
                self._sweep()
                self._run(_FOLLOW, self._first, self._voids, self._floors, self._swept)
        except BaseException:
            self._first, self._voids, self._floors, self._swept = before
            raise
        return gone or more

    def _make(self, epoch: str) -> None:
        with self._transaction():
            [(format_,)] = self._run("PRAGMA user_version")
            [(tables,)] = self._run("SELECT count(*) FROM sqlite_schema")
            if not tables:
                self._run(_SCHEMA)
                self._run("INSERT INTO followed (id, epoch) VALUES (1, ?)", epoch)
                self._run(f"PRAGMA user_version = {FORMAT}")
            elif format_ != FORMAT:
                raise Unfit(f"it has format {format_}, this program makes {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with suppress(apsw.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def _put_in(self, pause: Callable[[], None]) -> bool:
        for _ in range(STEP_CHUNKS):
            [(last, rows)] = self._read(_ROWS, self._first, CHUNK_ROWS, CHUNK_BYTES)
            if last is None:
                return False
            self._run(_INSERT, rows)
            self._first = last
            pause()
        return True

    def _take_out(self) -> bool:
        """What was withdrawn or purged; one that is read from the log later is not there, or has no text."""
        [(seq, firsts)] = self._read(_VOIDS, self._voids, CHUNK_ROWS)
        if seq is not None:
            self._run(_REMOVE, firsts)
            self._voids = seq
        floors = self._read(_FLOORS_SINCE, self._floors, _FLOORS)
        for floor, its_owner, app, upto in floors:
            [(above,)] = self._run(_FLOOR, its_owner, app)
            if not self._take_out_of(its_owner or None, app, above, upto):
                return True
            self._floors = floor
        for user, upto in self._read(_LEAVING, _LEAVERS):
            if not self._take_out_of(user, "", 0, upto):
                return True
        return seq is not None or bool(floors)

    def _take_out_of(self, user: str | None, app: str, above: int, upto: int) -> bool:
        """A chunk of what an owner has in (above, upto], of an app or of all. True: that was the last one."""
        match = f'owner : "{owner(user)}"'
        [(count, last, firsts)] = self._run(_OWNED, match, above, upto, CHUNK_ROWS)
        if app:
            [(firsts,)] = self._read(_STALE_OF_APP, firsts, app)
        self._run(_REMOVE, firsts)
        self._run(_RAISE, user or "", app, last if count == CHUNK_ROWS else upto)
        return bool(count < CHUNK_ROWS)

    def _sweep(self) -> None:
        """Hold a little of the index against the log: whoever leaves takes their rows along without a word."""
        [(last, firsts)] = self._run(_HELD, self._swept, _SWEPT)
        if last is not None:
            [(stale,)] = self._read(_STALE, firsts)
            self._run(_REMOVE, stale)
        self._swept = last or 0

    def _run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values or None).fetchall()

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._log.execute(sql, values).fetchall()
        except apsw.InterruptError:
            raise
        except apsw.Error as error:
            raise LogUnreadable(str(error)) from error
