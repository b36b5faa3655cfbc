"""Stands between nodes and PostgreSQL: loses, doubles and reorders notifications, stands still, is cut."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
from collections.abc import Coroutine
from typing import Any

from harness.patience import PATIENCE

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_NOTIFICATION = b"A"


class PostgresqlProxy:
    """A TCP proxy on a thread of its own, which knows the frames that the server sends.

    Parameters:
        port: of the server.

    Attributes:
        lose, double, swap: how often a notification is lost, comes twice, or comes after the next one.
        delay: seconds that each frame from the client waits, at most; by chance.
        touched: how many notifications were lost, doubled or swapped.
    """

    def __init__(self, port: int) -> None:
        self.lose = self.double = self.swap = self.delay = 0.0
        self.touched = 0
        self.port = 0
        self._to = port
        self._chance = random.Random(7)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._moving = asyncio.Event()
        self._moving.set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(PATIENCE)

    def stand_still(self) -> None:
        """Pass nothing on, in either direction; connections stay open."""
        self._loop.call_soon_threadsafe(self._moving.clear)

    def move(self) -> None:
        """Pass on again."""
        self._loop.call_soon_threadsafe(self._moving.set)

    def cut(self) -> None:
        """End every connection that is open now."""
        self._call(self._cut())

    def close(self) -> None:
        self._call(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        # Connections that were ended are closed in a later turn of the loop.
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    async def _cut(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            await self._moving.wait()
            back, there = await asyncio.open_connection("127.0.0.1", self._to)
            self._writers |= {writer, there}
            first = await reader.readexactly(8)
            if first == _SSL_REQUEST:
                writer.write(b"N")
                first = b""
            there.write(first)
            ways = [asyncio.ensure_future(self._up(reader, there)), asyncio.ensure_future(self._down(back, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in (writer, there):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            await self._moving.wait()
            if self.delay:
                await asyncio.sleep(self._chance.uniform(0, self.delay))
            writer.write(part)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = b""
        while True:
            head = await reader.readexactly(5)
            frame = head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            await self._moving.wait()
            if head[:1] == _NOTIFICATION:
                chance = self._chance.random()
                if chance < self.lose:
                    self.touched += 1
                    continue
                if chance < self.lose + self.double:
                    self.touched += 1
                    frame += frame
                elif chance < self.lose + self.double + self.swap and not kept:
                    self.touched += 1
                    kept = frame
                    continue
                frame, kept = frame + kept, b""
            writer.write(frame)
            await writer.drain()
