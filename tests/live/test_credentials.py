"""All ways to say whose stream it is, on all three forms of it; and what a bad one gets."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.http import DEV_APP_SECRET, DEV_KEY
from harness.http_stream import Ndjson, Refused, Sse
from harness.patience import PATIENCE, SLACK
from harness.server import Server
from harness.websocket import WebSocket


def ticket(dev: Server, user: str) -> str:
    answer = dev.user(user).post("/api/auth/ticket")
    assert answer.status == 201, (answer.status, answer.text)
    return str(answer.json["ticket"])


def own_key(dev: Server, user: str) -> tuple[str, str]:
    answer = dev.user("admin").post("/api/keys", {"name": "camera", "userId": user})
    assert answer.status == 201, (answer.status, answer.text)
    return str(answer.json["id"]), str(answer.json["key"])


WAYS = ["bearer token", "bearer key", "api key header", "token in query", "ticket"]


def present(dev: Server, way: str) -> dict[str, Any]:
    """Options of a stream that present a credential of user123 in this way."""
    match way:
        case "bearer token":
            return {"headers": {"Authorization": f"Bearer {dev.token('user123')}"}}
        case "bearer key":
            return {"headers": {"Authorization": f"Bearer {own_key(dev, 'user123')[1]}"}}
        case "api key header":
            return {"key": own_key(dev, "user123")[1]}
        case "token in query":
            return {"params": {"token": dev.token("user123")}}
        case _:
            return {"params": {"ticket": ticket(dev, "user123")}}


def next_title(stream: Any) -> str:
    if isinstance(stream, WebSocket):
        return str(stream.recv_json()["title"])
    found = stream.next_notification().json if isinstance(stream, Sse) else stream.next()
    return str(found["title"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [WebSocket, Sse, Ndjson])
def test_every_way_opens_every_form(dev: Server, kind: Any, way: str) -> None:
    with kind(dev.url, **present(dev, way)) as stream:
        dev.service().send("theirs", userId="user456")
        dev.service().send("mine", userId="user123")

        assert next_title(stream) == "mine"


BAD = [
    {"headers": {"Authorization": "Bearer wrong"}},
    {"headers": {"Authorization": "Bearer a.b.c"}},
    {"headers": {"Authorization": "Basic dXNlcjEyMzp1c2VyMTIz"}},
    {"headers": {"Authorization": "Bearer "}},
    {"headers": {"X-API-Key": ""}},
    {"headers": {"X-API-Key": "tsn_a_b"}},
    {"params": {"token": ""}},
    {"params": {"token": "wrong"}},
    {"params": {"token": DEV_KEY}},
    {"params": {"token": DEV_APP_SECRET}},
    {"params": {"token": "tsn_id_secret"}},
    {"params": {"ticket": ""}},
    {"params": {"ticket": "wrong"}},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_a_bad_credential_is_refused_and_never_taken_for_none(dev: Server, options: dict[str, Any]) -> None:
    """In `--dev`, where no credential at all would stream broadcasts."""
    assert WebSocket(dev.url, **options).closed_within() == 4401
    for kind in (Sse, Ndjson):
        with pytest.raises(Refused) as refused:
            kind(dev.url, **options)
        assert refused.value.status == 401
        assert refused.value.body == b'{"error":"Authentication required"}'


@pytest.mark.parametrize("beside", ["header and token", "header and ticket", "token and ticket"])
def test_of_two_credentials_each_must_hold_and_be_the_same_ones(dev: Server, beside: str) -> None:
    def both(first: str, second: str, ticket_: str) -> dict[str, Any]:
        header, query = {"Authorization": f"Bearer {first}"}, {"token": second}
        match beside:
            case "header and token":
                return {"headers": header, "params": query}
            case "header and ticket":
                return {"headers": header, "params": {"ticket": ticket_}}
            case _:
                return {"params": {**query, "ticket": ticket_}}

    def refused(options: dict[str, Any]) -> None:
        with pytest.raises(Refused) as refusal:
            Sse(dev.url, **options)
        assert refusal.value.status == 401

    mine, theirs = dev.token("user123"), dev.token("user456")
    for options in (
        both(mine, theirs, ticket(dev, "admin")),
        both("wrong", mine, ticket(dev, "user123"))
        if beside != "token and ticket"
        else both("", "wrong", ticket(dev, "user123")),
        both(mine, "wrong", "wrong"),
    ):
        refused(options)
        assert WebSocket(dev.url, **options).closed_within() == 4401
    with Sse(dev.url, **both(mine, dev.http().login("user123", "user123"), ticket(dev, "user123"))) as stream:
        dev.service().send("mine", userId="user123")
        assert next_title(stream) == "mine"


def test_a_ticket_is_not_used_up_by_what_cannot_be_had(dev: Server) -> None:
    text = ticket(dev, "user123")
    for params in ({"since": "nowhere"}, {"protocol": "none"}, {"deviceId": ""}):
        with pytest.raises(Refused) as refused:
            Sse(dev.url, params={**params, "ticket": text})
        assert refused.value.status in (400, 422)
    with Sse(dev.url, params={"ticket": text}) as stream:
        dev.service().send("mine", userId="user123")
        assert next_title(stream) == "mine"


def test_a_real_api_key_in_a_url_is_refused(dev: Server) -> None:
    _, key = own_key(dev, "user123")

    assert WebSocket(dev.url, params={"token": key}).closed_within() == 4401


def test_an_app_secret_may_not_stream(dev: Server) -> None:
    secret = dev.user("admin").post("/api/apps/demo-app/secrets").json["secret"]

    assert WebSocket(dev.url, headers={"Authorization": f"Bearer {secret}"}).closed_within() == 4403
    with pytest.raises(Refused) as refused:
        Sse(dev.url, token=secret)
    assert refused.value.status == 403


@pytest.mark.parametrize("kind", [WebSocket, Sse])
def test_a_ticket_opens_one_stream_once(dev: Server, kind: Any) -> None:
    text = ticket(dev, "user123")
    kind(dev.url, params={"ticket": text}).close()

    assert WebSocket(dev.url, params={"ticket": text}).closed_within() == 4401


# -- the first frame


def test_an_anonymous_stream_sees_broadcasts_and_counts_then_becomes_somebodys(dev: Server) -> None:
    with WebSocket(dev.url) as stream:
        dev.service().send("mine, too early", userId="user123")
        assert dev.service().send("everyone's").json["recipientCount"] >= 1
        assert stream.recv_json()["title"] == "everyone's"

        stream.send_json({"auth": dev.token("user123")})
        deadline = time.monotonic() + PATIENCE
        while dev.service().send("mine", userId="user123").json["recipientCount"] == 0:
            assert time.monotonic() < deadline
        assert stream.recv_json()["title"] == "mine"
        dev.service().send("theirs", userId="user456")
        dev.service().send("again", userId="user123")
        assert stream.recv_json()["title"] == "again"
        dev.service().send("once")
        assert stream.recv_json()["title"] == "once"
        assert stream.silent_for(0.2), "a broadcast comes once, not once as nobody's and once as theirs"


def test_a_first_frame_takes_an_api_key_too(dev: Server) -> None:
    with WebSocket(dev.url, subprotocol="tocsin.v1", since=position(dev)) as stream:
        stream.send_json({"auth": own_key(dev, "user123")[1]})
        assert stream.recv_event("hello")


def position(dev: Server) -> str:
    with WebSocket(dev.url, token=dev.token("user123"), subprotocol="tocsin.v1") as stream:
        return str(stream.recv_json()["position"])


def test_what_was_missed_comes_also_to_one_who_says_who_they_are_in_the_first_frame(dev: Server) -> None:
    place = position(dev)
    dev.service().send("mine", userId="user123")
    dev.service().send("everyone's")
    dev.service().send("mine again", userId="user123")

    with WebSocket(dev.url, subprotocol="tocsin.v1", since=place) as stream:
        stream.send_json({"auth": dev.token("user123")})
        titles = [stream.recv_event("notification")["data"]["title"] for _ in range(3)]

    assert titles == ["mine", "everyone's", "mine again"]


@pytest.mark.parametrize("credential", ["wrong", "", "a.b.c", "tsn_a_b"])
def test_a_bad_first_frame_is_closed_4401(dev: Server, credential: str) -> None:
    stream = WebSocket(dev.url)
    stream.send_json({"auth": credential})

    assert stream.closed_within() == 4401


def test_two_auth_frames_are_closed_4400(dev: Server) -> None:
    for token in (None, dev.token("user123")):
        stream = WebSocket(dev.url, token=token)
        stream.send_json({"auth": dev.token("user123")})
        stream.send_json({"auth": dev.token("user123")})
        assert stream.closed_within() == 4400


# -- what was good and is so no longer


def test_a_revoked_key_ends_its_streams_within_two_seconds(dev: Server) -> None:
    id_, key = own_key(dev, "user123")
    streams = [WebSocket(dev.url, key=key), WebSocket(dev.url, subprotocol="tocsin.v1")]
    streams[1].send_json({"auth": key})
    streams[1].recv_event("unread")
    events, untouched = Sse(dev.url, key=key), WebSocket(dev.url, token=dev.token("user123"))

    assert dev.user("admin").delete(f"/api/keys/{id_}").status in (200, 204)

    assert [stream.closed_within() for stream in streams] == [4410, 4410]
    last = events.next()
    while last.name != "error":
        last = events.next()
    assert last.json["code"] == 4410
    assert untouched.silent_for(0.1)
    untouched.close()
    assert WebSocket(dev.url, key=key).closed_within() == 4401


def test_a_disabled_or_deleted_user_is_let_go_of_within_two_seconds(dev: Server) -> None:
    admin, password = dev.user("admin"), "a password long enough"
    for end in ("disable", "delete"):
        admin.put(f"/api/users/leaver-{end}", {"name": "L", "password": password})
        token = dev.http().login(f"leaver-{end}", password)
        stream = WebSocket(dev.url, token=token)
        if end == "disable":
            assert admin.put(f"/api/users/leaver-{end}", {"name": "L", "disabled": True}).status == 200
        else:
            assert admin.delete(f"/api/users/leaver-{end}").status in (200, 204)
        assert stream.closed_within() == 4410
        assert WebSocket(dev.url, token=token).closed_within() == 4401


def test_the_token_of_a_deleted_user_does_not_hold_for_another_of_that_name(dev: Server) -> None:
    admin, body = dev.user("admin"), {"name": "T", "password": "a password long enough"}
    admin.put("/api/users/twice", body)
    token = dev.http().login("twice", body["password"])
    admin.delete("/api/users/twice")
    admin.put("/api/users/twice", body)

    assert dev.http(token=token).get("/api/notifications").status == 401
    assert WebSocket(dev.url, token=token).closed_within() == 4401
    fresh = dev.http().login("twice", body["password"])
    assert dev.http(token=fresh).get("/api/notifications").json["notifications"] == []


def test_a_key_that_expires_ends_its_streams_within_two_seconds(dev: Server) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=4)
    body = {"name": "short", "userId": "user123", "expiresAt": soon.isoformat(timespec="milliseconds")[:-6] + "Z"}
    answer = dev.user("admin").post("/api/keys", body)
    assert answer.status == 201, answer.text
    stream, events = WebSocket(dev.url, key=answer.json["key"]), Sse(dev.url, key=answer.json["key"])
    assert stream.silent_for(0.5)

    assert stream.closed_within() == 4401
    assert -0.1 <= (datetime.now(UTC) - soon).total_seconds() <= 2 * SLACK, "two seconds, and some for a busy machine"
    last = events.next()
    while last.name != "error":
        last = events.next()
    assert last.json["code"] == 4401
    assert events.ended_within()
    assert dev.http(key=answer.json["key"]).get("/api/notifications").status == 401
