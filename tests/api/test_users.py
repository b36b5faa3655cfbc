"""Users, as superusers look after them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from api.people import eventually, first_superuser, make_key, make_user
from harness.http import Http, inbox
from harness.http_stream import Sse
from harness.server import Server
from harness.websocket import WebSocket


def test_a_user_is_made_replaced_read_and_deleted(server: Server) -> None:
    admin = server.service()
    made = admin.put("/api/users/ada", {"name": "Ada", "password": "secret of ada", "permissions": ["notifications"]})
    ada = {"id": "ada", "name": "Ada", "permissions": ["notifications"], "superuser": False, "disabled": False}
    assert (made.status, made.json) == (201, ada)
    assert admin.get("/api/users/ada").json == ada
    # All of the user but the password, which stays.
    replaced = admin.put("/api/users/ada", {"name": "Ada L."})
    assert (replaced.status, replaced.json) == (200, ada | {"name": "Ada L.", "permissions": []})
    assert server.http().login("ada", "secret of ada")
    # What was read can be put back.
    assert admin.put("/api/users/ada", replaced.json).json == replaced.json
    assert admin.delete("/api/users/ada").status == 204
    assert admin.get("/api/users/ada").status == 404
    assert admin.delete("/api/users/ada").status == 404


def test_users_are_listed_page_by_page(server: Server) -> None:
    admin = server.service()
    for number in range(7):
        make_user(admin, f"listed-{number}", password=None)
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = admin.get("/api/users", limit=3, **before).json
        assert len(page["users"]) <= 3
        found += page["users"]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    ids = [user["id"] for user in found]
    assert ids == sorted(set(ids))
    assert {f"listed-{number}" for number in range(7)} | {"admin", "user123"} <= set(ids)
    assert all(set(user) == {"id", "name", "permissions", "superuser", "disabled"} for user in found)
    assert len(admin.get("/api/users").json["users"]) <= 50


@pytest.mark.parametrize("id_", ["a/b", "a b", "ä", "50%", "a?b#c", "日本", "a+b", "a\\b", "'; --", "..x", "%2F"])
def test_an_id_is_any_text(server: Server, id_: str) -> None:
    admin, path = server.service(), f"/api/users/{quote(id_, safe='')}"
    assert admin.put(path, {"password": "its own"}).json["id"] == id_
    assert admin.get(path).json["id"] == id_
    assert server.http(token=server.http().login(id_, "its own")).get("/api/auth/me").json["id"] == id_
    assert admin.delete(path).status == 204


def test_one_id_has_one_form(server: Server) -> None:
    admin = server.service()
    composed, decomposed = quote("\u00e9"), quote("e\u0301")
    assert admin.put(f"/api/users/{composed}", {"name": "composed"}).status == 201
    assert admin.put(f"/api/users/{decomposed}", {"name": "decomposed"}).status == 200
    assert admin.get(f"/api/users/{composed}").json["name"] == "decomposed"


@pytest.mark.parametrize(
    ("id_", "body"),
    [
        ("x", {"permissions": ["notifications", "everything"]}),
        ("x", {"permissions": "notifications"}),
        ("x", {"id": "y"}),
        ("x", {"admin": True}),
        ("x", {"name": ""}),
        ("x", {"name": "n" * 257}),
        ("x", {"name": "two\nlines"}),
        ("x", {"superuser": "yes"}),
        ("x", {"disabled": 1}),
        ("x", {"password": ""}),
        ("x", {"password": "p" * 1025}),
        ("x", {"password": 12345678}),
        ("x", []),
        ("y" * 129, {}),
        ("a\tb", {}),
        (" x", {}),
    ],
)
def test_what_is_no_user_is_refused_and_says_where(server: Server, id_: str, body: Any) -> None:
    admin, path = server.service(), f"/api/users/{quote(id_, safe='')}"
    answer = admin.request("PUT", path, json=body)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["error"]
    assert admin.get(path).status == 404


def test_a_password_that_everybody_knows_is_for_trying_out_only(real: Server) -> None:
    admin = first_superuser(real)
    for password in ("changeme", "admin", "ada", "short", "aaaaaaaaaaaa", "password123"):
        answer = admin.put("/api/users/ada", {"password": password})
        assert answer.status == 422, password
        assert answer.json["field"] == "password"
    assert admin.get("/api/users/ada").status == 404
    assert admin.put("/api/users/ada", {"password": "four words of mine"}).status == 201
    token = real.http().login("ada", "four words of mine")
    weak = real.http(token=token).put("/api/auth/password", {"current": "four words of mine", "new": "changeme"})
    assert (weak.status, weak.json["field"]) == (422, "new")


def test_the_last_superuser_stays(real: Server) -> None:
    admin = first_superuser(real)
    for refused in (
        admin.delete("/api/users/admin"),
        admin.put("/api/users/admin", {"superuser": False}),
        admin.put("/api/users/admin", {"superuser": True, "disabled": True}),
    ):
        assert refused.status == 409
        assert "superuser" in refused.json["error"]
    assert admin.put("/api/users/second", {"superuser": True, "disabled": True}).status == 201
    assert admin.delete("/api/users/admin").status == 409
    assert admin.put("/api/users/second", {"superuser": True}).status == 200
    assert admin.put("/api/users/second", {}).status == 200
    assert admin.get("/api/users/admin").json["superuser"]


def test_two_superusers_cannot_dismiss_each_other(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.user("admin")
    assert admin.delete("/api/users/system").status == 204
    for _ in range(5):
        assert admin.put("/api/users/other", {"password": "other", "superuser": True}).status in (200, 201)
        other = server.http(token=server.http().login("other", "other"))
        with ThreadPoolExecutor(2) as both:
            one = both.submit(admin.put, "/api/users/other", {"superuser": False})
            two = both.submit(other.put, "/api/users/admin", {"superuser": False})
            statuses = sorted((one.result().status, two.result().status))
        # The loser finds a superuser gone who was there when it asked, or is none any more.
        assert statuses in ([200, 403], [200, 409])
        left = [id_ for id_ in ("admin", "other") if server_has_superuser(server, id_)]
        assert len(left) == 1
        if left == ["other"]:
            assert other.put("/api/users/admin", {"superuser": True}).status == 200


def server_has_superuser(server: Server, id_: str) -> bool:
    token = server.token("admin") if id_ == "admin" else server.http().login("other", "other")
    return bool(server.http(token=token).get("/api/auth/me").json["superuser"])


def test_a_disabled_user_is_out_within_two_seconds(server: Server) -> None:
    admin = server.service()
    make_user(admin, "leaver", password="still here", permissions=["notifications"])
    token, key = server.http().login("leaver", "still here"), make_key(admin, "leaver")["key"]
    with (
        WebSocket(server.url, token=token) as by_token,
        WebSocket(server.url, key=key) as by_key,
        Sse(server.url, token=token) as events,
        WebSocket(server.url, token=server.token("user123")) as another,
    ):
        assert admin.put("/api/users/leaver", {"disabled": True}).status == 200
        assert by_token.closed_within() == 4410
        assert by_key.closed_within() == 4410
        while (event := events.next()).name != "error":
            pass
        assert event.json["code"] == 4410
        assert events.ended_within()
        assert another.silent_for(0.2)
    for client in (server.http(token=token), server.http(key=key)):
        assert client.get("/api/auth/me").status == 401
        assert client.send().status == 401
    assert server.http().post("/api/auth/login", {"username": "leaver", "password": "still here"}).status == 401
    # Let in again, only what is signed in anew holds; a key is taken back by deleting it.
    assert admin.put("/api/users/leaver", {}).status == 200
    assert server.http(token=token).get("/api/auth/me").status == 401
    assert server.http(key=key).get("/api/auth/me").status == 200
    assert server.http().login("leaver", "still here")


def test_a_password_set_by_a_superuser_ends_the_tokens(server: Server) -> None:
    admin = server.service()
    make_user(admin, "forgetful", password="forgotten")
    token = server.http().login("forgetful", "forgotten")
    assert admin.put("/api/users/forgetful", {"name": "Still signed in"}).status == 200
    assert server.http(token=token).get("/api/auth/me").json["name"] == "Still signed in"
    assert admin.put("/api/users/forgetful", {"password": "a new one"}).status == 200
    assert server.http(token=token).get("/api/auth/me").status == 401


def test_a_permission_taken_away_is_gone_at_once(server: Server) -> None:
    admin = server.service()
    make_user(admin, "sender", password="may send", permissions=["notifications"])
    client = Http(server.url, token=server.http().login("sender", "may send"))
    assert client.send().status == 200
    admin.put("/api/users/sender", {})
    assert client.send().status == 403


def test_a_deleted_user_takes_everything_with_them(server: Server) -> None:
    admin = server.service()
    make_user(admin, "goer", password="once here", permissions=["notifications"])
    token, key = server.http().login("goer", "once here"), make_key(admin, "goer")
    assert server.http(token=token).send(title="of before").status == 200
    with WebSocket(server.url, token=token) as stream:
        assert admin.delete("/api/users/goer").status == 204
        assert stream.closed_within() == 4410
    assert key["id"] not in {one["id"] for one in admin.get("/api/keys", limit=200).json["keys"]}
    assert server.http(token=token).get("/api/auth/me").status == 401
    assert admin.send(userId="goer").status == 404
    # Another one of that name is another one.
    make_user(admin, "goer", password="once more", permissions=["notifications"])
    assert server.http(key=key["key"]).get("/api/auth/me").status == 401
    fresh = server.http(token=server.http().login("goer", "once more"))
    assert eventually(lambda: inbox(fresh) == [])


def test_tokens_of_a_deleted_user_do_not_open_the_next_of_that_name(server: Server) -> None:
    admin = server.service()
    make_user(admin, "namesake", password="the first")
    token = server.http().login("namesake", "the first")
    assert admin.delete("/api/users/namesake").status == 204
    make_user(admin, "namesake", password=None)
    assert server.http(token=token).get("/api/auth/me").status == 401
    assert admin.put("/api/users/namesake", {"password": "the second"}).status == 200
    assert server.http(token=token).get("/api/auth/me").status == 401
    assert server.http().login("namesake", "the second")
