"""What `/metrics` tells; read off the parts when asked, so that counting costs the path nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

Reading = Callable[[], float]


class Figures(Collector):
    """The program's own figures.

    Parameters:
        counters, gauges: name and sentence of each, and how it is read.
        others: what has labels or buckets.
    """

    def __init__(
        self,
        counters: dict[tuple[str, str], Reading],
        gauges: dict[tuple[str, str], Reading],
        others: Callable[[], Iterable[Metric]] = tuple,
    ) -> None:
        self._counters = counters
        self._gauges = gauges
        self._others = others

    def collect(self) -> Iterable[Metric]:
        for (name, says), read in self._counters.items():
            yield CounterMetricFamily(name, says, value=read())
        for (name, says), read in self._gauges.items():
            yield GaugeMetricFamily(name, says, value=read())
        yield from self._others()


def of_sends(
    statuses: Mapping[int, int], steps: Mapping[int, int], to_a_doubling: int, spent: float
) -> Iterable[Metric]:
    """How requests to send were answered, and how soon those that were taken.

    Parameters:
        statuses: how many by status.
        steps: how many took up to the upper end of which step, the first of which begins at a microsecond.
        to_a_doubling: steps.
        spent: seconds that they took together.
    """
    answered = CounterMetricFamily(
        "tocsin_send_requests", "Requests to send, a batch being one, by the status of the answer.", labels=["status"]
    )
    for status in sorted({200, *statuses}):
        answered.add_metric([str(status)], statuses.get(status, 0))
    yield answered
    buckets = [
        (repr(2**doubling / 1e6), sum(count for step, count in steps.items() if step < doubling * to_a_doubling))
        for doubling in _BUCKETS
    ]
    yield HistogramMetricFamily(
        "tocsin_send_seconds",
        "How long requests to send took that were taken.",
        buckets=[*buckets, ("+Inf", sum(steps.values()))],
        sum_value=spent,
    )


_BUCKETS = range(8, 24)
"""Powers of two in microseconds: from a quarter of a millisecond to eight seconds."""


def of_version(version: str) -> Metric:
    """Which version runs."""
    return InfoMetricFamily("tocsin_build", "The version that runs.", value={"version": version})


def exposition(figures: Figures) -> Callable[[], bytes]:
    """A function that gives the text of `/metrics`."""
    registry = CollectorRegistry()
    registry.register(figures)
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
