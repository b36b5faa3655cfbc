"""The client for asyncio: as `Client`, with an `await` before each call and an `async` before each `for` and `with`."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload

import httpx2

from tocsin.client import calls, exchange, request, sending
from tocsin.client.answer import Page
from tocsin.client.asynchronous_stream import AsyncStream
from tocsin.client.call import Call, as_method
from tocsin.client.calls import Filters
from tocsin.client.connection import Server, prepare, unreachable
from tocsin.client.errors import ClientError
from tocsin.client.event import Event
from tocsin.client.exchange import ANSWER_SECONDS, RETRY_FOR_SECONDS, TRIES, Answer, Trying, Waiting, ignore, judge
from tocsin.client.notification import Notification
from tocsin.client.options import StreamOptions, choice, following
from tocsin.client.request import Request, with_key

P = ParamSpec("P")
T = TypeVar("T")


def _asking(make: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    async def method(client: AsyncClient, /, *given: P.args, **named: P.kwargs) -> T:
        return await client.ask(make(*given, **named))

    return as_method(method, make)


class AsyncClient:
    """Speaks to one server with one credential, in one asyncio loop; other loops (trio) are not served.

    All as of `Client`. A call that is cancelled may have had its effect: a send made again under the same
    `idempotency_key` finds out.

    Parameters:
        url, token, retry_for, tries, waiting: as of `Client`.

    Raises:
        ValueError: one of these cannot be, or SSL_CERT_FILE cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        retry_for: float = RETRY_FOR_SECONDS,
        tries: int = TRIES,
        waiting: Waiting = ignore,
    ) -> None:
        exchange.check(tries=tries, retry_for=retry_for)
        self._server = Server(url, token)
        self.url = self._server.url
        self._retry_for = retry_for
        self._tries = tries
        self._waiting = waiting
        self._http = httpx2.AsyncClient(**self._server.http())
        self._streams: set[AsyncStream[Any]] = set()

    send = _asking(sending.send)
    send_many = _asking(sending.send_many)
    send_as_app = _asking(sending.send_as_app)
    withdraw = _asking(calls.withdraw)
    receipts = _asking(calls.receipts)

    list = _asking(calls.list_notifications)
    get = _asking(calls.get)
    unread = _asking(calls.unread)
    changes = _asking(calls.changes)

    mark_read = _asking(calls.mark_read)
    mark_unread = _asking(calls.mark_unread)
    dismiss = _asking(calls.dismiss)
    undismiss = _asking(calls.undismiss)
    acknowledge = _asking(calls.acknowledge)
    read_all = _asking(calls.read_all)

    call = _asking(calls.call)

    def notifications(self, **filters: Unpack[Filters]) -> AsyncIterator[Notification]:
        """All of one's own notifications and the broadcasts, as of `Client.notifications`."""
        return self._all(lambda before: calls.list_notifications(before=before, limit=200, **filters))

    def every(self, plural: str, *path: str) -> AsyncIterator[Any]:
        """All items of any list, as of `Client.every`."""
        return self._all(lambda before: calls.some(plural, *path, before=before))

    async def _all(self, page: Callable[[str | None], Call[Page[T]]]) -> AsyncIterator[T]:
        found = await self.ask(page(None))
        while True:
            for item in found.items:
                yield item
            if found.next is None:
                return
            found = await self.ask(page(found.next))

    @overload
    def stream(
        self, since: str | None = None, *, events: Literal[False] = False, **options: Unpack[StreamOptions]
    ) -> AsyncStream[Notification]: ...

    @overload
    def stream(
        self, since: str | None = None, *, events: Literal[True], **options: Unpack[StreamOptions]
    ) -> AsyncStream[Event]: ...

    def stream(
        self, since: str | None = None, *, events: bool = False, **options: Unpack[StreamOptions]
    ) -> AsyncStream[Any]:
        """Notifications as they come, as of `Client.stream`; close it, or leave it by `async with`."""
        follows, chooses = following(since, options, named=self._server.named), choice(options, events=events)
        return AsyncStream(self._server, follows, chooses, options.get("waiting", self._waiting), self._streams)

    async def readiness(self) -> tuple[bool, Any, float]:
        """Whether the server should get traffic, as of `Client.readiness`."""
        return exchange.read_readiness(await self._answer(request.readiness()), time.time())

    async def ask(self, call: Call[T]) -> T:
        """Send a request, again where that helps, and return what its answer means.

        Raises:
            Refused, Unreachable.
        """
        asked = with_key(call.request, uuid.uuid4().hex) if call.request.wants_key else call.request
        trying = Trying(asked, tries=self._tries, retry_for=self._retry_for)
        began = time.monotonic()
        while True:
            try:
                answer = await self._answer(asked, within=trying.answer_seconds(time.monotonic() - began))
                judge(*answer)
            except ClientError as why:
                delay = trying.failed(why, time.monotonic() - began, random.random())  # noqa: S311  (spreads load)
                self._waiting(str(why), delay)
            else:
                return call.read(answer.body)
            await asyncio.sleep(delay)

    async def _answer(self, asked: Request, *, within: float = ANSWER_SECONDS) -> Answer:
        try:
            response = await self._http.send(prepare(self._http, asked, within))
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from None
        return Answer(response.status_code, response.headers, response.content)

    async def close(self) -> None:
        """End its streams, and let the connections go."""
        for stream in tuple(self._streams):
            await stream.close()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
