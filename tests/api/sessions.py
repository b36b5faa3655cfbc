"""Signing in with a browser, for tests of sessions."""

from __future__ import annotations

from harness.http import Answer, Http
from harness.server import Server

SESSION = "/api/session"


def sign_in(client: Http, username: str, password: str | None = None, **headers: str) -> Answer:
    return client.post(SESSION, {"username": username, "password": password or username}, **headers)


def signed_in(server: Server, user: str, password: str | None = None) -> Http:
    return server.http(cookie=server.http().sign_in(user, password))
