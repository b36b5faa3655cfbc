"""A TCP proxy before a server, which cuts connections: on demand, or after so many bytes from the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self


class CuttingProxy:
    """Carries bytes both ways.

    Args:
        after: for each connection, in order, after how many bytes from the server it is cut; the rest are whole.

    Attributes:
        carried: bytes from the server so far, of all connections.
    """

    def __init__(self, port: int, after: Iterator[int] | None = None) -> None:
        self.cuts = 0
        self.connections = 0
        self.carried = 0
        self._port, self._after = port, after
        self._open: set[socket.socket] = set()
        self._servers: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end()
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def cut(self) -> None:
        """Cut every connection that is open."""
        self.cuts += 1
        self._end()

    def _end(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._port), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
                self._servers.add(server)
            most = next(self._after, None) if self._after is not None else None
            for source, target, limit in ((client, server, None), (server, client, most)):
                thread = threading.Thread(target=self._carry, args=(source, target, limit), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        left = limit
        with contextlib.suppress(OSError):
            while left is None or left > 0:
                part = source.recv(65_536 if left is None else min(left, 65_536))
                if not part:
                    break
                target.sendall(part)
                if source in self._servers:
                    with self._lock:
                        self.carried += len(part)
                if left is not None:
                    left -= len(part)
        if left == 0:
            self.cuts += 1
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
