"""A TCP proxy before a server, which loses answers: the request gets there, what comes back does not.

with LosingProxy(server.port, losing=2) as proxy:
    Client(proxy.url, …).send(…)          # cut twice, answered the third time
assert proxy.lost == 2
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from harness.patience import PATIENCE


class LosingProxy:
    """Carries one request a connection.

    Args:
        losing: how many answers it loses, from the first on; each only once it has begun to come.
        part: how many bytes of such an answer get through.
    """

    def __init__(self, port: int, *, losing: int, part: int = 0) -> None:
        self.lost = 0
        self._port, self._losing, self._part = port, losing, part
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(PATIENCE)
                self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        request = _request(client)
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as server:
            server.sendall(request)
            # The server answers only after the commit, so that what is lost here was kept.
            answer = server.recv(65_536)
        if self.lost < self._losing:
            self.lost += 1
            answer = answer[: self._part]
        client.sendall(answer)


def _request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65_536) or _fail()
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += client.recv(65_536) or _fail()
    return head + b"\r\n\r\n" + body


def _fail() -> bytes:
    raise ConnectionError("the client went away")
