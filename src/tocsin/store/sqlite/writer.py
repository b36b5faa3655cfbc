"""The writer: all writes of a node go through one thread that commits what is queued as one transaction."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw
import msgspec

from tocsin.errors import Unavailable
from tocsin.ports import Announcer
from tocsin.store.sqlite.batch import Command, Result
from tocsin.store.sqlite.ledger import Broken, Ledger

log = logging.getLogger("tocsin.store")

MOST_ROWS = 500
"""Most commands in one transaction; more would keep the first of them waiting."""

PATIENCE_MS = 2_000
"""Longest wait for a lock that another process holds, counted from when a write was queued."""

_CHECK_SECONDS = 1.0
_ENDED = "the writer has ended"
_LENT_FOR = 0.002
_ENOUGH = 128
# Turns of the loop that bring nothing more, and seconds at most, until a batch goes.
_FROM_REST = (2, 0.001)
_AFTER_A_COMMIT = (4, 0.002)

T = TypeVar("T")


class Job(msgspec.Struct):
    """A command and who waits for it."""

    command: Command
    future: asyncio.Future[Any]
    queued: float


class Writer:
    """Group commit. Everything but `_work` and what it calls runs on the event loop.

    Parameters:
        ledger: does the transactions; owned by the writer's thread from now on.
        announcer: told of each commit, in order, before those who wait for it are.
        most_queued: writes that may wait; more are refused, nothing written.
        died: called once, on the loop, when no write can ever be kept again.
        one_core: whether the process has one processor to itself; asked of the system unless given.
    """

    def __init__(
        self,
        ledger: Ledger,
        announcer: Announcer,
        *,
        most_queued: int,
        died: Callable[[str], None],
        one_core: bool | None = None,
    ) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._most_queued = most_queued
        self._died = died
        self._loop = asyncio.get_running_loop()
        self._turn: list[Job] = []
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._asides: SimpleQueue[tuple[Callable[[apsw.Connection], Any], asyncio.Future[Any]]] = SimpleQueue()
        self._queued = 0
        self._handed = 0
        self._one_core = _has_one_core() if one_core is None else one_core
        self._quiet_turns = 0
        self._gather_until = 0.0
        self._lent = False
        self._returned = threading.Lock()
        self._returned.acquire()
        self._ended = asyncio.Event()
        self._dead = ""
        self.head = ledger.head
        self.batches = 0
        ledger.before_commit = self._give_back
        self._thread = threading.Thread(target=self._work, name="tocsin-writer", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why writes are not kept now; empty when they are."""
        return self._dead or self._ledger.trouble

    @property
    def queued(self) -> int:
        """Writes that wait for their commit."""
        return self._queued

    def submit(self, command: Command) -> asyncio.Future[Any]:
        """Queue a command.

        Returns:
            Its result, once its transaction is on disk and announced.

        Raises:
            Unavailable: too many wait already, or the writer has ended; nothing was written.
        """
        if self._dead:
            raise Unavailable(self._dead)
        if self._queued >= self._most_queued:
            raise Unavailable("Too many writes are waiting")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queued += 1
        self._turn.append(Job(command, future, time.monotonic()))
        if len(self._turn) == 1 and not self._handed:
            self._gather_from_now(*_FROM_REST)
        return future

    def aside(self, step: Callable[[apsw.Connection], T]) -> asyncio.Future[T]:
        """Have something done with the writer's connection between two transactions. Writes wait for it: be brief.

        Returns:
            What it gave, or raised.

        Raises:
            Unavailable: the writer has ended.
        """
        if self._dead:
            raise Unavailable(self._dead)
        future: asyncio.Future[T] = self._loop.create_future()
        self._asides.put((step, future))
        self._inbox.put([])
        return future

    async def close(self) -> None:
        """Commit what is queued, then end the thread."""
        if self._turn:
            self._hand_over()
        self._dead = self._dead or "shutting down"
        self._inbox.put(None)
        await self._ended.wait()

    def fail(self, reason: str) -> None:
        """End for good; for another thread that saw the disk fail."""
        self._tell(self._bury, reason, [])

    def _gather_from_now(self, quiet_turns: int, seconds: float) -> None:
        self._quiet_turns, self._gather_until = quiet_turns, time.monotonic() + seconds
        self._loop.call_soon(self._gather_turn, 0, 0)

    def _gather_turn(self, seen: int, quiet: int) -> None:
        # A commit costs the processor as much as thirty rows do: what is on its way already is worth a few
        # microseconds. Where nothing more comes for some turns of the loop, the batch goes.
        here = len(self._turn)
        if not here or self._handed:
            return
        quiet = quiet + 1 if here == seen else 0
        if quiet < self._quiet_turns and here < _ENOUGH and time.monotonic() < self._gather_until:
            self._loop.call_soon(self._gather_turn, here, quiet)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        jobs, self._turn = self._turn, []
        if jobs:
            self._handed += len(jobs)
            self._inbox.put(jobs)
            self._stand_aside()

    def _stand_aside(self) -> None:
        # The writer needs the interpreter for a moment before it can wait for the disk, and a busy loop would
        # keep it: the disk would idle while the loop works, and the loop while the disk does.
        if self._handed and not self._ledger.waiting:
            self._lent = True
            self._returned.acquire(timeout=_LENT_FOR)
            self._lent = False

    def _give_back(self) -> None:
        if self._lent:
            self._lent = False
            with suppress(RuntimeError):  # the loop has stopped waiting
                self._returned.release()

    # ------------------------------------------------------------ the writer's thread

    def _work(self) -> None:
        now: list[Job] = []
        later: list[Job] = []
        try:
            going = True
            while going or later:
                going = going and self._gather(later)
                now, later = later[:MOST_ROWS], later[MOST_ROWS:]
                if now:
                    self._commit(now)
                    now = []
                self._step_aside()
            self._ledger.close()
        except Exception as error:
            log.critical("the writer has ended: %s", error, exc_info=not isinstance(error, Broken))
            self._tell(self._bury, str(error), now + later)
        finally:
            self._tell(self._ended.set)

    def _gather(self, jobs: list[Job]) -> bool:
        try:
            more = self._inbox.get(timeout=0 if jobs else _CHECK_SECONDS)
            while more is not None:
                jobs += more
                if len(jobs) >= MOST_ROWS:
                    return True
                more = self._inbox.get_nowait()
        except Empty:
            if not jobs:
                self._ledger.check()
            return True
        return False

    def _commit(self, jobs: list[Job]) -> None:
        age_ms = int((time.monotonic() - jobs[0].queued) * 1000)
        results, span = self._ledger.commit([job.command for job in jobs], max(20, PATIENCE_MS - age_ms))
        self._give_back()
        self._tell(self._settle, jobs, results, span)

    def _step_aside(self) -> None:
        while not self._asides.empty():
            step, future = self._asides.get_nowait()
            try:
                result: Any = self._ledger.aside(step)
            except Exception as error:  # noqa: BLE001  (it is told to whoever asked)
                result = error
            self._tell(_resolve, future, result)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            log.debug("the loop ended before the writer")

    # ------------------------------------------------------------ back on the loop

    def _settle(self, jobs: list[Job], results: list[Result], span: Any) -> None:
        self._queued -= len(jobs)
        self._handed -= len(jobs)
        self.batches += 1
        if span is not None:
            self.head = span.last
            try:
                self._announcer.announce(span)
            except Exception:
                # It is kept: whoever sent it is told so, whatever became of the streams.
                log.exception("announcing %d to %d failed", span.first, span.last)
        for job, result in zip(jobs, results, strict=True):
            _resolve(job.future, result)
        if self._handed or not self._turn:
            return
        if self._one_core:
            # Nothing here runs beside a commit, and those who are being answered now send again at once: from the
            # socket to the queue that takes two turns. Half as many commits, each of twice as many rows.
            self._gather_from_now(*_AFTER_A_COMMIT)
        else:
            # What gathered meanwhile is the next batch, and the loop works while the disk does.
            self._hand_over()

    def _bury(self, reason: str, jobs: list[Job]) -> None:
        died = not self._dead.startswith(_ENDED)
        self._dead = f"{_ENDED}: {reason}"
        jobs += self._turn
        while not self._inbox.empty():
            jobs += self._inbox.get_nowait() or []
        waiting = [job.future for job in jobs]
        while not self._asides.empty():
            waiting.append(self._asides.get_nowait()[1])
        for future in waiting:
            _resolve(future, Unavailable(retry_after=5, outcome_unknown=True))
        self._queued = self._handed = 0
        if died:
            self._died(self._dead)


def _has_one_core() -> bool:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count == 1


def _resolve(future: asyncio.Future[Any], result: Result) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
