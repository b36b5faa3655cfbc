"""What a stream tells and takes, and what `/api/changes` lists, is what `/asyncapi.json` says of it."""

from __future__ import annotations

import time
from typing import Any

import jsonschema_rs
import pytest

from harness.http import Http
from harness.http_stream import Ndjson, Sse
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

V1 = "tocsin.v1"


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    return server.http().get("/asyncapi.json").json


def validator(document: Any, message: str) -> Any:
    """What holds something against the payload of a message; references lead into the document."""
    payload = document["components"]["messages"][message]["payload"]
    return jsonschema_rs.validator_for({**payload, "components": document["components"]})


def names(document: Any) -> dict[str, str]:
    """The messages in envelopes, by the event in them."""
    messages = document["components"]["messages"].items()
    return {
        message["payload"]["properties"]["event"]["const"]: name
        for name, message in messages
        if "event" in message["payload"].get("properties", {})
    }


def assert_described(document: Any, event: dict[str, Any]) -> None:
    message = names(document)[event["event"]]
    validator(document, message).validate(event)
    data = document["components"]["messages"][message]["payload"]["properties"]["data"]
    if "$ref" not in data and "allOf" not in data:
        assert set(event["data"]) == set(data.get("properties", {})), "nothing more and nothing less"


def collect(stream: WebSocket, *wanted: str) -> list[dict[str, Any]]:
    """All events until each of these has come."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE
    while not set(wanted) <= {event["event"] for event in found}:
        found.append(stream.recv_json(deadline - time.monotonic()))
    return found


def make_everything_happen(server: Server, person: Http) -> str:
    """A notification, what can become of it, and a mark; returns the id of what is left."""
    sender = server.service()
    taken_back = sender.send("taken back", userId="user123").json["notificationId"]
    assert sender.delete(f"/api/notifications/{taken_back}").status == 204
    id_: str = sender.send("t", userId="user123", dismissible=False, url="https://example.org").json["notificationId"]
    assert person.put(f"/api/notifications/{id_}/read").status == 200
    assert person.post("/api/notifications/read-all", {"type": "error"}).status == 200
    return id_


def test_every_event_of_a_stream_is_as_described(server: Server, document: Any) -> None:
    person = server.user("user123")
    with WebSocket(server.url, token=person.token, subprotocol=V1, since="00000000-1") as stream:
        events = collect(stream, "hello", "gap", "caught-up", "unread")
        id_ = make_everything_happen(server, person)
        events += collect(stream, "notification", "withdrawn", "receipt", "mark", "unread")
        stream.send_json({"dismiss": id_})
        events += collect(stream, "refused")
        stream.send_json({"ping": "there?"})
        events += collect(stream, "pong")

    for event in events:
        assert_described(document, event)
    never_here = {"purged", "error"}
    assert {event["event"] for event in events} == set(names(document)) - never_here


def test_what_changed_is_listed_as_a_stream_tells_it(server: Server, document: Any) -> None:
    person = server.user("user123")
    since = person.get("/api/changes").json["position"]
    make_everything_happen(server, person)

    with WebSocket(server.url, token=person.token, subprotocol=V1, since=since) as stream:
        told = [event for event in collect(stream, "caught-up") if event["event"] not in ("hello", "caught-up")]
    listed = person.get("/api/changes", since=since).json

    assert listed["changes"] == told
    assert {event["event"] for event in told} == {"notification", "withdrawn", "receipt", "mark"}
    assert listed["more"] is False
    assert person.get("/api/changes", since=listed["position"]).json["changes"] == []
    for event in person.get("/api/changes", since="00000000-1").json["changes"]:
        assert event["event"] == "gap"
        assert_described(document, event)


def test_server_sent_events_have_the_data_of_the_envelopes(server: Server, document: Any) -> None:
    person = server.user("user123")
    flat = validator(document, "notification")
    with Sse(server.url, token=person.token) as stream:
        make_everything_happen(server, person)
        seen: set[str] = set()
        while not {"message", "withdrawn", "receipt", "mark", "unread"} <= seen:
            event = stream.next()
            seen.add(event.name)
            if event.name == "message":
                flat.validate(event.json)
            else:
                assert_described(document, {"event": event.name, "position": event.id, "data": event.json})


def test_lines_in_envelopes_end_as_described(server: Server, document: Any) -> None:
    key = server.user("admin").post("/api/keys", {"name": "ends", "userId": "user456"}).json
    with Ndjson(server.url, key=key["key"], params={"protocol": V1}) as lines:
        assert_described(document, lines.next())
        server.user("admin").delete(f"/api/keys/{key['id']}")
        deadline = time.monotonic() + PATIENCE
        while (event := lines.next(deadline - time.monotonic()))["event"] != "error":
            assert_described(document, event)

    assert_described(document, event)


@pytest.mark.parametrize(
    "frame",
    [
        {"read": "notif_none"},
        {"dismiss": "notif_none"},
        {"acknowledge": "notif_none"},
        {"received": "ffffffff-1"},
        {"unread": "notif_none"},
        {"read": 5},
        {"read": "a", "dismiss": "b"},
        {},
    ],
)
def test_a_command_is_taken_where_it_is_described_and_only_there(
    server: Server, document: Any, frame: dict[str, Any]
) -> None:
    described = validator(document, "command").is_valid(frame)
    with WebSocket(server.url, token=server.token("user123"), subprotocol=V1) as stream:
        stream.send_json(frame)
        if described:
            refused = collect(stream, "refused")[-1]
            assert_described(document, refused)
            assert {refused["data"]["command"]: refused["data"]["id"]} == frame
        else:
            assert stream.closed_within() == 4400


def test_what_is_not_described_is_found(document: Any) -> None:
    good = {"event": "withdrawn", "position": "0123abcd-1", "data": {"id": "x", "first": "0123abcd-1"}}
    assert_described(document, good)
    for bad in (
        {**good, "position": None},
        {**good, "data": {"id": "x"}},
        {**good, "data": {"id": "x", "first": "0123abcd-01"}},
        {**good, "data": {**good["data"], "more": 1}},
    ):
        with pytest.raises((jsonschema_rs.ValidationError, AssertionError)):
            assert_described(document, bad)
