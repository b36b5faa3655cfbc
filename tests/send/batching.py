"""Sending many at once, and looking into the store for what was kept."""

import json
from typing import Any

from harness.http import Answer, Http
from harness.server import Server

BATCH = "/api/notifications/batch"
LINES = "application/x-ndjson"


def items(count: int, title: str, **more: Any) -> list[dict[str, Any]]:
    """So many notifications, numbered from 0 in their message."""
    return [{"title": title, "message": str(n), "userId": "user123", **more} for n in range(count)]


def post_batch(
    server: Server,
    body: Any,
    *,
    client: Http | None = None,
    key: str | None = None,
    kind: str = "application/json",
    whole: str | None = None,
) -> Answer:
    """POST a batch, bytes as they are and everything else as JSON; by a superuser service unless a client is given."""
    headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key is not None else {})
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    query = {} if whole is None else {"whole": whole}
    return (client or server.service()).request("POST", BATCH, body=content, headers=headers, query=query)


def results(answer: Answer, status: int = 200) -> list[dict[str, Any]]:
    """The results of a batch, each with the members of its kind and no others."""
    assert answer.status == status, (answer.status, answer.text[:500])
    found: list[dict[str, Any]] = answer.json["results"]
    for result in found:
        kept = {"success", "notificationId", "recipientCount"}
        assert set(result) == (kept if result["success"] else {"success", "status", "error"})
    return found


def kept(server: Server, title: str) -> list[tuple[str, str]]:
    """Id and message of all that the store holds under a title, in the order of their numbers."""
    query = "SELECT id, body ->> '$.message' FROM notifications WHERE body ->> '$.title' = ? ORDER BY first"
    return _rows(server, query, title)


def among(server: Server, title: str, other: str) -> int:
    """How many under the other title have a number between the first and the last under this one."""
    query = """WITH large AS (SELECT min(first) a, max(first) z FROM notifications WHERE body ->> '$.title' = ?)
        SELECT count(*) FROM notifications, large WHERE body ->> '$.title' = ? AND first BETWEEN a AND z"""
    [(count,)] = _rows(server, query, title, other)
    return int(count)


def _rows(server: Server, query: str, *values: str) -> list[Any]:
    return server.rows(query, *values)
