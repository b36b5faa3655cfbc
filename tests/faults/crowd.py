"""Hundreds or thousands of readers and a paced load, all in one thread; and the judgement of what they saw.

    with Crowd(server, users=50, each=20) as crowd:
        crowd.come()                                     # all connect, and come back whenever they are cut off
        load = crowd.load(rate=300, broadcasts=5)        # sends by a schedule, each until it was answered 2xx
        crowd.churn(per_minute=0.1)                      # some leave and come back, all the time
        ...
        crowd.stop(load)
        crowd.settle(30)                                 # all have everything: once, in order; else Damage

Users are made for the purpose and have an API key each; the readers are WebSockets and Server-Sent Events by turns.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop

from faults.listening import EVERYONE, Findings, Reader
from faults.load import Damage
from faults.paced import Paced
from harness.patience import PATIENCE
from harness.server import Server

T = TypeVar("T")

AWAY_SECONDS = 5.0
"""Longest that a reader of `churn` is away."""


class Crowd:
    """Readers of one server, and the loop that they live in.

    Args:
        users: how many users are made; `each`: how many readers each of them has.
    """

    def __init__(self, server: Server, *, users: int, each: int) -> None:
        self.server, self.findings = server, Findings()
        keys = make_users(server, users)
        self.users = list(keys)
        self.readers = [
            Reader(f"{user}/{n}", server.port, user, key, self.findings, sse=bool(n % 2))
            for user, key in keys.items()
            for n in range(each)
        ]
        self._serials: Counter[str] = Counter()
        self._churning: asyncio.Future[None] | None = None
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # ------------------------------------------------------------ readers

    @property
    def open(self) -> int:
        return sum(reader.open and reader.greeted for reader in self.readers)

    def come(self, readers: Iterable[Reader] | None = None, *, over: float = 0.0) -> None:
        """Connect those, or all.

        Args:
            over: seconds over which they come, each at a moment of its own.
        """
        chosen = list(self.readers if readers is None else readers)
        self.each(chosen, lambda reader: reader.come(random.uniform(0, over)))

    def leave(self, *, reset: bool = True) -> None:
        """All go, at once."""
        self.each(self.readers, lambda reader: reader.leave(reset=reset))

    def each(self, readers: Sequence[Reader], act: Callable[[Reader], None]) -> None:
        """Do something with readers in the thread that they live in."""

        async def run() -> None:
            for reader in readers:
                act(reader)

        self._do(run())

    def all_in(self, seconds: float) -> float:
        """Wait until every reader has its `hello`; the seconds that took."""
        return self._wait(lambda: self.open == len(self.readers), seconds, "did not all get in")

    def cut_some(self, count: int) -> None:
        """The connections of so many readers break, half of them with a reset."""
        chosen = random.sample(self.readers, count)
        self.each(chosen, lambda reader: reader.cut(reset=random.random() < 0.5))

    def churn(self, per_minute: float) -> None:
        """From now on readers leave and come back some seconds later; so large a part of all in a minute.

        Called again, it is another part from then on.
        """
        seconds = 60 / (per_minute * len(self.readers))

        async def run() -> None:
            while True:
                await asyncio.sleep(random.expovariate(1 / seconds))
                reader = random.choice(self.readers)
                if reader.wanted:
                    reader.leave(reset=random.random() < 0.5)
                    asyncio.get_running_loop().call_later(random.uniform(0.1, AWAY_SECONDS), reader.come)

        async def start() -> None:
            if self._churning is not None:
                self._churning.cancel()
            self._churning = asyncio.ensure_future(run())

        self._do(start())

    # ------------------------------------------------------------ load

    def load(self, *, rate: float, broadcasts: float, size: int = 200) -> Paced:
        """Begin to send: `rate` a second in all, `broadcasts` of them to everyone, the others to users in turn."""

        async def start() -> Paced:
            load = Paced(self.server.port, self._serials, size=size)
            load.begin(self.users, rate=rate, broadcasts=broadcasts)
            return load

        return self._do(start())

    def send_each(self, count: int) -> None:
        """Send so many to each user and to everyone, and wait until they are answered."""

        async def run() -> None:
            await Paced(self.server.port, self._serials).send_each([EVERYONE, *self.users], count)

        self._do(run(), seconds=120)

    def stop(self, load: Paced) -> None:
        """End the load after what is under way was answered."""
        self._do(load.stop(), seconds=2 * PATIENCE)

    # ------------------------------------------------------------ judgement

    def settle(self, seconds: float) -> float:
        """Wait until all readers have everything that was sent until now; the seconds that took.

        Raises:
            Damage: one of them lost, doubled or disordered something, or does not get it.
        """
        if self._churning is not None:
            self._loop.call_soon_threadsafe(self._churning.cancel)
            self._churning = None
            time.sleep(AWAY_SECONDS + 0.2)
        sent = dict(self._serials)
        took = self._wait(lambda: all(reader.has(sent) for reader in self.readers), seconds, "are not whole")
        self.check()
        return took

    def check(self) -> None:
        """Raise Damage when something is wrong already."""
        if self.findings.damage:
            raise Damage(f"{len(self.findings.damage)} found, first: " + "; ".join(self.findings.damage[:5]))

    # ------------------------------------------------------------ inside

    def _wait(self, done: Callable[[], bool], seconds: float, what: str) -> float:
        began = time.monotonic()
        while not done():
            self.check()
            if time.monotonic() - began > seconds:
                behind = [reader for reader in self.readers if not reader.has(self._serials)]
                shown = "; ".join(f"{r.name} at {r.position}: {r.last}, open {r.open}" for r in behind[:3])
                raise Damage(f"readers {what} in {seconds} s; {self.open} open, {len(behind)} behind: {shown}")
            time.sleep(0.05)
        return time.monotonic() - began

    async def _end(self) -> None:
        if self._churning is not None:
            self._churning.cancel()
        for reader in self.readers:
            reader.leave()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0.1)  # until the loop has closed what was aborted

    def _do(self, work: Coroutine[Any, Any, T], *, seconds: float = PATIENCE) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)


def make_users(server: Server, count: int) -> dict[str, str]:
    """So many users with an API key each: {id: key}."""
    service, keys = server.service(), {}
    service.keep = True
    for n in range(count):
        user = f"reader-{n}"
        assert service.put(f"/api/users/{user}", {}).status == 201
        answer = service.post("/api/keys", {"userId": user})
        assert answer.status == 201, answer.text
        keys[user] = answer.json["key"]
    service.close()
    return keys
