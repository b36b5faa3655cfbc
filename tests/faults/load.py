"""Publishers and followers that live through crashes, and the judgement of what they saw.

A publisher keeps the id of every send that was answered 2xx. A follower keeps (position, id) of all it was
streamed and resumes from its last position. `judge_inbox` and `judge_follower` compare both with what the
server lists afterwards, and raise `Damage` with the first difference.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any

from harness.http import Http
from harness.http_stream import Ended, Refused, Sse
from harness.patience import PATIENCE
from harness.websocket import Closed, WebSocket


class Damage(AssertionError):
    """Something acknowledged is missing, doubled or out of order."""


def number(position: str) -> int:
    """The sequence number of a position."""
    return int(position.rpartition("-")[2])


class Publishers:
    """Threads that send one after another until stopped; half to everyone, half to `user`.

    Parameters:
        pause: seconds after each send.
        rate: sends a second by a schedule; who has fallen behind it sends without a pause until that is made good.

    Attributes:
        acked: title and audience of what was answered 2xx, by id.
        begun: when the first try of it began: seconds, monotonic.
        lasted: seconds from the first send until it was stopped.
    """

    def __init__(
        self,
        client: Callable[[], Http],
        *,
        threads: int,
        user: str = "user123",
        pause: float = 0.0,
        rate: float | None = None,
    ) -> None:
        self.acked: dict[str, tuple[str, str | None]] = {}
        self.begun: dict[str, float] = {}
        self.statuses: Counter[int] = Counter()
        self.cut_off = 0
        self.lasted = 0.0
        self._client, self._user, self._pause = client, user, pause
        self._every = 0.0 if rate is None else threads / rate
        self._began = time.monotonic()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._serial = itertools.count()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.lasted = time.monotonic() - self._began
        for thread in self._threads:
            thread.join(2 * PATIENCE)
            assert not thread.is_alive(), "a publisher hangs: its request was never answered"

    def wait_for(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        due, ends = len(self.acked) + more, time.monotonic() + PATIENCE
        while len(self.acked) < due:
            assert time.monotonic() < ends, f"{due - len(self.acked)} of {more} sends are not acknowledged"
            time.sleep(0.01)

    def _run(self, n: int) -> None:
        client = self._client()
        client.keep = True
        due = self._began + self._every * n / len(self._threads)
        while not self._stop.wait(max(0.0, due - time.monotonic()) if self._every else 0):
            due += self._every
            begun = time.monotonic()
            title = f"load {next(self._serial)}"
            audience = self._user if n % 2 else None
            fields: dict[str, Any] = {"userId": audience} if audience else {}
            try:
                answer = client.send(title, f"message of {title}", **fields)
            except (OSError, HTTPException):
                client.close()
                with self._lock:
                    self.cut_off += 1
                time.sleep(0.05)
                continue
            with self._lock:
                self.statuses[answer.status] += 1
                if 200 <= answer.status < 300:
                    self.acked[answer.json["notificationId"]] = (title, audience)
                    self.begun[answer.json["notificationId"]] = begun
            if answer.status >= 300:
                time.sleep(0.02)
            if self._pause:
                time.sleep(self._pause)
        client.close()


class Follower:
    """A thread that follows the stream as WebSocket or SSE and resumes after every cut.

    Attributes:
        seen: position and id of each notification, `came` when it did: seconds, monotonic.
    """

    def __init__(self, url: str, token: str, *, sse: bool = False, rcvbuf: int | None = None) -> None:
        self.seen: list[tuple[str, str]] = []
        self.came: list[float] = []
        self.start: str | None = None
        self.gaps: list[Any] = []
        self.trouble: str | None = None
        self.resumed = 0
        self._url, self._token, self._sse, self._rcvbuf = url, token, sse, rcvbuf
        self._position: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_started(self, seconds: float = PATIENCE) -> None:
        self._wait(lambda: self.start is not None, seconds, "no hello")

    def wait_for(self, position: str, seconds: float = PATIENCE) -> None:
        """Wait until the follower is at a position or past it."""

        def there() -> bool:
            return self._position is not None and number(self._position) >= number(position)

        self._wait(there, seconds, f"never came to {position}")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    def _wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if self.trouble or time.monotonic() > deadline:
                kind = "SSE" if self._sse else "WebSocket"
                raise Damage(f"{kind} follower at {self._position}: {self.trouble or what}")
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                (self._follow_sse if self._sse else self._follow_websocket)()
            except (Closed, Ended, TimeoutError, ConnectionError):
                time.sleep(0.03)
            except Refused as refused:
                if refused.status not in (429, 503):
                    self.trouble = f"refused: {refused}"
                    return
                time.sleep(0.1)
            except Exception as error:  # noqa: BLE001 - it must reach the test, whatever it is
                self.trouble = f"{type(error).__name__}: {error}"
                return
            self.resumed += 1

    def _follow_websocket(self) -> None:
        with WebSocket(
            self._url,
            token=self._token,
            subprotocol="tocsin.v1",
            since=self._position,
            rcvbuf=self._rcvbuf,
        ) as ws:
            while not self._stop.is_set():
                try:
                    message = ws.recv_json(0.5)
                except TimeoutError:
                    continue
                self._take(message["event"], message.get("position"), message.get("data"))

    def _follow_sse(self) -> None:
        with Sse(self._url, token=self._token, last_event_id=self._position, rcvbuf=self._rcvbuf) as stream:
            while not self._stop.is_set():
                try:
                    event = stream.next(0.5)
                except TimeoutError:
                    continue
                name = "notification" if event.name == "message" else event.name
                self._take(name, event.id, event.json)

    def _take(self, event: str, position: str | None, data: Any) -> None:
        if event == "gap":
            self.gaps.append((position, data))
        if event == "notification":
            assert position is not None
            self.came.append(time.monotonic())
            self.seen.append((position, data["id"]))
        if position is not None:
            self.start = self.start or position
            self._position = position


def judge_inbox(listed: Sequence[dict[str, Any]], acked: dict[str, tuple[str, str | None]], user: str) -> None:
    """Everything acknowledged for `user` is listed exactly once, as it was sent, newest first."""
    count = Counter(row["id"] for row in listed)
    if doubled := [id_ for id_, times in count.items() if times > 1]:
        raise Damage(f"{len(doubled)} listed more than once, first {doubled[0]}")
    titles = {row["id"]: row["title"] for row in listed}
    mine = {id_: title for id_, (title, audience) in acked.items() if audience in (None, user)}
    if missing := [id_ for id_ in mine if id_ not in titles]:
        raise Damage(f"{len(missing)} of {len(mine)} acknowledged are missing, first {missing[0]}")
    if wrong := [id_ for id_, title in mine.items() if titles[id_] != title]:
        raise Damage(f"{wrong[0]} is {titles[wrong[0]]!r}, sent as {mine[wrong[0]]!r}")
    numbers = [number(row["position"]) for row in listed]
    if numbers != sorted(numbers, reverse=True) or len(set(numbers)) != len(numbers):
        raise Damage("the inbox is not in the order of its positions")


def judge_follower(follower: Follower, listed: Sequence[dict[str, Any]]) -> None:
    """What a follower was streamed is the inbox since its start: all of it, once, in order."""
    if follower.gaps:
        raise Damage(f"a gap was told though nothing was purged: {follower.gaps[0]}")
    assert follower.start is not None
    start = number(follower.start)
    due = [row["id"] for row in reversed(listed) if number(row["position"]) > start]
    got = [id_ for _, id_ in follower.seen]
    if got == due:
        return
    place = next((n for n, (a, b) in enumerate(itertools.zip_longest(got, due)) if a != b), 0)
    raise Damage(
        f"streamed {len(got)}, due {len(due)}; first difference at {place}: "
        f"{got[place : place + 1]} instead of {due[place : place + 1]}; missing {len(set(due) - set(got))}, "
        f"streamed twice {len(got) - len(set(got))}, not in the inbox {len(set(got) - set(due))}"
    )
