"""Bytes on a connection, as an attacker writes them."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

from harness.patience import PATIENCE
from harness.server import Server

MIB = 1 << 20


def head(target: str = "/notifications", *fields: str, method: str = "GET") -> bytes:
    """A whole head; its fields as they are to be written."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def upgrade(target: str = "/notifications", *fields: str) -> bytes:
    """A WebSocket handshake that every check of its own fields lets pass."""
    return head(
        target,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhpcnR5LXR3byBieXRlcw==",
        *fields,
    )


def connect(server: Server, *, rcvbuf: int | None = None, timeout: float = PATIENCE) -> socket.socket:
    """A connection that a test may leave to itself."""
    connection = socket.socket()
    if rcvbuf is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    connection.settimeout(timeout)
    connection.connect(("127.0.0.1", server.port))
    return connection


def reset(connection: socket.socket) -> None:
    """End a connection without a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection; TimeoutError when it does not."""
    received = bytearray()
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionError:
        pass
    return bytes(received)


def statuses(received: bytes) -> list[int]:
    """The status of each answer in what a connection brought."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def at_once(*work: Callable[[], object]) -> None:
    """Do all of it, each in a thread of its own; the first failure is raised."""
    failures: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def shares(count: int, hands: int) -> Iterable[range]:
    """`count` numbers, dealt to so many hands."""
    return [range(hand, count, hands) for hand in range(hands)]


def private_memory(server: Server) -> int:
    """Bytes that its processes alone hold (Linux): without the pages of files, which the system takes back."""
    kilobytes = 0
    for process in server.processes:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None, "this kernel does not tell"
        kilobytes += int(found[1])
    return kilobytes * 1024
