"""HTTP that means harm: too large, too slow, in crumbs, or two requests dressed as one."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
import uuid
from collections.abc import Iterator

import pytest

from harness.http import DEV_KEY, SEND, exchange, inbox
from harness.http_stream import Sse, parse_head
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import TEXT, WebSocket, frame

LIMIT = 64 * 1024
HEAD = f"POST {SEND} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {DEV_KEY}\r\nContent-Type: application/json\r\n"


def body(title: str, **more: str) -> bytes:
    return json.dumps({"title": title, "message": "m", "userId": "user123", **more}).encode()


def statuses(raw: bytes) -> list[int]:
    """The status of each answer in what a connection brought."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", raw)]


def titles(server: Server) -> set[str]:
    answer = server.user("user123").get("/api/notifications", limit=200)
    return {row["title"] for row in answer.json["notifications"]}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose memory and connections nobody else has a part in."""
    server = Server(tmp_path_factory.mktemp("apart") / "data")
    server.start()
    yield server
    server.close()
    server.check_log()


# -- too large ----------------------------------------------------------------------------------------


def test_a_declared_oversize_body_is_refused_unread(dev: Server) -> None:
    raw = exchange(dev.port, HEAD.encode() + b"Content-Length: 10000000\r\n\r\n")
    assert statuses(raw) == [413]


def test_an_oversize_chunked_body_is_refused_at_the_limit(dev: Server) -> None:
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.sendall(HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(LIMIT // 0x1000 + 1):
            connection.sendall(chunk)
        # No end was sent: whoever waits for it before counting never answers.
        assert parse_head(connection.recv(65_536))[0] == 413


def test_control_a_body_at_the_limit_is_read(dev: Server) -> None:
    whole = body(f"at the limit {uuid.uuid4()}")
    padded = whole + b" " * (LIMIT - len(whole))
    answer = dev.service().request("POST", SEND, body=padded, headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer.text
    answer = dev.service().request("POST", SEND, body=padded + b" ", headers={"Content-Type": "application/json"})
    assert answer.status == 413


def test_an_oversize_body_without_a_credential_is_just_unauthorized(dev: Server) -> None:
    head = HEAD.replace(DEV_KEY, "wrong").encode()
    assert statuses(exchange(dev.port, head + b"Content-Length: 10000000\r\n\r\n")) == [401]


def test_many_oversize_bodies_leave_nothing_behind(apart: Server, soak: bool) -> None:
    server = apart
    for _ in range(20):
        exchange(server.port, HEAD.encode() + b"Content-Length: 10000000\r\n\r\n")
    before, sockets = server.rss(), server.at_rest(server.sockets)
    for n in range(10_000 if soak else 200):
        declared = n % 2 == 0
        framing = b"Content-Length: 10000000\r\n\r\n" if declared else b"Transfer-Encoding: chunked\r\n\r\n"
        sent = b"" if declared else (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5
        assert statuses(exchange(server.port, HEAD.encode() + framing + sent)) in ([413], [])
    assert server.rss() - before < 50 << 20
    assert server.sockets_fall_to(sockets + 2)
    assert server.service().send("after").status == 200


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        pytest.param("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: " + "a" * 20_000 + "\r\n\r\n", 431, id="header"),
        pytest.param(
            "GET /healthz HTTP/1.1\r\nHost: h\r\n" + "".join(f"X-{n}: {n}\r\n" for n in range(3_000)) + "\r\n",
            431,
            id="many headers",
        ),
        pytest.param("GET /healthz?" + "a" * 9_000 + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, id="address"),
    ],
)
def test_a_head_that_is_too_large_is_refused(dev: Server, request_head: str, expected: int) -> None:
    assert statuses(exchange(dev.port, request_head.encode())) == [expected]


def test_a_head_that_never_ends_is_cut_off(dev: Server) -> None:
    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Endless: ")
        try:
            for _ in range(64):
                connection.sendall(b"a" * 65_536)
            raw = connection.recv(65_536)
        except ConnectionError:
            return
        assert raw == b"" or parse_head(raw)[0] in (400, 431)


# -- too slow -----------------------------------------------------------------------------------------


def test_slow_senders_are_timed_out_while_an_honest_one_is_served(apart: Server, soak: bool) -> None:
    """A third never end their head, a third never end their body, a byte a second; a third say nothing."""
    count, server = 2_000 if soak else 100, apart
    before = server.rss()
    slow: list[socket.socket] = []
    begun = [HEAD + "X-Slow: ", HEAD + "Content-Length: 1000\r\n\r\n{", ""]
    for n in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        connection.sendall(begun[n % 3].encode())
        connection.setblocking(False)
        slow.append(connection)
    answers: dict[int, bytes] = {}
    began = time.monotonic()
    while len(answers) < count and time.monotonic() - began < 25:
        assert server.service().send("honest").status == 200
        for n, connection in enumerate(slow):
            if n in answers:
                continue
            try:
                if n % 3 < 2:
                    connection.send(b"a")
                raw = connection.recv(65_536)
            except BlockingIOError:
                continue
            except ConnectionError:
                raw = b""
            answers[n] = raw
        time.sleep(1)
    took = time.monotonic() - began
    assert len(answers) == count, f"{count - len(answers)} slow connections are still open after {took:.0f} s"
    assert {parse_head(raw)[0] for raw in answers.values() if raw} == {408}
    unsaid = sum(not raw for n, raw in answers.items() if n % 3 < 2)
    assert unsaid <= count // 10, "many who had begun were cut off without a word"
    assert server.rss() - before < 50 << 20
    for connection in slow:
        connection.close()


def test_control_a_body_in_one_byte_chunks_is_taken(dev: Server, soak: bool) -> None:
    title = f"crumbs {uuid.uuid4()}"
    whole = body(title, message="m" * (8_000 if soak else 2_000))
    crumbs = b"".join(b"1\r\n%c\r\n" % byte for byte in whole) + b"0\r\n\r\n"
    request = HEAD.encode() + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + crumbs
    assert statuses(exchange(dev.port, request)) == [200]
    assert title in titles(dev)


def test_too_many_one_byte_chunks_are_still_too_large(dev: Server) -> None:
    crumbs = b"1\r\n \r\n" * (LIMIT + 1) + b"0\r\n\r\n"
    request = HEAD.encode() + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + crumbs
    assert statuses(exchange(dev.port, request)) in ([413], [])


# -- gone in the middle -------------------------------------------------------------------------------


def test_peers_that_vanish_leave_no_trace(apart: Server, soak: bool) -> None:
    rounds = 500 if soak else 20  # ten ways to vanish in each
    server = apart
    token = server.token("user123")
    assert server.service().send("warm").status == 200
    sockets = server.at_rest(server.sockets)
    lines = len(server.log().splitlines())
    post = HEAD.encode()
    whole = body("vanished")
    halves = [
        b"",
        b"POST /api",
        post,
        post + b"Content-Length: 500\r\n\r\n" + whole,
        post + b"Content-Length: %d\r\n\r\n" % len(whole) + whole,
        post + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET /notifications HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    ]
    for _ in range(rounds):
        for half in halves:
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(half)
        WebSocket(server.url, token=token).abort()
        ws = WebSocket(server.url, token=token, subprotocol="tocsin.v1")
        ws.send_raw(frame(TEXT, b"half a frame", length=500))
        ws.abort()
        stream = Sse(server.url, token=token)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    assert server.service().send("after", userId="user123").status == 200
    grown = len(server.log().splitlines()) - lines
    assert grown <= rounds * 10, f"{grown} log lines for {rounds * 10} disconnects"
    assert server.sockets_fall_to(sockets + 2), "connections of peers that are gone are still held"
    assert server.service().send("nobody there", userId="user123").json["recipientCount"] == 0


# -- two requests dressed as one ----------------------------------------------------------------------


def hidden(title: str) -> bytes:
    """A whole request, as it is smuggled behind another."""
    text = body(title)
    return HEAD.encode() + b"Content-Length: %d\r\n\r\n" % len(text) + text


def smuggles(title: str) -> dict[str, bytes]:
    inner = hidden(title)
    outer = HEAD.encode()
    chunked = b"0\r\n\r\n" + inner
    with_length = b"Content-Length: %d\r\n" % len(chunked)
    return {
        "CL and TE": outer + with_length + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        "TE and CL": outer + b"Transfer-Encoding: chunked\r\n" + with_length + b"\r\n" + chunked,
        "CL of nothing and TE": outer + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
        "two lengths": outer + b"Content-Length: 0\r\n" + with_length + b"\r\n" + inner,
        "two lengths in one": outer + b"Content-Length: 0, %d\r\n\r\n" % len(inner) + inner,
        "a signed length": outer + b"Content-Length: +0\r\n\r\n" + inner,
        "a negative length": outer + b"Content-Length: -1\r\n\r\n" + inner,
        "a hexadecimal length": outer + b"Content-Length: 0x0\r\n\r\n" + inner,
        "bare LF": (outer + b"Content-Length: 0\r\n\r\n").replace(b"\r\n", b"\n") + inner,
        "one bare LF": outer + b"X-A: b\nContent-Length: 0\r\n\r\n" + inner,
        "bare CR": outer + b"X-A: b\rContent-Length: 0\r\n\r\n" + inner,
        "obs-fold": outer + b"X-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n" + inner,
        "folded TE": outer + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n" + inner,
        "xchunked": outer + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked,
        "chunked twice": outer + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked,
        "identity": outer + b"Transfer-Encoding: identity\r\n\r\n" + inner,
        "chunked, then identity": outer + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunked,
        "TE with a tab": outer + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + chunked,
        "a space before the colon": outer + b"Transfer-Encoding : chunked\r\n" + with_length + b"\r\n" + chunked,
        "a name with a NUL": outer + b"X-\x00A: b\r\nContent-Length: 0\r\n\r\n" + inner,
        "a value with a NUL": outer + b"X-A: b\x00\r\nContent-Length: 0\r\n\r\n" + inner,
        "a chunk size that runs over": outer + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n" + inner,
        "a signed chunk size": outer + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + inner,
        "a hexadecimal chunk size": outer + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + inner,
        "chunks ended by LF": outer + b"Transfer-Encoding: chunked\r\n\r\n0\n\n" + inner,
        "TE in HTTP/1.0": outer.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
    }


@pytest.mark.parametrize("name", smuggles(""))
def test_an_ambiguous_request_is_refused_and_nothing_behind_it_runs(dev: Server, name: str) -> None:
    title = f"smuggled {name} {os.urandom(4).hex()}"
    raw = exchange(dev.port, smuggles(title)[name])
    assert title not in titles(dev), f"the hidden request was run; answers: {statuses(raw)}"
    assert statuses(raw) == [400], raw[:300]


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: other\r\n"], ids=["no host", "two hosts"])
def test_a_request_without_exactly_one_host_is_refused(dev: Server, hosts: bytes) -> None:
    title = f"hosts {uuid.uuid4()}"
    request = hidden(title).replace(b"Host: localhost\r\n", hosts + b"Connection: close\r\n", 1)
    assert statuses(exchange(dev.port, request)) == [400]
    assert title not in titles(dev)


def test_the_connection_is_closed_after_the_refusal(dev: Server) -> None:
    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.sendall(smuggles("x")["CL and TE"])
        while connection.recv(65_536):
            pass


def test_control_two_honest_requests_on_one_connection_both_run(dev: Server) -> None:
    first, second = f"first {uuid.uuid4()}", f"second {uuid.uuid4()}"
    last = hidden(second).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    assert statuses(exchange(dev.port, hidden(first) + last)) == [200, 200]
    assert {first, second} <= {row["title"] for row in inbox(dev.user("user123"))}
