"""A stream for asyncio: an asynchronous iterator over one `Following`, with the I/O."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tocsin.client.connection import Server, why_closed
from tocsin.client.errors import ClientError
from tocsin.client.event import Event
from tocsin.client.exchange import Waiting
from tocsin.client.following import Following

T = TypeVar("T", covariant=True)


class AsyncStream(Generic[T]):
    """What comes, one by one, over any number of connections.

    async with client.stream() as stream:
        async for notification in stream: …        # ends by an exception, or by `close` from any task

    A wait that is cancelled loses nothing: the next one gets what would have come.
    """

    def __init__(
        self,
        server: Server,
        following: Following,
        choose: Callable[[Event], T | None],
        waiting: Waiting,
        among: set[AsyncStream[Any]],
    ) -> None:
        self._server = server
        self._following = following
        self._choose = choose
        self._waiting = waiting
        # Held by its client until it has ended, so that a loop that was left by `break` leaves nothing open.
        self._among = among
        among.add(self)
        self._closed = False
        self._connection: ClientConnection | None = None
        self._under_way: asyncio.Task[None] | None = None

    @property
    def position(self) -> str:
        """`stream(since=…)` goes on right after what was given out so far."""
        return self._following.position

    def confirm(self, position: str) -> None:
        """Everything up to here has arrived; told to the server within 5 seconds, as the stream is read, or closed.

        Raises:
            Malformed: it is no position.
        """
        self._following.confirm(position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._following.came_back()
        while not self._closed:
            try:
                event = await self._receive()
            except ClientError as why:
                await self._come_back(why)
            else:
                chosen = None if event is None else self._choose(event)
                if chosen is not None:
                    return chosen
        raise StopAsyncIteration

    async def _receive(self) -> Event | None:
        if self._connection is None:
            try:
                await self._unless_closed(self._connect())
            except (OSError, WebSocketException) as error:
                raise self._server.not_opened(error) from None
        connection, following = self._connection, self._following
        if connection is None:
            return None
        try:
            if confirmation := following.confirmation(time.monotonic()):
                await connection.send(confirmation, text=True)
            async with asyncio.timeout(following.seconds_left(time.monotonic())):
                message = await connection.recv(decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise why_closed(following, closed) from None
        return following.take(message, time.monotonic())

    async def _connect(self) -> None:
        # Kept where it is found, whatever becomes of whoever waits for it.
        self._connection = await connect(**self._server.websocket(self._following.request(time.monotonic())))

    async def _come_back(self, why: ClientError) -> None:
        await self._let_go()
        if self._closed:
            return
        try:
            delay = self._following.lost(why, time.monotonic(), random.random())  # noqa: S311  (spreads load)
        except ClientError:
            self._end()
            raise
        self._waiting(str(why), delay)
        await self._unless_closed(asyncio.sleep(delay))

    async def _unless_closed(self, work: Coroutine[object, object, None]) -> None:
        self._under_way = task = asyncio.create_task(work)
        try:
            await task
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not self._closed or (me is not None and me.cancelling()):
                raise
        finally:
            self._under_way = None

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _end(self) -> None:
        self._closed = True
        self._among.discard(self)

    async def close(self) -> None:
        """End it. Whoever waits for what comes next, in whatever task, is told that there is no more."""
        self._end()
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait({self._under_way})
        if self._connection is not None:
            with contextlib.suppress(ConnectionClosed):
                if confirmation := self._following.confirmation(time.monotonic(), last=True):
                    await self._connection.send(confirmation, text=True)
        await self._let_go()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
