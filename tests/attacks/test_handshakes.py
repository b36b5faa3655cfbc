"""WebSocket handshakes that are malformed, or given up half-way."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable

import pytest

from attacks.raw import connect, read_to_the_end, reset, statuses, upgrade
from harness.server import Server
from harness.websocket import WebSocket

KEY_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.mark.parametrize("field", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_handshake_with_a_body_is_refused_at_once(dev: Server, field: str) -> None:
    with connect(dev) as connection:
        connection.sendall(upgrade("/notifications", field))
        assert statuses(read_to_the_end(connection)) == [400]


def test_handshakes_with_a_body_hold_no_connection(start_server: Callable[..., Server]) -> None:
    server = start_server()
    calm = server.at_rest(server.sockets)
    held: list[socket.socket] = []
    for _ in range(50):
        connection = connect(server)
        connection.sendall(upgrade("/notifications", "Content-Length: 5") + b"hello")
        held.append(connection)
    assert server.sockets_fall_to(calm)
    for connection in held:
        connection.close()


def test_control_a_handshake_that_declares_an_empty_body_is_taken(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user123"), headers={"Content-Length": "0"}, subprotocol="tocsin.v1") as ws:
        assert ws.recv_event("hello")


def test_handshakes_given_up_before_their_answer_leave_no_traceback(start_server: Callable[..., Server]) -> None:
    """Each with a key that is not known yet, so that the answer takes a look into the store."""
    server = start_server()
    calm = server.at_rest(server.sockets)
    before = len(server.log().splitlines())
    names = itertools.islice(itertools.product(KEY_DIGITS, repeat=2), 200)
    for name in names:
        connection = connect(server)
        connection.sendall(upgrade("/notifications", f"X-API-Key: tsn_{'a' * 14}{''.join(name)}_{'A' * 43}"))
        reset(connection)

    assert server.sockets_fall_to(calm)
    written = server.log().splitlines()[before:]
    assert len(written) <= 200, "more than a line for each"
    assert not [line for line in written if "raceback" in line]


@pytest.mark.parametrize(("version", "status"), [("8", 426), ("13, 8", 426), ("x", 426), ("", 426), (None, 400)])
def test_another_version_of_the_protocol_is_told_which_one_is_spoken(
    dev: Server, version: str | None, status: int
) -> None:
    told = upgrade()
    field = b"" if version is None else f"Sec-WebSocket-Version: {version}\r\n".encode()
    with connect(dev) as connection:
        connection.sendall(told.replace(b"Sec-WebSocket-Version: 13\r\n", field))
        received = read_to_the_end(connection)
    assert statuses(received) == [status]
    fields = received.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert (b"sec-websocket-version: 13" in fields, b"upgrade: websocket" in fields) == (status == 426, status == 426)


def test_a_handshake_of_http_1_0_is_a_request_like_any_other(dev: Server) -> None:
    plain = b"GET /notifications HTTP/1.0\r\nHost: localhost\r\n\r\n"
    answers = []
    for asked in (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), plain):
        with connect(dev) as connection:
            connection.sendall(asked)
            answers.append(read_to_the_end(connection).partition(b"\r\n"))
    assert answers[0][0] == answers[1][0]
    assert b" 101 " not in answers[0][0]


@pytest.mark.parametrize(
    ("target", "there"),
    [("/notifications", True), ("http://anywhere/notifications", True), ("/%6eotifications", False), ("/other", False)],
)
def test_a_target_means_the_same_to_a_handshake_and_to_a_request(dev: Server, target: str, *, there: bool) -> None:
    with connect(dev) as connection:
        connection.sendall(upgrade(target))
        assert connection.recv(12) == (b"HTTP/1.1 101" if there else b"HTTP/1.1 404")
    with connect(dev) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
        assert connection.recv(12) == (b"HTTP/1.1 200" if there else b"HTTP/1.1 404")


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/notifications", ["Cookie: " + "c" * 9_000], 431),
        ("/notifications", [f"X-{n}: x" for n in range(130)], 431),
        ("/notifications?since=" + "x" * 8_160, [], 414),
        ("/notifications", ["Content-Length: 000"], 400),
    ],
    ids=["a long field", "many fields", "a long target", "a body of no length"],
)
def test_a_handshake_that_is_larger_than_is_taken_is_told_so(
    dev: Server, target: str, fields: list[str], status: int
) -> None:
    with connect(dev) as connection:
        connection.sendall(upgrade(target, *fields))
        assert statuses(read_to_the_end(connection)) == [status]


def test_several_lines_of_connection_are_one_list(dev: Server) -> None:
    with connect(dev) as connection:
        connection.sendall(upgrade("/notifications", "Connection: keep-alive"))
        assert statuses(connection.recv(4096)) == [101]
