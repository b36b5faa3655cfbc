"""Whether something grows: samples over time, and their slope with its spread."""

from __future__ import annotations

import itertools
import re
import threading
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from statistics import fmean

from harness.patience import PATIENCE
from harness.server import Server

MIB = 1 << 20


@dataclass(frozen=True)
class Slope:
    """How fast something grows, in its unit an hour, give or take two `spread`."""

    per_hour: float
    spread: float

    def surely_above(self, per_hour: float) -> bool:
        """Whether it grows faster than that, more than the scatter of its samples explains."""
        return self.per_hour - 2 * self.spread > per_hour


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """The least-squares line through samples.

    Neighbouring samples of a process's memory are nearly the same: the spread counts only as many of them as are
    worth a sample of their own (from the autocorrelation of what the line leaves over: Santer et al. 2000, eq. 4-6).

    Args:
        times: in seconds, at even distances.
    """
    middle, mean = fmean(times), fmean(values)
    wide = sum((t - middle) ** 2 for t in times)
    steep = sum((t - middle) * (v - mean) for t, v in zip(times, values, strict=True)) / wide
    rest = [v - mean - steep * (t - middle) for t, v in zip(times, values, strict=True)]
    total = sum(r * r for r in rest)
    if total == 0:
        return Slope(steep * 3600, 0.0)
    alike = max(0.0, sum(a * b for a, b in itertools.pairwise(rest)) / total)
    worth = max(3.0, len(rest) * (1 - alike) / (1 + alike))
    return Slope(steep * 3600, sqrt(total / (worth - 2) / wide) * 3600)


@dataclass
class Watch:
    """Looks at a server every few seconds, in a thread of its own, until `stop`.

    Attributes:
        at: seconds since the beginning, of each sample.
        rss: resident memory in bytes.
        descriptors: those that are no open stream.
        threads: of the process.
        tasks: of its event loop, where it tells.
    """

    server: Server
    every: float = 5.0
    at: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(self.every):
            figures = metrics(self.server)
            self.rss.append(self.server.rss())
            self.descriptors.append(self.server.descriptors() - int(figures["tocsin_streams"]))
            self.threads.append(threads(self.server))
            if "tocsin_tasks" in figures:
                self.tasks.append(int(figures["tocsin_tasks"]))
            self.at.append(time.monotonic() - began)


def metrics(server: Server) -> dict[str, float]:
    """The figures without labels of a `--dev` server's `/metrics`."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


def wait_for_streams(server: Server, count: int, within: float = PATIENCE) -> None:
    """Wait until the server has exactly so many streams open."""
    deadline = time.monotonic() + within
    while (found := int(metrics(server)["tocsin_streams"])) != count:
        assert time.monotonic() < deadline, f"{found} streams are open"
        time.sleep(0.05)


def threads(server: Server) -> int:
    """How many threads the process has (Linux)."""
    found = re.search(r"^Threads:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def percentile(values: Iterable[float], part: float) -> float:
    """The value that so many per cent of them do not exceed; NaN when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part / 100))] if ordered else float("nan")
