"""Nodes that are killed, stopped, cut off and restarted one after the other (F11, F14)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from faults.load import Publishers
from harness.balancer import Balancer
from harness.http import DEV_KEY, Http
from harness.http_stream import Refused, Sse
from harness.postgresql import Cluster
from harness.postgresql_proxy import PostgresqlProxy
from nodes.judging import SLACK, followers, judge, lag, refused_of
from nodes.three import Nodes, Roaming

pytestmark = pytest.mark.fault


@pytest.fixture
def proxy(postgresql: Cluster) -> Iterator[PostgresqlProxy]:
    made = PostgresqlProxy(postgresql.port)
    yield made
    made.close()


def test_killed_and_stopped_nodes_lose_and_repeat_nothing_and_the_others_go_on(
    start_nodes: Callable[..., Nodes], soak: bool
) -> None:
    nodes = start_nodes()
    with followers(nodes) as following:
        publishers = Publishers(nodes.clients(), threads=6, pause=0.05)
        try:
            for round_ in range(20 if soak else 2):
                nodes[round_ % 3].kill()
                time.sleep(0.5)
                nodes[round_ % 3].start(within=120)
            os.kill(nodes[2].pid, signal.SIGSTOP)
            time.sleep(30.0 if soak else 3.5)
            os.kill(nodes[2].pid, signal.SIGCONT)
            nodes[2].wait_ready(within=10 * SLACK)
            assert lag(nodes, following) <= 5.0 * SLACK
        finally:
            os.kill(nodes[2].pid, signal.SIGCONT)
            publishers.stop()
        judge(nodes, publishers, following)
    assert set(publishers.statuses) <= {200, 503}, publishers.statuses
    assert len(publishers.acked) > 50


def test_a_node_that_loses_sight_of_the_log_feeds_nobody_takes_nothing_and_finds_back(
    proxy: PostgresqlProxy, start_nodes: Callable[..., Nodes], postgresql: Cluster, soak: bool
) -> None:
    nodes = start_nodes(ports=[postgresql.port, proxy.port], count=2)
    with followers(nodes) as following:
        publishers = Publishers(nodes[0].service, threads=2, pause=0.05)
        try:
            proxy.stand_still()
            blind_after = wait_until(lambda: not nodes[1].ready())
            assert "has not seen the log" in nodes[1].http().get("/readyz").text or blind_after < 2.0
            time.sleep(30.0 if soak else 1.0)
            assert nodes[1].http().get("/healthz").status == 200
            began = time.monotonic()
            assert nodes[1].service().send("t", "m").status == 503
            assert time.monotonic() - began < 3.5 * SLACK
            with pytest.raises(Refused) as refused:
                Sse(nodes[1].url, token=nodes.token("user123"))
            assert refused.value.status == 503
            proxy.move()
            nodes[1].wait_ready(within=10 * SLACK)
        finally:
            proxy.move()
            publishers.stop()
        assert lag(nodes, following) <= 5.0 * SLACK
        judge(nodes, publishers, following)
    assert blind_after <= 5.0 * SLACK


def test_control_a_node_that_does_not_mind_whether_it_sees_the_log_opens_streams_that_stay_behind(
    proxy: PostgresqlProxy, start_nodes: Callable[..., Nodes], postgresql: Cluster
) -> None:
    nodes = start_nodes(ports=[postgresql.port, proxy.port], count=2, weakened="seeing")
    token = nodes.token("user123")
    Http(nodes[1].url, token=token).get("/api/auth/me")
    proxy.stand_still()
    time.sleep(3.0)
    with Sse(nodes[1].url, token=token) as opened:
        assert opened.next(3.0 * SLACK).name == "hello"
    proxy.move()


def wait_until(true: Callable[[], bool], seconds: float = 10.0 * SLACK) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it never came to be"
        time.sleep(0.02)
    return time.monotonic() - began


def rolled(nodes: Nodes, soak: bool) -> tuple[Publishers, list[tuple[str, Roaming]]]:
    """Restart one node after the other behind a balancer, under load, and judge."""
    balancer = Balancer([node.port for node in nodes.all])
    following: list[tuple[str, Roaming]] = []
    try:
        time.sleep(1.0)
        following = [
            (user, Roaming([balancer.url], nodes.token(user), sse=bool(n % 2)))
            for user in ("user123", "user456")
            for n in range(100 if soak else 4)
        ]
        for _, one in following:
            one.wait_started(60)
        publishers = Publishers(lambda: Http(balancer.url, key=DEV_KEY), threads=8, pause=0.05)
        try:
            for node in nodes.all:
                assert node.stop(within=30 * SLACK) == 0
                node.start(within=120)
                time.sleep(1.0)
        finally:
            publishers.stop()
        judge(nodes, publishers, following)
        return publishers, following
    finally:
        for _, one in following:
            one.stop()
        balancer.close()


def test_restarting_one_node_after_the_other_fails_no_send_and_loses_nothing(
    start_nodes: Callable[..., Nodes], soak: bool
) -> None:
    nodes = start_nodes(env={"TOCSIN_DRAIN_SECONDS": "10" if soak else "2"})
    publishers, following = rolled(nodes, soak)
    assert publishers.cut_off == 0
    assert refused_of(publishers) <= (0 if soak else 0.02), publishers.statuses
    assert all(one.resumed >= 1 for _, one in following)


def test_control_nodes_that_stop_at_once_fail_sends(start_nodes: Callable[..., Nodes]) -> None:
    publishers, _ = rolled(start_nodes(count=2, weakened="draining"), soak=False)
    assert publishers.cut_off or set(publishers.statuses) != {200}
