"""Who may do what: each role on each route, with things of one's own and of others.

The expectations stand here and not in the route table, so that a route that admits too many is found; and a
route that has no row here fails.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import pytest

from api.people import ROLES, answered, clients, make_app, make_key
from harness.http import DEV_APP, Http, inbox
from harness.server import Server
from harness.websocket import WebSocket
from tocsin.api.routes import ROUTES

_numbers = itertools.count()


def fresh(kind: str) -> str:
    """An id that nothing has yet."""
    return f"{kind}-{next(_numbers)}"


@dataclass(frozen=True)
class Case:
    """One request, made by every role.

    Args:
        expected: a status for each of ROLES, in their order.
        path: made anew for each role, by a superuser's client; by default that of the route.
        about: whose thing it is, where that matters.
        ends_tokens: whether those who may have to sign in again.
    """

    expected: str
    path: Callable[[Http], str] | None = None
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str | None = None
    about: str = ""
    ends_tokens: bool = False


#           nobody viewer user123 user456 admin service key-of-user123 app expired revoked
ANYBODY = "   200    200     200     200   200     200            200 200     200     200"


def users(status: int) -> str:
    """Every user alike, a key of theirs, too."""
    return f"401 {status} {status} {status} {status} {status} {status} 403 401 401"


def superusers(status: int) -> str:
    """Superusers, and keys of superusers."""
    return f"401 403 403 403 {status} {status} 403 403 401 401"


def shipped(name: str, otherwise: int = 404) -> str:
    """Everybody alike: a file of the web app, where it is part of this build."""
    there = files("tocsin").joinpath("web", *name.split("/")).is_file()
    return ANYBODY if there else ANYBODY.replace("200", str(otherwise))


def user123s(status: int) -> str:
    """User123 and a key of theirs; to other users there is none."""
    return f"401 404 {status} 404 404 404 {status} 403 401 401"


def senders(status: int, *roles: str) -> str:
    """Whoever sent it, and superusers; to all others who hold a credential there is none."""
    stranger = dict.fromkeys(("nobody", "expired token", "revoked key"), 401)
    return " ".join(str(stranger.get(role, status if role in (*roles, "admin", "service") else 404)) for role in ROLES)


def of(kind: str) -> Callable[[Http], str]:
    """A path to a new thing of that kind."""

    def make(admin: Http) -> str:
        path = f"/api/{kind}/{fresh(kind)}"
        assert admin.put(path, {}).status == 201
        return path

    return make


def unmade(kind: str, rest: str = "") -> Callable[[Http], str]:
    return lambda admin: f"/api/{kind}/{fresh(kind)}{rest}"


def sent_to(user: str | None, rest: str = "", **fields: Any) -> Callable[[Http], str]:
    def make(admin: Http) -> str:
        answer = admin.send(**({"userId": user} if user else {}), **fields)
        return f"/api/notifications/{answer.json['notificationId']}{rest}"

    return make


def sent_by_user123(rest: str = "") -> Callable[[Http], str]:
    def make(admin: Http) -> str:
        answer = Http(admin.url, key=make_key(admin, "user123")["key"]).send()
        return f"/api/notifications/{answer.json['notificationId']}{rest}"

    return make


def sent_by_app(rest: str = "") -> Callable[[Http], str]:
    def make(admin: Http) -> str:
        assert admin.put(f"/api/apps/{DEV_APP}", {"name": "Demo", "quotaPerHour": 1_000}).status == 200
        answer = Http(admin.url).send_from_app("user123", "by the app")
        return f"/api/notifications/{answer.json['notificationId']}{rest}"

    return make


def acting(rest: str) -> list[Case]:
    """What one does with one's own, and cannot do with what is others' or not there."""
    return [
        Case(user123s(200), sent_to("user123", rest), about="user123's"),
        Case("401 404 404 200 404 404 404 403 401 401", sent_to("user456", rest), about="user456's"),
        Case(users(200), sent_to(None, rest), about="everyone's"),
        Case(users(404), at(f"/api/notifications/notif_none{rest}"), about="nobody's"),
    ]


def of_senders(status: int, rest: str = "") -> list[Case]:
    """What the sender may, whoever the recipient is."""
    return [
        Case(senders(status), sent_to("user123", rest), about="sent by a service"),
        Case(senders(status), sent_to(None, rest), about="sent by a service to everyone"),
        Case(senders(status, "user123", "key of user123"), sent_by_user123(rest), about="sent by user123"),
        Case(senders(status, "app"), sent_by_app(rest), about="sent by the app"),
        Case(senders(404), at(f"/api/notifications/notif_none{rest}"), about="nobody's"),
    ]


def new_key(admin: Http) -> str:
    return f"/api/keys/{make_key(admin, 'user123')['id']}"


def new_secret(admin: Http) -> str:
    app = make_app(admin, fresh("app"))
    return f"/api/apps/{app}/secrets/{admin.post(f'/api/apps/{app}/secrets').json['id']}"


def below_app(rest: str) -> Callable[[Http], str]:
    return lambda admin: f"/api/apps/{make_app(admin, fresh('app'))}/{rest}"


def at(path: str) -> Callable[[Http], str]:
    return lambda admin: path


DRAFT = {"title": "t", "message": "m", "userId": "user456"}
TEXT = {"uid": "user456", "message": "m"}
LINES = {"Accept": "application/x-ndjson"}

ROWS: dict[str, list[Case]] = {
    "POST /api/notifications/send": [Case("401 403 200 200 200 200 200 403 401 401", body=DRAFT)],
    "POST /api/notifications/batch": [Case("401 403 200 200 200 200 200 403 401 401", body=[DRAFT, {}])],
    "POST /v2/integrations/{app_id}/notification": [
        Case("401 401 401 401 401 401 401 200 401 401", at(f"/v2/integrations/{DEV_APP}/notification"), query=TEXT),
        Case(
            "401 401 401 401 401 401 401 401 401 401",
            lambda admin: f"/v2/integrations/{make_app(admin, fresh('app'))}/notification",
            query=TEXT,
            about="another app's",
        ),
        Case(" ".join(["401"] * len(ROLES)), at("/v2/integrations/nobodys/notification"), query=TEXT, about="no app's"),
    ],
    "GET /notifications": [
        Case(" ".join(["406"] * len(ROLES))),
        Case("200 200 200 200 200 200 200 403 401 401", method="HEAD", headers=LINES, about="lines"),
        Case("200 200 200 200 200 200 200 403 401 401", method="HEAD", headers={"Accept": "text/event-stream"}),
    ],
    "GET /api/notifications": [Case(users(200))],
    "GET /api/notifications/{id}": [
        Case(user123s(200), sent_to("user123"), about="user123's"),
        Case("401 404 404 200 404 404 404 403 401 401", sent_to("user456"), about="user456's"),
        Case(users(200), sent_to(None), about="everyone's"),
        Case(users(404), at("/api/notifications/notif_none"), about="nobody's"),
    ],
    "GET /api/notifications/unread": [Case(users(200))],
    "POST /api/notifications/read-all": [Case(users(200)), Case(users(200), body={"type": "info"}, about="of a type")],
    "PUT /api/notifications/{id}/read": acting("/read"),
    "DELETE /api/notifications/{id}/read": acting("/read"),
    "PUT /api/notifications/{id}/dismissal": [
        *acting("/dismissal"),
        Case(user123s(409), sent_to("user123", "/dismissal", dismissible=False), about="to be acknowledged first"),
    ],
    "DELETE /api/notifications/{id}/dismissal": acting("/dismissal"),
    "PUT /api/notifications/{id}/acknowledgement": acting("/acknowledgement"),
    "DELETE /api/notifications/{id}": of_senders(204),
    "GET /api/notifications/{id}/receipts": of_senders(200, "/receipts"),
    "GET /api/changes": [Case(users(200)), Case(users(200), query={"since": "00000000-0"}, about="of another log")],
    "GET /api/names": [
        Case(users(200), query={"id": "notif_nobody_s"}, about="of a notification"),
        Case(users(200), query={"deviceId": "device123", "appId": "demo-app"}),
        Case(users(422), query={"deviceId": "\u0000"}, about="of what cannot be an id"),
    ],
    "POST /api/auth/login": [Case(ANYBODY, body={"username": "viewer", "password": "viewer"})],
    "GET /api/auth/me": [Case(users(200))],
    "POST /api/auth/ticket": [Case(users(201))],
    "PUT /api/auth/password": [Case(users(403), body={"current": "not it", "new": "another one"})],
    "POST /api/session": [Case(ANYBODY.replace("200", "201"), body={"username": "viewer", "password": "viewer"})],
    "GET /api/session": [
        Case(users(200)),
        Case(users(200).replace("401", "200", 1), query={"optional": "true"}, about="null for nobody"),
        Case(users(200).replace("401", "422", 1), query={"optional": "yes"}, about="neither"),
    ],
    "DELETE /api/session": [Case(users(403))],
    "DELETE /api/sessions": [Case("401 204 204 204 204 403 403 403 401 401", ends_tokens=True)],
    "GET /api/users": [Case(superusers(200))],
    "GET /api/users/{id}": [
        Case(superusers(200), at("/api/users/user123"), about="one's own for user123"),
        Case(superusers(404), unmade("users"), about="nobody"),
    ],
    "PUT /api/users/{id}": [
        Case(superusers(201), unmade("users"), body={"superuser": True}, about="a new one"),
        Case(superusers(200), of("users"), body={"superuser": True}, about="another"),
    ],
    "DELETE /api/users/{id}": [Case(superusers(204), of("users"))],
    "GET /api/keys": [Case(superusers(200))],
    "POST /api/keys": [Case(superusers(201), body={"userId": "user123"})],
    "DELETE /api/keys/{id}": [Case(superusers(204), new_key), Case(superusers(404), unmade("keys"))],
    "GET /api/apps": [Case(superusers(200))],
    "GET /api/apps/{id}": [Case(superusers(200), at(f"/api/apps/{DEV_APP}"), about="its own for the app")],
    "PUT /api/apps/{id}": [
        Case(superusers(201), unmade("apps"), body={}),
        Case(superusers(200), of("apps"), body={"installForAll": True}),
    ],
    "DELETE /api/apps/{id}": [Case(superusers(204), of("apps"))],
    "GET /api/apps/{id}/secrets": [Case(superusers(200), at(f"/api/apps/{DEV_APP}/secrets"))],
    "POST /api/apps/{id}/secrets": [Case(superusers(201), below_app("secrets"))],
    "DELETE /api/apps/{id}/secrets/{secretId}": [
        Case(superusers(204), new_secret),
        Case(superusers(404), at("/api/apps/another/secrets/sample"), about="a secret of another app"),
    ],
    "GET /api/apps/{id}/installs": [
        Case(superusers(200), at(f"/api/apps/{DEV_APP}/installs")),
        Case(superusers(404), unmade("apps", "/installs"), about="of no app"),
    ],
    "GET /api/users/{id}/installs": [
        Case(superusers(200), at("/api/users/user123/installs"), about="one's own for user123"),
        Case(superusers(404), unmade("users", "/installs"), about="of nobody"),
    ],
    "PUT /api/apps/{id}/installs/{userId}": [Case(superusers(204), below_app("installs/user123"))],
    "DELETE /api/apps/{id}/installs/{userId}": [Case(superusers(204), below_app("installs/user123"))],
    "PUT /api/apps/{id}/install": [Case(users(204), below_app("install"))],
    "DELETE /api/apps/{id}/install": [Case(users(204), below_app("install"))],
    "GET /api/devices": [Case(superusers(200))],
    "GET /api/devices/{id}": [Case(superusers(200), at("/api/devices/device123"))],
    "PUT /api/devices/{id}": [Case(superusers(201), unmade("devices"), body={})],
    "DELETE /api/devices/{id}": [Case(superusers(204), of("devices"))],
    "GET /api/sent": [Case(superusers(200)), Case(superusers(422), query={"after": "x"}, about="after no position")],
    "GET /api/streams": [Case(superusers(200))],
    "GET /api/audience": [
        Case(superusers(200)),
        Case(superusers(200), query={"userId": "user123"}, about="one's own for user123"),
        Case(superusers(404), query={"userId": "nobody"}, about="nobody"),
    ],
    "GET /api/figures": [Case(superusers(200))],
    "GET /api/refusals": [Case(superusers(200)), Case(superusers(422), query={"before": "x"}, about="nowhere")],
    "GET /api/audit": [Case(superusers(200))],
    # A database server has backups of its own.
    "POST /api/backup": [Case(superusers(409 if os.environ.get("TOCSIN_TEST_STORE") == "postgresql" else 200))],
    "GET /healthz": [Case(ANYBODY)],
    "GET /readyz": [Case(ANYBODY)],
    "GET /metrics": [Case(ANYBODY, about="open in --dev")],
    "GET /openapi.json": [Case(ANYBODY)],
    "GET /asyncapi.json": [Case(ANYBODY)],
    "GET /": [Case(shipped("index.html", otherwise=307))],
    "GET /admin": [Case(shipped("admin.html"))],
    "GET /demo": [Case(shipped("demo.html"))],
    "GET /worker.js": [Case(shipped("worker.js"))],
    "GET /manifest.webmanifest": [Case(shipped("manifest.webmanifest"))],
    "GET /element.js": [Case(shipped("element/index.js"))],
    "GET /client.js": [Case(ANYBODY)],
    "GET /assets/{version}/{path:path}": [
        Case(ANYBODY, lambda admin: re.search(r"/assets/\w+/client\.js", admin.get("/client.js").text)[0]),
        Case(ANYBODY.replace("200", "404"), at("/assets/another/client.js"), about="of another version"),
    ],
    "GET /docs": [Case(ANYBODY)],
    "GET /docs/{asset}": [Case(ANYBODY, at("/docs/docs.js"))],
}


def test_every_route_has_a_row() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == set(ROWS)


@pytest.fixture(scope="module")
def callers(server: Server) -> dict[str, Http]:
    made = clients(server)
    for client in made.values():
        client.keep = True
    return made


@pytest.fixture(scope="module")
def browsers(server: Server) -> dict[str, Http]:
    """Two who have signed in as a browser does."""
    return {role: server.http(cookie=server.http().sign_in(role)) for role in ("user123", "admin")}


CASES = [
    pytest.param(line, case, id=f"{line} {case.about}".strip().replace("/", "|"))
    for line, cases in ROWS.items()
    for case in cases
]


@pytest.mark.parametrize(("line", "case"), CASES)
def test_each_role_gets_what_it_may(server: Server, callers: dict[str, Http], line: str, case: Case) -> None:
    method, path = line.split()
    expected = dict(zip(ROLES, map(int, case.expected.split()), strict=True))
    got = {}
    for role in ROLES:
        target = case.path(callers["service"]) if case.path is not None else path
        answer = answered(callers[role], case.method or method, target, case.body, case.query, case.headers)
        got[role] = answer.status
        if answer.status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert got == expected
    if case.ends_tokens:
        sign_in_again(server, callers)


@pytest.mark.parametrize(("line", "case"), CASES)
def test_a_session_may_what_its_user_may(
    server: Server, callers: dict[str, Http], browsers: dict[str, Http], line: str, case: Case
) -> None:
    method, path = line.split()
    expected = dict(zip(ROLES, map(int, case.expected.split()), strict=True))
    if line == "DELETE /api/session":
        expected |= {"user123": 204, "admin": 204}
    got = {}
    for role, client in browsers.items():
        target = case.path(callers["service"]) if case.path is not None else path
        got[role] = answered(client, case.method or method, target, case.body, case.query, case.headers).status
    assert got == {role: expected[role] for role in browsers}
    if case.ends_tokens:
        sign_in_again(server, callers)
    # Signing in anew ends the session that the cookie was of, too.
    if case.ends_tokens or path == "/api/session":
        for role, client in browsers.items():
            client.cookie = server.http().sign_in(role)


def sign_in_again(server: Server, callers: dict[str, Http]) -> None:
    for name in ("viewer", "user123", "user456", "admin"):
        callers[name].token = server.http().login(name)


def test_the_stream_is_no_second_door(server: Server, callers: dict[str, Http]) -> None:
    expected = dict.fromkeys(ROLES) | {"app": 4403, "expired token": 4401, "revoked key": 4401}
    got = {}
    for role, client in callers.items():
        headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
        with WebSocket(server.url, key=client.key, headers=headers, subprotocol="tocsin.v1") as stream:
            try:
                stream.recv_event("hello")
                got[role] = None
            except Exception:  # noqa: BLE001  (whatever ended it, the code says why)
                got[role] = stream.close_code
    assert got == expected


def test_a_regular_users_send_reaches_only_themself(callers: dict[str, Http]) -> None:
    for role in ("user123", "key of user123"):
        id_ = callers[role].send(userId="user456").json["notificationId"]
        assert id_ in {item["id"] for item in inbox(callers["user123"])}
        assert id_ not in {item["id"] for item in inbox(callers["user456"])}


def test_an_unknown_path_and_an_unknown_method_say_so(callers: dict[str, Http]) -> None:
    for path in ("/debug", "/api", "/api/users/", "/api/users/a/b", "/admin/", "/.env", "/api/nothing"):
        answer = callers["admin"].get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json"), path
    answer = callers["admin"].request("PATCH", "/api/users/user123")
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
