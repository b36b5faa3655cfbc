"""A stream for programs that wait: an iterator over one `Following`, with the I/O."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tocsin.client.connection import CONNECT_SECONDS, Server, WebSocketOptions, why_closed
from tocsin.client.errors import ClientError
from tocsin.client.event import Event
from tocsin.client.exchange import Waiting
from tocsin.client.following import Following

T = TypeVar("T", covariant=True)


class Stream(Generic[T]):
    """What comes, one by one, over any number of connections; waits for the next one.

    for notification in stream: …        # ends by an exception, or by `close` from any thread
    """

    def __init__(
        self,
        server: Server,
        following: Following,
        choose: Callable[[Event], T | None],
        waiting: Waiting,
        among: set[Stream[Any]],
    ) -> None:
        self._server = server
        self._following = following
        self._choose = choose
        self._waiting = waiting
        # Held by its client until it has ended, so that a loop that was left by `break` leaves nothing open.
        self._among = among
        among.add(self)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._connection: ClientConnection | None = None
        self._opening: _Opening | None = None

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

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self._following.came_back()
        while not self._closed.is_set():
            try:
                event = self._receive()
            except ClientError as why:
                self._come_back(why)
            else:
                chosen = None if event is None else self._choose(event)
                if chosen is not None:
                    return chosen
        raise StopIteration

    def _receive(self) -> Event | None:
        connection = self._connection or self._connect()
        if connection is None:
            return None
        following = self._following
        try:
            if confirmation := following.confirmation(time.monotonic()):
                connection.send(confirmation, text=True)
            message = connection.recv(following.seconds_left(time.monotonic()), decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise why_closed(following, closed) from None
        return following.take(message, time.monotonic())

    def _connect(self) -> ClientConnection | None:
        with self._lock:
            if self._closed.is_set():
                return None
            opening = self._opening = _Opening(self._server.websocket(self._following.request(time.monotonic())))
        try:
            connection = opening.wait()
        except (OSError, WebSocketException) as error:
            raise self._server.not_opened(error) from None
        with self._lock:
            self._opening = None
            if not self._closed.is_set():
                self._connection = connection
                return connection
        if connection is not None:
            connection.close()
        return None

    def _come_back(self, why: ClientError) -> None:
        with self._lock:
            connection, self._connection, self._opening = self._connection, None, None
        if connection is not None:
            connection.close()
        if self._closed.is_set():
            return
        try:
            delay = self._following.lost(why, time.monotonic(), random.random())  # noqa: S311  (spreads load)
        except ClientError:
            self._end()
            raise
        self._waiting(str(why), delay)
        self._closed.wait(delay)

    def _end(self) -> None:
        self._closed.set()
        self._among.discard(self)

    def close(self) -> None:
        """End it. Whoever waits for what comes next, in whatever thread, is told that there is no more."""
        self._end()
        with self._lock:
            connection, self._connection = self._connection, None
            opening, self._opening = self._opening, None
        if opening is not None:
            opening.give_up()
        if connection is not None:
            with contextlib.suppress(ConnectionClosed):
                if confirmation := self._following.confirmation(time.monotonic(), last=True):
                    connection.send(confirmation, text=True)
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Connection(ClientConnection):
    """Reads nothing before its request is written.

    A TLS 1.3 server sends session tickets behind the handshake. OpenSSL is not made for one thread that takes those in
    while another writes its first record: on a busy machine two connections in a thousand lost their request so.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._asked = threading.Event()
        super().__init__(*args, **options)

    def recv_events(self) -> None:
        self._asked.wait(CONNECT_SECONDS)
        super().recv_events()

    def send_data(self) -> None:
        try:
            super().send_data()
        finally:
            self._asked.set()


class _Opening:
    """A connection that is opened in a thread of its own: who waits for it can be told at once to stop."""

    def __init__(self, options: WebSocketOptions) -> None:
        self._options = options
        self._outcome: SimpleQueue[ClientConnection | Exception | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._run, name="tocsin opening", daemon=True).start()

    def _run(self) -> None:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(connect(**self._options, create_connection=_Connection))
            except Exception as error:  # noqa: BLE001  (raised where it is waited for)
                self._outcome.put(error)
                return
            with self._lock:
                if not self._given_up:
                    stack.pop_all()
                    self._outcome.put(connection)

    def wait(self) -> ClientConnection | None:
        """The connection, or None once it was given up.

        Raises:
            OSError, WebSocketException: it could not be opened.
        """
        outcome = self._outcome.get()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def give_up(self) -> None:
        """Whoever waits for it is let go."""
        with self._lock:
            self._given_up = True
        self._outcome.put(None)
