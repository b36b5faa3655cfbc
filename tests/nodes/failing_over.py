"""Readers by the clients of this project, each of which notices by itself that nobody is at the other end any more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.patience import PATIENCE
from tocsin.client import AsyncClient, CaughtUp, Client, Notification
from web.node_client import CLIENT, NodeClient


class Reader:
    """One who follows, and says when what came.

    Attributes:
        seen: titles, in the order in which they came, each with when that was: seconds, monotonic.
    """

    name = ""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []
        self.live = threading.Event()
        self.trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.seen]

    def wait_live(self) -> None:
        assert self.live.wait(PATIENCE), f"{self.name} never came to be live: {self.trouble}"

    def stop(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), f"{self.name} does not end"

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001  (it is told to the test)
            self.trouble = error

    def _follow(self) -> None:
        raise NotImplementedError

    def _take(self, event: Any) -> None:
        if isinstance(event, CaughtUp):
            self.live.set()
        elif isinstance(event, Notification):
            self.seen.append((event.title, time.monotonic()))


class Blocking(Reader):
    """By `Client`."""

    name = "the client that waits"

    def __init__(self, url: str, token: str) -> None:
        self._client = Client(url, token)
        self._stream = self._client.stream(events=True)
        super().__init__()

    def _follow(self) -> None:
        for event in self._stream:
            self._take(event)

    def stop(self) -> None:
        self._client.close()
        super().stop()


class Asynchronous(Reader):
    """By `AsyncClient`."""

    name = "the client for asyncio"

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__()

    def _follow(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncClient(self._url, self._token) as client:
            reading = asyncio.create_task(self._take_all(client))
            ended = asyncio.create_task(self._over.wait())
            await asyncio.wait([reading, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        await reading

    async def _take_all(self, client: AsyncClient) -> None:
        async for event in client.stream(events=True):
            self._take(event)

    def stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)
        super().stop()


class JavaScript(Reader):
    """By `client.js` in Node, over a WebSocket as in a page, or over lines.

    Parameters:
        faster: how many of its seconds pass in one.
        client: another copy of its files.
    """

    def __init__(self, url: str, token: str, *, websocket: bool, faster: float, client: Path = CLIENT) -> None:
        self.name = f"client.js over {'a WebSocket' if websocket else 'lines'}"
        self._client = NodeClient(url, websocket=websocket, client=client, token=token, faster=faster)
        self._stream = self._client.stream()
        super().__init__()

    def _follow(self) -> None:
        self._stream.event("caught-up")
        self.live.set()
        while (said := self._stream.next_or_end()) is not None:
            if said["event"] == "notification":
                self.seen.append((said["data"]["title"], time.monotonic()))

    def stop(self) -> None:
        self._stream.stop()
        super().stop()
        self._client.close()


Making = Callable[[str, str], Reader]


def kinds(*, faster: float, client: Path = CLIENT) -> list[Making]:
    """How to make a reader by each of the clients, from a URL and a token."""
    return [
        Blocking,
        Asynchronous,
        lambda url, token: JavaScript(url, token, websocket=True, faster=faster, client=client),
        lambda url, token: JavaScript(url, token, websocket=False, faster=faster, client=client),
    ]
