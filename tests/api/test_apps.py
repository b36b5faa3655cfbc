"""Apps, their secrets, who installed them; and devices."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from api.people import make_app, make_user
from harness.http import Http
from harness.server import Server


def test_an_app_is_made_replaced_read_and_deleted(server: Server) -> None:
    admin = server.service()
    made = admin.put("/api/apps/weather", {"name": "Weather"})
    weather = {"id": "weather", "name": "Weather", "quotaPerHour": 10, "installForAll": False}
    assert (made.status, made.json) == (201, weather)
    replaced = admin.put("/api/apps/weather", {"name": "Weather", "quotaPerHour": 2, "installForAll": True})
    assert (replaced.status, replaced.json) == (200, weather | {"quotaPerHour": 2, "installForAll": True})
    assert admin.get("/api/apps/weather").json == replaced.json
    assert replaced.json in admin.get("/api/apps", limit=200).json["apps"]
    assert admin.delete("/api/apps/weather").status == 204
    assert admin.get("/api/apps/weather").status == 404
    assert admin.get("/api/apps/weather/secrets").status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"quotaPerHour": -1},
        {"quotaPerHour": 2**63},
        {"quotaPerHour": 1.5},
        {"quotaPerHour": True},
        {"quotaPerHour": "10"},
        {"installForAll": "yes"},
        {"name": ""},
        {"name": "a\u2028b"},
        {"id": "another"},
        {"secret": "mine"},
    ],
)
def test_what_is_no_app_is_refused(server: Server, body: Any) -> None:
    answer = server.service().put("/api/apps/wrong", body)
    assert answer.status == 422
    assert "`int`" not in answer.json["error"], "words for people"
    assert server.service().get("/api/apps/wrong").status == 404


def test_secrets_are_shown_once_and_replaced_in_peace(server: Server) -> None:
    admin = server.service()
    make_app(admin, "rotating", installForAll=True, quotaPerHour=100)
    one = admin.post("/api/apps/rotating/secrets")
    assert one.status == 201
    assert set(one.json) == {"id", "secret"}
    two = admin.post("/api/apps/rotating/secrets").json
    listed = admin.get("/api/apps/rotating/secrets")
    assert [secret["id"] for secret in listed.json["secrets"]] == [one.json["id"], two["id"]]
    assert listed.json["next"] is None
    assert one.json["secret"].split("_")[2] not in listed.text

    def send(secret: str) -> int:
        return server.http().send_from_app("user123", "hello", app="rotating", secret=secret).status

    assert (send(one.json["secret"]), send(two["secret"])) == (200, 200)
    assert admin.delete(f"/api/apps/rotating/secrets/{one.json['id']}").status == 204
    assert (send(one.json["secret"]), send(two["secret"])) == (401, 200)
    assert admin.delete(f"/api/apps/rotating/secrets/{one.json['id']}").status == 404
    assert admin.delete("/api/apps/rotating").status == 204
    assert send(two["secret"]) == 401


def test_an_app_has_a_handful_of_secrets(server: Server) -> None:
    admin = server.service()
    make_app(admin, "collector")
    assert {admin.post("/api/apps/collector/secrets").status for _ in range(20)} == {201}
    assert admin.post("/api/apps/collector/secrets").status == 409


def test_a_changed_quota_holds_for_the_next_send(server: Server) -> None:
    admin = server.service()
    make_app(admin, "chatty", installForAll=True, quotaPerHour=1)
    secret = admin.post("/api/apps/chatty/secrets").json["secret"]
    statuses = [server.http().send_from_app("user123", "m", app="chatty", secret=secret).status for _ in range(2)]
    assert statuses == [200, 429]
    admin.put("/api/apps/chatty", {"installForAll": True, "quotaPerHour": 2})
    assert server.http().send_from_app("user123", "m", app="chatty", secret=secret).status == 200
    admin.put("/api/apps/chatty", {"installForAll": True, "quotaPerHour": 0})
    assert server.http().send_from_app("user456", "m", app="chatty", secret=secret).status == 429


def test_a_user_decides_which_apps_reach_them(server: Server) -> None:
    admin, user = server.service(), server.user("user456")
    make_app(admin, "choosy")
    secret = admin.post("/api/apps/choosy/secrets").json["secret"]

    def send(uid: str) -> int:
        return server.http().send_from_app(uid, "hello", app="choosy", secret=secret).status

    assert send("user456") == 404
    assert user.put("/api/apps/choosy/install").status == 204
    assert user.put("/api/apps/choosy/install").status == 204
    assert (send("user456"), send("user123")) == (200, 404)
    assert user.delete("/api/apps/choosy/install").status == 204
    assert send("user456") == 404
    assert admin.put("/api/apps/choosy/installs/user123").status == 204
    assert send("user123") == 200
    assert admin.delete("/api/apps/choosy/installs/user123").status == 204
    assert send("user123") == 404
    # Installed for all, but for whoever said no.
    admin.put("/api/apps/choosy", {"installForAll": True})
    assert (send("viewer"), send("user456")) == (200, 404)


def test_who_has_an_app_and_what_somebody_has_is_told_page_by_page(server: Server) -> None:
    admin = server.service()
    for name in ("picky", "quiet"):
        make_app(admin, name)
    assert (installs(admin, "/api/apps/picky"), pairs(admin, "/api/users/user123", "picky", "quiet")) == ([], [])
    for user in ("user456", "user123"):
        admin.put(f"/api/apps/picky/installs/{user}")
    admin.put("/api/apps/quiet/installs/user123")
    assert installs(admin, "/api/apps/picky") == [("picky", "user123"), ("picky", "user456")]
    both = [("picky", "user123"), ("quiet", "user123")]
    assert pairs(admin, "/api/users/user123", "picky", "quiet") == both
    # For all it is for everybody who did not say no, and what was decided stays.
    assert server.user("user456").delete("/api/apps/picky/install").status == 204
    admin.put("/api/apps/picky", {"installForAll": True})
    told = [user for _, user in installs(admin, "/api/apps/picky")]
    assert {"user123", "viewer"} <= set(told)
    assert "user456" not in told
    assert told == sorted(told)
    assert admin.delete("/api/apps/picky").status == 204
    assert pairs(admin, "/api/users/user123", "picky", "quiet") == [("quiet", "user123")]


def installs(admin: Http, of: str) -> list[tuple[str, str]]:
    """All of them, in pages of one."""
    found: list[tuple[str, str]] = []
    query: dict[str, str] = {}
    while True:
        page = admin.get(f"{of}/installs", limit="1", **query).json
        found += [(one["appId"], one["userId"]) for one in page["installs"]]
        if page["next"] is None:
            return found
        query = {"before": page["next"]}


def pairs(admin: Http, of: str, *apps: str) -> list[tuple[str, str]]:
    """Those of these apps: other tests share the server."""
    return [(app, user) for app, user in installs(admin, of) if app in apps]


def test_nothing_is_installed_that_is_not_there(server: Server) -> None:
    admin = server.service()
    assert admin.put("/api/apps/demo-app/installs/never-seen").status == 404
    assert admin.delete("/api/apps/demo-app/installs/never-seen").status == 404
    assert admin.put("/api/apps/never-seen/installs/user123").status == 404
    assert server.user("user123").put("/api/apps/never-seen/install").status == 404
    assert server.user("user123").delete("/api/apps/never-seen/install").status == 404


def test_ids_that_look_alike_when_joined_stay_apart(server: Server) -> None:
    admin = server.service()
    for app, user in (("a_b", "c"), ("a", "b_c"), ("x/y", "z"), ("x", "y/z")):
        make_app(admin, quote(app, safe=""))
        make_user(admin, quote(user, safe=""), password=None)
    assert admin.put("/api/apps/a_b/installs/c").status == 204
    assert admin.put(f"/api/apps/{quote('x/y', safe='')}/installs/z").status == 204
    secrets = {id_: admin.post(f"/api/apps/{id_}/secrets").json["secret"] for id_ in ("a_b", "a", "x%2Fy", "x")}

    def send(app: str, uid: str) -> int:
        return server.http().send_from_app(uid, "m", app=app, secret=secrets[app]).status

    assert (send("a_b", "c"), send("a", "b_c")) == (200, 404)
    assert (send("x%2Fy", "z"), send("x", "y/z")) == (200, 404)


def test_a_device_is_named_renamed_and_forgotten(server: Server) -> None:
    admin = server.service()
    path = f"/api/devices/{quote('gate/3', safe='')}"
    assert admin.put(path, {"name": "North gate"}).json == {"id": "gate/3", "name": "North gate"}
    assert admin.put(path, {}).json == {"id": "gate/3", "name": "gate/3"}
    assert admin.get(path).status == 200
    assert {"id": "gate/3", "name": "gate/3"} in admin.get("/api/devices", limit=200).json["devices"]
    assert admin.put(path, {"name": 3}).status == 422
    assert admin.put(path, {"colour": "red"}).status == 422
    assert admin.delete(path).status == 204
    assert admin.get(path).status == 404
    assert admin.delete(path).status == 404


@pytest.mark.parametrize("plural", ["users", "keys", "apps", "devices", "audit"])
def test_every_list_takes_the_same_page_sizes(server: Server, plural: str) -> None:
    admin, path = server.service(), f"/api/{plural}"
    assert set(admin.get(path).json) == {plural, "next"}
    assert len(admin.get(path, limit=1).json[plural]) == 1
    assert admin.get(path, limit=200).status == 200
    for limit in ("0", "201", "-1", "x", "", "1.5", "٣", "99999999999999999999", "000001999", "000001" + 4400 * "9"):
        answer = admin.get(path, limit=limit)
        assert (answer.status, answer.json["field"]) == (422, "limit"), limit
    assert admin.request("GET", f"{path}?limit=%ff").status == 400
