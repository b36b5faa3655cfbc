"""API keys: made, shown once, expiring, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.people import eventually, make_key
from harness.http_stream import Sse
from harness.server import Server
from harness.websocket import WebSocket


def ahead(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat().replace("+00:00", "Z")


def test_a_key_is_shown_once(server: Server) -> None:
    admin = server.service()
    answer = admin.post("/api/keys", {"userId": "user123", "name": "camera 3"})
    assert answer.status == 201
    key = answer.json
    assert re.fullmatch(r"tsn_[a-z2-7]+_[A-Za-z0-9]+", key["key"])
    assert key == {"id": key["id"], "name": "camera 3", "userId": "user123", "expiresAt": None, "key": key["key"]}
    listed = admin.get("/api/keys", limit=200)
    shown = {name: value for name, value in key.items() if name != "key"}
    assert shown in listed.json["keys"]
    assert key["key"].split("_")[2] not in listed.text
    assert server.http(key=key["key"]).send(title="by key").status == 200


def test_keys_are_listed_page_by_page(server: Server) -> None:
    admin = server.service()
    made = {make_key(admin, "viewer")["id"] for _ in range(5)}
    first = admin.get("/api/keys", limit=2).json
    found, next_ = [key["id"] for key in first["keys"]], first["next"]
    while next_ is not None:
        page = admin.get("/api/keys", limit=2, before=next_).json
        found, next_ = found + [key["id"] for key in page["keys"]], page["next"]
    assert len(found) == len(set(found))
    assert made <= set(found)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"userId": "never-seen"}, 404),
        ({}, 422),
        ({"userId": ""}, 422),
        ({"userId": "user123", "expiresAt": "2020-01-01T00:00:00Z"}, 422),
        ({"userId": "user123", "expiresAt": "2030-01-01T00:00:00"}, 422),
        ({"userId": "user123", "expiresAt": "0001-01-01T00:00:00+23:59"}, 422),
        ({"userId": "user123", "expiresAt": "9999-12-31T23:59:59-23:59"}, 422),
        ({"userId": "user123", "expiresAt": "tomorrow"}, 422),
        ({"userId": "user123", "expiresAt": 1_900_000_000}, 422),
        ({"userId": "user123", "name": "n" * 257}, 422),
        ({"userId": "user123", "name": "two\nlines"}, 422),
        ({"userId": "user123", "key": "tsn_mine_mine"}, 422),
    ],
)
def test_what_is_no_key_is_refused(server: Server, body: Any, status: int) -> None:
    answer = server.service().post("/api/keys", body)
    assert answer.status == status
    assert answer.json["error"]


def test_an_expiry_is_kept_to_the_millisecond_in_utc(server: Server) -> None:
    made = make_key(server.service(), "user123", expiresAt="2099-06-01T12:00:00.123456+02:00")
    assert made["expiresAt"] == "2099-06-01T10:00:00.123Z"


def test_a_revoked_key_ends_its_streams_and_no_others(server: Server) -> None:
    admin = server.service()
    one, two = make_key(admin, "user123"), make_key(admin, "user123")
    with (
        WebSocket(server.url, key=one["key"]) as stream,
        Sse(server.url, key=one["key"]) as events,
        WebSocket(server.url, key=two["key"]) as another,
    ):
        assert admin.delete(f"/api/keys/{one['id']}").status == 204
        assert stream.closed_within() == 4410
        while (event := events.next()).name != "error":
            pass
        assert event.json["code"] == 4410
        assert events.ended_within()
        assert another.silent_for(0.2)
    assert server.http(key=one["key"]).get("/api/auth/me").status == 401
    assert server.http(key=two["key"]).get("/api/auth/me").status == 200
    assert admin.delete(f"/api/keys/{one['id']}").status == 404


def test_a_ticket_of_a_revoked_key_opens_nothing(server: Server) -> None:
    admin = server.service()
    made = make_key(admin, "user123")
    ticket = server.http(key=made["key"]).post("/api/auth/ticket").json["ticket"]
    admin.delete(f"/api/keys/{made['id']}")

    def closed() -> bool:
        with WebSocket(server.url, params={"ticket": ticket}) as stream:
            return stream.closed_within() == 4401

    assert eventually(closed)
