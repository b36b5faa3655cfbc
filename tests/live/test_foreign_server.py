"""The same streams on another ASGI server, where they are written through `send`: same frames, same ends."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.http_stream import Ndjson, Refused, Sse
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

PROGRAM = Path(__file__).with_name("foreign_server.py")
V1 = "tocsin.v1"


class ForeignServer(Server):
    """The application on a stock uvicorn."""

    def command(self, port: int | None = None) -> list[str]:
        return [sys.executable, str(PROGRAM), str(self.port), str(self.data)]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = ForeignServer(tmp_path_factory.mktemp("foreign") / "data", nodes=1)
    server.start()
    yield server
    server.close()
    server.check_log()


@pytest.fixture
def foreign(process: Server) -> Iterator[Server]:
    yield process
    process.check_log()


def until_caught_up(stream: WebSocket) -> list[dict[str, Any]]:
    events = []
    while not events or events[-1]["event"] != "caught-up":
        events.append(stream.recv_json())
    return events


def test_it_is_really_not_our_own_server(foreign: Server) -> None:
    with Sse(foreign.url, token=foreign.token("user123")) as stream:
        assert stream.chunked, "our own server takes the connection over and needs no chunks"


def flat_of(data: dict[str, Any]) -> dict[str, Any]:
    """The flat object of an enveloped one, which also says where it is and what became of it."""
    return dict(list(data.items())[:9])


def test_all_forms_get_the_same_objects(foreign: Server) -> None:
    token = foreign.token("user123")
    with (
        WebSocket(foreign.url, token=token) as flat,
        WebSocket(foreign.url, token=token, subprotocol=V1) as v1,
        Sse(foreign.url, token=token) as events,
        Ndjson(foreign.url, token=token) as lines,
        WebSocket(foreign.url) as anonymous,
    ):
        answer = foreign.service().send("mine", userId="user123", metadata={"a": 1})
        assert answer.json["recipientCount"] == 4
        assert foreign.service().send("everyone's").json["recipientCount"] == 5
        texts = [flat.recv_text(), flat.recv_text()]
        seen = [
            [json.loads(text) for text in texts],
            [flat_of(v1.recv_event("notification")["data"]) for _ in range(2)],
            [events.next_notification().json for _ in range(2)],
            [lines.next() for _ in range(2)],
        ]
        assert anonymous.recv_json()["title"] == "everyone's"
        assert flat.silent_for(0.2)

    assert seen == [seen[0]] * 4
    assert [frame["title"] for frame in seen[0]] == ["mine", "everyone's"]
    assert [len(frame) for frame in seen[0]] == [9, 9]


def test_it_resumes_whole(foreign: Server) -> None:
    token = foreign.token("user456")
    with WebSocket(foreign.url, token=token, subprotocol=V1) as stream:
        place = until_caught_up(stream)[-1]["position"]
    client = foreign.service()
    client.keep = True
    ids = [client.send(f"{n}", "x" * 2000, userId="user456").json["notificationId"] for n in range(450)]

    with WebSocket(foreign.url, token=token, subprotocol=V1, since=place) as stream:
        hello, *found, _ = until_caught_up(stream)
    assert hello["position"] == place
    assert [event["data"]["id"] for event in found] == ids
    with Sse(foreign.url, token=token, last_event_id=found[-2]["position"]) as events:
        assert events.next_notification().id == found[-1]["position"]


def test_a_reader_who_pauses_gets_everything_in_order(foreign: Server) -> None:
    token = foreign.token("user456")
    stream = WebSocket(foreign.url, token=token, rcvbuf=4096)
    client = foreign.service()
    client.keep = True
    ids = [client.send(f"{n}", "x" * 8000, userId="user456").json["notificationId"] for n in range(300)]

    assert [stream.recv_json()["id"] for _ in ids] == ids
    assert stream.silent_for(0.2)
    stream.close()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"token": "wrong"}, 4401),
        ({"params": {"since": "x"}}, 4400),
        ({"since": "00000000-1"}, 4510),
        ({"params": {"protocol": "x"}}, 4400),
    ],
)
def test_refusals_close_with_their_codes(foreign: Server, options: dict[str, Any], code: int) -> None:
    options = {"token": foreign.token("user123"), **options}

    assert WebSocket(foreign.url, **options).closed_within() == code


@pytest.mark.parametrize(("text", "code"), [("nonsense", 4400), ('{"auth": "wrong"}', 4401), ('{"auth": 1}', 4400)])
def test_frames_that_may_not_come_close_with_their_codes(foreign: Server, text: str, code: int) -> None:
    stream = WebSocket(foreign.url)
    stream.send_text(text)

    assert stream.closed_within() == code


def test_a_binary_frame_is_1003(foreign: Server) -> None:
    stream = WebSocket(foreign.url, token=foreign.token("user123"))
    stream.send_frame(0x2, b"x")

    assert stream.closed_within() == 1003


def test_a_foreign_origin_is_403_and_a_bad_credential_401(foreign: Server) -> None:
    for kind, options, status in (
        (WebSocket, {"headers": {"Origin": "https://evil.example"}}, 403),
        (Sse, {"headers": {"Origin": "https://evil.example"}}, 403),
        (Sse, {"token": "wrong"}, 401),
    ):
        with pytest.raises(Refused) as refused:
            kind(foreign.url, **options)  # type: ignore[operator]
        assert refused.value.status == status
        assert list(refused.value.json) == ["error"]


def test_a_revoked_key_ends_its_stream(foreign: Server) -> None:
    admin = foreign.user("admin")
    made = admin.post("/api/keys", {"name": "k", "userId": "user123"}).json
    socket, events = WebSocket(foreign.url, key=made["key"]), Sse(foreign.url, key=made["key"])

    admin.delete(f"/api/keys/{made['id']}")

    assert socket.closed_within() == 4410
    last = events.next()
    while last.name != "error":
        last = events.next()
    assert last.json["code"] == 4410
    assert events.ended_within()


def test_streams_that_go_are_let_go_of(foreign: Server) -> None:
    admin, token = foreign.user("admin"), foreign.token("viewer")
    streams: list[Any] = [kind(foreign.url, token=token) for kind in (WebSocket, Sse, Ndjson) for _ in range(5)]
    assert foreign.service().send(userId="viewer").json["recipientCount"] == 15
    for stream in streams:
        stream.socket.close()

    deadline = time.monotonic() + PATIENCE
    while admin.send(userId="viewer").json["recipientCount"] != 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_restart_closes_1012_and_the_reader_resumes(foreign: Server) -> None:
    token = foreign.token("user123")
    stream = WebSocket(foreign.url, token=token, subprotocol=V1)
    place = until_caught_up(stream)[-1]["position"]
    foreign.service().send("before", userId="user123")
    assert foreign.stop() == 0
    assert stream.closed_within() == 1012
    foreign.start()
    foreign.service().send("after", userId="user123")

    with WebSocket(foreign.url, token=token, subprotocol=V1, since=place) as stream:
        titles = [event["data"]["title"] for event in until_caught_up(stream) if event["event"] == "notification"]
    assert titles == ["before", "after"]
