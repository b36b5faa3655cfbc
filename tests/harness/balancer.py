"""A balancer of connections, as simple as they come: looks at /readyz, and gives each connection to a ready node."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakSet

from harness.patience import PATIENCE


class Balancer:
    """A TCP proxy on a thread of its own. Nodes see each connection come from the address it came from.

    Parameters:
        ports: of the nodes.
        port: where it listens; 0 for any.
        every: seconds between two looks at a node.
    """

    def __init__(self, ports: Sequence[int], *, port: int = 0, every: float = 0.3) -> None:
        self._ports, self._every = list(ports), every
        self._ready: set[int] = set()
        self._turn = itertools.count()
        # The loop itself holds tasks weakly.
        self._passing: set[asyncio.Task[None]] = set()
        self._over = False
        self._ends: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self.port = port
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take_all(self) -> None:
        """All nodes are ready, as somebody else has seen."""
        self._loop.call_soon_threadsafe(self._ready.update, self._ports)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        looking = [self._loop.create_task(self._look(port)) for port in self._ports]
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1_000)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        del looking
        self._over = True
        # asyncio leaves open what is being taken while the server is closed: nothing new is taken before.
        self._loop.remove_reader(server.sockets[0].fileno())
        self._loop.run_until_complete(asyncio.sleep(0.05))
        server.close()
        while pending := asyncio.all_tasks(self._loop):
            for task in pending:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        # A task that is cancelled before its first step closes nothing; one that is through may wait for a slow reader.
        for end in list(self._ends):
            end.abort()
        # Connections that were ended are closed in a later turn of the loop.
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    async def _look(self, port: int) -> None:
        while True:
            ready = False
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(2.0):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    try:
                        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                        ready = b" 200 " in await reader.readline()
                    finally:
                        writer.transport.abort()
            (self._ready.add if ready else self._ready.discard)(port)
            await asyncio.sleep(self._every)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer.transport)
        if self._over:
            writer.transport.abort()
            return
        task = self._loop.create_task(self._serve(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        broken = True
        try:
            back, there = await self._connect(writer.get_extra_info("peername")[0])
            self._ends.add(there.transport)
            ways = [asyncio.ensure_future(_pass(reader, there)), asyncio.ensure_future(_pass(back, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
                broken = any(way.done() and way.exception() is not None for way in ways)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass
        finally:
            for end in (writer, there):
                if end is not None:
                    # What was cut off on one side is cut off on the other.
                    end.transport.abort() if broken else end.close()

    async def _connect(self, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a ready node, one after the other; where none is, to any that takes it."""
        ready = sorted(self._ready)
        at = next(self._turn) % max(1, len(ready))
        for port in [*ready[at:], *ready[:at], *(port for port in self._ports if port not in ready)]:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        raise ConnectionRefusedError


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65_536):
        writer.write(part)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
