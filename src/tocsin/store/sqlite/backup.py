"""Copies of a database that is in use: made on the writer's own connection, a few pages at a time between its commits.

From any other connection a copy begins anew with each commit and never ends; from this one, what is written meanwhile
goes into the pages that are copied already (https://www.sqlite.org/c3ref/backup_finish.html).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw

from tocsin.errors import Conflict, Unavailable
from tocsin.store.sqlite.writer import Writer

log = logging.getLogger("tocsin.store")

STEP_PAGES = 64
"""Pages (4 KiB) copied before writes get their turn again."""

FOLDER = "backup.tmp"
"""Where a copy is made, in the data folder."""

_LEAST_PAUSE = 0.001
_SYNC_STEPS = 16
_SPARE_BYTES = 64 * 1024**2
_NAME = "tocsin.db"


class Snapshots:
    """Makes copies of a store's database while it is written to, one at a time.

    Parameters:
        folder: the data folder; what an earlier process left half-done there is removed.
    """

    def __init__(self, writer: Writer, folder: Path) -> None:
        self._writer = writer
        self._folder = folder / FOLDER
        self._making = False
        shutil.rmtree(self._folder, ignore_errors=True)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Path]:
        """One file that is the whole database as of one moment after now; removed when the context is left.

        Raises:
            Conflict: another one is being made. Unavailable: there is no room for it, or the store is closing.
        """
        if self._making:
            raise Conflict("A backup is being made already; try again when it is done")
        self._making = True
        path = self._folder / _NAME
        try:
            try:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(mode=0o700)
                await self._copy(path)
            except (OSError, apsw.Error) as error:
                log.warning("a backup failed: %s", error)
                raise Unavailable(f"The backup failed: {error}", retry_after=60) from None
            yield path
        finally:
            # The next one makes its folder under the same name.
            try:
                await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            finally:
                self._making = False

    async def _copy(self, path: Path) -> None:
        size = await self._writer.aside(_size)
        free = shutil.disk_usage(path.parent).free
        if free < size + _SPARE_BYTES:
            sentence = f"No room for a backup in the data folder: {size >> 20} MiB are needed, {free >> 20} are free"
            raise Unavailable(sentence, retry_after=3600)
        copying = _Copying(path)
        try:
            await self._writer.aside(copying.begin)
            left, steps = 1, 0
            while left:
                began = time.monotonic()
                left = await self._writer.aside(copying.step)
                await asyncio.sleep(max(_LEAST_PAUSE, time.monotonic() - began))
                steps += 1
                if steps % _SYNC_STEPS == 0 or left <= STEP_PAGES:
                    # The last step syncs the copy, and commits wait for the disk behind what it has not written yet.
                    await asyncio.to_thread(sync, path)
        finally:
            await self._writer.aside(copying.end)
        await asyncio.to_thread(make_single, path)


class _Copying:
    """One copy under way; all of it runs in the writer's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._target: apsw.Connection | None = None
        self._backup: apsw.Backup | None = None

    def begin(self, source: apsw.Connection) -> None:
        self._target = apsw.Connection(str(self._path))
        # A copy that is cut off is thrown away: it needs no journal and no sync.
        self._target.execute("PRAGMA journal_mode = off; PRAGMA synchronous = off")
        self._backup = self._target.backup("main", source, "main")

    def step(self, _source: apsw.Connection) -> int:
        """Copy a few pages; how many are left, 0 when it is done."""
        assert self._backup is not None
        try:
            done = self._backup.step(STEP_PAGES)
        except (apsw.BusyError, apsw.LockedError):
            done = False
        return 0 if done else max(1, self._backup.remaining)

    def end(self, _source: apsw.Connection) -> None:
        try:
            if self._backup is not None:
                self._backup.finish()
        finally:
            if self._target is not None:
                self._target.close()


def make_single(path: Path) -> None:
    """Let a copy say that it has no WAL: it is one file."""
    copy = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        copy.execute("PRAGMA journal_mode = delete").fetchall()
    finally:
        copy.close()


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _size(source: apsw.Connection) -> int:
    return int(source.pragma("page_count")) * int(source.pragma("page_size"))
