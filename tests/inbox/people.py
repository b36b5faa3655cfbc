"""People of a test's own on a real server: each joins when the test begins, so what others were sent is not theirs."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable
from typing import Any

from harness.http import Answer, Http, inbox
from harness.http_stream import Ndjson, Sse
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

V1 = "tocsin.v1"
TYPES = ("info", "success", "warning", "error", "emergency")

_numbers = itertools.count()


class Person:
    """Somebody with an empty inbox, who holds an API key.

    Parameters:
        server: where they are made.
        may_send: whether they may send to themself.
        called: what their id begins with.
    """

    def __init__(self, server: Server, *, may_send: bool = True, called: str = "person") -> None:
        self.server = server
        self.id = f"{called}-{uuid.uuid4().hex[:8]}-{next(_numbers)}"
        service = server.service()
        permissions = ["notifications"] if may_send else []
        made = service.put(f"/api/users/{self.id}", {"permissions": permissions})
        assert made.status == 201, made.text
        self.key = str(service.post("/api/keys", {"userId": self.id}).json["key"])
        self.http = Http(server.url, key=self.key)

    # -- what they are sent

    def sent(self, title: str = "t", **fields: Any) -> str:
        """Sent to them by a superuser's service; the id."""
        return sent(self.server, title, userId=self.id, **fields)

    # -- what they do

    def act(self, method: str, id_: str, what: str) -> Answer:
        """`act("PUT", id, "read")`, and its like."""
        return self.http.request(method, f"/api/notifications/{id_}/{what}")

    def did(self, method: str, id_: str, what: str) -> Any:
        """As `act`, which must succeed; the state."""
        answer = self.act(method, id_, what)
        assert answer.status == 200, (answer.status, answer.text)
        assert list(answer.json) == ["id", "read", "dismissed", "acknowledged"]
        assert answer.json["id"] == id_
        return {name: at for name, at in answer.json.items() if name != "id"}

    def marked(self, **scope: Any) -> Any:
        """Marks as read, which must succeed; the answer."""
        answer = self.http.post("/api/notifications/read-all", scope or None)
        assert answer.status == 200, (answer.status, answer.text)
        return answer.json

    # -- what they see

    def page(self, **query: Any) -> Any:
        answer = self.http.get("/api/notifications", **query)
        assert answer.status == 200, (answer.status, answer.text)
        return answer.json

    def titles(self, **query: Any) -> list[str]:
        """Titles of one page, newest first."""
        return [item["title"] for item in self.page(**query)["notifications"]]

    def item(self, id_: str) -> Any:
        answer = self.http.get(f"/api/notifications/{id_}")
        assert answer.status == 200, (answer.status, answer.text)
        return answer.json

    def inbox(self) -> list[dict[str, Any]]:
        """All of it, newest first."""
        return inbox(self.http)

    def unread(self) -> dict[str, int]:
        """The counts by type, only those that are not zero."""
        answer = self.http.get("/api/notifications/unread")
        assert answer.status == 200, (answer.status, answer.text)
        told = answer.json
        assert list(told["types"]) == list(TYPES)
        assert told["total"] == sum(told["types"].values())
        return {name: count for name, count in told["types"].items() if count}

    def changes(self, **query: Any) -> Any:
        answer = self.http.get("/api/changes", **query)
        assert answer.status == 200, (answer.status, answer.text)
        assert list(answer.json) == ["changes", "position", "more"]
        return answer.json

    def now(self) -> str:
        """The position of now."""
        return str(self.changes()["position"])

    # -- their screens

    def websocket(self, **options: Any) -> WebSocket:
        return WebSocket(self.server.url, **{"key": self.key, "subprotocol": V1, **options})

    def sse(self, **options: Any) -> Sse:
        return Sse(self.server.url, key=self.key, **options)

    def lines(self, **options: Any) -> Ndjson:
        return Ndjson(self.server.url, key=self.key, **{"params": {"protocol": V1}, **options})


def sent(server: Server, title: str, **fields: Any) -> str:
    """Sent by a superuser's service, to everyone where nobody is named; the id."""
    answer = server.service().send(title, **fields)
    assert answer.status == 200, answer.text
    return str(answer.json["notificationId"])


def number(position: str) -> int:
    """The number in a position."""
    return int(position.rpartition("-")[2])


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether something comes to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
