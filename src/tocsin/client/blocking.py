"""The client for programs that wait: one call, one answer; a stream is an iterator."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload

import httpx2

from tocsin.client import calls, exchange, request, sending
from tocsin.client.answer import Page
from tocsin.client.blocking_stream import Stream
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


def _asking(make: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    def method(client: Client, /, *given: P.args, **named: P.kwargs) -> T:
        return client.ask(make(*given, **named))

    return as_method(method, make)


class Client:
    """Speaks to one server with one credential. For one thread; but `close`, its own and a stream's, is for any.

    A request that fails for a while (nobody answers, no answer in time, 429, 500, 502, 503, 504) is made again, with
    growing and spread delays, and never before the `Retry-After` of the answer, as long as that does no harm: a send
    has an idempotency key, so that all its attempts are one notification.

    Parameters:
        url: `http://…` or `https://…`, without a path unless a proxy adds one. Certificates are checked against those
            of the system, or of the PEM file that the variable SSL_CERT_FILE names.
        token: an API key, a JWT or an app's secret; None for none.
        retry_for: seconds after which no request is made again; a longer `Retry-After` is not waited for. 0: never.
        tries: most attempts at one request.
        waiting: told why an attempt failed, and for how many seconds the next one is put off.

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
        self._http = httpx2.Client(**self._server.http())
        self._streams: set[Stream[Any]] = set()

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

    def notifications(self, **filters: Unpack[Filters]) -> Iterator[Notification]:
        """All of one's own notifications and the broadcasts, newest first, read page by page as they are taken.

        Parameters:
            filters: as of `list`.
        """
        return self._all(lambda before: calls.list_notifications(before=before, limit=200, **filters))

    def every(self, plural: str, *path: str) -> Iterator[Any]:
        """All items of any list, read page by page: `client.every("users", "users")`.

        Parameters:
            plural: the list's name in the answer.
            path: as of `call`.
        """
        return self._all(lambda before: calls.some(plural, *path, before=before))

    def _all(self, page: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
        found = self.ask(page(None))
        yield from found.items
        while found.next is not None:
            found = self.ask(page(found.next))
            yield from found.items

    @overload
    def stream(
        self, since: str | None = None, *, events: Literal[False] = False, **options: Unpack[StreamOptions]
    ) -> Stream[Notification]: ...

    @overload
    def stream(
        self, since: str | None = None, *, events: Literal[True], **options: Unpack[StreamOptions]
    ) -> Stream[Event]: ...

    def stream(
        self, since: str | None = None, *, events: bool = False, **options: Unpack[StreamOptions]
    ) -> Stream[Any]:
        """Notifications as they come, each once, over any number of connections.

        Reconnects by itself and goes on where it was. Ends only by an exception, or when it is closed.

        Parameters:
            since: go on right after this position; None: from now on.
            events: everything that a stream tells, as Event says; for an `Inbox`.
            options: as StreamOptions says.

        Raises:
            Refused, StreamEnded: the server would not have it. Unreachable: the first connection found nobody,
                and it is not `patient`.
            Malformed: `since` is no position.
        """
        follows, chooses = following(since, options, named=self._server.named), choice(options, events=events)
        return Stream(self._server, follows, chooses, options.get("waiting", self._waiting), self._streams)

    def readiness(self) -> tuple[bool, Any, float]:
        """Whether the server should get traffic, why not, and how many seconds its clock is ahead of ours.

        Raises:
            Unreachable: nobody answers. Refused, ClientError: not a Tocsin server.
        """
        return exchange.read_readiness(self._answer(request.readiness()), time.time())

    def ask(self, call: Call[T]) -> T:
        """Send a request, again where that helps, and return what its answer means.

        Raises:
            Refused, Unreachable.
        """
        asked = with_key(call.request, uuid.uuid4().hex) if call.request.wants_key else call.request
        trying = Trying(asked, tries=self._tries, retry_for=self._retry_for)
        began = time.monotonic()
        while True:
            try:
                answer = self._answer(asked, within=trying.answer_seconds(time.monotonic() - began))
                judge(*answer)
            except ClientError as why:
                delay = trying.failed(why, time.monotonic() - began, random.random())  # noqa: S311  (spreads load)
                self._waiting(str(why), delay)
            else:
                return call.read(answer.body)
            time.sleep(delay)

    def _answer(self, asked: Request, *, within: float = ANSWER_SECONDS) -> Answer:
        try:
            response = self._http.send(prepare(self._http, asked, within))
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from None
        return Answer(response.status_code, response.headers, response.content)

    def close(self) -> None:
        """End its streams, and let the connections go."""
        for stream in tuple(self._streams):
            stream.close()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
