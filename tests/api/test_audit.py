"""The audit log: who, what, from where and with what result; nothing is taken back, and strangers cannot fill it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from api.people import make_app, make_key, make_user
from harness.http import Http
from harness.server import Server


def entries(client: Http) -> list[dict[str, Any]]:
    """The whole audit log, newest first, read page by page."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = client.get("/api/audit", limit=200, **before).json
        found += page["audit"]
        if page["next"] is None:
            return found
        before = {"before": page["next"]}


def since(client: Http, number: int) -> list[tuple[str, str, str, str]]:
    """What was added after a number, oldest first: who (without the token's name), action, what, result."""
    added = [entry for entry in reversed(entries(client)) if entry["number"] > number]
    assert all(entry["origin"] == "127.0.0.1" for entry in added)
    assert all(entry["at"].endswith("Z") for entry in added)
    return [
        (re.sub(" by token:.*", " by token", entry["who"]), entry["action"], entry["what"], entry["result"])
        for entry in added
    ]


def last(client: Http) -> int:
    return int(client.get("/api/audit", limit=1).json["audit"][0]["number"])


def test_every_change_is_recorded(server: Server) -> None:
    admin = server.user("admin")
    start = last(admin)
    make_user(admin, "ada", password="of ada")
    admin.put("/api/users/ada", {"name": "Ada"})
    key = make_key(admin, "ada")
    admin.delete(f"/api/keys/{key['id']}")
    make_app(admin, "weather")
    admin.put("/api/apps/weather", {"quotaPerHour": 3})
    secret = admin.post("/api/apps/weather/secrets").json
    admin.put("/api/apps/weather/installs/ada")
    admin.delete("/api/apps/weather/installs/ada")
    admin.delete(f"/api/apps/weather/secrets/{secret['id']}")
    admin.delete("/api/apps/weather")
    admin.put("/api/devices/gate", {})
    admin.put("/api/devices/gate", {"name": "Gate"})
    admin.delete("/api/devices/gate")
    admin.delete("/api/users/ada")
    added = since(admin, start)
    assert {who.split(" by ")[0] for who, *_ in added} == {"user:admin"}
    assert {result for *_, result in added} == {"done"}
    assert [(action, what) for _, action, what, _ in added] == [
        ("user.create", "ada"),
        ("user.replace", "ada"),
        ("key.create", f"{key['id']} of ada"),
        ("key.delete", key["id"]),
        ("app.create", "weather"),
        ("app.replace", "weather"),
        ("secret.create", f"{secret['id']} of weather"),
        ("install", "weather for ada"),
        ("uninstall", "weather for ada"),
        ("secret.delete", f"{secret['id']} of weather"),
        ("app.delete", "weather"),
        ("device.create", "gate"),
        ("device.replace", "gate"),
        ("device.delete", "gate"),
        ("user.delete", "ada"),
    ]


def test_who_did_it_names_the_credential(server: Server) -> None:
    admin = server.service()
    key = make_key(admin, "admin")
    start = last(admin)
    server.http(key=key["key"]).put("/api/devices/by-key", {})
    assert since(admin, start)[0][0] == f"user:admin by key:{key['id']}"


def test_what_changed_nothing_is_not_recorded(server: Server) -> None:
    admin = server.service()
    start = last(admin)
    admin.delete("/api/users/never-seen")
    admin.delete("/api/keys/never-seen")
    admin.put("/api/users/wrong", {"permissions": ["everything"]})
    admin.put("/api/apps/demo-app/installs/user123")
    admin.get("/api/users")
    admin.get("/api/audit")
    assert since(admin, start) == []


def test_signing_in_is_recorded_and_so_is_failing_to(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.service()
    start = last(admin)
    server.http().login("user123")
    for name in ("user123", "my password, typed into the wrong field"):
        server.http().post("/api/auth/login", {"username": name, "password": "not it"})
    token = server.http().login("user123")
    server.http(token=token).put("/api/auth/password", {"current": "not it", "new": "whatever"})
    server.http(token=token).put("/api/auth/password", {"current": "user123", "new": "whatever"})
    assert since(admin, start) == [
        ("user:user123 by password", "sign-in", "user123", "done"),
        ("nobody", "sign-in", "user123", "unauthenticated"),
        ("nobody", "sign-in", "(no such user)", "unauthenticated"),
        ("user:user123 by password", "sign-in", "user123", "done"),
        ("user:user123 by token", "password.change", "user123", "unauthenticated"),
        ("user:user123 by token", "password.change", "user123", "done"),
    ]


def test_a_refused_attempt_to_administer_is_recorded(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin, start = server.service(), 0
    viewer, key = server.user("viewer"), make_key(admin, "user123")
    start = last(admin)
    viewer.put("/api/users/viewer", {"superuser": True})
    server.http(key=key["key"]).delete("/api/keys/some%2Fkey")
    viewer.delete(f"/api/keys/{key['key']}")
    server.http().delete("/api/users/admin")
    admin.delete("/api/users/system")
    admin_by_token = server.user("admin")
    assert [entry[1:] for entry in since(admin_by_token, start)][:3] == [
        ("PUT /api/users/{id}", "viewer", "forbidden"),
        ("DELETE /api/keys/{id}", "some/key", "forbidden"),
        ("DELETE /api/keys/{id}", "(hidden)", "forbidden"),
    ]
    assert admin_by_token.delete("/api/users/admin").status == 409
    assert since(admin_by_token, start)[-1][1:] == ("DELETE /api/users/{id}", "admin", "conflict")


def test_strangers_cannot_fill_it(start_server: Callable[..., Server]) -> None:
    server = start_server()
    admin = server.service()
    viewer = Http(server.url, token=server.token("viewer"), keep=True)
    start = last(admin)
    for number in range(300):
        assert viewer.get(f"/api/users/{number}").status == 403
    added = since(admin, start)
    # A burst, then one a minute.
    assert 20 <= len(added) <= 22
    # What superusers do is recorded all the same.
    make_user(admin, "in-between", password=None)
    assert since(admin, start)[-1][1:] == ("user.create", "in-between", "done")


def test_nothing_in_it_is_changed_or_removed(server: Server) -> None:
    admin = server.service()
    make_user(admin, "kept", password=None)
    before = entries(admin)
    for method in ("DELETE", "PUT", "POST", "PATCH"):
        assert admin.request(method, "/api/audit", json={}).status == 405
        assert admin.request(method, f"/api/audit/{before[0]['number']}", json={}).status == 404
    # Not even by whoever opens the file, unless they take the triggers away.
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'nobody'"):
        with pytest.raises(Exception, match="append-only"):
            server.rows(statement)
    admin.delete("/api/users/kept")
    assert entries(admin)[1:] == before


@pytest.mark.parametrize("before", ["x", "-1", "", "1.0", "9" * 19, "٣"])
def test_a_place_in_it_is_a_number(server: Server, before: str) -> None:
    answer = server.service().get("/api/audit", before=before)
    assert (answer.status, answer.json["field"]) == (422, "before")
