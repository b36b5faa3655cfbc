"""The checkpointer: moves committed pages from the WAL into the file, in a thread and a connection of its own.

So that no commit has to do it: measured, the slowest of a hundred commits takes a third of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import apsw

from tocsin.store.sqlite.file import Lock
from tocsin.store.sqlite.ledger import Broken, Ledger, raise_if_broken

LOOK_SECONDS = 0.05
LATEST_SECONDS = 1.0
"""How long pages may stay in the WAL when there are few of them."""

MANY_PAGES = 256
"""From which on they are moved at the next look; a server that is seldom sent to syncs the file seldom."""


class Checkpointer:
    """Works until closed.

    Parameters:
        connection: for this thread alone.
        lock: is told how far the log has come.
        broken: called when a sync failed; the process must end.
    """

    def __init__(self, connection: apsw.Connection, ledger: Ledger, lock: Lock, broken: Callable[[str], None]) -> None:
        self._connection = connection
        self._ledger = ledger
        self._lock = lock
        self._broken = broken
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tocsin-checkpointer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and let go of the file."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        done, at = -1, 0.0
        try:
            while not self._closing.wait(LOOK_SECONDS):
                head, now = self._ledger.head, time.monotonic()
                if head == done or (self._ledger.wal_pages < MANY_PAGES and now - at < LATEST_SECONDS):
                    continue
                at = now
                if self._moved():
                    done = head
                    self._lock.note(self._ledger.epoch, head)
        except Broken as broken:
            self._broken(str(broken))
        finally:
            self._connection.close()

    def _moved(self) -> bool:
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            # Busy, full, read-only: the next look tries again, and the writer itself when the WAL grows long.
            raise_if_broken(error)
            return False
        return True
