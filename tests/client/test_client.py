"""The Python client against a real server."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from client.both import KINDS, opened
from harness.http import DEV_KEY, inbox
from harness.ports import free_port
from harness.server import Server
from tocsin.client import AsyncClient, Client, NotFound, Unauthenticated, Unreachable


def test_a_send_is_kept_and_read_back(dev: Server) -> None:
    with Client(dev.url, dev.token("user456")) as client:
        sent = client.send("t", "m", metadata={"a": [1, 2.5, None]}, tags=["x"], device_id="d")
        found = client.list(limit=1).items[0]

    assert (found.id, found.title, found.user_id, found.device_id) == (sent.notification_id, "t", "user456", "d")
    assert found.metadata == {"a": [1, 2.5, None]}
    assert found.tags == ["x"]


def test_a_list_longer_than_a_page_is_read_to_its_end(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with Client(server.url, DEV_KEY) as client:
        for number in range(205):
            client.send(f"t{number}", "m", user_id="system")
        found = list(client.notifications())

    assert [one.title for one in found] == [f"t{number}" for number in reversed(range(205))]


def test_numbers_of_metadata_keep_all_their_digits(dev: Server) -> None:
    with Client(dev.url, dev.token("user456")) as client:
        client.send("t", "m", metadata='{"big": 123456789012345678901234567890}')
        assert client.list(limit=1).items[0].metadata == {"big": 123456789012345678901234567890}


def test_a_stream_goes_on_after_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with Client(server.url, DEV_KEY) as client:
        first = client.send("zero", "m")
        start = client.list(limit=1).items[0]
        assert start.id == first.notification_id
        client.send("one", "m")
        stream = client.stream(start.position)
        assert next(stream).title == "one"

        server.restart()
        server.service().send("two", "m")
        assert next(stream).title == "two"
        server.kill()
        server.start()
        server.service().send("three", "m")
        assert [one.title for one in itertools.islice(stream, 1)] == ["three"]


def test_refusals_have_their_kinds(dev: Server) -> None:
    with Client(dev.url, "wrong") as client, pytest.raises(Unauthenticated):
        client.list()
    with Client(dev.url, DEV_KEY) as client, pytest.raises(NotFound, match="User not found"):
        client.send("t", "m", user_id="nobody-there")
    with Client(f"http://127.0.0.1:{free_port()}", retry_for=0) as client, pytest.raises(Unreachable) as caught:
        client.list()
    assert not caught.value.doubtful


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://a.example", "http://", "/api"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="expected http"):
        Client(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://joe:secret@a.example", "no user and no password"),
        ("http://joe@a.example:port", "no user and no password"),
        ("joe:secret@a.example", "no user and no password"),
        ("http://a.example/#f", "leave out what begins with"),
        ("http://a.example?q=1", "leave out what begins with"),
        ("http://a..b", "no host has such a name"),
        ("http://.", "no host has such a name"),
        (f"http://{'a' * 300}", "no host has such a name"),
        ("http://a.example:99999", "there is no port 99999"),
        ("http://a.example:0", "there is no port 0"),
    ],
)
def test_what_one_library_would_take_and_another_not_is_no_address_for_either_client(url: str, sentence: str) -> None:
    for client in (Client, AsyncClient):
        with pytest.raises(ValueError, match=sentence) as refused:
            client(url)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_scheme_may_be_written_in_any_case(kind: str, dev: Server) -> None:
    with opened(kind, dev.url.replace("http://", "HtTp://"), dev.token("user456")) as client:
        assert client.url == dev.url
        sent = client.send("t", "m")
        stream = client.stream("00000000-1", events=True)
        next(stream)
        assert client.get(sent.notification_id).title == "t"


def test_sends_of_the_client_are_in_the_inbox_once(dev: Server) -> None:
    with Client(dev.url, dev.token("user123")) as client:
        ids = [client.send(f"client {number}", "m").notification_id for number in range(20)]

    kept = [one["id"] for one in inbox(dev.user("user123"))]
    assert [id_ for id_ in reversed(kept) if id_ in set(ids)] == ids
