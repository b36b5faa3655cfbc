"""Clients that are gone before it is known who they are leave nothing behind."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attacks.raw import connect, head, reset
from harness.http_stream import Ndjson, Refused, Sse
from harness.patience import PATIENCE
from harness.server import Server


def opened(kind: Any, server: Server) -> Any:
    """A stream, as soon as the server has seen that the last of them has left."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return kind(server.url, token=server.token("user123"))
        except Refused as refusal:
            if refusal.status != 429 or time.monotonic() > ends:
                raise
            time.sleep(0.1)


def test_who_leaves_while_it_is_looked_up_who_it_is_keeps_no_place(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LIMITS__STREAMS_PER_ADDRESS": "10"})
    admin = server.user("admin")

    def new_key(number: int) -> str:
        # Known to no cache, so that it has to be waited for.
        return str(admin.post("/api/keys", {"name": f"k{number}", "userId": "user123"}).json["key"])

    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(new_key, range(240)))
    chance = random.Random(1)
    for number, key in enumerate(keys):
        form = "text/event-stream" if number % 2 else "application/x-ndjson"
        with connect(server) as connection:
            connection.sendall(head("/notifications", f"Accept: {form}", f"X-API-Key: {key}"))
            time.sleep(chance.uniform(0.0001, 0.0012))
            reset(connection)
    streams = [opened(kind, server) for kind in (Sse, Ndjson) for _ in range(5)]
    assert server.service().send("to all of them", userId="user123").json["recipientCount"] == 10
    for stream in streams:
        stream.close()
