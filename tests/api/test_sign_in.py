"""Signing in: what it gives, that a refusal tells nothing, and how often it may fail."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.people import make_key, make_user, now_ms, token_of
from harness.http import Answer, Http
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

WRONG = {"username": "user123", "password": "not it"}
LOGIN = "/api/auth/login"


def login(client: Http, username: str, password: str, **headers: str) -> Answer:
    return client.post(LOGIN, {"username": username, "password": password}, **headers)


def login_from(server: Server, address: str, username: str, password: str) -> int:
    """The status of a sign-in from another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE, source_address=(address, 0))
    try:
        body = json.dumps({"username": username, "password": password})
        connection.request("POST", LOGIN, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_signing_in_gives_a_token_for_a_day(server: Server) -> None:
    answer = login(server.http(), "user123", "user123")
    assert answer.status == 200
    assert set(answer.json) == {"token", "expiresAt", "user"}
    assert answer.json["user"] == {
        "id": "user123",
        "name": "user123",
        "permissions": ["notifications"],
        "superuser": False,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json["expiresAt"])
    left = datetime.fromisoformat(answer.json["expiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert server.http(token=answer.json["token"]).get("/api/auth/me").json == answer.json["user"]


def test_a_key_is_the_user_it_belongs_to(server: Server) -> None:
    key = make_key(server.service(), "viewer")["key"]
    me = {"id": "viewer", "name": "viewer", "permissions": [], "superuser": False}
    assert server.http(key=key).get("/api/auth/me").json == me
    assert server.http(token=key).get("/api/auth/me").json == me


def test_a_ticket_opens_one_stream(server: Server) -> None:
    answer = server.user("user456").post("/api/auth/ticket")
    assert answer.status == 201
    assert set(answer.json) == {"ticket", "expiresAt"}
    ticket = {"ticket": answer.json["ticket"]}
    with WebSocket(server.url, params=ticket) as stream:
        server.service().send(title="by ticket", userId="user456")
        assert stream.recv_json()["title"] == "by ticket"
    with WebSocket(server.url, params=ticket) as again:
        assert again.closed_within() == 4401


def test_nobody_takes_more_tickets_than_they_can_use(server: Server) -> None:
    make_user(server.service(), "collector", password="collects a lot")
    client = Http(server.url, token=server.http().login("collector", "collects a lot"), keep=True)
    statuses = [client.post("/api/auth/ticket").status for _ in range(101)]
    assert statuses == [201] * 100 + [429]
    assert client.post("/api/auth/ticket").headers["retry-after"]
    assert server.user("user123").post("/api/auth/ticket").status == 201


def test_every_refused_sign_in_looks_the_same(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.service()
    make_user(admin, "gone", password="was here once", disabled=True)
    make_user(admin, "keyless", password=None)
    refused = [
        login(server.http(), "user123", "not it"),
        login(server.http(), "never-seen", "not it"),
        login(server.http(), "gone", "was here once"),
        login(server.http(), "keyless", ""),
        login(server.http(), "system", "system"),
        login(server.http(), "\u202e\n" * 200, "x" * 5000),
        login(server.http(), "", ""),
    ]
    changing = ("x-request-id", "date")
    seen = {
        (answer.status, answer.body, tuple(item for item in answer.headers.items() if item[0] not in changing))
        for answer in refused
    }
    assert len(seen) == 1
    assert refused[0].status == 401


def test_every_bad_credential_looks_the_same(server: Server) -> None:
    admin = server.service()
    revoked = make_key(admin, "admin")
    admin.delete(f"/api/keys/{revoked['id']}")
    good = make_key(admin, "admin")["key"]
    expired = token_of(server, "admin", issued_ms=now_ms() - 25 * 3_600_000)
    bad = [None, revoked["key"], good[:-1] + ("a" if good[-1] != "a" else "b"), expired, "tsn_x_y", "a.b.c", "x" * 9000]
    answers = [Http(server.url, token=credential).get("/api/auth/me") for credential in bad]
    answers += [server.http().request("GET", "/api/auth/me", headers={"Authorization": "Basic dTpw"})]
    answers += [server.http().request("GET", "/api/auth/me", headers={"X-API-Key": " "})]
    assert {(answer.status, answer.body, answer.headers["www-authenticate"]) for answer in answers} == {
        (401, answers[0].body, 'Bearer realm="tocsin"')
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "user123"}, 422),
        ({"username": "user123", "password": None}, 422),
        ({"username": 1, "password": "x"}, 422),
        ({"username": "user123", "password": "user123", "remember": True}, 422),
        ([], 422),
    ],
)
def test_a_body_that_is_no_sign_in_says_why(server: Server, body: Any, status: int) -> None:
    answer = server.http().request("POST", LOGIN, json=body)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["error"]


def test_the_eleventh_failure_waits_whatever_it_says_of_its_address(start_server: Callable[..., Server]) -> None:
    server = start_server()
    for at in range(10):
        assert login(server.http(), "user123", "wrong", X_Forwarded_For=f"203.0.113.{at}").status == 401
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        headers = {name: "for=198.51.100.7" if name == "Forwarded" else "198.51.100.7"}
        answer = server.http().request("POST", LOGIN, json=WRONG, headers=headers)
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 300
    # Not even the right password learns that it is right.
    assert login(server.http(), "user123", "user123").status == 429
    assert login_from(server, "127.0.0.9", "user123", "user123") == 429
    # Nobody else is kept out, not even from that address.
    assert login(server.http(), "user456", "user456").status == 200
    assert login_from(server, "127.0.0.9", "user456", "user456") == 200


def test_an_address_may_fail_with_ten_accounts(start_server: Callable[..., Server]) -> None:
    server = start_server()
    statuses = [login(server.http(), f"guess-{at}", "wrong").status for at in range(11)]
    assert statuses == [401] * 10 + [429]
    assert login_from(server, "127.0.0.9", "user456", "user456") == 200


def test_successes_are_not_counted(start_server: Callable[..., Server]) -> None:
    server = start_server()
    assert {login(server.http(), "user123", "user123").status for _ in range(15)} == {200}
    assert login(server.http(), "user123", "wrong").status == 401


def test_a_trusted_proxy_is_believed(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_TRUSTED_PROXIES": "127.0.0.1"})
    for at in range(10):
        # What stands further left was written by whoever asks.
        through = f"198.51.100.{at}, 203.0.113.5"
        assert login(server.http(), f"user-{at}", "wrong", X_Forwarded_For=through).status == 401
    assert login(server.http(), "user456", "user456", X_Forwarded_For="203.0.113.5").status == 429
    assert login(server.http(), "user456", "user456", X_Forwarded_For="203.0.113.6").status == 200


def test_a_crowd_at_the_door_does_not_pile_up(start_server: Callable[..., Server]) -> None:
    server = start_server()
    began = time.monotonic()
    with ThreadPoolExecutor(60) as crowd:
        statuses = list(crowd.map(lambda _: login(server.http(), "user123", "wrong").status, range(300)))
    # Of several nodes each hears of the others' failures a moment later (decision 9).
    assert statuses.count(401) <= 10 * len(server.processes)
    assert set(statuses) <= {401, 429, 503}
    assert time.monotonic() - began < 2 * PATIENCE
    assert login_from(server, "127.0.0.9", "user456", "user456") == 200
    assert server.service().get("/api/auth/me").status == 200


def test_a_changed_password_ends_every_other_token(server: Server) -> None:
    make_user(server.service(), "changer", password="before")
    key = make_key(server.service(), "changer")["key"]
    one, two = server.http().login("changer", "before"), server.http().login("changer", "before")
    client = server.http(token=one)
    assert client.put("/api/auth/password", {"current": "wrong", "new": "after"}).status == 403
    with WebSocket(server.url, token=two) as stream, WebSocket(server.url, key=key) as keyed:
        answer = client.put("/api/auth/password", {"current": "before", "new": "after"})
        assert answer.status == 200
        assert stream.closed_within() == 4410
        assert keyed.silent_for(0.3)
    assert [Http(server.url, token=token).get("/api/auth/me").status for token in (one, two)] == [401, 401]
    assert server.http(token=answer.json["token"]).get("/api/auth/me").json["id"] == "changer"
    assert login(server.http(), "changer", "before").status == 401
    assert login(server.http(), "changer", "after").status == 200
