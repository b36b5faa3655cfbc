"""The writer on PostgreSQL: all writes of a node go through one task that sends what is queued as one call."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec

from tocsin.errors import Unavailable
from tocsin.nodes import Settling
from tocsin.ports import Announcer, Span
from tocsin.position import Epoch
from tocsin.store.postgresql.batch import CALL, Call, Command, Result, cost
from tocsin.store.postgresql.connection import LOST, OF_THE_STORE

log = logging.getLogger("tocsin.store")

MOST_ROWS = 500
"""Most rows in one transaction; more would keep the first of them waiting, and the other nodes."""

PATIENCE = 2.5
"""Seconds after which who waits is told that it does not work now."""

CALL_SECONDS = 1.6
"""Longest that a call is waited for: a second for the lock or the work, and the way there and back."""

MOST_IN_TROUBLE = 1_000
"""Writes that may wait while the database cannot be reached."""

SETTLE_SECONDS = 0.1
"""Longest that other nodes are waited for."""

_QUIET_TURNS = 2
_ENOUGH = 128
_GATHER_SECONDS = 0.001
_CONNECT_SECONDS = 3.0
_AGAIN_SECONDS = (0.05, 1.0)
_CHECK_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_SEEN_SECONDS = 10.0
_SWEEP_SECONDS = 0.25


class Job(msgspec.Struct):
    """A command and who waits for it."""

    command: Command
    future: asyncio.Future[Any]
    queued: float


class Writer:
    """Group commit on the event loop.

    Parameters:
        connect: opens the connection that writes go through.
        explain: what an error says, and of which database, without a password.
        node: this one's id; its row is there.
        announcer: told of each commit, in order, before those who wait for it are.
        notify: whether the database tells other nodes.
        most_queued: writes that may wait; more are refused, nothing written.
        died: called once when no write can ever be kept again.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        explain: Callable[[BaseException], str],
        node: str,
        announcer: Announcer,
        *,
        notify: bool,
        most_queued: int,
        died: Callable[[str], None],
    ) -> None:
        self._connect = connect
        self._explain = explain
        self._node = node
        self._announcer = announcer
        self._notify = notify
        self._most_queued = most_queued
        self._died = died
        self._loop = asyncio.get_running_loop()
        self._connection: asyncpg.Connection | None = None
        self._turn: deque[Job] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._dead = ""
        self._trouble = ""
        self._batch = ""
        self._flying: list[Job] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._seen = 0.0
        self._answer_stands = True
        self._in_doubt: tuple[Call, str] | None = None
        self._settling: set[asyncio.Task[None]] = set()
        self.streamed: deque[tuple[int, int]] = deque()
        self.epoch = Epoch("")
        self.head = 0
        self.batches = 0
        self.committed: Callable[[Span], None] = lambda _span: None
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(self._ended)

    @property
    def trouble(self) -> str:
        """Why writes are not kept now; empty when they are."""
        return self._dead or self._trouble

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
        if self._dead or self._closing:
            raise Unavailable(self._dead or "shutting down")
        if self._queued >= (min(self._most_queued, MOST_IN_TROUBLE) if self._trouble else self._most_queued):
            raise Unavailable("Too many writes are waiting")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queued += 1
        self._turn.append(Job(command, future, time.monotonic()))
        if len(self._turn) == 1:
            self._loop.call_soon(self._gather, 0, 0)
        if self._sweep is None:
            self._sweep = self._loop.call_later(_SWEEP_SECONDS, self._give_up_on_old)
        return future

    async def close(self) -> None:
        """Commit what is queued, then let go."""
        self._closing = True
        self._wake.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.wait([self._work])), _CLOSE_SECONDS)
        self._work.cancel()
        await asyncio.wait([self._work])
        if self._settling:
            await asyncio.wait(self._settling)
        await self._hang_up()

    def _gather(self, seen: int, quiet: int) -> None:
        # A call costs as much as some rows do: what is on its way already is worth a few microseconds.
        here = len(self._turn)
        if not here:
            return
        quiet = quiet + 1 if here == seen else 0
        if quiet < _QUIET_TURNS and here < _ENOUGH and time.monotonic() - self._turn[0].queued < _GATHER_SECONDS:
            self._loop.call_soon(self._gather, here, quiet)
        else:
            self._wake.set()

    # ------------------------------------------------------------ the task

    async def _run(self) -> None:
        while self._turn or not self._closing:
            if not self._turn:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _CHECK_SECONDS)
            if self._connection is None or self._connection.is_closed():
                known = await self._reach()
                if known is None:
                    continue
                self._tell_of_doubtful(known)
            if self._turn:
                self._flying = self._take()
                await self._commit(self._flying)
                self._flying = []
            else:
                await self._look()

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        rows = 0
        while self._turn and (not jobs or rows + cost(self._turn[0].command) <= MOST_ROWS):
            job = self._turn.popleft()
            rows += cost(job.command)
            jobs.append(job)
        return jobs

    async def _commit(self, jobs: list[Job]) -> None:
        try:
            call = Call([job.command for job in jobs])
            answer = await self._send(call, jobs[0].queued)
            results, span = call.read(answer)
        except Unavailable as refusal:
            self._settle(jobs, [refusal] * len(jobs), None)
            return
        except Exception as error:  # noqa: BLE001  (it is told to whoever asked)
            if len(jobs) == 1:
                log.error("a command failed: %s", error)
                self._settle(jobs, [error], None)
                return
            # One command that the database will not have must not take the others down with it.
            for job in jobs:
                await self._commit([job])
            return
        self._is_well()
        self._answer_stands = True
        self.batches += 1
        self._settle(jobs, results, span)

    async def _send(self, call: Call, queued: float) -> str:
        """The answer of the function.

        Raises:
            Unavailable: it was not kept, or nobody knows. Exception: something in it is at fault.
        """
        connection = self._connection
        if connection is None or connection.is_closed():
            raise Unavailable("The store cannot be reached now")
        notes = [self.streamed.popleft() for _ in range(len(self.streamed))]
        batch = secrets.token_hex(12)
        arguments = [self._node, self._batch, batch, self._notify, call.commands, *call.columns]
        try:
            answer: str = await connection.fetchval(
                CALL, *arguments, [first for first, _ in notes], [streams for _, streams in notes], timeout=CALL_SECONDS
            )
        except asyncpg.DataError:
            raise
        except LOST as error:
            return await self._find_out(call, batch, error, queued)
        except OF_THE_STORE as error:
            self._note(error)
            raise Unavailable("The store cannot take it now") from None
        except asyncpg.PostgresError as error:
            if error.sqlstate == "TC001":
                log.error("another process writes as node %s, or what was given up on was kept after all", self._node)
                await self._hang_up()
                raise Unavailable("The store cannot take it now") from None
            raise
        self._batch = batch
        return answer

    async def _find_out(self, call: Call, batch: str, error: BaseException, queued: float) -> str:
        """What became of a batch whose answer did not come."""
        self._note(error)
        await self._hang_up()
        while (left := PATIENCE - (time.monotonic() - queued)) > 0:
            known = None
            with suppress(TimeoutError):
                known = await asyncio.wait_for(self._reach(), left)
            if known is not None:
                if known[0] == batch:
                    return known[1]
                raise Unavailable("The store cannot take it now")
        self._in_doubt = (call, batch)
        raise Unavailable("The store cannot take it now", outcome_unknown=True)

    def _tell_of_doubtful(self, known: tuple[str, str]) -> None:
        # Nobody waits for it any more, but it may have been kept: then there are streams to tell.
        doubt, self._in_doubt = self._in_doubt, None
        if doubt is not None and known[0] == doubt[1]:
            _results, span = doubt[0].read(known[1])
            self._settle([], [], span)

    async def _reach(self) -> tuple[str, str] | None:
        """Connect; what the node's row says of its last batch, which cannot come in any more. None when it fails."""
        try:
            connection = await asyncio.wait_for(self._connect(), _CONNECT_SECONDS)
            try:
                # A batch that is still under way has the lock; one that comes later finds another name here.
                async with connection.transaction():
                    log_row = await connection.fetchrow(
                        "SELECT head, epoch FROM log FOR UPDATE", timeout=_CONNECT_SECONDS
                    )
                    row = await connection.fetchrow(_FENCE, self._node, secrets.token_hex(12), timeout=_CONNECT_SECONDS)
            except BaseException:
                connection.terminate()
                raise
        except Exception as error:  # noqa: BLE001  (whatever it is, the store is out of reach)
            self._note(error)
            await asyncio.sleep(random.uniform(*_AGAIN_SECONDS) / 2)  # noqa: S311
            return None
        self._connection, self._batch = connection, row["fence"]
        self._answer_stands = True
        self.epoch, self.head = Epoch(log_row["epoch"]), max(self.head, log_row["head"])
        return row["batch"], row["answer"]

    async def _look(self) -> None:
        assert self._connection is not None
        # Whether it could take a write; now and then that is also noted for other nodes to see.
        now = time.monotonic()
        sql = "SELECT 1 FROM nodes WHERE id = $1 AND NOT pg_is_in_recovery()"
        if now - self._seen > _SEEN_SECONDS or self._trouble or self._answer_stands:
            sql, self._seen = _SEE, now
        try:
            if await self._connection.fetchval(sql, self._node, timeout=CALL_SECONDS) is None:
                await self._hang_up()
            self._is_well()
            self._answer_stands = False
        except Exception as error:  # noqa: BLE001
            self._note(error)
            if isinstance(error, LOST):
                await self._hang_up()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _is_well(self) -> None:
        if self._trouble:
            log.warning("the store takes writes again")
        self._trouble = ""

    def _note(self, error: BaseException) -> None:
        sentence = self._explain(error)
        if not self._trouble:
            log.error("the store cannot take writes now: %s", sentence)
        self._trouble = sentence

    def _give_up_on_old(self) -> None:
        # What was not sent yet was not written: whoever waits is told so, whatever the task waits for.
        now = time.monotonic()
        while self._turn and now - self._turn[0].queued >= PATIENCE:
            self._settle([self._turn.popleft()], [Unavailable("The store cannot be reached now")], None)
        self._sweep = self._loop.call_later(_SWEEP_SECONDS, self._give_up_on_old) if self._turn else None

    # ------------------------------------------------------------ what came of it

    def _settle(self, jobs: list[Job], results: list[Result], span: Span | None) -> None:
        self._queued -= len(jobs)
        if span is not None:
            self.epoch, self.head = span.epoch, span.last
            try:
                self._announcer.announce(span)
            except Exception:
                # It is kept: whoever sent it is told so, whatever became of the streams.
                log.exception("announcing %d to %d failed", span.first, span.last)
            if isinstance(self._announcer, Settling):
                task = asyncio.create_task(self._settle_later(self._announcer, span, jobs, results))
                self._settling.add(task)
                task.add_done_callback(self._settling.discard)
                return
            self.committed(span)
        _resolve(jobs, results)

    async def _settle_later(self, announcer: Settling, span: Span, jobs: list[Job], results: list[Result]) -> None:
        try:
            await asyncio.wait_for(announcer.settled(span), SETTLE_SECONDS)
        except TimeoutError:
            log.debug("other nodes took too long for %d to %d", span.first, span.last)
        except Exception:
            log.exception("gathering for %d to %d failed", span.first, span.last)
        finally:
            self.committed(span)
            _resolve(jobs, results)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.critical("the writer has ended: %s", error, exc_info=error)
        if self._sweep is not None:
            self._sweep.cancel()
        waiting, self._turn = [*self._flying, *self._turn], deque()
        self._queued = 0
        _resolve(waiting, [Unavailable(retry_after=5, outcome_unknown=True)] * len(waiting))
        if error is not None:
            self._dead = f"the writer has ended: {error}"
            self._died(self._dead)


# What was answered has come here. It may tell of somebody who is deleted since, and is not to stand for longer.
_SEE = "UPDATE nodes SET seen_at = clock_timestamp(), answer = '' WHERE id = $1 RETURNING 1"
# A fence keeps the name of the batch that it stands behind: its own answer can be lost, too.
_FENCE = """
UPDATE nodes SET batch = before.batch || '.' || $2, seen_at = clock_timestamp()
FROM (SELECT id, split_part(batch, '.', 1) AS batch, answer FROM nodes WHERE id = $1) before
WHERE nodes.id = before.id RETURNING before.batch, before.answer, nodes.batch AS fence
"""


def _resolve(jobs: list[Job], results: list[Result]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.future.done():
            continue
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
