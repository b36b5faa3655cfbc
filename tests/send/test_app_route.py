"""`POST /v2/integrations/{app_id}/notification`: what an app may say, to whom, and what each refusal looks like."""

import re
import socket
from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest

from harness.counts import is_count, lower_bounds
from harness.http import DEV_APP, DEV_APP_SECRET, Answer, Http, exchange, inbox
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket
from send.hour import wait_for_room_in_the_hour

ROUTE = f"/v2/integrations/{DEV_APP}/notification"
BEARER = {"Authorization": f"Bearer {DEV_APP_SECRET}"}


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server whose quota nobody else has used."""
    wait_for_room_in_the_hour(seconds=15)
    return start_server()


def call(
    server: Server, query: str, *, route: str = ROUTE, headers: Mapping[str, str] = BEARER, body: bytes | None = None
) -> Answer:
    return Http(server.url).request("POST", f"{route}?{query}", headers=headers, body=body)


def test_it_answers_as_documented_and_the_frame_names_the_app(server: Server) -> None:
    with (
        WebSocket(server.url, token=server.token("user123")) as stream,
        WebSocket(server.url, token=server.token("user456")) as other,
    ):
        before = lower_bounds(server)
        answer = call(server, "uid=user123&message=Hello")
        frame = stream.recv_json()

        assert other.silent_for(0.3)
    assert answer.status == 200
    assert list(answer.json) == ["status", "notificationId", "recipientCount"]
    assert (answer.json["status"], answer.json["notificationId"]) == ("Ok", frame["id"])
    assert is_count(server, answer.json["recipientCount"], 1, before)
    assert frame == {
        "id": frame["id"],
        "type": "info",
        "title": "Demo",
        "message": "Hello",
        "userId": "user123",
        "deviceId": None,
        "dismissible": True,
        "metadata": {},
        "timestamp": frame["timestamp"],
        "appId": DEV_APP,
    }
    assert list(frame)[-1] == "appId"


@pytest.mark.parametrize(
    "texts",
    [
        ["Grüße aus Köln", "100% & more = a+b #1?", "日本語 العربية 🎉👩‍👩‍👧", " ", "+", "%"],
        ["line\r\nline\n\ndata: x\nid: 9", '"quoted" \\ {}', "\x1b]0;x\x07\t\x7f", "a=b;c=d&e", "x" * 6000, "é"],
    ],
)
def test_any_utf_8_arrives_as_it_was_meant(server: Server, texts: list[str]) -> None:
    for text in texts:
        assert call(server, f"uid=user123&message={quote(text, safe='')}").status == 200

    assert [item["message"] for item in inbox(server.user("user123"))] == texts[::-1]


def test_the_message_has_8_kib_of_utf_8(server: Server) -> None:
    # Percent-encoded, 8 KiB of anything else would not fit into a URL of 8 KiB.
    room = 8192 - len(f"{ROUTE}?uid=user123&message=")

    assert call(server, f"uid=user123&message={'x' * room}").status == 200
    assert call(server, f"uid=user123&message={'x' * (room + 1)}").status == 414


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("uid=user123", "message"),
        ("uid=user123&message=", "message"),
        ("uid=user123&message=a%00b", "message"),
        ("message=hi", "uid"),
        ("uid=&message=hi", "uid"),
        ("uid=a%0Ab&message=hi", "uid"),
        ("uid=" + "x" * 129 + "&message=hi", "uid"),
        ("", "uid"),
        ("uid=nobody&message=", "message"),
        ("uid=user123&uid=user456&message=hi", "uid"),
        ("uid=user123&message=hi&message=ho", "message"),
        ("uid=user123&message=hi&%6Dessage=hi", "message"),
    ],
)
def test_what_is_missing_or_wrong_is_422_and_named(dev: Server, query: str, named: str) -> None:
    answer = call(dev, query)

    assert answer.status == 422
    assert list(answer.json) == ["error"]
    assert named in answer.json["error"]


def test_a_text_that_is_typed_as_it_is_said_arrives_as_it_was_typed(dev: Server) -> None:
    """As `curl` sends what stands in its URL."""
    head = (
        "POST /v2/integrations/demo-app/notification?uid=user123&message=Grüße,%20日本 HTTP/1.1\r\n"
        "Host: x\r\nAuthorization: Bearer demo-app-secret\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    for raw, status in (
        (head.encode(), b"200"),
        (head.encode("utf-8").replace("日本".encode(), b"\xff"), b"400"),
        (head.encode().replace("Grüße".encode(), "ü".encode() * 4_000), b"414"),
    ):
        with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as peer:
            peer.sendall(raw)
            answer = b"".join(iter(lambda: peer.recv(65_536), b""))
        assert answer.split()[1] == status, answer
        if status == b"200":
            kept = dev.user("user123").get("/api/notifications", limit=1).json["notifications"][0]
            assert kept["message"] == "Grüße, 日本"


@pytest.mark.parametrize("query", ["uid=user123&message=%ff", "uid=%ff&message=x", "uid=user123&message=%ed%a0%80"])
def test_a_query_that_is_not_utf_8_is_refused_with_a_sentence(dev: Server, query: str) -> None:
    answer = call(dev, query)

    assert answer.status == 400
    wrong = "uid" if query.startswith("uid=%ff") else "message"
    assert answer.json == {"error": f"the query is not UTF-8, percent-encoded: {wrong}"}


def test_every_bad_credential_is_401_and_all_are_alike(dev: Server) -> None:
    good = "uid=user123&message=hi"
    unknown = "/v2/integrations/no-such-app/notification"
    answers = {
        "wrong": call(dev, good, headers={"Authorization": "Bearer wrong"}),
        "wrong key form": call(dev, good, headers={"Authorization": "Bearer tsn_abc_def"}),
        "none": call(dev, good, headers={}),
        "empty": call(dev, good, headers={"Authorization": "Bearer "}),
        "basic": call(dev, good, headers={"Authorization": "Basic ZGVtbzphcHA="}),
        "a service's key": call(dev, good, headers={"Authorization": "Bearer dev-api-key-12345"}),
        "a user's token": call(dev, good, headers={"Authorization": f"Bearer {dev.token('admin')}"}),
        "unknown app": call(dev, good, route=unknown),
        "unknown app, no credential": call(dev, good, route=unknown, headers={}),
        "no app by that name can be": call(dev, good, route="/v2/integrations/%ff/notification"),
        "an app id with a slash": call(dev, good, route="/v2/integrations/demo%2Fapp/notification"),
        "before 422": call(dev, "", headers={"Authorization": "Bearer wrong"}),
        "before 404": call(dev, "uid=nobody&message=x", headers={"Authorization": "Bearer wrong"}),
        "before a query that cannot be read": call(dev, "uid=%ff", headers={"Authorization": "Bearer wrong"}),
    }

    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert {answer.body for answer in answers.values()} == {b'{"error":"Unauthorized"}'}
    assert {answer.headers.get("www-authenticate") for answer in answers.values()} == {'Bearer realm="tocsin"'}


def test_an_unknown_user_and_one_who_has_not_installed_the_app_are_404_alike(dev: Server) -> None:
    unknown = call(dev, "uid=no-such-user&message=hi")
    without = call(dev, "uid=viewer&message=hi")

    assert (unknown.status, unknown.body) == (404, b'{"error":"User not found"}')
    assert (without.status, without.body) == (404, b'{"error":"User not found"}')
    assert set(unknown.headers) == set(without.headers)


def test_an_app_secret_does_not_read_or_send_elsewhere(dev: Server) -> None:
    app = dev.http(token=DEV_APP_SECRET)

    assert app.get("/api/notifications").status == 403
    assert app.send().status in (401, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json", "Content-Length": "0"},
        {"Content-Length": "0"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "\x01 nonsense"[2:]},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_any_content_type_and_none_is_taken(server: Server, headers: dict[str, str]) -> None:
    assert call(server, "uid=user123&message=hi", headers={**BEARER, **headers}).status == 200


def test_a_body_is_ignored_whatever_it_is(server: Server) -> None:
    bodies = [b'{"message":"other"}', b"\xff\x00not json", b"x" * 70_000]
    statuses = [call(server, "uid=user123&message=mine", body=body).status for body in bodies]
    chunks = iter([b"a" * 1000, b"b" * 1000])
    statuses.append(
        Http(server.url).request("POST", f"{ROUTE}?uid=user123&message=mine", body=chunks, headers=BEARER).status
    )

    assert statuses == [200] * 4
    assert {item["message"] for item in inbox(server.user("user123"))} == {"mine"}


def test_the_connection_goes_on_after_an_ignored_body(server: Server) -> None:
    head = f"POST {ROUTE}?uid=user123&message=hi HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DEV_APP_SECRET}\r\n"
    chunked = head + "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"
    last = head + "Content-Length: 3\r\nConnection: close\r\n\r\nabc"

    received = exchange(server.port, (chunked + last).encode())

    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200"]
    assert len(inbox(server.user("user123"))) == 2
