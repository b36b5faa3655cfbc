"""What an operator sees: what was sent, which streams are open, whom a send would reach, how much and how fast."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.people import eventually, make_key, make_user
from harness.counts import is_count, lower_bounds
from harness.http import Http
from harness.http_stream import Ndjson, Sse
from harness.server import Server
from harness.websocket import WebSocket


def number(position: str) -> int:
    return int(position.rpartition("-")[2])


# ------------------------------------------------------------ what was sent


def test_a_superuser_sees_what_anybody_sent_to_anybody_with_who_did(server: Server) -> None:
    admin = server.user("admin")
    before = admin.get("/api/sent", limit=1).json["position"]
    made = make_key(admin, "user123")
    ids = [
        server.http(key=made["key"]).send("to themself").json["notificationId"],
        server.http().send_from_app("user456", "from the app").json["notificationId"],
        server.service().send("to all", deviceId="device123", type="error").json["notificationId"],
    ]
    page = admin.get("/api/sent", after=before).json
    assert [one["id"] for one in page["sent"]] == ids[::-1]
    to_all, from_app, to_themself = page["sent"]
    assert to_all["userId"] is None
    assert (to_all["deviceId"], to_all["type"], to_all["withdrawn"]) == ("device123", "error", None)
    assert to_all["notification"]["title"] == "to all"
    assert to_all["notification"]["timestamp"] == to_all["sentAt"]
    assert (from_app["sender"], from_app["credential"][:7], from_app["userId"]) == (
        "app:demo-app",
        "secret:",
        "user456",
    )
    assert (to_themself["sender"], to_themself["credential"]) == ("user:user123", f"key:{made['id']}")
    # The tail asks on from there.
    assert admin.get("/api/sent", after=page["position"]).json["sent"] == []
    last = server.service().send("later").json["notificationId"]
    assert [one["id"] for one in admin.get("/api/sent", after=page["position"]).json["sent"]] == [last]


def test_pages_lead_through_all_of_it_and_stop_where_the_tail_was(server: Server) -> None:
    admin = server.user("admin")
    start = admin.get("/api/sent", limit=1).json["position"]
    ids = [server.service().send(f"{n}").json["notificationId"] for n in range(7)]
    found, before = [], None
    while True:
        page = admin.get("/api/sent", limit=3, after=start, **({"before": before} if before else {})).json
        found += [one["id"] for one in page["sent"]]
        before = page["next"]
        if before is None:
            break
    assert found == ids[::-1]


def test_what_was_taken_back_is_told_without_its_text(server: Server) -> None:
    id_ = server.service().send("taken back").json["notificationId"]
    assert server.service().delete(f"/api/notifications/{id_}").status == 204
    item = server.user("admin").get("/api/sent", limit=1).json["sent"][0]
    assert (item["id"], item["notification"]) == (id_, None)
    assert item["withdrawn"] is not None
    assert "taken back" not in server.user("admin").get("/api/sent").text


@pytest.mark.parametrize(
    ("query", "status"), [({"before": "x"}, 422), ({"after": "00000000-1"}, 422), ({"limit": 0}, 422)]
)
def test_what_is_no_place_in_the_log_is_refused(server: Server, query: dict[str, str], status: int) -> None:
    assert server.user("admin").get("/api/sent", **query).status == status


def test_receipts_tell_the_whole_story(server: Server) -> None:
    made = make_key(server.service(), "user123")
    sender = server.http(key=made["key"])
    before = lower_bounds(server)
    with WebSocket(server.url, token=server.token("user123")):
        sent = sender.send("a story").json
    story = sender.get(f"/api/notifications/{sent['notificationId']}/receipts").json
    assert (story["sender"], story["credential"], story["userId"]) == ("user:user123", f"key:{made['id']}", "user123")
    assert is_count(server, sent["recipientCount"], 1, before)
    path = f"/api/notifications/{sent['notificationId']}/receipts"
    assert eventually(lambda: sender.get(path).json["streamed"] == sent["recipientCount"])
    assert story["sentAt"].endswith("Z")
    assert (story["notification"]["id"], story["notification"]["title"]) == (sent["notificationId"], "a story")
    assert "read" not in story["notification"], "it is as it was sent, not as somebody has it"
    to_all = server.service().send("to all").json["notificationId"]
    of_all = f"/api/notifications/{to_all}/receipts"
    broadcast = server.service().get(of_all).json
    assert (broadcast["userId"], broadcast["notification"]["title"]) == (None, "to all")
    last = server.service().get(of_all, limit=1, before=broadcast["receipts"][-2]["userId"]).json
    assert last["notification"] == broadcast["notification"], "on every page"
    server.service().delete(f"/api/notifications/{to_all}")
    assert server.service().get(of_all).json["notification"] is None


# ------------------------------------------------------------ streams


def test_open_streams_are_told_with_whose_they_are_and_how(server: Server) -> None:
    admin = server.user("admin")
    make_user(admin, "watcher", password="watches all day")
    made = make_key(admin, "watcher")
    key = {"X-API-Key": made["key"]}
    cookie = server.http().sign_in("watcher", "watches all day")
    with (
        WebSocket(server.url, key=made["key"], params={"deviceId": ["b", "a"]}),
        Sse(server.url, headers=key),
        Ndjson(server.url, headers=key),
        WebSocket(server.url, headers={"Cookie": cookie, "Origin": server.url}),
    ):
        page = admin.get("/api/streams", limit=200).json
        mine = [one for one in page["streams"] if one["userId"] == "watcher"]
        assert [one["kind"] for one in mine] == ["websocket", "lines", "events", "websocket"]
        assert [one["devices"] for one in mine] == [None, None, None, ["a", "b"]]
        assert mine[0]["credential"].startswith("session:")
        assert {one["credential"] for one in mine[1:]} == {f"key:{made['id']}"}
        assert {one["address"] for one in mine} == {"127.0.0.1"}
        assert not any(one["behind"] for one in mine)
        assert page["total"] == len(page["streams"])

        sent = {one["id"]: one["sent"] for one in mine}
        server.service().send("more bytes", userId="watcher")
        again = [one for one in admin.get("/api/streams").json["streams"] if one["userId"] == "watcher"]
        assert [one["sent"] > sent[one["id"]] for one in again] == [True, True, True, False]

        first = admin.get("/api/streams", limit=1).json
        rest = admin.get("/api/streams", limit=200, before=first["next"]).json
        assert [*first["streams"], *rest["streams"]][0]["id"] == mine[0]["id"]
        assert len(first["streams"]) + len(rest["streams"]) == page["total"]
    assert eventually(lambda: not any(one["userId"] == "watcher" for one in admin.get("/api/streams").json["streams"]))
    assert admin.get("/api/streams", before="x").status == 422


def test_a_reader_that_does_not_read_is_told_to_be_behind(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with WebSocket(server.url, token=server.token("user123"), rcvbuf=4096):
        batch = [{"title": "t", "message": "m" * 6_000, "userId": "user123"} for _ in range(200)]
        assert server.service().post("/api/notifications/batch", batch).status == 200
        assert eventually(lambda: server.service().get("/api/streams").json["streams"][0]["behind"], 3)


def test_an_audience_is_who_would_be_reached_now(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.service()
    everybody = len(admin.get("/api/users", limit=200).json["users"])
    assert admin.get("/api/audience").json == {"users": everybody, "streams": 0}
    token = server.token("user123")
    with (
        WebSocket(server.url, token=token),
        WebSocket(server.url, token=token, params={"deviceId": "device123"}),
        WebSocket(server.url, token=server.token("viewer")),
    ):
        for query, users in (
            ({}, everybody), ({"userId": "user123"}, 1), ({"userId": "user123", "deviceId": "device123"}, 1),
            ({"deviceId": "device123"}, everybody), ({"userId": "user456"}, 1),
        ):  # fmt: skip
            told = admin.get("/api/audience", **query).json
            before = lower_bounds(server)
            sent = admin.send(**query).json
            assert told["users"] == users, query
            assert is_count(server, sent["recipientCount"], told["streams"], before), query
    assert admin.get("/api/audience", userId="nobody").status == 404
    assert admin.get("/api/audience", userId="").status == 422


# ------------------------------------------------------------ figures


def figures(client: Http, span: str = "hour") -> dict[str, object]:
    answer = client.get("/api/figures", span=span)
    assert answer.status == 200, answer.text
    return dict(answer.json)


@pytest.mark.one_process(reason="each node has figures of its own, since it started")
def test_figures_count_what_was_sent_refused_and_delivered(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.service()
    assert figures(admin)["step"] == 60
    with WebSocket(server.url, token=server.token("user123")), WebSocket(server.url, token=server.token("user456")):
        for _ in range(20):
            admin.send()
        admin.post("/api/notifications/batch", [{"title": "t", "message": "m", "userId": "user123"}] * 30)
        for _ in range(3):
            admin.send(title="")
        server.http().send()
        # Streams are counted when somebody looks: here, or once a second.
        assert max(one["streams"] for one in figures(admin)["figures"]) == 2
    for span, step in (("hour", 60), ("day", 600)):
        told = admin.get("/api/figures", span=span).json
        assert (told["span"], told["step"]) == (span, step)
        total = {name: sum(one[name] for one in told["figures"]) for name in ("sends", "deliveries", "refusals")}
        assert total == {"sends": 50, "deliveries": 20 * 2 + 30, "refusals": 4}
        assert max(one["streams"] for one in told["figures"]) == 2
        busy = next(one for one in told["figures"] if one["p50"] is not None)
        assert 0 < busy["p50"] <= busy["p99"] < 60_000
        assert told["began"] < busy["at"] or told["began"][:16] == busy["at"][:16] or span == "day"
    assert admin.get("/api/figures", span="year").status == 422
    server.restart()
    assert sum(one["sends"] for one in server.service().get("/api/figures").json["figures"]) == 0
