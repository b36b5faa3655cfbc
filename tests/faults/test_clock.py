"""A clock that is wrong: order comes from numbers, ids stay unique, and nobody is locked out or expired."""

from __future__ import annotations

import base64
import glob
import json
import time
from collections.abc import Callable, Iterator

import pytest

from faults.load import number
from harness.http import inbox
from harness.server import Server
from harness.websocket import WebSocket

PLACES = ("/usr/lib/*/faketime", "/usr/lib64/faketime", "/usr/lib/faketime")
FOUND = [file for place in PLACES for file in glob.glob(f"{place}/libfaketimeMT.so.1")]
LIBRARY = FOUND[0] if FOUND else None
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime (Debian package `faketime`) is not installed")

DAY = 86_400


def at(offset_seconds: int) -> dict[str, str | None]:
    """The environment of a process whose wall clock is off; its monotonic clock is not."""
    return {
        "LD_PRELOAD": LIBRARY,
        "FAKETIME": f"{offset_seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }


def restart_at(server: Server, offset_seconds: int) -> None:
    server.kill()
    server.env = at(offset_seconds)
    server.start()


def expiry(token: str) -> float:
    part = token.split(".")[1]
    return float(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"])


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server whose clock the tests of this file set, and a token of user123 from the present."""
    server = Server(tmp_path_factory.mktemp("clocked") / "data")
    server.start()
    yield server, server.token("user123")
    server.close()
    server.check_log()


def test_control_the_process_does_see_the_other_time(start_server: Callable[..., Server]) -> None:
    server = start_server(env=at(10 * 365 * DAY))
    assert server.service().send("from the future", userId="user123").status == 200
    year = int(inbox(server.user("user123"))[0]["timestamp"][:4])
    assert year >= time.gmtime().tm_year + 9


def test_order_and_ids_do_not_depend_on_the_clock(start_server: Callable[..., Server], soak: bool) -> None:
    server = start_server()
    token = server.token("user123")
    sent: list[str] = []
    first = None
    offsets = (3_600, -3_600, 10 * 365 * DAY, -5 * 365 * DAY, 17 * 365 * DAY, 0) if soak else (10 * 365 * DAY, -DAY, 0)
    for offset in (0, *offsets):
        if sent:
            restart_at(server, offset)
        for n in range(5):
            answer = server.service().send(f"at {offset}: {n}", userId="user123")
            assert answer.status == 200, answer.text
            sent.append(answer.json["notificationId"])
        if first is None:
            listed = server.http(token=token).get("/api/notifications", limit=5).json["notifications"]
            first = listed[-1]["position"]
    assert len(set(sent)) == len(sent)
    listed = inbox(server.user("user123"))
    assert [row["id"] for row in reversed(listed)] == sent, "a clock that was years ahead made some expire or move"
    numbers = [number(row["position"]) for row in reversed(listed)]
    assert numbers == sorted(set(numbers))
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1", since=first) as ws:
        got = []
        while (message := ws.recv_event("notification", "caught-up", "gap"))["event"] == "notification":
            got.append(message["data"]["id"])
        assert message["event"] == "caught-up"
    assert got == sent[1:]


@pytest.mark.parametrize("offset", [3_600, -3_600])
def test_a_clock_that_jumps_an_hour_signs_nobody_out(clocked: tuple[Server, str], offset: int) -> None:
    server, token = clocked
    restart_at(server, offset)
    assert server.http(token=token).get("/api/auth/me").status == 200
    assert server.http().login("user123")


def test_a_token_ends_at_its_time_give_or_take_a_minute(clocked: tuple[Server, str]) -> None:
    server, token = clocked
    left = int(expiry(token) - time.time())
    restart_at(server, left + 20)
    assert server.http(token=token).get("/api/auth/me").status == 200, "within the minute of leeway"
    restart_at(server, left + 120)
    assert server.http(token=token).get("/api/auth/me").status == 401
    ws = WebSocket(server.url, token=token)
    assert ws.closed_within() == 4401


def test_a_lockout_does_not_outlive_a_clock_that_jumps_back(clocked: tuple[Server, str]) -> None:
    server, _ = clocked
    restart_at(server, 365 * DAY)
    for _ in range(11):
        answer = server.http().post("/api/auth/login", {"username": "user123", "password": "wrong"})
    assert answer.status == 429
    restart_at(server, 0)
    wait = 0
    answer = server.http().post("/api/auth/login", {"username": "user123", "password": "user123"})
    if answer.status == 429:
        wait = int(answer.headers["retry-after"])
    assert wait <= 300
