"""How much a batch may hold, and that none takes what all the others need."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.http import DEV_KEY, SEND
from harness.patience import PATIENCE
from harness.server import Server
from send.batching import BATCH, LINES, among, items, kept, post_batch, results

MIB = 1024 * 1024


def head(server: Server, length: int) -> socket.socket:
    """A connection that has said how long its body is, and sent nothing of it."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.sendall(
        f"POST {BATCH} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {DEV_KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    return connection


def test_ten_thousand_are_kept_and_one_more_is_not(dev: Server) -> None:
    client = dev.service()
    client.timeout = 100
    assert all(result["success"] for result in results(post_batch(dev, items(10_000, "the most"), client=client)))
    assert [message for _, message in kept(dev, "the most")] == [str(n) for n in range(10_000)]
    for body, kind in (
        (json.dumps(items(10_001, "one more")).encode(), "application/json"),
        (b"\n".join(json.dumps(item).encode() for item in items(10_001, "one more")), LINES),
    ):
        answer = post_batch(dev, body, kind=kind)
        assert answer.status == 422
        assert "10000" in answer.json["error"]
    assert kept(dev, "one more") == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[" + b"0," * (4 * MIB - 2) + b"0]", "application/json"),
        (b"[" + b"{}," * (2 * MIB) + b"{}]", "application/json"),
        (b"\n" * (8 * MIB), LINES),
        (b"0\n" * (4 * MIB), LINES),
    ],
    ids=["zeros", "objects", "blank lines", "lines"],
)
def test_millions_of_nothings_are_refused_and_take_no_memory(
    start_server: Callable[..., Server], body: bytes, kind: str
) -> None:
    server = start_server()
    results(post_batch(server, items(100, "warm")))
    before = server.rss()
    most = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            most.append(server.rss())
            time.sleep(0.005)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        answer = post_batch(server, body, kind=kind)
    finally:
        done.set()
        watching.join()
    assert answer.status == 422
    assert max(most) - before < 120 * MIB


def test_a_body_too_large_is_refused_before_it_comes(dev: Server) -> None:
    with head(dev, 8 * MIB + 1) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_refused(dev: Server) -> None:
    part = b'{"title":"t","message":"m"},' * 2_000
    answer = dev.service().request(
        "POST", BATCH, body=(part for _ in range(8 * MIB // len(part) + 2)), headers={"Content-Type": LINES}
    )
    assert answer.status == 413


def test_an_item_may_be_as_large_as_a_send(dev: Server) -> None:
    just = {"title": "as a send", "message": "m", "userId": "user123"}
    just["more"] = "x" * (64 * 1024 - len(json.dumps(just | {"more": ""})))
    more = just | {"more": just["more"] + "x"}
    found = results(post_batch(dev, [just, more, just]))
    assert [result.get("status") for result in found] == [None, 413, None]
    for item, status in ((just, 200), (more, 413)):
        body = json.dumps(item).encode()
        assert (
            dev.service().request("POST", SEND, body=body, headers={"Content-Type": "application/json"}).status
            == status
        )


@pytest.mark.one_process(reason="each node has room of its own for batches")
def test_bodies_held_at_a_time_are_bounded_and_room_comes_back(start_server: Callable[..., Server]) -> None:
    server = start_server()
    connections = [head(server, 8 * MIB) for _ in range(5)]
    try:
        answered, _, _ = select.select(connections, [], [], PATIENCE)
        assert [connection.recv(65_536)[:13] for connection in answered] == [b"HTTP/1.1 503 "]
        answer = post_batch(server, items(1, "t"))
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert server.service().send().status == 200
    finally:
        for connection in connections:
            connection.close()
    wait_for(lambda: post_batch(server, items(1, "t")), 200)


def wait_for(ask: Callable[[], Any], status: int, *, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while (answer := ask()).status != status:
        assert time.monotonic() < deadline, (answer.status, answer.text)
        time.sleep(0.05)
    return answer


def test_single_sends_go_on_while_a_large_batch_does(dev: Server) -> None:
    over = threading.Event()
    sent: list[str] = []

    def batch() -> None:
        client = dev.service()
        client.timeout = 100
        try:
            assert len(results(post_batch(dev, items(10_000, "the large one"), client=client))) == 10_000
        finally:
            over.set()

    sending = threading.Thread(target=batch)
    sending.start()
    client = dev.service()
    client.keep = True
    while not over.is_set():
        answer = client.send("in between", userId="user123", message=str(len(sent)))
        assert answer.status == 200
        sent.append(answer.json["notificationId"])
    sending.join()
    assert len(kept(dev, "the large one")) == 10_000
    assert len(sent) >= 5
    assert among(dev, "the large one", "in between") >= 3, "the batch must be in parts that leave room for others"
