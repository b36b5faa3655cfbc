"""Requests written behind one that is, or becomes, something else than a plain answer."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import uuid
from threading import Thread

import pytest

from attacks.raw import MIB, connect, head, read_to_the_end, statuses, upgrade
from harness.http import SEND
from harness.patience import PATIENCE
from harness.server import Server
from tocsin.live.written_ahead import _Ahead


def sending(token: str, title: str, message: str = "m") -> bytes:
    """A POST of a notification for the sender's own eyes."""
    body = json.dumps({"title": title, "message": message, "userId": "user123"}).encode()
    fields = (f"Authorization: Bearer {token}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return head(SEND, *fields, method="POST") + body


def streaming(token: str, accept: str = "text/event-stream") -> bytes:
    return head("/notifications", f"Authorization: Bearer {token}", f"Accept: {accept}")


def read_until(connection: socket.socket, wanted: bytes, *, seconds: float = PATIENCE) -> bytes:
    """What came up to and with these bytes; fails when they do not come."""
    received, ends = b"", time.monotonic() + seconds
    while wanted not in received:
        assert time.monotonic() < ends, received
        part = connection.recv(65_536)
        assert part, received
        received += part
    return received


@pytest.mark.parametrize(
    ("accept", "begun"), [("text/event-stream", b"caught-up"), ("application/x-ndjson", b"\r\n\r\n")]
)
@pytest.mark.parametrize("behind", [1, 5])
def test_a_stream_with_requests_behind_it_stays_a_stream(dev: Server, accept: str, begun: bytes, behind: int) -> None:
    token, title = dev.token("user123"), f"behind {uuid.uuid4()}"
    with connect(dev) as connection:
        connection.sendall(streaming(token, accept) + head("/healthz") * behind)
        received = read_until(connection, begun)
        time.sleep(0.2)
        assert dev.service().send(title, userId="user123").status == 200
        received += read_until(connection, title.encode())
    assert statuses(received) == [200], received


def test_streams_asked_for_behind_a_stream_are_not_opened(dev: Server) -> None:
    token, title = dev.token("user123"), f"once {uuid.uuid4()}"
    with connect(dev) as connection:
        connection.sendall(streaming(token) * 5)
        received = read_until(connection, b"caught-up")
        assert dev.service().send(title, userId="user123").status == 200
        received += read_until(connection, title.encode())
        connection.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            received += connection.recv(65_536)
    assert statuses(received) == [200]
    assert received.count(title.encode()) == 1


def test_a_stream_behind_a_request_begins_after_its_answer(dev: Server) -> None:
    token, title = dev.token("user123"), f"first {uuid.uuid4()}"
    with connect(dev) as connection:
        connection.sendall(sending(token, title) + streaming(token) + head("/healthz"))
        received = read_until(connection, b"caught-up")
    assert statuses(received) == [200, 200]
    first, second = received.split(b"HTTP/1.1 200 ")[1:]
    assert b"notificationId" in first
    assert b"text/event-stream" in second


def test_a_handshake_behind_a_request_that_is_not_answered_opens_no_websocket(dev: Server) -> None:
    """Else the answer of the one would be written between the frames of the other."""
    token = dev.token("user123")
    with connect(dev) as connection:
        ahead = sending(token, f"ahead {uuid.uuid4()}")
        connection.sendall(ahead + upgrade("/notifications", f"Authorization: Bearer {token}"))
        received = read_to_the_end(connection)
    assert b"101 Switching" not in received
    assert b"notificationId" not in received.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1")[2]


def test_control_a_handshake_behind_a_request_that_is_answered_is_taken(dev: Server) -> None:
    token = dev.token("user123")
    with connect(dev) as connection:
        connection.sendall(head("/healthz"))
        assert statuses(read_until(connection, b"\r\n\r\n")) == [200]
        connection.sendall(upgrade("/notifications", f"Authorization: Bearer {token}"))
        assert read_until(connection, b"\r\n\r\n").count(b"101 Switching") == 1


def test_control_a_few_requests_written_ahead_are_answered_in_order(dev: Server) -> None:
    with connect(dev) as connection:
        connection.sendall(head("/healthz") * 3 + head("/none-such") + head("/healthz", "Connection: close"))
        assert statuses(read_to_the_end(connection)) == [200, 200, 200, 404, 200]


def paced(connection: socket.socket, written: bytes, size: int) -> None:
    """Write so many bytes at a time, each in a packet of its own."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(written), size):
        connection.sendall(written[at : at + size])


@pytest.mark.parametrize("size", [1 << 20, 700, 1])
def test_many_requests_written_ahead_are_answered_in_order(dev: Server, size: int) -> None:
    token = dev.token("user123")
    titles = [f"ahead {uuid.uuid4()} \r\n\r\n" for _ in range(20 if size == 1 else 50)]
    # Refused for what its body is: refused before that was read, a request ends the connection.
    fields = (f"Authorization: Bearer {token}", "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunked = head("/api/notifications/send", *fields, method="POST") + b"4\r\n\r\n\r\n\r\n0\r\n\r\n"
    written = b"".join(sending(token, title) + head("/none-such") + chunked for title in titles)
    with connect(dev) as connection:
        writing = Thread(target=paced, args=(connection, written + head("/healthz", "Connection: close"), size))
        writing.start()
        received = read_to_the_end(connection)
        writing.join()
    assert statuses(received) == [*([200, 404, 400] * len(titles)), 200]
    ids = re.findall(rb'"notificationId":"(\w+)"', received)
    kept = {
        item["id"]: item["title"]
        for item in dev.user("user123").get("/api/notifications", limit=200).json["notifications"]
    }
    assert [kept[id_.decode()] for id_ in ids] == titles


def test_thousands_written_ahead_are_answered_all_the_same(dev: Server) -> None:
    with connect(dev) as connection:
        written = b"GET /healthz HTTP/1.1\r\nHost:x\r\n\r\n" * 3_000 + head("/none-such", "Connection: close")
        writing = Thread(target=connection.sendall, args=(written,))
        writing.start()
        received = read_to_the_end(connection)
        writing.join()
    assert statuses(received) == [200] * 3_000 + [404]


def test_what_cannot_be_read_behind_many_requests_is_refused_in_its_turn(dev: Server) -> None:
    with connect(dev) as connection:
        connection.sendall(head("/healthz") * 30 + b"nonsense\r\n\r\n" + head("/healthz") * 30)
        assert statuses(read_to_the_end(connection)) == [200] * 30 + [400]


@pytest.mark.parametrize("ahead", [1, 20])
def test_a_body_that_cannot_be_read_behind_other_requests_is_refused_in_its_turn(dev: Server, ahead: int) -> None:
    """Its handler waits for the rest of it, which nobody reads any more."""
    chunks = head("/api/auth/login", "Content-Type: application/json", "Transfer-Encoding: chunked", method="POST")
    with connect(dev) as connection:
        connection.sendall(head("/healthz") * ahead + chunks + b"zz\r\n" + head("/healthz"))
        assert statuses(read_to_the_end(connection)) == [200] * ahead + [400]


def test_a_body_that_cannot_be_read_is_not_asked_for(dev: Server) -> None:
    """Asked for after the refusal, it would be a failure of the handler: the log holds no traceback."""
    fields = ("Content-Type: application/json", "Transfer-Encoding: chunked", "Expect: 100-continue")
    with connect(dev) as connection:
        connection.sendall(head("/api/auth/login", *fields, method="POST") + b"zz\r\n")
        assert statuses(read_to_the_end(connection)) == [400]


def test_a_head_that_cannot_be_read_is_refused_though_the_client_has_said_all(dev: Server) -> None:
    with connect(dev) as connection:
        connection.sendall(sending(dev.token("user123"), "first") + head("/healthz", "Transfer-Encoding: gzip"))
        connection.shutdown(socket.SHUT_WR)
        assert statuses(read_to_the_end(connection)) == [200, 400]


def test_a_head_that_is_refused_is_refused_once(dev: Server) -> None:
    """However much came with it: the log holds no traceback."""
    written = head("/healthz", "Transfer-Encoding: gzip", "X: " + "x" * 40_000)
    with connect(dev) as connection:
        connection.sendall(written[:10])
        time.sleep(0.1)
        connection.sendall(written[10:])
        assert statuses(read_to_the_end(connection)) == [400]


def test_a_body_behind_answers_that_nobody_reads_does_not_pile_up(dev: Server) -> None:
    token = dev.token("user123")
    with connect(dev) as connection:
        written = b"".join(sending(token, "m" * 199, "m" * 8_000) for _ in range(199))
        writing = Thread(target=connection.sendall, args=(written + head("/healthz", "Connection: close"),))
        writing.start()
        assert statuses(read_to_the_end(connection)) == [200] * 200
        writing.join()
    with connect(dev, rcvbuf=4_096, timeout=1) as connection:
        connection.sendall(head("/api/notifications?limit=200", f"Authorization: Bearer {token}") * 8)
        connection.sendall(head("/api/auth/login", "Content-Length: 1000000000", method="POST"))
        taken = 0
        with contextlib.suppress(TimeoutError):
            while taken < 60 * MIB:
                taken += connection.send(b" " * MIB)
    assert taken < 30 * MIB


def test_empty_lines_between_requests_are_one_piece() -> None:
    """Taken two by two, a flood of them keeps everybody else waiting for seconds."""
    ahead, pieces = _Ahead(b"\r\n" * 1_000 + head("/healthz") * 2 + b"\r\n" * 1_000), []
    while ahead:
        pieces.append(ahead.piece(None))
    assert pieces == [b"\r\n" * 1_000 + head("/healthz"), head("/healthz"), b"\r\n" * 1_000]
