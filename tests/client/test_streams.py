"""Streams over a real server that is killed, full, slow or gone: with both clients, nothing missing, nothing twice."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli.command import streams
from client.both import KINDS, opened
from harness.http import DEV_APP_SECRET, DEV_KEY, inbox
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.server import Server
from tocsin.client import (
    CaughtUp,
    Client,
    ClientError,
    Forbidden,
    Gap,
    Refused,
    StreamEnded,
    Unauthenticated,
    Unreachable,
)

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here, which may kill it and start it again."""
    started = Server(tmp_path_factory.mktemp("streams") / "data")
    started.start()
    yield started
    started.close()
    started.check_log()


@contextlib.contextmanager
def sending(server: Server) -> Iterator[list[str]]:
    """Someone who goes on sending to the superuser, whatever happens; the ids of what was answered."""
    sent: list[str] = []
    stop = threading.Event()

    def send() -> None:
        with Client(server.url, DEV_KEY, retry_for=60) as client:
            while not stop.wait(0.005):
                sent.append(client.send(f"n{len(sent)}", "m", user_id="system").notification_id)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(2 * PATIENCE)


def take_until(stream: Any, id_: str, at_most: int = 100_000) -> list[str]:
    """The ids up to that one."""
    seen: list[str] = []
    for notification in stream:
        seen.append(notification.id)
        if notification.id == id_:
            return seen
        assert len(seen) < at_most
    raise AssertionError("the stream has ended")


def wait_for(true: Callable[[], bool], within: float = PATIENCE) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.fault
def test_kills_leave_no_gap_and_no_double(kind: str, server: Server, soak: bool) -> None:
    seen: list[str] = []
    before = len(inbox(server.service()))
    with opened(kind, server.url, DEV_KEY) as client:
        start = client.changes().position
        stream = client.stream(start)
        with sending(server) as sent:
            for _ in range(20 if soak else 3):
                until = len(seen) + 20
                seen += [next(stream).id for _ in range(until - len(seen))]
                server.kill()
                server.start()
        assert len(sent) > 20
        seen += take_until(stream, server.service().send("last", "m", userId="system").json["notificationId"])

    assert seen == [one["id"] for one in inbox(server.service())][::-1][before:]


@pytest.mark.fault
def test_a_caller_who_takes_long_is_disconnected_and_misses_nothing(kind: str, server: Server) -> None:
    item = {"title": "t", "message": "m" * 8_000, "user_id": "system"}
    with opened(kind, server.url, DEV_KEY) as client:
        stream = client.stream(client.changes().position)
        sent = [client.send("first", "m", user_id="system").notification_id]
        seen = [next(stream).id]
        # More than all the buffers on the way hold.
        for _ in range(3):
            sent += [one.notification_id for one in client.send_many([item] * 900)]
        wait_for(lambda: streams(server) == 0)
        seen += take_until(stream, sent[-1])

    assert seen == sent


def test_what_was_taken_is_delivered_and_what_was_not_is_not(kind: str, server: Server) -> None:
    with opened(kind, server.url, server.token("user456")) as client, opened(kind, server.url, DEV_KEY) as admin:
        start = client.changes().position
        stream = client.stream(start)
        ids = [admin.send(f"t{number}", "m", user_id="user456").notification_id for number in range(3)]
        assert [next(stream).id for _ in ids] == ids
        stream.close()
        assert list(stream) == []

        wait_for(lambda: bool(admin.receipts(ids[1]).delivered))
        assert [admin.receipts(id_).delivered for id_ in ids] == [1, 1, 0]
        # It comes again, since its reader never said that it had arrived.
        again = client.stream(client.get(ids[1]).position, confirm=False)
        last = next(again)
        assert last.id == ids[2]
        again.confirm(last.position)
        again.close()
        wait_for(lambda: bool(admin.receipts(ids[2]).delivered))


@pytest.mark.fault
def test_what_was_taken_is_delivered_over_cuts(kind: str, server: Server) -> None:
    with opened(kind, server.url, server.token("user456")) as client, opened(kind, server.url, DEV_KEY) as admin:
        stream = client.stream(client.changes().position)
        ids = []
        for number in range(4):
            ids.append(admin.send(f"t{number}", "m", user_id="user456").notification_id)
            assert next(stream).id == ids[-1]
            server.kill()
            server.start()
        ids.append(admin.send("last", "m", user_id="user456").notification_id)
        assert next(stream).id == ids[-1]
        stream.confirm(client.get(ids[-1]).position)
        stream.close()
        wait_for(lambda: bool(admin.receipts(ids[-1]).delivered))


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_too_many_streams_of_a_user_are_waited_for(kind: str, start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LIMITS__STREAMS_PER_USER": "1"})
    waits: list[str] = []
    with Client(server.url, DEV_KEY) as other, opened(kind, server.url, DEV_KEY) as client:
        first = other.stream(events=True)
        assert isinstance(next(first), CaughtUp)

        def waiting(why: str, seconds: float) -> None:
            waits.append(why)
            first.close()

        stream = client.stream(events=True, waiting=waiting)
        assert isinstance(next(stream), CaughtUp)
    assert "too many streams" in waits[0]


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_a_refused_upgrade_is_put_off_for_as_long_as_the_server_asks(
    kind: str, start_server: Callable[..., Server]
) -> None:
    server = start_server(env={"TOCSIN_LIMITS__STREAMS_PER_ADDRESS": "1"})
    waits: list[float] = []

    class Enough(Exception):
        pass

    def waiting(why: str, seconds: float) -> None:
        waits.append(seconds)
        raise Enough

    with Client(server.url, DEV_KEY) as other, opened(kind, server.url, DEV_KEY) as client:
        assert isinstance(next(other.stream(events=True)), CaughtUp)
        with pytest.raises(Enough):
            next(client.stream(waiting=waiting))
    assert waits[0] >= 30  # the server's Retry-After


@pytest.mark.parametrize(("token", "error"), [("wrong", Unauthenticated), (DEV_APP_SECRET, Forbidden)])
def test_a_credential_that_may_not_ends_it_at_once(kind: str, token: str, error: type[Refused], dev: Server) -> None:
    with opened(kind, dev.url, token) as client, pytest.raises(error):
        next(client.stream())
    with opened(kind, f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable):
        next(client.stream())


def test_a_key_that_is_revoked_ends_it(kind: str, dev: Server) -> None:
    with opened(kind, dev.url, DEV_KEY) as admin:
        made = admin.call("POST", "keys", body={"userId": "user123", "name": f"revoked {kind}"})
        with opened(kind, dev.url, made["key"]) as client:
            stream = client.stream(events=True)
            assert isinstance(next(stream), CaughtUp)
            admin.call("DELETE", "keys", made["id"])
            with pytest.raises(StreamEnded) as caught:
                for _ in stream:
                    pass
            assert caught.value.code == 4410
            assert list(stream) == []


def test_nobody_is_told_of_broadcasts_over_a_restart(kind: str, server: Server) -> None:
    with opened(kind, server.url) as client:
        stream = client.stream(events=True)
        assert isinstance(next(stream), CaughtUp)
        server.service().send("one", "m")
        assert next(stream).title == "one"
        server.kill()
        server.start()
        server.service().send("two", "m")
        assert next(stream).title == "two"


def test_a_position_of_another_log_is_a_gap(kind: str, dev: Server, caplog: pytest.LogCaptureFixture) -> None:
    lost: list[Gap] = []
    with opened(kind, dev.url, dev.token("user123")) as client:
        stream = client.stream("00000000-7", events=True)
        gap = next(stream)
        assert isinstance(gap, Gap)
        assert stream.position == gap.position
        stream.close()

        stream = client.stream("00000000-7", lost=lost.append)
        with sending_to(client, lambda: bool(lost)):
            next(stream)
        assert len(lost) == 1
        assert caplog.records == []


@contextlib.contextmanager
def sending_to(client: Any, until: Callable[[], bool]) -> Iterator[None]:
    """Somebody else sends to the same reader until something is so."""
    stop = threading.Event()

    def send() -> None:
        with Client(client.url, DEV_KEY) as other:
            while not stop.wait(0.05):
                if until():
                    other.send("now", "m", user_id="user123")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)


def test_a_stream_that_was_left_is_closed_with_its_client(kind: str, server: Server) -> None:
    wait_for(lambda: streams(server) == 0)
    with opened(kind, server.url, DEV_KEY) as client:
        for _ in client.stream(events=True):
            break
        wait_for(lambda: streams(server) == 1)
    wait_for(lambda: streams(server) == 0)


def test_what_is_no_tocsin_is_not_followed(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with opened(kind, url) as client, pytest.raises(ClientError, match="is the address right"):
            next(client.stream())
        thread.join(10)
