"""One node after the other is restarted under a crowd (F14)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import cast

import pytest

from faults.crowd import Crowd
from harness.balancer import Balancer
from harness.http import DEV_KEY, Http
from harness.server import Server
from nodes.three import Nodes

pytestmark = [pytest.mark.fault, pytest.mark.soak]


def test_two_thousand_readers_are_led_from_node_to_node_a_few_at_a_time(
    start_nodes: Callable[..., Nodes], capsys: pytest.CaptureFixture[str]
) -> None:
    """At 300 sends a second: none fails, closes are spread over ten seconds, and every reader is whole."""
    nodes = start_nodes(env={"TOCSIN_DRAIN_SECONDS": "10"})
    balancer = Balancer([node.port for node in nodes.all])
    balancer.take_all()
    behind = Behind(balancer.port)
    try:
        with Crowd(cast(Server, behind), users=200, each=10) as crowd:
            crowd.come(over=10)
            crowd.all_in(60)
            load = crowd.load(rate=300, broadcasts=1)
            ended = []
            for node in nodes.all:
                open_here = nodes.metric("tocsin_streams", nodes.all.index(node))
                node.signal(signal.SIGTERM)
                began, closed = time.monotonic(), []
                while node.running:
                    closed.append(crowd.findings.closes[1012])
                    time.sleep(max(0.0, began + len(closed) * 0.5 - time.monotonic()))
                ended.append(time.monotonic() - began)
                assert node.wait_exit() == 0
                # No more in a second than three times their even share.
                worst = max(late - early for early, late in zip(closed, closed[2:], strict=False))
                assert worst <= 3 * open_here / 10, f"{worst} of {open_here} closed within a second"
                node.start(within=120)
                time.sleep(1.0)
            crowd.stop(load)
            crowd.settle(60)
            sent, closes = sum(load.statuses.values()), dict(crowd.findings.closes)
    finally:
        balancer.close()
    with capsys.disabled():
        print(f"\n  {sent} sends, closes {closes}; nodes ended after {', '.join(f'{took:.1f}' for took in ended)} s")
    assert max(ended) <= 30
    assert set(load.statuses) == {200}
    assert not load.cut_off
    assert set(closes) == {1012}


class Behind:
    """What a crowd asks of a server, of what is behind a balancer."""

    def __init__(self, port: int) -> None:
        self.port = port

    def service(self) -> Http:
        return Http(f"http://127.0.0.1:{self.port}", key=DEV_KEY)
