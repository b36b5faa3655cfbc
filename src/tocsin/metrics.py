"""What `/metrics` tells; read off the parts when asked, so that counting costs the path nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

Reading = Callable[[], float]


class Figures(Collector):
    """The program's own figures.

    Parameters:
        counters, gauges: name and sentence of each, and how it is read.
    """

    def __init__(self, counters: dict[tuple[str, str], Reading], gauges: dict[tuple[str, str], Reading]) -> None:
        self._counters = counters
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for (name, says), read in self._counters.items():
            yield CounterMetricFamily(name, says, value=read())
        for (name, says), read in self._gauges.items():
            yield GaugeMetricFamily(name, says, value=read())


def exposition(figures: Figures) -> Callable[[], bytes]:
    """A function that gives the text of `/metrics`."""
    registry = CollectorRegistry()
    registry.register(figures)
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
