"""What a sender may say, what is assumed when they do not, and whom it reaches."""

import json
import uuid
from typing import Any

import pytest

from harness.counts import is_count, lower_bounds
from harness.http import SEND
from harness.http_stream import Ndjson, Sse
from harness.server import Server
from harness.websocket import WebSocket
from send.posting import fields, newest, post, sent, stored


def frame_of(dev: Server, body: bytes) -> dict[str, Any]:
    found = json.loads(stored(dev, sent(post(dev, body))))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("type_", ["info", "success", "warning", "error", "emergency"])
def test_each_documented_type_is_kept(dev: Server, type_: str) -> None:
    assert frame_of(dev, fields(type=type_))["type"] == type_


def test_defaults_are_the_documented_ones(dev: Server) -> None:
    frame = frame_of(dev, fields())

    assert frame["type"] == "info"
    assert frame["dismissible"] is True
    assert frame["metadata"] == {}
    assert frame["deviceId"] is None


def test_null_equals_absent_for_every_optional_field(dev: Server) -> None:
    optional = ["type", "deviceId", "dismissible", "metadata", "url", "icon", "tags", "group", "appId"]
    optional += ["actions", "collapseKey", "sendAt", "expiresAt", "format"]

    nulls = stored(dev, sent(post(dev, fields(**dict.fromkeys(optional)))))
    absent = stored(dev, sent(post(dev, fields())))

    assert list(json.loads(nulls)) == list(json.loads(absent))
    ids = {"id": "", "timestamp": ""}
    assert {**json.loads(nulls), **ids} == {**json.loads(absent), **ids}


def test_a_superusers_null_user_id_is_a_broadcast(dev: Server) -> None:
    body = json.dumps({"title": "t", "message": "m", "userId": None}).encode()

    assert json.loads(stored(dev, sent(post(dev, body)), user="user456"))["userId"] is None


def test_dismissible_false_is_kept(dev: Server) -> None:
    assert frame_of(dev, fields(dismissible=False))["dismissible"] is False


def test_unknown_fields_are_ignored(dev: Server) -> None:
    frame = frame_of(dev, fields(priority=7, retry={"a": [1]}, USERID="user456", success=False))

    assert list(frame) == [
        "id",
        "type",
        "title",
        "message",
        "userId",
        "deviceId",
        "dismissible",
        "metadata",
        "timestamp",
    ]
    assert frame["userId"] == "user123"


def test_an_unknown_device_is_accepted(dev: Server) -> None:
    assert frame_of(dev, fields(deviceId="nobody/registered this"))["deviceId"] == "nobody/registered this"


def test_ids_are_brought_to_one_form(dev: Server) -> None:
    assert frame_of(dev, fields(deviceId="Cafe\u0301"))["deviceId"] == "Caf\u00e9"


def test_any_text_comes_back_as_it_was(dev: Server) -> None:
    text = (
        'Zeile 1\r\nline 2\tid: 999\n\ndata: x\u2028\u2029 \u202e 🎉 \x1b]0;x\x07 \\ " </script> \ud83d\ude00'.encode(
            "utf-16", "surrogatepass"
        ).decode("utf-16")
    )
    title = "title\nid: 999"

    frame = frame_of(dev, fields(title=title, message=text))

    assert (frame["title"], frame["message"]) == (title, text)


# -- extensions


EXTENSIONS = {
    "url": "https://example.org/a?b=c#d",
    "icon": "https://example.org/icon.png",
    "tags": ["night", "camera"],
    "group": "front door",
    "appId": "demo-app",
}


def test_extensions_are_stored_and_streamed_after_the_nine_keys_and_only_where_used(dev: Server) -> None:
    with (
        WebSocket(dev.url, token=dev.token("user123")) as socket,
        Sse(dev.url, token=dev.token("user123")) as events,
        Ndjson(dev.url, token=dev.token("user123")) as lines,
    ):
        id_ = sent(post(dev, fields(**EXTENSIONS)))
        seen = [socket.recv_json(), events.next_notification().json, lines.next()]

    assert seen == [json.loads(stored(dev, id_))] * 3
    assert {key: seen[0][key] for key in EXTENSIONS} == EXTENSIONS
    assert len(seen[0]) == 9 + len(EXTENSIONS)
    assert list(seen[0])[9:] == ["url", "icon", "tags", "group", "appId"]
    assert "group" not in frame_of(dev, fields(url="https://example.org"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("actions", [{"label": "Open"}]),
        ("actions", []),
        ("collapseKey", "k"),
        ("sendAt", "2030-01-01T00:00:00Z"),
        ("expiresAt", "2030-01-01T00:00:00Z"),
        ("format", "markdown"),
        ("format", "text"),
    ],
)
def test_an_extension_that_does_nothing_yet_is_refused_and_named(dev: Server, name: str, value: object) -> None:
    answer = post(dev, fields(**{name: value}))

    assert answer.status == 422
    assert name in answer.json["error"]
    assert "yet" in answer.json["error"]


@pytest.mark.parametrize("name", ["url", "icon"])
@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "intent://x#Intent;end",
        "vbscript:x",
        "blob:https://example.org/x",
        "//example.org/x",
        "/relative",
        "https:///no-host",
        "http://[::1",
        "",
    ],
)
def test_a_link_that_could_run_or_hide_something_is_refused(dev: Server, name: str, link: str) -> None:
    answer = post(dev, fields(**{name: link}))

    assert answer.status == 422
    assert name in answer.json["error"]


@pytest.mark.parametrize("link", ["https://example.org", "http://127.0.0.1:8080/x", "mailto:a@b.example", "tel:+4912"])
def test_links_people_use_are_taken(dev: Server, link: str) -> None:
    assert frame_of(dev, fields(url=link))["url"] == link


def test_only_superusers_send_in_the_name_of_an_app(dev: Server) -> None:
    before = newest(dev)

    refused = post(dev, fields(appId="demo-app"), client=dev.user("user123"))
    unknown = post(dev, fields(appId="no-such-app"))

    assert refused.status == 403
    assert unknown.status == 422
    assert newest(dev) == before


# -- roles


def test_a_regular_users_user_id_is_always_their_own(dev: Server) -> None:
    for wanted in ["user456", "user123", "nobody", "", "x" * 1000, None]:
        answer = dev.user("user123").post(SEND, {"title": "t", "message": "m", "userId": wanted})
        assert json.loads(stored(dev, sent(answer)))["userId"] == "user123"


def test_a_regular_user_cannot_broadcast(dev: Server) -> None:
    with WebSocket(dev.url, token=dev.token("user456")) as other:
        id_ = sent(dev.user("user123").send())

        assert other.silent_for(0.3)
    assert dev.user("user456").get(f"/api/notifications/{id_}").status == 404


def test_a_superuser_reaches_any_user_or_everyone(dev: Server) -> None:
    client = dev.user("admin")

    one = sent(client.post(SEND, {"title": "t", "message": "m", "userId": "user456"}))
    everyone = sent(client.post(SEND, {"title": "t", "message": "m"}))

    assert json.loads(stored(dev, one, user="user456"))["userId"] == "user456"
    assert dev.user("user123").get(f"/api/notifications/{one}").status == 404
    assert dev.user("admin").get(f"/api/notifications/{one}").status == 404
    for user in ("user123", "user456", "viewer", "admin"):
        assert json.loads(stored(dev, everyone, user=user))["userId"] is None


def test_an_unknown_user_is_the_documented_404(dev: Server) -> None:
    answer = post(dev, fields(userId=f"nobody-{uuid.uuid4()}"))

    assert (answer.status, answer.body) == (404, b'{"error":"User not found"}')


@pytest.mark.parametrize("wanted", ["", "x" * 129, "a\nb", " user123", "a\x00b"])
def test_what_cannot_be_a_user_id_is_named(dev: Server, wanted: str) -> None:
    answer = post(dev, fields(userId=wanted))

    assert answer.status == 422
    assert "userId" in answer.json["error"]


def test_bearer_takes_a_jwt_and_an_api_key(dev: Server) -> None:
    for credential in (dev.token("user123"), "dev-api-key-12345"):
        answer = dev.http(token=credential).send()
        assert answer.status == 200


# -- the count


def test_recipient_count_is_the_number_of_streams_it_was_written_to(start_server: Any) -> None:
    server = start_server()
    token = server.token("user123")
    assert server.service().send(userId="user123").json["recipientCount"] == 0
    before = lower_bounds(server)
    with (
        WebSocket(server.url, token=token),
        WebSocket(server.url, token=token, params={"deviceId": "device123"}),
        WebSocket(server.url, token=token, params={"deviceId": ["device456", "device123"]}),
        Sse(server.url, token=token),
        Ndjson(server.url, token=server.token("user456")),
        WebSocket(server.url),
    ):
        counts = {
            "mine": server.service().send(userId="user123").json["recipientCount"],
            "mine, about a device": server.service()
            .send(userId="user123", deviceId="device123")
            .json["recipientCount"],
            "theirs": server.service().send(userId="user456").json["recipientCount"],
            "nobody's": server.service().send(userId="viewer").json["recipientCount"],
            "everyone's": server.service().send().json["recipientCount"],
            "everyone's, about a device": server.service().send(deviceId="device456").json["recipientCount"],
        }

    streams = {
        "mine": 2,
        "mine, about a device": 4,
        "theirs": 1,
        "nobody's": 0,
        "everyone's": 4,
        "everyone's, about a device": 5,
    }
    assert [whose for whose, told in counts.items() if not is_count(server, told, streams[whose], before)] == []
