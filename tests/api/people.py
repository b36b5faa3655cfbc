"""Roles: every kind of caller that the API can meet, each as a client with its credential."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

from harness.http import DEV_APP_SECRET, DEV_KEY, Answer, Http
from harness.patience import PATIENCE
from harness.server import Server
from tocsin.credentials.jwt import LIFE_MS, TokenIssuer
from tocsin.principal import User, UserId

ROLES = (
    "nobody",
    "viewer",
    "user123",
    "user456",
    "admin",
    "service",
    "key of user123",
    "app",
    "expired token",
    "revoked key",
)
"""In the order of the matrix's columns."""


def clients(server: Server) -> dict[str, Http]:
    """A client for each role."""
    service = server.service()
    made = make_key(service, "user123")
    revoked = make_key(service, "admin")
    assert service.delete(f"/api/keys/{revoked['id']}").status == 204
    users = {name: server.user(name) for name in ("viewer", "user123", "user456", "admin")}
    return users | {
        "nobody": server.http(),
        "service": server.http(key=DEV_KEY),
        "key of user123": server.http(key=made["key"]),
        "app": server.http(token=DEV_APP_SECRET),
        "expired token": server.http(token=token_of(server, "admin", issued_ms=now_ms() - LIFE_MS - 120_000)),
        "revoked key": server.http(token=revoked["key"]),
    }


def make_key(client: Http, user: str, **more: Any) -> dict[str, Any]:
    """A new key of a user, with its text."""
    answer = client.post("/api/keys", {"userId": user, **more})
    assert answer.status == 201, answer.text
    return dict(answer.json)


def make_user(client: Http, id_: str, **more: Any) -> str:
    """A new user; their id."""
    answer = client.put(f"/api/users/{id_}", {"password": f"password of {id_}", **more})
    assert answer.status == 201, answer.text
    return id_


def make_app(client: Http, id_: str, **more: Any) -> str:
    """A new app; its id."""
    answer = client.put(f"/api/apps/{id_}", more or {})
    assert answer.status == 201, answer.text
    return id_


def signing_key(server: Server) -> bytes:
    """The key that the server signs its tokens with, out of its store."""
    [(found,)] = server.rows("SELECT value FROM settings WHERE name = 'token_key'")
    return base64.b64decode(found)


def token_of(server: Server, user: str, *, issued_ms: int) -> str:
    """A token of the server's own, as issued at another time."""
    return TokenIssuer(signing_key(server)).issue(User(id=UserId(user), name=user), issued_ms)[0]


def first_superuser(server: Server) -> Http:
    """The first superuser of a server without `--dev`, signed in by the note that the server left."""
    note = (server.data / "first-superuser.txt").read_text()
    password = dict(line.split(": ", 1) for line in note.splitlines())["password"]
    return server.http(token=server.http().login("admin", password))


def answered(client: Http, method: str, path: str, json: Any, query: dict[str, Any], headers: dict[str, str]) -> Answer:
    """The answer, asked for again while the server does the same for somebody else: it makes one backup at a time."""
    ends = time.monotonic() + PATIENCE
    while (answer := client.request(method, path, json=json, query=query, headers=headers)).status == 503:
        if time.monotonic() > ends:
            break
        time.sleep(0.02)
    return answer


def now_ms() -> int:
    """Milliseconds UTC."""
    return time.time_ns() // 1_000_000


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether something comes to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
