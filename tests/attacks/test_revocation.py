"""A credential that is taken away while streams are being opened with it ends them, too."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.raw import connect, head, upgrade
from harness.patience import PATIENCE
from harness.server import Server

LATE = 0.15
"""Seconds that the store's word about a key, and then about its user, is under way."""


def so_far(stream: socket.socket) -> bytes:
    """What has come, without waiting for more."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while select.select([stream], [], [], 0)[0] and (part := stream.recv(65_536)):
            received += part
    return received


@pytest.fixture
def late_server(start_server: Callable[..., Server]) -> Server:
    path = os.pathsep.join([str(Path(__file__).parent / "late"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return start_server(env={"PYTHONPATH": path, "LATE_SECONDS": str(LATE)})


@pytest.mark.parametrize("taken", ["key", "user"])
def test_a_stream_on_its_way_in_ends_when_its_credential_is_taken_away(late_server: Server, taken: str) -> None:
    """A look at its key, or at its user, was taken before; it comes in after what every open stream was told."""
    service = late_server.service()
    with contextlib.ExitStack() as stack:
        opened = []
        for user, wait in [("at-its-key", 0.4 * LATE), ("at-its-user", 1.4 * LATE)]:
            assert service.put(f"/api/users/{user}", {"permissions": ["notifications"]}).status in (200, 201)
            key = service.post("/api/keys", {"userId": user, "name": "k"}).json
            field = f"X-API-Key: {key['key']}"
            for ask in (upgrade("/notifications", field), head("/notifications", "Accept: text/event-stream", field)):
                stream = stack.enter_context(connect(late_server))
                opened.append(stream)
                stream.sendall(ask)
            time.sleep(wait)
            if taken == "key":
                assert service.delete(f"/api/keys/{key['id']}").status == 204
            else:
                gone = service.put(f"/api/users/{user}", {"permissions": [], "disabled": True})
                assert gone.status == 200, gone.text
            assert late_server.http(key=key["key"]).get("/api/auth/me").status == 401

        time.sleep(4 * LATE)
        title = f"after {uuid.uuid4()}"
        assert service.send(title).status == 200
        time.sleep(0.2)
        for stream in opened:
            assert select.select([stream], [], [], PATIENCE)[0], "neither refused nor closed"
            assert title.encode() not in so_far(stream), "a stream of a credential that is gone was served"


def test_control_the_late_store_opens_streams(late_server: Server) -> None:
    service = late_server.service()
    key = service.post("/api/keys", {"userId": "user123", "name": "k"}).json
    with connect(late_server) as stream:
        began = time.monotonic()
        stream.sendall(head("/notifications", "Accept: text/event-stream", f"X-API-Key: {key['key']}"))
        assert stream.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - began >= LATE
        title = f"to all {uuid.uuid4()}"
        assert service.send(title).status == 200
        received = b""
        while title.encode() not in received:
            received += stream.recv(65_536)
