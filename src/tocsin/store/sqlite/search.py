"""Full-text search on SQLite: an FTS5 index in a file of its own, filled behind the commit.

Words are what `unicode61` makes of a text: runs of letters and digits, without case and, in Latin script, without
accents. Chinese and Japanese are written without spaces, so a whole run between two punctuation marks is one word
there: it is found by how it begins, not by what stands in its middle. Emoji are no words: see `search_words`.

What was withdrawn or purged is not found any more; its words, without their text, leave the file when FTS5 next
merges that part of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import apsw

from tocsin.errors import Unavailable
from tocsin.principal import UserId
from tocsin.store.search_turns import Turns
from tocsin.store.search_words import Part, expression, parts
from tocsin.store.sqlite.closer_look import CloserLook
from tocsin.store.sqlite.file import connect
from tocsin.store.sqlite.index import LogUnreadable, owner
from tocsin.store.sqlite.indexer import Indexer, is_damage

log = logging.getLogger("tocsin.store")

FILE = "search.db"

LONGEST_SECONDS = 2.0
"""After which a search is given up; no read of the product takes longer."""

_AGAIN_SECONDS = 0.05
"""Between two attempts to end a search: between two of its statements there is nothing to interrupt."""

_AT_ONCE = 2
_CACHE_KIB = 4096
_LOOKED_AT = 100
"""Notifications that are looked at closer at a time."""

LOOKING_SECONDS = 0.02
"""How long one search goes on looking closer: some 5,000 notifications of a line or two."""

_FIND = "SELECT rowid FROM words WHERE words MATCH ? AND rowid < ? ORDER BY rowid DESC"


class Search:
    """Finds notifications by their words. Made by `Search.open`; belongs to the event loop.

    Nothing here is truth: it tells numbers that may be of interest, and the log says whether they are to be shown.
    """

    def __init__(self, indexer: Indexer, path: Path, log_path: Path) -> None:
        self._indexer = indexer
        self._seekers = [_Seeker(indexer, path, log_path) for _ in range(_AT_ONCE)]
        self._idle = [*self._seekers]
        self._turns = Turns(_AT_ONCE)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tocsin-search")
        self._watching: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, folder: Path, log_path: Path, epoch: str) -> Search:
        """Begin to follow the log; returns at once, and never fails.

        Parameters:
            folder: where the index is, or is made.
            log_path, epoch: of the log.
        """
        path = folder / FILE
        return cls(Indexer(path, log_path, epoch), path, log_path)

    def wake(self) -> None:
        """Something was committed, withdrawn or purged: it is followed within a second."""
        self._indexer.wake()

    async def find(self, words: str, user: UserId, before: int, limit: int) -> list[int]:
        """Numbers (`first`) of a user's own notifications and of broadcasts that hold all the words, newest first.

        While the index is behind the log it answers what is in it.

        Parameters:
            words: as the person wrote them; `search_words` says what they mean.
            before: only numbers below this one.
            limit: most numbers.

        Raises:
            Invalid: too long, or too many words.
            Unavailable: the index cannot be read now, or the search took too long: a part of the answer would look
                like the whole.
        """
        wanted = parts(words)
        give_back = await self._turns.take(user)
        seeker = self._idle.pop()

        def end(_: object) -> None:
            self._idle.append(seeker)
            give_back()

        loop = asyncio.get_running_loop()
        try:
            found = loop.run_in_executor(self._pool, seeker.look, wanted, user, before, limit)
        except RuntimeError:
            end(None)
            raise Unavailable("The store is closed") from None
        found.add_done_callback(end)
        self._watching.add(watch := asyncio.create_task(_give_up(seeker, found)))
        watch.add_done_callback(self._watching.discard)
        # Whoever asked may go away; the thread stays with its connection until it is done.
        return await asyncio.shield(found)

    def close(self) -> None:
        """Stop, and let go of the files; at most a statement is waited for."""
        while busy := [seeker for seeker in self._seekers if seeker.stop()]:
            for seeker in busy:
                seeker.interrupt()
            time.sleep(_AGAIN_SECONDS)
        self._pool.shutdown()
        for seeker in self._seekers:
            seeker.close()
        self._indexer.close()


async def _give_up(seeker: _Seeker, found: asyncio.Future[list[int]]) -> None:
    """End a search that takes too long."""
    done, _ = await asyncio.wait([found], timeout=LONGEST_SECONDS)
    while not done:
        seeker.interrupt()
        done, _ = await asyncio.wait([found], timeout=_AGAIN_SECONDS)
    if not found.cancelled():
        # Whoever asked may not be there to be told.
        found.exception()


class _Seeker:
    """One connection for searching, opened anew when the index was made again, and a closer look beside it."""

    def __init__(self, indexer: Indexer, path: Path, log_path: Path) -> None:
        self._indexer = indexer
        self._path = path
        self._log_path = log_path
        self._connection: apsw.Connection | None = None
        self._closer: CloserLook | None = None
        self._made = 0
        self._busy = self._stopped = False

    def look(self, wanted: list[Part], user: UserId, before: int, limit: int) -> list[int]:
        """The numbers; in a thread of the pool."""
        self._busy = True
        try:
            # In this order: who stops it sees that it is busy, or is seen.
            if self._stopped:
                raise Unavailable("The store is closed")
            return self._look(wanted, user, before, limit)
        finally:
            self._busy = False

    def stop(self) -> bool:
        """Begin no search any more; whether one is under way."""
        self._stopped = True
        return self._busy

    def _look(self, wanted: list[Part], user: UserId, before: int, limit: int) -> list[int]:
        try:
            connection = self._connect()
            if self._closer is None:
                self._closer = CloserLook(self._log_path)
            return _found(connection, self._closer, wanted, user, before, limit)
        except apsw.InterruptError:
            raise Unavailable("This search takes too long; whole words in quotation marks are found sooner") from None
        except LogUnreadable as error:
            log.error("a search could not read the log: %s", error)
            raise Unavailable("Search is not available now") from None
        except apsw.Error as error:
            log.error("a search failed: %s", error)
            # What the query says must not bring the index down, whatever FTS5 made of it.
            if is_damage(error) and not isinstance(error, apsw.SQLError):
                self._indexer.distrust(self._made)
            raise Unavailable("Search is not available now") from None

    def interrupt(self) -> None:
        """End the search that runs; where none does, nothing happens."""
        if (connection := self._connection) is not None:
            with suppress(apsw.ConnectionClosedError):
                connection.interrupt()
        if (closer := self._closer) is not None:
            closer.interrupt()

    def close(self) -> None:
        """Let go of the files."""
        if self._closer is not None:
            self._closer.close()
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> apsw.Connection:
        self._indexer.ready.wait(LONGEST_SECONDS)
        with self._indexer.opening:
            made = self._indexer.made
            if self._connection is None or self._made != made:
                if not made:
                    raise Unavailable("Search is not available yet")
                self._close()
                self._connection, self._made = None, made
                connection = connect(self._path, read_only=True)
                connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                # So that its WAL is the one of now.
                connection.execute("SELECT first FROM followed").fetchall()
                self._connection = connection
            return self._connection


def _found(
    connection: apsw.Connection, closer: CloserLook, wanted: list[Part], user: UserId, before: int, limit: int
) -> list[int]:
    found: list[int] = []
    if (listed := closer.shortened(wanted)) != wanted:
        match, ends = expression(wanted), time.monotonic() + LOOKING_SECONDS
        with closing(_numbers(connection, listed, user, before)) as numbers:
            while True:
                some = list(islice(numbers, _LOOKED_AT))
                having = closer.having(match, some)
                found += having
                if len(found) >= limit or len(some) < _LOOKED_AT:
                    return found[:limit]
                before = some[-1]
                if time.monotonic() > ends:
                    # Of those that begin so few are meant, whose lists are soon joined; or their texts are long.
                    break
    with closing(_numbers(connection, wanted, user, before)) as numbers:
        return [*found, *islice(numbers, limit - len(found))]


def _numbers(connection: apsw.Connection, wanted: list[Part], user: UserId, before: int) -> Generator[int, None, None]:
    match = f'owner : ("{owner(user)}" OR "{owner(None)}") AND {{title message}} : ({expression(wanted)})'
    with closing(connection.execute(_FIND, (match, before))) as rows:
        yield from (number for (number,) in rows)
