"""What goes to everyone, past whatever stands between a stream and its socket: whole, in order, and to nobody else."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from harness.http import DEV_KEY, exchange
from harness.http_stream import Ndjson, Sse
from harness.server import Server
from harness.websocket import BINARY, CLOSE, PING, PONG, TEXT, Closed, WebSocket, frame
from inbox.people import eventually
from tocsin.live.door import BUDGET
from tocsin.live.http_stream import EVENTS


@contextmanager
def sending(server: Server, message: str, *, own: bool) -> Iterator[list[int]]:
    """Broadcasts, one after the other, and with each third something of user123's own; until the end of the block.

    Yields how many were sent, in a list of one.
    """
    over, sent = Event(), [0]
    service, user = server.service(), server.user("user123")
    service.keep = user.keep = True

    def send() -> None:
        while not over.is_set():
            sender = user if own and sent[0] % 3 == 2 else service
            assert sender.send(f"{sent[0]}", message).status == 200
            sent[0] += 1

    thread = Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


def streams_of(server: Server) -> list[dict[str, Any]]:
    """The streams that are open now."""
    found: list[dict[str, Any]] = server.service().get("/api/streams").json["streams"]
    return found


def test_one_who_reads_slowly_gets_every_frame_whole_and_in_order(dev: Server) -> None:
    """Broadcasts, its own, and answers to its pings share a socket that is full more often than not."""
    with WebSocket(dev.url, token=dev.token("user123"), rcvbuf=4096) as reader:
        titles: list[int] = []
        pongs: list[bytes] = []
        pings = 0

        def read_one() -> None:
            frame = reader.recv_frame()
            if frame.opcode == TEXT:
                titles.append(int(json.loads(frame.payload)["title"]))
            elif frame.opcode == PONG:
                pongs.append(frame.payload)

        with sending(dev, "m" * 6_000, own=True) as sent:
            began = time.monotonic()
            while (now := time.monotonic()) < began + 4:
                read_one()
                time.sleep(0.002)
                if pings < (now - began) * 10:
                    reader.send_frame(PING, b"%0100d" % pings)
                    pings += 1
        while not titles or titles[-1] < sent[0] - 1:
            read_one()

    assert titles == list(range(sent[0]))
    # Not to one who reads nothing: those would wait without end.
    assert pongs
    assert pongs == sorted(set(pongs))
    assert all(len(pong) == 100 for pong in pongs)


def test_nobody_gets_what_was_for_one_who_has_just_gone(dev: Server) -> None:
    """Streams are cut off all the time, and others connect in their place, while everybody is written to."""
    token = dev.token("user456")
    asked = f"GET /api/notifications?limit=1 HTTP/1.1\r\nHost: t\r\nX-API-Key: {DEV_KEY}\r\nConnection: close\r\n\r\n"
    rounds = 0
    with Ndjson(dev.url, token=token) as follower:
        with sending(dev, "m", own=False) as sent:
            until = time.monotonic() + 3
            while rounds < 4 or time.monotonic() < until:
                streams = [WebSocket(dev.url, token=token) for _ in range(4)]
                lines = [Sse(dev.url, token=token) for _ in range(2)]
                for stream in streams:
                    stream.abort()
                for line in lines:
                    line.close()
                for _ in range(4):
                    head, _, body = exchange(dev.port, asked.encode()).partition(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 200 "), head
                    assert f"content-length: {len(body)}".encode() in head.lower(), body[-300:]
                rounds += 1
        titles = [int(follower.next()["title"]) for _ in range(sent[0])]
    assert titles == list(range(sent[0]))


@pytest.mark.parametrize(
    "last",
    [frame(BINARY, b"x"), frame(TEXT, b"\xff"), frame(CLOSE, b"\x03\xe8"), frame(TEXT, b"", reserved=4)],
    ids=["no text", "no UTF-8", "a close frame", "a reserved bit"],
)
def test_nothing_comes_after_the_close_frame(dev: Server, last: bytes) -> None:
    """Whoever has the last word, in the midst of broadcasts, of which some wait for the reader."""
    opcodes: list[int] = []

    def read_on() -> None:
        while True:
            time.sleep(0.01)
            opcodes.append(reader.recv_frame().opcode)

    with (
        WebSocket(dev.url, token=dev.token("user123"), rcvbuf=4096) as reader,
        sending(dev, "m" * 7_000, own=True) as sent,
    ):
        assert eventually(lambda: sent[0] >= 20)
        reader.send_raw(last)
        with pytest.raises(Closed):
            read_on()
    assert opcodes.index(CLOSE) == len(opcodes) - 1


@pytest.mark.parametrize("stream", [WebSocket, Sse])
def test_one_who_has_said_all_and_reads_nothing_is_let_go(dev: Server, stream: type[WebSocket | Sse]) -> None:
    """A transport waits without end until everything is taken, and what comes meanwhile would be added to that."""
    with (
        stream(dev.url, token=dev.token("user123"), rcvbuf=4096) as reader,
        sending(dev, "m" * 7_000, own=False) as sent,
    ):
        assert eventually(lambda: sent[0] >= 30)
        reader.socket.shutdown(socket.SHUT_WR)
        assert eventually(lambda: not streams_of(dev))


@pytest.mark.one_process(reason="what the tests' balancer takes off a node waits there, and is no node's")
def test_the_answers_before_a_stream_count_towards_its_budget(dev: Server) -> None:
    """Requests one behind the other, of which the last is for a stream: of what waits then, nobody is told anew."""
    with sending(dev, "m" * 7_000, own=False) as before_all:
        assert eventually(lambda: before_all[0] >= 100)
    answered = f"GET /api/notifications?limit=100 HTTP/1.1\r\nHost: t\r\nX-API-Key: {DEV_KEY}\r\n\r\n"
    streamed = f"GET /notifications HTTP/1.1\r\nHost: t\r\nX-API-Key: {DEV_KEY}\r\nAccept: {EVENTS}\r\n\r\n"
    opened: list[socket.socket] = []
    with ExitStack() as stack:
        # How much the kernel takes is its own affair: of ten, some have an answer that waits when the stream begins.
        for count in range(1, 11):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            reader.connect(("127.0.0.1", dev.port))
            reader.sendall(answered.encode() * count + streamed.encode())
            opened.append(reader)
        assert eventually(lambda: len(streams_of(dev)) >= 3)
        before = {stream["id"]: stream["sent"] for stream in streams_of(dev)}
        with sending(dev, "m" * 7_000, own=False) as sent:
            assert eventually(lambda: sent[0] >= 100)
            now = streams_of(dev)
    assert all(stream["sent"] - before.get(stream["id"], 0) < BUDGET for stream in now), now
