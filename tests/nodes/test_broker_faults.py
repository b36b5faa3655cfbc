"""A broker that dies, loses, doubles and reorders costs latency and nothing else (F09, F10)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from faults.load import Damage, Publishers
from harness.postgresql import Cluster
from harness.postgresql_proxy import PostgresqlProxy
from harness.redis import Redis
from nodes.judging import SLACK, followers, judge, lag, refused_of
from nodes.three import Nodes

pytestmark = pytest.mark.fault

AWAY, BACK = 5.0, 2.0
"""Seconds: how late somebody may see what is sent while the broker is away, and after it is back."""


@pytest.fixture
def redis() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.remove()


@pytest.fixture
def proxy(postgresql: Cluster) -> Iterator[PostgresqlProxy]:
    made = PostgresqlProxy(postgresql.port)
    yield made
    made.close()


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
    assert refused_of(publishers) <= (0 if soak else 0.02), publishers.statuses
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


def test_announcements_that_are_lost_doubled_and_reordered_are_healed_by_the_log(
    proxy: PostgresqlProxy, start_nodes: Callable[..., Nodes], soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = start_nodes(ports=[proxy.port])
    share = 0.05 if soak else 0.15
    late = []
    with followers(nodes) as following:
        proxy.lose = proxy.double = proxy.swap = share
        publishers = Publishers(nodes.clients(), threads=6, pause=0.02 if soak else 0.05)
        try:
            ends = time.monotonic() + (60 if soak else 4)
            while time.monotonic() < ends:
                late.append(lag(nodes, following, by=len(late) % 3))
        finally:
            publishers.stop()
        proxy.lose = 1.0
        late.append(lag(nodes, following))
        judge(nodes, publishers, following)
    assert refused_of(publishers) <= (0 if soak else 0.02), publishers.statuses
    assert proxy.touched >= 10
    with capsys.disabled():
        print(f"\n  {proxy.touched} announcements lost, doubled or reordered; seen after {max(late):.2f} s at worst")
    assert max(late) <= 2.0 * SLACK


def test_control_a_node_that_never_reads_the_log_loses_what_is_not_announced(
    proxy: PostgresqlProxy, start_nodes: Callable[..., Nodes]
) -> None:
    nodes = start_nodes(ports=[proxy.port], count=2, weakened="reading")
    with followers(nodes, each=1) as following:
        proxy.lose = 1.0
        publishers = Publishers(nodes.clients(), threads=2, pause=0.1)
        time.sleep(1.0)
        publishers.stop()
        proxy.lose = 0.0
        with pytest.raises(Damage):
            judge(nodes, publishers, following, seconds=2.5)
