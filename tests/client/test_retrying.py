"""A send whose fate was unknown ends as one notification, whatever happened on its way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from client.proxy import LosingProxy
from harness.http import DEV_APP, DEV_APP_SECRET, DEV_KEY, Http, inbox
from harness.server import Server
from send.hour import wait_for_room_in_the_hour
from tocsin.client import Client, Refused, Unreachable


def titled(server: Server, title: str) -> list[str]:
    """The ids of the notifications with that title in the store."""
    return [id_ for (id_,) in server.rows("SELECT id FROM notifications WHERE body ->> '$.title' = ?", title)]


@pytest.mark.parametrize("part", [0, 1, 40])
@pytest.mark.fault
def test_a_send_whose_answer_was_lost_is_one_notification(part: int, dev: Server) -> None:
    title = f"lost after {part} bytes"
    with LosingProxy(dev.port, losing=2, part=part) as proxy, Client(proxy.url, DEV_KEY) as client:
        sent = client.send(title, "m", user_id="system")

    assert proxy.lost == 2
    assert titled(dev, title) == [sent.notification_id]


@pytest.mark.fault
def test_who_gives_up_finds_out_with_the_same_key(dev: Server) -> None:
    with LosingProxy(dev.port, losing=1) as proxy, Client(proxy.url, DEV_KEY, retry_for=0) as client:
        with pytest.raises(Unreachable) as caught:
            client.send("gave up", "m", user_id="system", idempotency_key="gave-up")
        assert caught.value.doubtful
        kept = titled(dev, "gave up")
        assert client.send("gave up", "m", user_id="system", idempotency_key="gave-up").notification_id == kept[0]

    assert len(kept) == len(titled(dev, "gave up")) == 1


@pytest.mark.fault
def test_what_has_no_key_is_not_made_again_when_its_answer_was_lost(dev: Server) -> None:
    with LosingProxy(dev.port, losing=1) as proxy, Client(proxy.url, DEV_KEY, retry_for=5) as client:
        with pytest.raises(Unreachable) as caught:
            client.call("POST", "keys", body={"userId": "user123", "name": "lost on the way"})
        assert caught.value.doubtful

    keys = [one for one in dev.service().get("/api/keys", limit=200).json["keys"] if one["name"] == "lost on the way"]
    assert len(keys) == 1
    assert dev.service().delete(f"/api/keys/{keys[0]['id']}").status == 204


def test_a_server_that_hangs_is_given_up_in_time_and_asked_again() -> None:
    """A listener that never answers, so that only the client's own clock ends an attempt."""
    waits: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = Client(url, DEV_KEY, retry_for=2.0, waiting=lambda why, seconds: waits.append(why))
        began = time.monotonic()
        with client, pytest.raises(Unreachable) as caught:
            client.send("t", "m")

    assert caught.value.doubtful
    assert waits
    # A bound of the test's own, far above what was asked for, far below the 30 s of a single patient attempt.
    assert time.monotonic() - began < 15


def test_it_waits_for_a_server_that_is_not_there_yet(start_server: Callable[..., Server]) -> None:
    server = start_server(ready=False)
    with Client(
        server.url, DEV_KEY, waiting=lambda why, seconds: None if server.process else server.launch()
    ) as client:
        assert client.send("t", "m").notification_id
    assert len(inbox(server.service())) == 1


@pytest.mark.fault
def test_sends_go_on_over_kills_and_each_is_there_once(start_server: Callable[..., Server], soak: bool) -> None:
    server = start_server()
    sent: list[list[str]] = [[], [], []]
    stop = threading.Event()

    def send(own: int) -> None:
        with Client(server.url, DEV_KEY, retry_for=60) as client:
            while not stop.is_set():
                title = f"{own}-{len(sent[own])}"
                sent[own].append(client.send(title, "m", user_id="system").notification_id)

    senders = [threading.Thread(target=send, args=(own,)) for own in range(3)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(20 if soak else 3):
            before = [len(one) for one in sent]
            while any(len(one) < least + 20 for one, least in zip(sent, before, strict=True)):
                assert all(sender.is_alive() for sender in senders)
                time.sleep(0.01)
            server.kill()
            server.start()
    finally:
        stop.set()
        for sender in senders:
            sender.join(60)

    kept = {one["title"]: one["id"] for one in inbox(server.service())}
    answered = {f"{own}-{number}": id_ for own, ids in enumerate(sent) for number, id_ in enumerate(ids)}
    assert kept == answered
    assert len(inbox(server.service())) == len(answered)


def test_a_quota_that_lasts_longer_is_not_waited_for(start_server: Callable[..., Server]) -> None:
    wait_for_room_in_the_hour(seconds=40)
    server = start_server()
    waits: list[float] = []
    with Client(server.url, DEV_APP_SECRET, retry_for=5, waiting=lambda why, seconds: waits.append(seconds)) as client:
        for number in range(10):
            client.send_as_app(DEV_APP, "user123", f"number {number}, ü&=?")
        with pytest.raises(Refused) as caught:
            client.send_as_app(DEV_APP, "user123", "the eleventh")

    assert caught.value.status == 429
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 5
    assert not caught.value.doubtful
    assert waits == []
    texts = [one["message"] for one in inbox(server.user("user123"))]
    assert texts == [f"number {number}, ü&=?" for number in reversed(range(10))]


def test_a_retry_after_that_is_short_is_waited_for(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LIMITS__LOGIN_FAILURES": "1"})
    waits: list[float] = []
    began = time.monotonic()
    Http(server.url).post("/api/auth/login", {"username": "viewer", "password": "wrong"})
    refused = Http(server.url).post("/api/auth/login", {"username": "viewer", "password": "viewer"})
    asked = float(refused.headers["retry-after"])

    def wait(why: str, seconds: float) -> None:
        waits.append(seconds)
        raise KeyboardInterrupt

    with Client(server.url, retry_for=asked * 2, waiting=wait) as client, pytest.raises(KeyboardInterrupt):
        client.call("POST", "auth", "login", body={"username": "viewer", "password": "viewer"})
    assert refused.status == 429
    assert asked - 2 - (time.monotonic() - began) <= waits[0] <= asked * 1.25
