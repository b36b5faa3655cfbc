"""A broker that dies, or that a node is cut off from, costs latency and nothing else (F09, F11)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faults.load import Damage, Publishers
from harness.patience import SLACK
from harness.postgresql import Cluster
from harness.redis import Redis
from harness.tcp_proxy import TcpProxy
from nodes.judging import Following, followers, judge, lag, lateness, refused_of, wait_until
from nodes.three import Nodes

pytestmark = pytest.mark.fault

AWAY, BACK = 5.0, 2.0
"""Seconds: how late somebody may see what is sent while the broker is out of reach, and after that."""

QUIET = 2
"""The node that takes nothing of the load, as what a node commits itself tells it of what it has missed; its way to the
broker leads through a proxy."""

AWHILE = 1.5
"""Seconds that something is broken in the short form; a node looks at the log once a second."""


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def way(redis: Redis) -> Iterator[TcpProxy]:
    """From one of the nodes to the broker."""
    made = TcpProxy(redis.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def nodes(
    redis: Redis, way: TcpProxy, postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    by_proxy = f"redis://127.0.0.1:{way.port}"
    made = Nodes(tmp_path_factory.mktemp("told"), postgresql, broker=[redis.url, redis.url, by_proxy])
    try:
        yield made.start()
    finally:
        made.close()


@contextmanager
def load(nodes: Nodes, soak: bool) -> Iterator[Publishers]:
    """Sends by a schedule, on all nodes but the quiet one; in the long form 300 a second."""
    turn = itertools.cycle(nodes.all[:QUIET])
    threads, rate = (24, 300) if soak else (4, 25)
    publishers = Publishers(lambda: next(turn).service(), threads=threads, rate=rate)
    try:
        yield publishers
    finally:
        publishers.stop()


def hears(nodes: Nodes, n: int) -> bool:
    return nodes.metric("tocsin_broker_up", n) == 1


def carried(publishers: Publishers, soak: bool) -> str:
    """What became of the sends, in words; none may have failed, and all that were offered were taken."""
    assert refused_of(publishers) <= (0 if soak else 0.1), publishers.statuses
    assert not publishers.cut_off
    rate = len(publishers.acked) / publishers.lasted
    if soak:
        assert rate >= 300 * 0.98, f"{rate:.0f} a second were taken of 300 that were offered"
    return f"{len(publishers.acked)} acknowledged, {rate:.0f} a second"


def test_a_redis_that_is_killed_again_and_again_costs_no_send_and_no_notification(
    redis: Redis, nodes: Nodes, soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    spans: list[tuple[float, float, float]] = []
    with followers(nodes) as following:
        with load(nodes, soak) as publishers:
            for round_ in range(30 if soak else 2):
                killed = time.monotonic()
                redis.kill()
                time.sleep(AWHILE)
                lag(nodes, following, by=round_ % 3)
                redis.start()
                started = time.monotonic()
                lag(nodes, following, by=round_ % 3)
                wait_until(lambda: all(hears(nodes, n) for n in range(3)))
                lag(nodes, following, by=round_ % 3)
                spans.append((killed, started, time.monotonic()))
        judge(nodes, publishers, following)
        away = max(lateness(publishers, following, killed, started) for killed, started, _ in spans)
        back = max(lateness(publishers, following, started, over) for _, started, over in spans)
    told = carried(publishers, soak)
    with capsys.disabled():
        print(f"\n  Redis killed {len(spans)} times: {told}; seen after {away:.2f} s at worst ", end="")
        print(f"while it was away, {back:.2f} s when it was back")
    assert away <= AWAY * SLACK
    assert back <= BACK * SLACK


@pytest.mark.parametrize(
    "swallowed", [pytest.param(True, id="swallowed"), pytest.param(False, id="reset", marks=pytest.mark.soak)]
)
def test_a_node_that_is_cut_off_from_the_broker_goes_on_by_the_log(
    way: TcpProxy, nodes: Nodes, swallowed: bool, soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Either nothing comes through in either direction, or every connection is reset."""
    with followers(nodes) as following:
        read = nodes.metric("tocsin_log_readings", QUIET)
        with load(nodes, soak) as publishers:
            cut_off = time.monotonic()
            way.stand_still() if swallowed else way.refuse()
            try:
                time.sleep(30 if soak else AWHILE)
                tell_all(nodes, following)
                assert not soak or not hears(nodes, QUIET)
            finally:
                way.move()
            healed = time.monotonic()
            tell_all(nodes, following)
            found = wait_until(lambda: hears(nodes, QUIET))
            tell_all(nodes, following)
        over = time.monotonic()
        judge(nodes, publishers, following)
        away = lateness(publishers, following, cut_off, healed)
        back = lateness(publishers, following, healed, over)
        assert nodes.metric("tocsin_log_readings", QUIET) > read
    told = carried(publishers, soak)
    with capsys.disabled():
        print(f"\n  cut off for {healed - cut_off:.0f} s: {told}; seen after {away:.2f} s at worst meanwhile, ", end="")
        print(f"{back:.2f} s afterwards; the broker was found again after {found:.1f} s")
    assert away <= AWAY * SLACK
    assert back <= BACK * SLACK


def tell_all(nodes: Nodes, following: Following) -> None:
    """Something is sent on each node, one after the other, and everybody gets it."""
    for n in range(len(nodes.all)):
        lag(nodes, following, by=n)


# ------------------------------------------------------------ controls


@pytest.fixture(scope="module")
def careless(
    redis: Redis, way: TcpProxy, postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    """Two nodes that know of the log only what the broker tells."""
    by_proxy = f"redis://127.0.0.1:{way.port}"
    made = Nodes(
        tmp_path_factory.mktemp("careless"),
        postgresql,
        count=2,
        broker=[redis.url, by_proxy],
        weakened="reading,seeing",
    )
    try:
        yield made.start()
    finally:
        made.close()


@pytest.mark.parametrize("what", ["killed", pytest.param("swallowed", marks=pytest.mark.soak)])
def test_control_without_the_log_what_the_broker_does_not_carry_is_lost(
    careless: Nodes, redis: Redis, way: TcpProxy, what: str
) -> None:
    wait_until(lambda: hears(careless, 1))
    with followers(careless, each=1) as following:
        redis.kill() if what == "killed" else way.stand_still()
        publishers = Publishers(careless[0].service, threads=1, rate=20)
        publishers.wait_for(5)
        publishers.stop()
        assert publishers.acked
        if what == "killed":
            redis.start()
        way.move()
        with pytest.raises(Damage):
            judge(careless, publishers, following, seconds=2.0)
        with pytest.raises(Damage):
            lateness(publishers, following, 0.0, time.monotonic())
