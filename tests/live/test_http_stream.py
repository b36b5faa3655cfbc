"""`GET /notifications` as Server-Sent Events and as NDJSON: same parameters, same order, same objects."""

import json
from typing import Any

import pytest

from harness.http_stream import Ended, Event, Ndjson, Refused, Sse
from harness.server import Server
from harness.websocket import WebSocket


def send(dev: Server, title: str, **fields: Any) -> str:
    return str(dev.service().send(title, **fields).json["notificationId"])


def until_caught_up(stream: Sse) -> list[Any]:
    events = []
    while not events or events[-1].name != "caught-up":
        events.append(stream.next())
    return events


def next_named(stream: Sse, name: str) -> Event:
    """The next event of that name; others are dropped."""
    while (event := stream.next()).name != name:
        pass
    return event


def test_a_notification_is_an_unnamed_event_with_the_flat_object_and_its_position(dev: Server) -> None:
    with (
        Sse(dev.url, token=dev.token("user123")) as stream,
        WebSocket(dev.url, token=dev.token("user123"), params={"protocol": "tocsin.v1"}) as other,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert [event.name for event in until_caught_up(stream)] == ["hello", "caught-up"]
        send(dev, "t", userId="user123")
        event, envelope = next_named(stream, "message"), other.recv_event("notification")

    assert event.json == {name: value for name, value in envelope["data"].items() if name in event.json}
    assert len(event.json) == 9
    assert event.id == envelope["position"]


def test_every_event_carries_a_position_that_can_be_resumed_from(dev: Server) -> None:
    with Sse(dev.url, token=dev.token("user456")) as stream:
        start = until_caught_up(stream)
        ids = [send(dev, f"{n}", userId="user456") for n in range(4)]
        live = [next_named(stream, "message") for _ in ids]

    for n, event in enumerate([start[-1], *live]):
        with Sse(dev.url, token=dev.token("user456"), last_event_id=event.id) as stream:
            hello, *rest, _ = until_caught_up(stream)
        assert hello.id == event.id
        assert rest == live[n:]
    assert start[0].id == start[1].id


def test_a_browser_that_reconnects_to_the_same_url_gets_nothing_twice(dev: Server) -> None:
    with Sse(dev.url, token=dev.token("user456")) as stream:
        start = until_caught_up(stream)[-1].id
    for n in range(3):
        send(dev, f"{n}", userId="user456")
    with Sse(dev.url, token=dev.token("user456"), since=start) as stream:
        seen = [event for event in until_caught_up(stream) if event.name == "message"]
    assert len(seen) == 3
    send(dev, "while away", userId="user456")

    with Sse(dev.url, token=dev.token("user456"), since=start, last_event_id=seen[-1].id) as stream:
        assert [event.json["title"] for event in until_caught_up(stream) if event.name == "message"] == ["while away"]


def test_ndjson_is_one_flat_object_a_line(dev: Server) -> None:
    with Ndjson(dev.url, token=dev.token("user123")) as stream:
        assert stream.headers["content-type"].startswith("application/x-ndjson")
        ids = [send(dev, f"{n}", userId="user123") for n in range(3)]
        lines = [stream.next() for _ in ids]

    assert [line["id"] for line in lines] == ids
    assert [len(line) for line in lines] == [9] * 3


def test_ndjson_as_v1_has_the_envelopes_of_the_websocket(dev: Server) -> None:
    with (
        Ndjson(dev.url, token=dev.token("user123"), params={"protocol": "tocsin.v1"}) as lines,
        WebSocket(dev.url, token=dev.token("user123"), params={"protocol": "tocsin.v1"}) as socket,
    ):
        send(dev, "t", userId="user123")
        # Counts come to each soon after it has begun, which is not the same moment for both.
        by_lines = [line for line in [lines.next() for _ in range(4)] if line["event"] != "unread"]
        by_socket = [told for told in [socket.recv_json() for _ in range(4)] if told["event"] != "unread"]
        assert by_lines == by_socket
        assert [told["event"] for told in by_lines] == ["hello", "caught-up", "notification"]


def test_ndjson_resumes(dev: Server) -> None:
    first = send(dev, "first", userId="user123")
    send(dev, "second", userId="user123")
    place = dev.user("user123").get(f"/api/notifications/{first}").json["position"]

    with Ndjson(dev.url, token=dev.token("user123"), since=place) as stream:
        assert stream.next()["title"] == "second"
    with Ndjson(dev.url, token=dev.token("user123"), headers={"Last-Event-ID": place}) as stream:
        assert stream.next()["title"] == "second"


@pytest.mark.parametrize("kind", [Sse, Ndjson])
def test_scope_is_the_users_and_the_devices(dev: Server, kind: Any) -> None:
    with kind(dev.url, token=dev.token("user123"), params={"deviceId": ["device123", "device456"]}) as stream:
        send(dev, "not about a device", userId="user123")
        send(dev, "somebody else's", userId="user456", deviceId="device123")
        send(dev, "mine", userId="user123", deviceId="device123")
        send(dev, "everyone's", deviceId="device456")
        if kind is Sse:
            titles = [stream.next_notification().json["title"] for _ in range(2)]
        else:
            titles = [stream.next()["title"] for _ in range(2)]

    assert titles == ["mine", "everyone's"]


def test_another_epoch_is_told_as_a_gap(dev: Server) -> None:
    with Sse(dev.url, token=dev.token("user123"), last_event_id="00000000-5") as stream:
        hello, gap, caught_up = until_caught_up(stream)
    assert (hello.name, gap.name) == ("hello", "gap")
    assert gap.json["oldest"] == gap.id == caught_up.id

    with Ndjson(dev.url, token=dev.token("user123"), since="00000000-5") as lines:
        assert lines.next()["event"] == "gap"


@pytest.mark.parametrize("kind", [Sse, Ndjson])
@pytest.mark.parametrize(
    ("status", "options"),
    [
        (400, {"params": {"since": "x"}}),
        (400, {"params": {"since": ""}}),
        (400, {"headers": {"Last-Event-ID": "x"}}),
        (422, {"params": {"deviceId": ""}}),
        (422, {"params": {"protocol": "tocsin.v9"}}),
        (401, {"token": "wrong"}),
        (401, {"key": "tsn_a_wrong"}),
        (401, {"token": "", "headers": {"Authorization": "Basic x"}}),
        (403, {"headers": {"Origin": "https://evil.example"}}),
    ],
)
def test_a_refusal_is_a_status_and_one_sentence(dev: Server, kind: Any, status: int, options: dict[str, Any]) -> None:
    options = {"token": dev.token("user123"), **options}
    if "key" in options:
        del options["token"]

    with pytest.raises(Refused) as refused:
        kind(dev.url, **options)

    assert refused.value.status == status
    assert list(refused.value.json) == ["error"]
    assert "access-control-allow-origin" not in refused.value.headers


@pytest.mark.parametrize("accept", ["*/*", "text/html", ""])
def test_a_plain_get_is_told_what_to_ask_for(dev: Server, accept: str) -> None:
    answer = dev.user("user123").request("GET", "/notifications", headers={"Accept": accept})

    assert answer.status == 406
    assert "text/event-stream" in answer.json["error"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/event-stream;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("application/x-ndjson;q=0.5,text/event-stream; q=0.9", "text/event-stream"),
        ("text/event-stream, application/x-ndjson", "text/event-stream"),
        ("text/event-stream;q=0, application/x-ndjson;q=0.001", "application/x-ndjson"),
        ("text/event-stream;charset=utf-8;q=1.000, */*;q=0.1", "text/event-stream"),
        ("text/event-stream;q=0", None),
    ],
)
def test_what_is_wanted_most_is_what_comes(dev: Server, accept: str, kind: str | None) -> None:
    answer = dev.user("user123").request("HEAD", "/notifications", headers={"Accept": accept})
    assert (answer.status, answer.headers["content-type"] if kind else None) == (200 if kind else 406, kind)


def test_a_stream_ends_with_its_reason(killable: Server) -> None:
    server = killable
    events, lines = Sse(server.url, token=server.token("user123")), Ndjson(server.url, token=server.token("user123"))
    assert server.stop() == 0

    last = events.next()
    while last.name != "error":
        last = events.next()
    assert last.json["code"] == 1012
    assert last.id is None
    assert json.loads(json.dumps(lines.next()))["data"]["code"] == 1012
    with pytest.raises(Ended):
        events.next()
