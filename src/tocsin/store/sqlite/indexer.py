"""The indexer: a thread that keeps the search index up with the log, and makes it again where it is of no use."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

import apsw

from tocsin.store.sqlite.index import Index, LogUnreadable, Unfit

log = logging.getLogger("tocsin.store")

GATHER_SECONDS = 0.2
"""From the first wake to the work: what is sent meanwhile goes in by the same transaction."""

REST = 1.0
REST_BEHIND = 3.0
REST_ALONE = 0.25
"""Rest after a chunk, as a multiple of what it took: new notifications cost no more than half of one processor, and
what was there before the start no more than a quarter while anything is sent. While nothing is, it takes what nobody
else wants: a large store that was restored would be without search for long."""

_NICE = 19

AGAIN_SECONDS = (0.5, 60.0)
"""Shortest and longest pause after a failure."""

# Of the machine, not of the file: they pass, and the file is kept.
_PASSING = (
    apsw.AuthError,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoLFSError,
    apsw.NoMemError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)


def rest_of(*, behind: bool, alone: bool) -> float:
    """How long to rest, as a multiple of the work before.

    Parameters:
        behind: whether what is taken in was there before the start.
        alone: whether nothing was sent since the last rest.
    """
    if not behind:
        return REST
    return REST_ALONE if alone else REST_BEHIND


def is_damage(error: BaseException) -> bool:
    """Whether an error means that the index has to be made again."""
    if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_READ:
        return True
    return isinstance(error, (apsw.Error, Unfit)) and not isinstance(error, (*_PASSING, apsw.InterruptError))


class Indexer:
    """Works until closed; whatever happens to the index, nobody else notices.

    Parameters:
        path: of the index.
        log_path, epoch: of the log.

    Attributes:
        opening: held while the files behind `path` are exchanged; who opens them holds it, too.
        made: counts how often they were; 0 while there are none to open.
        ready: set once they can be opened, or were found to be out of reach.
    """

    def __init__(self, path: Path, log_path: Path, epoch: str) -> None:
        self.opening = threading.Lock()
        self.made = 0
        self.ready = threading.Event()
        self._path = path
        self._log_path = log_path
        self._epoch = epoch
        self._index: Index | None = None
        self._distrusted = 0
        self._failures = 0
        self._rested = 0.0
        self._commits = self._commits_seen = 0
        self._woken = threading.Event()
        self._woken.set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tocsin-indexer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new to follow."""
        self._commits += 1
        if not self._woken.is_set():
            self._woken.set()

    def distrust(self, made: int) -> None:
        """A reader has found damage in the files of that count: make them again."""
        self._distrusted = made
        self.wake()

    def close(self) -> None:
        """Stop, and let go of the files."""
        self._closing.set()
        self._woken.set()
        while self._thread.is_alive():
            # Once is not enough: between two statements there is nothing to interrupt.
            if (index := self._index) is not None:
                index.interrupt()
            self._thread.join(0.05)

    def _work(self) -> None:
        if sys.platform == "linux":
            # A thread's own there: what is sent comes first, and takes the whole processor where it needs it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            while not self._closing.is_set():
                pause = self._follow()
                if pause is None:
                    self._woken.wait()
                    pause = GATHER_SECONDS
                if not self._closing.wait(pause):
                    self._woken.clear()
        except Exception:
            log.exception("the search index is not filled any more")
        finally:
            if self._index is not None:
                self._index.close()

    def _follow(self) -> float | None:
        """Do what there is to do; then how long to wait before more, or None: until somebody wakes us."""
        try:
            if self._distrusted == self.made and self._index is not None:
                raise Unfit("it is damaged")
            index = self._index or self._open()
            self._rested = time.monotonic()
            while not self._closing.is_set() and index.step(self._rest):
                pass
        except (apsw.Error, Unfit, LogUnreadable, OSError) as error:
            return self._after(error)
        if self._failures:
            log.info("the search index is being filled again")
            self._failures = 0
        return None

    def _open(self) -> Index:
        with self.opening:
            self._index = Index(self._path, self._log_path, self._epoch)
            self.made += 1
        self.ready.set()
        return self._index

    def _after(self, error: Exception) -> float:
        """What to do about a failure: say it once, throw a damaged file away, and how long to wait."""
        if self._closing.is_set():
            return 0.0
        self._failures += 1
        damaged = is_damage(error)
        if self._failures == 1:
            if damaged:
                log.warning("the search index is made again: %s", error)
            else:
                log.warning("the search index cannot be filled now; it is tried again: %s", error)
        if damaged:
            try:
                self._throw_away()
            except OSError as trouble:
                log.warning("the search index cannot be removed: %s", trouble)
        self.ready.set()
        shortest, longest = AGAIN_SECONDS
        if damaged and self._failures == 1:
            return 0.0
        return min(longest, shortest * 2.0 ** min(self._failures - 1, 10))

    def _throw_away(self) -> None:
        with self.opening:
            if self._index is not None:
                self._index.close()
                self._index = None
            # The file first: its WAL without it means nothing, it without its WAL might.
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def _rest(self) -> None:
        alone, self._commits_seen = self._commits == self._commits_seen, self._commits
        behind = self._index is not None and self._index.behind
        self._closing.wait((time.monotonic() - self._rested) * rest_of(behind=behind, alone=alone))
        self._rested = time.monotonic()
