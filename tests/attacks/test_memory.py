"""Nobody, signed in or not, can make the server keep more than a bounded amount for them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from attacks.raw import MIB, at_once, connect, head, private_memory, reset, shares, upgrade
from harness.http import SEND
from harness.server import Server
from harness.websocket import WebSocket
from live.histories import EPOCH, RecordingDoor
from tocsin.live.form import ENVELOPE_LINES
from tocsin.live.stream import State, Stream
from tocsin.notification import Draft, new_id
from tocsin.ports import Page, Span
from tocsin.receipt import Item
from tocsin.store.sqlite.reader import PAGE_BYTES
from tocsin.store.sqlite.store import SqliteStore

QUIET = {"TOCSIN_LOG_REQUESTS": "none"}


def post(server: Server, body: bytes, times: int, **credential: str) -> None:
    """The same notification so many times, from eight connections."""

    def run(turns: range) -> None:
        client = server.http(**credential)
        client.keep = True
        for _ in turns:
            answer = client.request("POST", SEND, body=body, headers={"Content-Type": "application/json"})
            assert answer.status == 200, answer.text

    at_once(*(partial(run, turns) for turns in shares(times, 8)))


@pytest.mark.one_process(reason="memory is a process's own")
def test_a_slow_reader_who_comes_back_to_wide_characters_stays_within_its_budget(
    start_server: Callable[..., Server],
) -> None:
    """What it missed fills its budget; then it reads a little at a time, while much more is sent."""
    server = start_server(env=QUIET)
    token = server.token("user123")
    plain = json.dumps({"title": "t", "message": "x" * 8100}).encode()
    post(server, plain, 2_000, token=token)  # until the store's caches are as large as they get
    with WebSocket(server.url, token=token, subprotocol="tocsin.v1") as first:
        since = first.recv_event("hello")["position"]
    post(server, json.dumps({"title": "t", "message": "🔔" * 2047}).encode(), 57, token=token)

    reader = connect(server, rcvbuf=16_384)
    reader.sendall(upgrade(f"/notifications?since={since}&token={token}"))
    time.sleep(0.5)
    over = threading.Event()
    dripped = 0

    def drip() -> None:
        nonlocal dripped
        reader.setblocking(False)
        while not over.wait(0.25):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                dripped += len(reader.recv(5_000))

    def send() -> None:
        try:
            post(server, plain, 3_000, token=token)
        finally:
            over.set()

    before = private_memory(server)
    at_once(send, drip)

    grown = private_memory(server) - before
    assert dripped > 5_000, "the reader was not reading at all"
    assert grown < 8 * MIB, f"memory grew by {grown / MIB:.0f} MiB while 23 MiB were sent"
    reader.close()


def test_a_page_of_what_is_new_is_bounded_in_bytes_not_in_characters(tmp_path: Path) -> None:
    class Nobody:
        def announce(self, span: Span) -> None:
            pass

    async def page() -> Any:
        store = await SqliteStore.open(tmp_path, Nobody())
        try:
            for n in range(30):
                body = json.dumps({"title": "t", "message": "🔔" * 2047}, ensure_ascii=False).encode()
                await store.append(
                    Draft(
                        id=new_id(1_800_000_000_000 + n),
                        type="info",
                        user_id=None,
                        device_id=None,
                        app_id=None,
                        body=body,
                        sender="user:tests",
                        credential="key:tests",
                        created_at=1_800_000_000_000 + n,
                        quota=None,
                    )
                )
            return await store.changes(None, None, 0, 1_000)
        finally:
            await store.close()

    found = asyncio.run(page())
    assert found.full, "the rest of them is for the next page"
    bodies = [change.notification.body for change in found.changes if isinstance(change, Item)]
    assert len(bodies) > 1
    assert sum(map(len, bodies)) <= PAGE_BYTES


def test_names_of_apps_that_nobody_has_are_not_remembered(start_server: Callable[..., Server]) -> None:
    """Eight kilobytes each, asked for by a stranger."""
    server = start_server(env=QUIET)

    def ask(numbers: range) -> None:
        with connect(server) as connection:
            for n in numbers:
                target = f"/v2/integrations/{n:06}{'a' * 8000}/notification?uid=a&message=b"
                connection.sendall(head(target, "Authorization: Bearer x", "Content-Length: 0", method="POST"))
                answer = b""
                while b"Unauthorized" not in answer:
                    part = connection.recv(65_536)
                    assert part, answer
                    answer += part

    ask(range(1_000_000, 1_000_500))
    before = private_memory(server)
    at_once(*(partial(ask, numbers) for numbers in shares(6_000, 4)))

    grown = private_memory(server) - before
    assert grown < 16 * MIB, f"memory grew by {grown / MIB:.0f} MiB with 46 MiB of names"


def test_requests_sent_ahead_by_clients_that_read_nothing_cost_little(start_server: Callable[..., Server]) -> None:
    """Forty connections write a quarter of a megabyte of requests each; others are answered meanwhile."""
    server = start_server(env=QUIET)
    one = head("/openapi.json")
    assert server.http().get("/openapi.json").status == 200
    before = private_memory(server)
    readers = []
    for _ in range(40):
        connection = connect(server, rcvbuf=4096)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.send(one * (250_000 // len(one)))
        readers.append(connection)
    for _ in range(10):
        time.sleep(0.1)
        assert server.http().get("/healthz").status == 200

    grown = private_memory(server) - before
    assert grown < 64 * MIB, f"memory grew by {grown / MIB:.0f} MiB after 10 MB of requests"
    for connection in readers:
        reset(connection)
    time.sleep(0.5)
    # Those whom nobody waits for any more end without a word: the log is looked through when the test is over.
    assert server.http().get("/healthz").status == 200


def test_a_stream_whose_door_is_paused_stays_with_its_pages() -> None:
    """A paused transport does not tell again that more was written to it: live frames would have no bound."""
    door = RecordingDoor()
    stream = Stream(ENVELOPE_LINES, door)
    stream.open(EPOCH, 1)
    stream.fall_behind()

    for paused, state in [(True, State.CATCHING_UP), (False, State.LIVE)]:
        door.paused = paused
        stream.begin_page()
        stream.take_page(EPOCH, Page([], 1, 1, full=False))
        assert stream.state is state
