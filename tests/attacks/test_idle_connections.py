"""A connection is kept for the next request, and not for longer than somebody makes one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.raw import connect, head, read_to_the_end, statuses
from harness.http import DEV_KEY, SEND
from harness.patience import PATIENCE
from harness.server import Server

KEPT = 1.0
BODY = b'{"title":"t","message":"m","userId":"user123"}'
SEND_HEAD = head(
    SEND, f"X-API-Key: {DEV_KEY}", "Content-Type: application/json", f"Content-Length: {len(BODY)}", method="POST"
)


def told(**seconds: str) -> dict[str, str]:
    """The environment of a server that is told to be brief; see brief/sitecustomize.py."""
    path = os.pathsep.join([str(Path(__file__).parent / "brief"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, **seconds}


@pytest.fixture
def brief(start_server: Callable[..., Server]) -> Server:
    return start_server(env=told(KEEP_ALIVE_SECONDS=str(KEPT), TAKEN_SECONDS="1", SEND_BUFFER="4096"))


@pytest.fixture
def impatient(start_server: Callable[..., Server]) -> Server:
    return start_server(env=told(KEEP_ALIVE_SECONDS="75", HEAD_SECONDS="1", LOOK_AGAIN="0.2"))


def answered(connection: socket.socket) -> int:
    """The status of the next answer, which comes in one piece."""
    [status] = statuses(connection.recv(65_536))
    return status


def test_an_idle_connection_is_closed_after_a_while(brief: Server) -> None:
    with connect(brief) as connection:
        connection.sendall(head("/healthz"))
        assert answered(connection) == 200
        since = time.monotonic()
        assert read_to_the_end(connection) == b""
        assert KEPT * 0.9 < time.monotonic() - since < KEPT + PATIENCE / 2


def test_empty_lines_do_not_keep_a_connection(brief: Server) -> None:
    """They may stand between requests (RFC 9112 §2.2), and are none."""
    with connect(brief) as connection:
        connection.sendall(head("/healthz"))
        assert answered(connection) == 200
        connection.sendall(b"\r\n")
        assert read_to_the_end(connection) == b""


@pytest.mark.parametrize("first", [b"", b"\r\n", b"\n\r\n\r\n", b"GET"])
def test_who_begins_no_request_is_told_and_let_go_of(impatient: Server, first: bytes) -> None:
    with connect(impatient) as connection:
        connection.sendall(first)
        assert statuses(read_to_the_end(connection)) == [408]


def test_who_takes_nothing_of_an_answer_is_let_go_of(brief: Server) -> None:
    """However little of it waits: closed, a connection would wait for a peer that takes nothing."""
    calm = brief.at_rest(brief.sockets)
    with connect(brief, rcvbuf=4096) as connection:
        connection.sendall(head("/asyncapi.json"))
        assert connection.recv(1)
        assert brief.sockets() == calm + 1
        assert brief.sockets_fall_to(calm)


def test_who_takes_an_answer_slowly_gets_it_whole(brief: Server) -> None:
    """For several times as long as it may take nothing."""
    size = len(brief.http().get("/openapi.json").body)
    with connect(brief, rcvbuf=4096) as connection:
        connection.sendall(head("/openapi.json", "Connection: close"))
        received, began = bytearray(), time.monotonic()
        while part := connection.recv(size // 60):
            received += part
            time.sleep(0.07)
        assert time.monotonic() - began > 3.0
    assert len(received.partition(b"\r\n\r\n")[2]) == size > 96 * 1024


def test_a_connection_that_is_used_is_kept(brief: Server) -> None:
    """For three times as long as it is kept idle; and so is one whose head, or whose body, takes longer than that."""
    with connect(brief) as connection:
        for _ in range(6):
            connection.sendall(SEND_HEAD + BODY)
            assert answered(connection) == 200
            time.sleep(KEPT / 2)
        for part in (SEND_HEAD[:20], SEND_HEAD[20:] + BODY[:5]):
            connection.sendall(part)
            time.sleep(1.5 * KEPT)
        connection.sendall(BODY[5:])
        assert answered(connection) == 200
