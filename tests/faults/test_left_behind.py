"""A stream that has ended is gone from memory at once: nothing of it waits for the garbage collector.

With the collector off, what lives is counted by type before and after many streams were opened and ended.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.http_stream import Refused, Sse
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import Closed, WebSocket
from inbox.people import eventually

MANY = 40
OURS = ("tocsin.", "uvicorn.", "websockets.", "httptools.", "uvloop.")
NOT_OURS = ("builtins.generator", "builtins.coroutine", "_asyncio.Task", "builtins.frame", "builtins.traceback")


class Counted:
    """A server without a collector, and what lives in it.

    Attributes:
        at_rest: what lived in it when nobody had a stream.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "counted.json"
        watched = {"PYTHONPATH": str(Path(__file__).parent / "counted"), "COUNTED_IN": str(self._path)}
        self.server = Server(folder / "data", env=watched)
        self.server.start()
        self.token = self.server.token("user123")
        with WebSocket(self.server.url, token=self.token, subprotocol="tocsin.v1") as ws:
            self.position = str(ws.recv_event("hello")["position"])
        assert self.server.service().send("missed", userId="user123").status == 200
        self.at_rest = Counter[str]()

    def alive(self) -> Counter[str]:
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".ask").touch()
        deadline = time.monotonic() + PATIENCE
        while not self._path.exists():
            assert time.monotonic() < deadline, "the server does not count"
            time.sleep(0.02)
        found = Counter[str](json.loads(self._path.read_text()))
        return Counter({name: n for name, n in found.items() if name.startswith(OURS) or name in NOT_OURS})

    def grown(self, before: Counter[str]) -> dict[str, int]:
        """Of what there are more now than before, by a quarter of MANY and more: so the next ones begin with less."""
        return {name: n - before[name] for name, n in self.alive().items() if n - before[name] >= MANY // 4}

    def open(self, since: str | None = None) -> WebSocket:
        """A WebSocket that has begun."""
        ws = WebSocket(self.server.url, subprotocol="tocsin.v1", token=self.token, since=since)
        ws.recv_event("caught-up")
        return ws


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def closes_politely(counted: Counted) -> None:
    counted.open().close()


def is_reset(counted: Counted) -> None:
    counted.open().abort()


def resumes(counted: Counted) -> None:
    counted.open(since=counted.position).close()


def is_refused(counted: Counted) -> None:
    with WebSocket(counted.server.url, token="nonsense") as ws, suppress(Closed):
        ws.recv_json()


def is_denied(counted: Counted) -> None:
    with pytest.raises(Refused):
        WebSocket(counted.server.url, headers={"Origin": "https://elsewhere.example"})


def is_no_websocket_after_all(counted: Counted) -> None:
    with pytest.raises(Refused):
        WebSocket(counted.server.url, headers={"Sec-WebSocket-Version": "12"})


def says_who_it_is_later(counted: Counted) -> None:
    with WebSocket(counted.server.url, subprotocol="tocsin.v1") as ws:
        ws.send_json({"auth": counted.token})
        ws.recv_event("caught-up")


def breaks_the_protocol(counted: Counted) -> None:
    ws = counted.open()
    ws.send_raw(b"\xff\xff\xff\xff")
    ws.closed_within()
    ws.abort()


def reads_events(counted: Counted) -> None:
    with Sse(counted.server.url, token=counted.token, last_event_id=counted.position) as stream:
        stream.next()


def leaves_during_its_handshake(counted: Counted) -> None:
    with socket.create_connection(("127.0.0.1", counted.server.port)) as sock:
        sock.sendall(b"GET /notifications HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConn")
        reset(sock)


def is_no_sse_without_a_credential(counted: Counted) -> None:
    with pytest.raises(Refused):
        Sse(counted.server.url, token="nonsense")


def leaves_in_the_midst_of_a_body(counted: Counted) -> None:
    head = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    )
    _says_and_leaves(counted, head + b" " * 5000)


def leaves_requests_behind(counted: Counted) -> None:
    _says_and_leaves(counted, b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n" * 9)


def _says_and_leaves(counted: Counted, said: bytes) -> None:
    sock = socket.create_connection(("127.0.0.1", counted.server.port), timeout=PATIENCE)
    sock.sendall(said)
    time.sleep(0.01)
    reset(sock)


WAYS = (
    closes_politely,
    is_reset,
    resumes,
    is_refused,
    is_denied,
    is_no_websocket_after_all,
    says_who_it_is_later,
    breaks_the_protocol,
    reads_events,
    leaves_during_its_handshake,
    is_no_sse_without_a_credential,
    leaves_in_the_midst_of_a_body,
    leaves_requests_behind,
)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    made = Counted(tmp_path_factory.mktemp("counted"))
    # What each way needs once, it keeps.
    for way in WAYS:
        for _ in range(5):
            way(made)
    time.sleep(1.2)  # a door is shut for good a second after its last word
    made.at_rest = made.alive()
    yield made
    made.server.close()
    made.server.check_log()


@pytest.mark.fault
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_has_ended_leaves_nothing_for_the_collector(
    counted: Counted, way: Callable[[Counted], None]
) -> None:
    before = counted.alive()
    for _ in range(MANY):
        way(counted)
    deadline = time.monotonic() + PATIENCE
    while grown := counted.grown(before):
        assert time.monotonic() < deadline, f"left behind by {MANY}: {grown}"
        time.sleep(0.2)


@pytest.mark.fault
def test_control_what_is_still_open_is_counted(counted: Counted) -> None:
    kinds = ("tocsin.live.stream.Stream", "tocsin.live.uvicorn_protocol.WebSocketProtocol")

    def is_at_rest() -> bool:
        alive = counted.alive()
        return all(alive[kind] <= counted.at_rest[kind] for kind in kinds)

    assert eventually(is_at_rest)
    before = counted.alive()
    streams = [counted.open() for _ in range(MANY)]
    grown = counted.grown(before)
    assert [grown.get(kind) for kind in kinds] == [MANY, MANY], grown
    for ws in streams:
        ws.close()
