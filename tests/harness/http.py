"""One HTTP request, one answer.

    answer = Http(url, key=DEV_KEY).post("/api/notifications/send", {"title": "t", "message": "m"})
    assert answer.status == 200 and answer.json["success"]
    Http(url).login("user123")                                     # a JWT
    Http(url, token=jwt).get("/api/notifications", limit=5)         # keywords are the query
    Http(url, cookie=Http(url).sign_in("user123"))                  # as a page of the server's own
    Http(url).request("POST", "/path", body=b"raw", headers={"Content-Type": "text/plain"})

Each request opens a connection of its own, so nothing is ever sent twice by a silent retry;
`Http(url, keep=True)` keeps one open (one thread only). `inbox(client)` reads all pages.
`exchange(port, b"…")` writes raw bytes and returns all bytes that came back until the peer closed.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from harness.patience import PATIENCE

DEV_KEY = "dev-api-key-12345"
DEV_APP, DEV_APP_SECRET = "demo-app", "demo-app-secret"
SEND = "/api/notifications/send"


@dataclass(frozen=True)
class Answer:
    """The answer to one request; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Http:
    """A client of one server with one credential."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        token: str | None = None,
        cookie: str | None = None,
        keep: bool = False,
        timeout: float = PATIENCE,
    ) -> None:
        parts = urlsplit(url)
        self.url, self.host, self.port = url, parts.hostname or "127.0.0.1", parts.port or 80
        self.key, self.token, self.cookie, self.keep, self.timeout = key, token, cookie, keep, timeout
        self._connection: http.client.HTTPConnection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send one request; an iterable body goes out chunked."""
        sent = {"X-API-Key": self.key} if self.key else {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            # As a browser does from a page of the server's own.
            sent |= {"Cookie": self.cookie, "Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        if json is not None:
            body = _encode(json)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
        connection = self._connection or http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        self._connection = None
        try:
            connection.request(method, path, body=body, headers=sent)
            reply = connection.getresponse()
            answer = Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        except BaseException:
            connection.close()
            raise
        if self.keep and not reply.will_close:
            self._connection = connection
        else:
            connection.close()
        return answer

    def get(self, path: str, **query: Any) -> Answer:
        return self.request("GET", path, query=query)

    def post(self, path: str, json: Any = None, **headers: str) -> Answer:
        """POST JSON; keywords are headers, `Idempotency_Key="k"` for `Idempotency-Key: k`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, json=json, headers=named)

    def put(self, path: str, json: Any = None) -> Answer:
        return self.request("PUT", path, json=json)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", path)

    def send(self, title: str = "title", message: str = "message", **fields: Any) -> Answer:
        """Send a notification by the documented route."""
        return self.post(SEND, {"title": title, "message": message, **fields})

    def send_from_app(self, uid: str, message: str, *, app: str = DEV_APP, secret: str = DEV_APP_SECRET) -> Answer:
        """Send by the documented app route."""
        return self.request(
            "POST",
            f"/v2/integrations/{app}/notification",
            query={"uid": uid, "message": message},
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
        )

    def login(self, username: str, password: str | None = None) -> str:
        """Sign in and return the JWT; the people of `--dev` have their name as password."""
        answer = self.post(
            "/api/auth/login", {"username": username, "password": username if password is None else password}
        )
        assert answer.status == 200, (answer.status, answer.text)
        return str(answer.json["token"])

    def sign_in(self, username: str, password: str | None = None) -> str:
        """Sign in with a browser's session and return the cookie, `name=value`."""
        body = {"username": username, "password": username if password is None else password}
        answer = self.post("/api/session", body)
        assert answer.status == 201, (answer.status, answer.text)
        return answer.headers["set-cookie"].partition(";")[0]

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def inbox(client: Http, *, limit: int = 200, patience: float = 0.0) -> list[dict[str, Any]]:
    """All notifications of the signed-in user, newest first, read page by page.

    Args:
        patience: for how many seconds a page is asked for again that is answered 503.
    """
    ends = time.monotonic() + patience
    found: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        query: dict[str, Any] = {"limit": limit} | ({"before": before} if before else {})
        while (answer := client.get("/api/notifications", **query)).status == 503 and time.monotonic() < ends:
            time.sleep(0.1)
        assert answer.status == 200, (answer.status, answer.text)
        found += answer.json["notifications"]
        before = answer.json["next"]
        if before is None:
            return found


def exchange(port: int, request: bytes, *, timeout: float = PATIENCE) -> bytes:
    """Write raw bytes and return all that came back until the server closed or `timeout` seconds passed."""
    received = bytearray()
    deadline = time.monotonic() + timeout
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            connection.sendall(request)
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                part = connection.recv(65_536)
                if not part:
                    break
                received += part
        except (TimeoutError, ConnectionError):
            pass
    return bytes(received)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
