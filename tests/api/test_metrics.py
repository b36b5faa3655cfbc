"""`/metrics`: what an operator is woken by is there, counts, and is written down."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.http import SEND, Http
from harness.server import NODES, Server

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def figures(server: Server) -> dict[str, float]:
    """Each with its labels, of all nodes together."""
    found: dict[str, float] = {}
    for url in server.urls:
        for name, value in re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", Http(url).get("/metrics").text, re.MULTILINE):
            found[name] = found.get(name, 0.0) + float(value)
    return found


def test_sends_are_counted_by_how_they_were_answered(start_server: Callable[..., Server]) -> None:
    server = start_server()
    before = figures(server)
    for _ in range(3):
        assert server.service().send("t").status == 200
    assert server.service().post("/api/notifications/batch", [{"title": "t", "message": "m"}] * 5).status == 200
    assert server.http().post(SEND, {"title": "t", "message": "m"}).status == 401
    assert server.service().post(SEND, {"title": ""}).status == 422
    assert server.http().post("/api/auth/login", {"username": "user123", "password": "wrong"}).status == 401

    after = figures(server)
    grown = {name: int(value - before.get(name, 0.0)) for name, value in after.items()}
    counted = {status: grown.get(f'tocsin_send_requests_total{{status="{status}"}}') for status in (200, 401, 422)}
    assert counted == {200: 4, 401: 1, 422: 1}
    assert grown["tocsin_send_seconds_count"] == 4
    assert grown['tocsin_send_seconds_bucket{le="+Inf"}'] == 4
    buckets = [value for name, value in after.items() if name.startswith("tocsin_send_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert 0 < after["tocsin_send_seconds_sum"] - before.get("tocsin_send_seconds_sum", 0.0) < 60
    assert grown["tocsin_notifications_total"] == 8 * NODES
    assert grown["tocsin_failed_sign_ins_total"] == 1


def test_every_figure_is_written_down_and_every_one_that_is_written_down_is_there(dev: Server) -> None:
    told = Http(dev.urls[0]).get("/metrics").text
    there = set(re.findall(r"^# TYPE (tocsin_\w+) ", told, re.MULTILINE))
    alone, _, among = PAGE.read_text().partition("With PostgreSQL also:")
    written = {*re.findall(r"^\| .*?`(tocsin_\w+)", alone, re.MULTILINE), *re.findall(r", `(tocsin_\w+)`", alone)}
    if os.environ.get("TOCSIN_TEST_STORE") == "postgresql":
        written |= set(re.findall(r"^\| `(tocsin_\w+)", among.partition("## What to be")[0], re.MULTILINE))
    assert there == written
