"""Sending raw bytes by the documented route."""

import json
from typing import Any

from harness.http import SEND, Answer, Http
from harness.server import Server

JSON = "application/json"


def post(server: Server, body: bytes, *, client: Http | None = None, kind: str | None = JSON) -> Answer:
    """POST these bytes as they are; a superuser service sends unless another client is given."""
    headers = {} if kind is None else {"Content-Type": kind}
    return (client or server.service()).request("POST", SEND, body=body, headers=headers)


def fields(**more: Any) -> bytes:
    """A body that would be accepted, with these fields over it."""
    return json.dumps({"title": "t", "message": "m", "userId": "user123", **more}).encode()


def sent(answer: Answer) -> str:
    """The id of what was sent; fails with the refusal when it was not."""
    assert answer.status == 200, (answer.status, answer.text)
    return str(answer.json["notificationId"])


def stored(server: Server, id_: str, *, user: str = "user123") -> str:
    """The text of a notification as its reader gets it, without the position that ends it."""
    answer = server.user(user).get(f"/api/notifications/{id_}")
    assert answer.status == 200, (answer.status, answer.text)
    return answer.text[: answer.text.rindex(',"position":')] + "}"


def newest(server: Server, *, user: str = "user123") -> str | None:
    """The id of the newest notification of a user."""
    found = server.user(user).get("/api/notifications", limit=1).json["notifications"]
    return str(found[0]["id"]) if found else None


def refused(dev: Server, body: bytes, status: int, *named: str, kind: str | None = "application/json") -> None:
    """Assert that a superuser's body gets this status, the documented form and nothing kept."""
    before = newest(dev)
    answer = post(dev, body, kind=kind)
    assert answer.status == status, (answer.status, answer.text[:500])
    assert list(answer.json) == ["error"]
    assert answer.headers["content-type"] == "application/json"
    for name in named:
        assert name in answer.json["error"]
    assert newest(dev) == before


def status_of(answer: bytes) -> int:
    """The status of an answer as it came."""
    return int(answer.split(b" ", 2)[1])
