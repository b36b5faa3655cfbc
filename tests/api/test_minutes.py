"""The ring of minutes, with a clock that a test holds."""

from __future__ import annotations

import pytest

from tocsin.api.minutes import KEPT, Counts, Minutes

START = 1_800_000_000_000 // 600_000 * 600_000


class Node:
    """A clock and counts that a test sets."""

    def __init__(self) -> None:
        self.at = START
        self.counts = Counts(0, 0, 0)

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1000

    def sends(self, count: int, streams: int = 0) -> None:
        self.counts = Counts(self.counts.sends + count, self.counts.deliveries + 2 * count, streams)


@pytest.fixture
def node() -> Node:
    return Node()


def test_each_minute_has_what_happened_in_it(node: Node) -> None:
    node.counts = Counts(1_000, 1_000, 1)
    minutes = Minutes(node, lambda: node.counts)
    for count in (3, 0, 5):
        node.sends(count, streams=count)
        minutes.look()
        node.at += 60_000
        minutes.look()
    last = minutes.last(60, 1)
    assert [(one.at, one.sends, one.deliveries) for one in last] == [
        (START, 3, 6), (START + 60_000, 0, 0), (START + 120_000, 5, 10), (START + 180_000, 0, 0),
    ]  # fmt: skip
    assert [one.streams for one in last] == [3, 3, 5, 5], "most that were open at any look"
    assert [one.sends for one in minutes.last(2, 1)] == [5, 0]


def test_ten_minutes_go_together(node: Node) -> None:
    minutes = Minutes(node, lambda: node.counts)
    for count in range(25):
        node.sends(count)
        minutes.answered(200, 0.001)
        minutes.answered(503, 9.0)
        node.at += 60_000
        minutes.look()
    assert [one.sends for one in minutes.last(24 * 60, 10)] == [sum(range(10)), sum(range(10, 20)), sum(range(20, 25))]
    assert [one.refusals for one in minutes.last(24 * 60, 10)] == [10, 10, 5]


def test_a_day_is_kept_and_no_more(node: Node) -> None:
    minutes = Minutes(node, lambda: node.counts)
    for _ in range(KEPT + 100):
        node.sends(1)
        node.at += 60_000
        minutes.look()
    assert len(minutes.last(10 * KEPT, 1)) == KEPT + 1
    assert sum(one.sends for one in minutes.last(KEPT, 1)) == KEPT - 1


def test_quantiles_are_right_to_a_fifth(node: Node) -> None:
    minutes = Minutes(node, lambda: node.counts)
    assert minutes.last(60, 1)[0].quantile(0.5) is None
    for at in range(1, 101):
        minutes.answered(200, at / 1000)
    span = minutes.last(60, 1)[0]
    for share, milliseconds in ((0.5, 50), (0.99, 99), (1.0, 100)):
        found = span.quantile(share)
        assert found is not None
        assert milliseconds <= found <= milliseconds * 1.2
    minutes.answered(200, 0.0)
    assert minutes.last(60, 1)[0].quantile(0.001) == pytest.approx(0.001, abs=0.001)


def test_a_clock_that_is_set_back_loses_nothing(node: Node) -> None:
    minutes = Minutes(node, lambda: node.counts)
    node.at += 120_000
    node.sends(1)
    minutes.look()
    node.at -= 90_000
    node.sends(1)
    assert sum(one.sends for one in minutes.last(60, 1)) == 2
