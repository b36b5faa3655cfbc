"""The client for programs that wait: one call, one answer; a stream is an iterator."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from tocsin.client import exchange, request
from tocsin.client.connection import CONNECT_SECONDS, connect, unreachable
from tocsin.client.errors import ClientError, Unreachable
from tocsin.client.exchange import ANSWER_SECONDS, Trying, judge
from tocsin.client.following import SILENCE_SECONDS, Following
from tocsin.client.notification import Event, Notification, Sent
from tocsin.client.request import Request

RETRY_FOR_SECONDS = 30.0
TRIES = 100


def _nobody(why: str, seconds: float) -> None:
    """Whom nothing is told."""


class Client:
    """Speaks to one server with one credential. For one thread.

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
        waiting: Callable[[str, float], None] = _nobody,
    ) -> None:
        if not retry_for >= 0 or tries < 1:
            raise ValueError("retry_for must not be negative, and tries at least 1")
        self.url = url.rstrip("/")
        self._retry_for = retry_for
        self._tries = tries
        self._waiting = waiting
        self._http = connect(self.url, token)

    # ------------------------------------------------------------ notifications

    def send(
        self,
        title: str,
        message: str,
        *,
        type: str | None = None,  # noqa: A002  (the API's own word)
        user_id: str | None = None,
        device_id: str | None = None,
        dismissible: bool | None = None,
        metadata: Mapping[str, Any] | str | None = None,
        url: str | None = None,
        icon: str | None = None,
        tags: Sequence[str] = (),
        group: str | None = None,
        app_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Sent:
        """Send a notification. When this returns, it is kept, and once, however many attempts it took.

        Parameters:
            type: info (the server's choice when None), success, warning, error or emergency.
            user_id: whom to tell; None: oneself, or everybody when the credential is a superuser's.
            metadata: an object, or its JSON text, which is kept as it is written.
            idempotency_key: the same send made again under the same key, be it by another process, gives the same
                notification, for a day; one of its own when None.

        Raises:
            Refused, Unreachable: it was not taken, unless `doubtful`: then the same send with the same key finds out.
            ValueError: metadata is no JSON object, a text is not Unicode, or the key is none.
        """
        asked = request.send(
            title,
            message,
            type=type,
            user_id=user_id,
            device_id=device_id,
            dismissible=dismissible,
            metadata=metadata,
            url=url,
            icon=icon,
            tags=tags,
            group=group,
            app_id=app_id,
            idempotency_key=_new_key() if idempotency_key is None else idempotency_key,
        )
        return exchange.read_sent(self.ask(asked))

    def send_as_app(self, app_id: str, user_id: str, message: str, *, idempotency_key: str | None = None) -> Sent:
        """Send as an app to a user who installed it; the token is the app's secret. Otherwise as `send`.

        Raises:
            Refused: 429 when the app has sent that user all it may in this hour. Else as `send`.
        """
        key = _new_key() if idempotency_key is None else idempotency_key
        return exchange.read_sent(self.ask(request.send_as_app(app_id, user_id, message, idempotency_key=key)))

    def notifications(self, *, limit: int = 50) -> list[Notification]:
        """One's own notifications and the broadcasts, newest first.

        Parameters:
            limit: most of them; read in pages of at most 200.

        Raises:
            Refused, Unreachable.
        """
        found: list[Notification] = []
        before: str | None = None
        while len(found) < limit:
            some, before = exchange.read_page(self.ask(request.page(before, min(200, limit - len(found)))))
            found += some
            if before is None:
                break
        return found

    def stream(
        self, since: str | None = None, devices: Sequence[str] = (), *, lost: Callable[[str], None] = lambda why: None
    ) -> Iterator[Notification]:
        """Notifications as they come, each once, over any number of connections.

        Reconnects by itself and goes on where it was. Ends only by an exception, or when it is closed.

        Parameters:
            since: go on right after this position; None: from now on.
            devices: only notifications about these; none: all.
            lost: told when notifications between two positions can no longer be had.

        Raises:
            Refused, StreamEnded: the server would not have it. Unreachable: the first connection found nobody.
            Malformed: `since` is no position.
        """
        for event in self.events(since, devices):
            if event.notification is not None:
                yield event.notification
            elif event.event == "gap":
                lost(f"notifications up to {event.position} can no longer be had")

    def events(
        self,
        since: str | None = None,
        devices: Sequence[str] = (),
        *,
        waiting: Callable[[str, float], None] = _nobody,
    ) -> Iterator[Event]:
        """All that a stream tells, as `stream`.

        Parameters:
            waiting: told why a connection was lost, and for how many seconds the next one is put off.
        """
        following = Following(since, devices)
        while True:
            try:
                yield from self._connection(following)
            except ClientError as why:
                delay = following.lost(why, random.random())  # noqa: S311  (spreads load, guards nothing)
                waiting(str(why), delay)
                time.sleep(delay)

    def _connection(self, following: Following) -> Iterator[Event]:
        opening = self._build(following.request(), silence=SILENCE_SECONDS)
        try:
            response = self._http.send(opening, stream=True)
            try:
                if response.status_code != 200:
                    judge(response.status_code, response.headers, response.read())
                    raise ClientError(f"answered {response.status_code}, and no stream: is the address right?")
                for data in response.iter_raw():
                    yield from following.take(data)
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from None
        raise Unreachable("the connection ended")

    # ------------------------------------------------------------ any call

    def call(self, method: str, *path: str, body: Any = None, **query: str) -> Any:
        """Any call of the API below `/api`: `client.call("PUT", "devices", "cam-1", body={"name": "Door"})`.

        Parameters:
            path: its segments, not encoded.
            body: what to send as JSON.
            query: the query, not encoded.

        Returns:
            The answer's JSON, None where there is none.

        Raises:
            Refused, Unreachable. ValueError: a text is not Unicode.
        """
        answer = self.ask(request.call(method, *path, query=list(query.items()), body=body))
        return exchange.read(answer, object) if answer else None

    def every(self, plural: str, *path: str) -> Iterator[Any]:
        """All items of a list, read page by page: `client.every("users", "users")`.

        Parameters:
            plural: the list's name in the answer.
            path: as of `call`.
        """
        query: dict[str, str] = {"limit": "200"}
        while True:
            answer = self.call("GET", *path, **query)
            yield from answer[plural]
            if not answer.get("next"):
                return
            query["before"] = answer["next"]

    def readiness(self) -> tuple[bool, list[str], float]:
        """Whether the server should get traffic, why not, and how many seconds its clock is ahead of ours.

        Raises:
            Unreachable: nobody answers. Refused, ClientError: not a Tocsin server.
        """
        response = self._answer(request.readiness())
        if response.status_code not in (200, 503):
            judge(response.status_code, response.headers, response.content)
        said = exchange.read_readiness(response.content)
        told = parsedate_to_datetime(response.headers["date"]).timestamp() if "date" in response.headers else None
        return said.ready, said.reasons, 0.0 if told is None else told - time.time()

    def ask(self, asked: Request) -> bytes:
        """Send a request, again where that helps, and return the body of its answer.

        Raises:
            Refused, Unreachable.
        """
        trying = Trying(asked, tries=self._tries, retry_for=self._retry_for)
        began = time.monotonic()
        while True:
            try:
                response = self._answer(asked, within=trying.answer_seconds(time.monotonic() - began))
                judge(response.status_code, response.headers, response.content)
            except ClientError as why:
                delay = trying.failed(why, time.monotonic() - began, random.random())  # noqa: S311
                self._waiting(str(why), delay)
            else:
                return response.content
            time.sleep(delay)

    def _answer(self, asked: Request, *, within: float = ANSWER_SECONDS) -> httpx2.Response:
        try:
            return self._http.send(self._build(asked, silence=within))
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from None

    def _build(self, asked: Request, *, silence: float) -> httpx2.Request:
        return self._http.build_request(
            asked.method,
            asked.path,
            params=list(asked.query) or None,
            headers=dict(asked.headers),
            content=asked.body,
            timeout=httpx2.Timeout(silence, connect=min(CONNECT_SECONDS, silence)),
        )

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _new_key() -> str:
    return uuid.uuid4().hex
