"""How long and how often a run measures."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One run's sizes. Each work takes `rounds` rounds and warms up before them; what warms up is thrown away."""

    rounds: int
    seconds: float
    """How long one round loads a server."""
    latency_seconds: float
    """How long one round of latency lasts: a thousandth of its sends must still be several."""
    streams: int
    other_streams: tuple[int, ...]
    """Numbers of streams that a broadcast is also fanned out to, besides `streams`."""
    storm_streams: int
    idle_streams: tuple[int, ...]
    server_core: int
    load_core: int
    large_store_rows: int
    """Rows of the store for the large cold start; 0 leaves it out."""
    stores: Path | None = None
    """Where the stores of inbox-reads are kept for the next run; None throws them away."""

    @property
    def rounds_and_warm_up(self) -> range:
        """Round numbers; round 0 is the warm-up, whose figures are dropped."""
        return range(self.rounds + 1)
