"""A broker that dies costs latency and nothing else (F09)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from faults.load import Publishers
from harness.patience import SLACK
from harness.redis import Redis
from nodes.judging import followers, judge, lag, refused_of
from nodes.three import Nodes

pytestmark = pytest.mark.fault

AWAY, BACK = 5.0, 2.0
"""Seconds: how late somebody may see what is sent while the broker is away, and after it is back."""


@pytest.fixture
def redis() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.remove()


def test_a_redis_that_is_killed_again_and_again_costs_no_send_and_no_notification(
    redis: Redis, start_nodes: Callable[..., Nodes], soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = start_nodes(broker=redis.url)
    away, back = [], []
    with followers(nodes) as following:
        publishers = Publishers(nodes.clients(), threads=6, pause=0.02 if soak else 0.1)
        try:
            for round_ in range(30 if soak else 2):
                redis.kill()
                away.append(lag(nodes, following, by=round_ % 3))
                time.sleep(0.5)
                redis.start()
                wait_for_broker(nodes)
                back.append(lag(nodes, following, by=round_ % 3))
        finally:
            publishers.stop()
        judge(nodes, publishers, following)
    assert refused_of(publishers) <= (0 if soak else 0.1), publishers.statuses
    assert not publishers.cut_off
    with capsys.disabled():
        print(f"\n  Redis killed {len(away)} times: {len(publishers.acked)} acknowledged, seen after ", end="")
        print(f"{max(away):.2f} s at worst while it was away, {max(back):.2f} s when it was back")
    assert max(away) <= AWAY * SLACK
    assert max(back) <= BACK * SLACK


def wait_for_broker(nodes: Nodes) -> None:
    ends = time.monotonic() + 10 * SLACK
    while not all(nodes.metric("tocsin_broker_up", n) for n in range(3)):
        assert time.monotonic() < ends, "the broker was not found again"
        time.sleep(0.05)
