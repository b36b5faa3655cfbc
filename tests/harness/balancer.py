"""A balancer of connections, as simple as they come: looks at /readyz, and gives each connection to a ready node.

It is a process of its own: beside thousands of clients in one interpreter, all that passes would wait for them.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import uvloop

from harness.patience import PATIENCE

A_TURN = 32
"""Connections that are joined to a node at a time."""

MOST_ARRIVING = 4_096
"""Connections that wait to be taken, as many as the nodes let wait: who finds no place asks again after 1, 3, 7 s …"""


class Balancer:
    """A TCP proxy. Nodes see each connection come from the address it came from.

    Parameters:
        ports: of the nodes.
        port: where it listens; 0 for any.
        every: seconds between two looks at a node.
    """

    def __init__(self, ports: Sequence[int], *, port: int = 0, every: float = 0.3) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.balancer", str(port), str(every), *map(str, ports)],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.port = int(self._told() or 0)
        assert self.port, "the balancer did not start"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take_all(self) -> None:
        """All nodes are ready, as somebody else has seen."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"all\n")
        assert self._told() == b"all\n"

    def close(self) -> None:
        """End it; what passes through it is cut off."""
        # Without its standard input it ends: so it does when these tests are killed.
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(PATIENCE)

    def _told(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class _End(asyncio.Protocol):
    """One end of a connection that passes through; what comes out here goes in at the other."""

    transport: asyncio.Transport
    other: _End | None = None
    over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.over = True
        if self.other is None or self.other.over:
            return False
        with suppress(OSError, RuntimeError):
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        if self.other is not None:
            # What was cut off on one side is cut off on the other.
            self.other.transport.abort() if exc is not None else self.other.transport.close()


class _Nodes:
    """Where connections go."""

    def __init__(self, ports: Sequence[int], every: float) -> None:
        self.ready: set[int] = set()
        self._ports, self._every = ports, every
        self._turn = itertools.count()
        self._joining = asyncio.Semaphore(A_TURN)
        self._tasks = {asyncio.ensure_future(self._look(port)) for port in ports}

    async def take(self, listening: socket.socket) -> None:
        """Take connections, a few in each turn of the loop: what passes already does not wait for all who come."""
        loop = asyncio.get_running_loop()
        while True:
            await self._joining.acquire()
            client, (source, _) = await loop.sock_accept(listening)
            task = loop.create_task(self._join(client, source))
            self._tasks.add(task)
            task.add_done_callback(self._joined)

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
            (self.ready.add if ready else self.ready.discard)(port)
            await asyncio.sleep(self._every)

    async def _join(self, client: socket.socket, source: str) -> None:
        loop = asyncio.get_running_loop()
        there = await self._connect(source)
        if there is None:
            client.close()
            return
        with suppress(OSError):
            here = _End()
            here.other = there
            await loop.connect_accepted_socket(lambda: here, client)
            there.other = here
            if not there.over and not here.over:
                return
            here.transport.abort()
        there.transport.abort()

    def _joined(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        self._joining.release()

    async def _connect(self, source: str) -> _End | None:
        """A connection to a ready node, one after the other; where none is, to any that takes it."""
        # Only where it is not where this comes from anyway: to find a free port without a peer takes long among many.
        local = (source, 0) if source != "127.0.0.1" else None
        ready = sorted(self.ready)
        at = next(self._turn) % max(1, len(ready))
        for port in [*ready[at:], *ready[:at], *(port for port in self._ports if port not in ready)]:
            with suppress(OSError):
                _, there = await asyncio.get_running_loop().create_connection(_End, "127.0.0.1", port, local_addr=local)
                return there
        return None


async def _serve(port: int, every: float, ports: Sequence[int]) -> None:
    nodes, loop = _Nodes(ports, every), asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", port), backlog=MOST_ARRIVING) as listening:
        listening.setblocking(False)
        taking = loop.create_task(nodes.take(listening))
        orders = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        print(listening.getsockname()[1], flush=True)
        while await orders.readline():
            nodes.ready.update(ports)
            print("all", flush=True)
        taking.cancel()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), float(sys.argv[2]), [int(port) for port in sys.argv[3:]]))
