"""One node after the other is restarted under a crowd (F14)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from faults.crowd import Crowd
from harness.balancer import Balancer
from harness.http import DEV_KEY, Http
from harness.server import Server
from nodes.three import Nodes

pytestmark = pytest.mark.fault


@pytest.mark.soak
def test_two_thousand_readers_are_led_from_node_to_node_a_few_at_a_time(
    start_nodes: Callable[..., Nodes], capsys: pytest.CaptureFixture[str]
) -> None:
    """At 300 sends a second: none fails, closes are spread over ten seconds, and every reader is whole."""
    nodes = start_nodes(env={"TOCSIN_DRAIN_SECONDS": "10"})
    led = led_around(nodes, nodes.all, users=200, each=10, rate=300, drain=10)
    ended = ", ".join(f"{took:.1f}" for took in led.ended)
    with capsys.disabled():
        print(f"\n  {sum(led.statuses.values())} sends, closes {led.closes}; nodes ended after {ended} s")
    judge(led)


@pytest.mark.parametrize(
    ("rule", "found"), [("draining", "ended otherwise than by 1012"), ("spreading", "closed within a second")]
)
def test_control_readers_that_are_not_led_from_node_to_node_are_seen(
    rule: str, found: str, start_nodes: Callable[..., Nodes]
) -> None:
    nodes = start_nodes(count=2, weakened=rule, env={"TOCSIN_DRAIN_SECONDS": "4"})
    led = led_around(nodes, nodes.all[:1], users=10, each=4, rate=50, drain=4)
    for node in nodes.all:
        node.kill()  # it would take its time once more
    with pytest.raises(AssertionError, match=found):
        judge(led)


@dataclass
class Led:
    """What was seen while one node after the other was restarted.

    Attributes:
        shares: of each node, what part of its streams was closed in the second with most closes, at an even pace 1.0.
        ended: after how many seconds each node did.
        statuses, cut_off: answers to sends, and sends without one.
        closes: how streams ended.
    """

    shares: list[float]
    ended: list[float]
    statuses: dict[int, int]
    cut_off: int
    closes: dict[int | None, int]


def led_around(nodes: Nodes, restarted: Sequence[Server], *, users: int, each: int, rate: float, drain: float) -> Led:
    """Restart one of those nodes after the other under readers and sends; in the end every reader is whole."""
    balancer = Balancer([node.port for node in nodes.all])
    balancer.take_all()
    behind = Behind(balancer.port)
    shares, ended = [], []
    try:
        with Crowd(cast(Server, behind), users=users, each=each) as crowd:
            crowd.come(over=users * each / 200)
            crowd.all_in(60)
            load = crowd.load(rate=rate, broadcasts=1)
            for node in restarted:
                open_here = nodes.metric("tocsin_streams", nodes.all.index(node))
                node.signal(signal.SIGTERM)
                began, closed = time.monotonic(), []
                while node.running:
                    closed.append(crowd.findings.closes[1012])
                    time.sleep(max(0.0, began + len(closed) * 0.5 - time.monotonic()))
                ended.append(time.monotonic() - began)
                assert node.wait_exit() == 0
                worst = max((late - early for early, late in zip(closed, closed[2:], strict=False)), default=0)
                shares.append(worst / (open_here / drain))
                node.start(within=120)
                time.sleep(1.0)
            crowd.stop(load)
            crowd.settle(60)
            return Led(shares, ended, dict(load.statuses), load.cut_off, dict(crowd.findings.closes))
    finally:
        balancer.close()


def judge(led: Led) -> None:
    assert max(led.shares) <= 3, f"up to {max(led.shares):.1f} times an even share was closed within a second"
    assert max(led.ended) <= 30
    assert set(led.closes) == {1012}, f"streams ended otherwise than by 1012: {led.closes}"
    assert set(led.statuses) == {200}
    assert not led.cut_off


class Behind:
    """What a crowd asks of a server, of what is behind a balancer."""

    def __init__(self, port: int) -> None:
        self.port = port

    def service(self) -> Http:
        return Http(f"http://127.0.0.1:{self.port}", key=DEV_KEY)
