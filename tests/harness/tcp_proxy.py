"""Stands between two programs: passes bytes on, stands still, is cut, turns everybody away."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any

from harness.patience import PATIENCE

_RESET = struct.pack("ii", 1, 0)


class TcpProxy:
    """A TCP proxy on a thread of its own.

    Parameters:
        port: of the server.

    Attributes:
        port: where it listens.
        to: where the next connection goes.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._moving = asyncio.Event()
        self._moving.set()
        self._refuses = False
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(PATIENCE)

    def stand_still(self) -> None:
        """Pass nothing on, in either direction; connections stay open, and new ones are let in and hear nothing."""
        self._loop.call_soon_threadsafe(self._moving.clear)

    def refuse(self) -> None:
        """Reset every connection that is open, and each that is made from now on."""
        self._refuses = True
        self.cut()

    def move(self) -> None:
        """Pass on again."""
        self._refuses = False
        self._loop.call_soon_threadsafe(self._moving.set)

    def cut(self) -> None:
        """Reset every connection that is open now."""
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
            _reset(writer)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        self._writers.add(writer)
        try:
            if self._refuses:
                return
            await self._moving.wait()
            back, there = await asyncio.open_connection("127.0.0.1", self.to)
            self._writers.add(there)
            await self._begin(reader, writer, there)
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
                    # What was passed on before is still to arrive, unless everybody is turned away.
                    _reset(end) if self._refuses else end.transport.abort()

    async def _begin(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: asyncio.StreamWriter
    ) -> None:
        """What is to be said first."""

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass(reader, writer)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass(reader, writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            await self._moving.wait()
            writer.write(part)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
