"""Sends to a server that may refuse, or be gone."""

from __future__ import annotations

import time
from http.client import HTTPException

from harness.http import Answer
from harness.patience import SLACK
from harness.server import Server


def try_send(server: Server, title: str = "title", **fields: str) -> Answer | None:
    """Send once; None when the server cut the connection or is gone."""
    try:
        return server.service().send(title, **fields)
    except (OSError, HTTPException):
        return None


def eventually_sends(server: Server, seconds: float = 5.0 * SLACK) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = try_send(server, "again")
        if answer is not None and answer.status == 200:
            return True
        time.sleep(0.1)
    return False
