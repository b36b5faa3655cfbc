"""Readers that stop reading: cut off, bounded in memory, whole again later; the others notice nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from faults.load import Follower, judge_follower, number
from harness.http import inbox
from harness.http_stream import Sse
from harness.server import Server
from harness.websocket import WebSocket


def hello(ws: WebSocket) -> str:
    return str(ws.recv_event("hello")["position"])


def stalling(server: Server, token: str) -> WebSocket:
    """A reader that is about to stop, and does not answer the ping that may lie in what it left unread.

    The answer would go to a connection that is over, and the reset that comes back takes the reason with it.
    """
    return WebSocket(server.url, token=token, subprotocol="tocsin.v1", rcvbuf=4096, pong=False)


def rest_of(server: Server, token: str, since: str) -> list[str]:
    """The ids of all notifications that a stream opened with `since` brings until it has caught up."""
    found = []
    with WebSocket(server.url, token=token, subprotocol="tocsin.v1", since=since) as ws:
        while True:
            message = ws.recv_event("notification", "gap", "caught-up", timeout=20)
            assert message["event"] != "gap", message
            if message["event"] == "caught-up":
                return found
            found.append(message["data"]["id"])


def publish(server: Server, count: int, each_second: int) -> list[str]:
    """Send broadcasts of 1 KiB at a steady rate from two threads; the ids in any order."""
    acked: list[str] = []

    def run() -> None:
        client = server.service()
        client.keep = True
        began = time.monotonic()
        for n in range(count // 2):
            answer = client.send(f"load {n}", "m" * 1024)
            assert answer.status == 200, answer.text
            acked.append(answer.json["notificationId"])
            time.sleep(max(0.0, began + (n + 1) * 2 / each_second - time.monotonic()))
        client.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return acked


def test_stalled_readers_are_closed_and_the_others_miss_nothing(
    start_server: Callable[..., Server], soak: bool
) -> None:
    healthy_count, stalled_count, sends = (950, 50, 12_000) if soak else (24, 20, 1_600)
    server = start_server()
    token = server.token("user456")
    healthy = [Follower(server.url, server.token("user123"), sse=bool(n % 2)) for n in range(healthy_count)]
    for follower in healthy:
        follower.wait_started()
    calm = server.at_rest(server.sockets)
    stalled_ws = [stalling(server, token) for _ in range(stalled_count // 2)]
    starts = [hello(ws) for ws in stalled_ws]
    stalled_sse = [Sse(server.url, token=token, rcvbuf=4096) for _ in range(stalled_count // 2)]
    before = server.rss()

    acked = publish(server, sends, 400 if not soak else 200)
    peak = server.rss()
    assert server.sockets_fall_to(calm, within=14), "stalled readers were not closed"
    assert [ws.closed_within(3) for ws in stalled_ws] == [4508] * len(stalled_ws)
    assert all(stream.ended_within(3) for stream in stalled_sse)

    listed = inbox(server.user("user123"))
    assert {row["id"] for row in listed} >= set(acked)
    for follower in healthy:
        follower.wait_for(listed[0]["position"])
        follower.stop()
        judge_follower(follower, listed)
        assert follower.resumed <= 1, "a healthy reader was cut off"
    # A stream may hold 256 KiB, the stalled and the healthy alike.
    allowed = (64 << 20) + (healthy_count + stalled_count) * (256 << 10)
    assert peak - before < allowed, f"memory grew by {(peak - before) >> 20} MiB"
    due = [row["id"] for row in reversed(inbox(server.user("user456")))]
    for ws, start in list(zip(stalled_ws, starts, strict=True))[:3]:
        got = rest_of(server, token, start)
        assert got == due[len(due) - len(got) :]
        assert len(got) == len([row for row in listed if number(row["position"]) > number(start)])
        ws.socket.close()


def test_a_stalled_reader_that_wakes_up_is_told_4508(start_server: Callable[..., Server]) -> None:
    """It reads what was under way, then the close frame: so it knows that it may come back."""
    server = start_server()
    token = server.token("user123")
    server.service().send("warm")
    calm = server.at_rest(server.sockets)
    ws = stalling(server, token)
    hello(ws)
    publish(server, 800, 800)
    assert server.sockets_fall_to(calm, within=14)
    assert ws.closed_within(3) == 4508


def test_control_a_slow_reader_that_reads_is_not_cut_off(start_server: Callable[..., Server]) -> None:
    """Behind by more than its budget, it is served from the store at its own pace."""
    server = start_server()
    ws = WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1", rcvbuf=4096)
    hello(ws)
    acked: list[str] = []
    publisher = Thread(target=lambda: acked.extend(publish(server, 800, 800)))
    publisher.start()
    got = []
    ends = time.monotonic() + 40
    while (publisher.is_alive() or len(got) < len(acked)) and time.monotonic() < ends:
        got.append(ws.recv_event("notification", timeout=10)["data"]["id"])
        if len(got) % 10 == 0:
            time.sleep(0.1)
    publisher.join()
    due = [row["id"] for row in reversed(inbox(server.user("user123")))]
    assert got == due[-len(acked) :]
    ws.close()
