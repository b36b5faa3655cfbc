"""Secrets are planted in everything that is sent, and looked for in everything that is kept."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from api.people import make_key, make_user
from harness.http_stream import Ndjson, Refused, Sse
from harness.server import Server
from harness.websocket import WebSocket


@pytest.mark.one_file(reason="looks into the files of SQLite")
def test_no_secret_is_found_where_it_does_not_belong(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LOG_LEVEL": "debug", "TOCSIN_LOG_REQUESTS": "all"})
    admin, planted = server.service(), {}
    planted["password"] = password = f"canary{secrets.token_hex(8)}"
    planted["new password"] = changed = f"canary{secrets.token_hex(8)}"
    planted["wrong password"] = wrong = f"canary{secrets.token_hex(8)}"
    planted["text"] = text = f"canary{secrets.token_hex(8)}"
    make_user(admin, "bird", password=password, permissions=["notifications"])
    first = server.http().login("bird", password)
    planted["first token"] = first.split(".")[2]
    answer = server.http(token=first).put("/api/auth/password", {"current": password, "new": changed})
    token = answer.json["token"]
    planted["token"] = token.split(".")[2]
    made = make_key(admin, "bird")
    planted["key"] = made["key"].split("_")[2]
    admin.put("/api/apps/cage", {"installForAll": True})
    app_secret = admin.post("/api/apps/cage/secrets").json["secret"]
    planted["app secret"] = app_secret.split("_")[2]
    user = server.http(token=token)
    used, unused = (user.post("/api/auth/ticket").json["ticket"] for _ in range(2))
    planted["ticket"], planted["unused ticket"] = used, unused

    # Where a secret may be put by mistake, or by a client that cannot do otherwise.
    with WebSocket(server.url, params={"ticket": used}), Sse(server.url, params={"token": token}):
        assert user.send(message=text).status == 200
    for parameters in ({"ticket": used}, {"token": made["key"]}, {"token": first}, {"protocol": unused}):
        with contextlib.suppress(Refused), Ndjson(server.url, params=parameters):
            pass
        with WebSocket(server.url, params=parameters) as refused:
            assert refused.closed_within() in (4400, 4401)
    with WebSocket(server.url) as late:
        late.send_json({"auth": made["key"]})
    assert server.http().send_from_app("bird", text, app="cage", secret=app_secret).status == 200
    server.http().post("/api/auth/login", {"username": "bird", "password": wrong})
    server.http().post("/api/auth/login", {"username": wrong, "password": wrong})
    server.http().post("/api/auth/login", {"username": "bird", "password": wrong, wrong: 1})
    user.put("/api/auth/password", {"current": wrong, "new": changed})
    server.http(token=made["key"] + "x").get("/api/users")
    user.delete(f"/api/keys/{made['key']}")
    admin.delete(f"/api/keys/{made['key']}")
    user.get("/api/users", before=made["key"], token=token)
    metrics = server.http().get("/metrics").text
    audit = admin.get("/api/audit", limit=200).text
    server.stop()

    kept = {path.name: path.read_bytes() for path in server.data.rglob("*") if path.is_file()}
    assert "tocsin.db" in kept
    places = kept | {"log": server.log_path.read_bytes(), "metrics": metrics.encode(), "audit": audit.encode()}
    found = [
        (what, place) for what, secret in planted.items() for place, held in places.items() if secret.encode() in held
    ]
    # A notification's text is what the store and the search index beside it are for.
    assert [(what, place) for what, place in found if what != "text"] == []
    holding = {place for what, place in found if what == "text"}
    assert "tocsin.db" in holding
    assert holding <= {"tocsin.db", "search.db", "search.db-wal"}
    assert len(server.log().splitlines()) > 20, "the log was not looked at: it holds next to nothing"
    assert private(server.data)


def private(folder: Path) -> bool:
    """Whether only its owner can read a folder and what is in it."""
    return folder.stat().st_mode & 0o077 == 0 and all(
        path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if path.is_file()
    )
