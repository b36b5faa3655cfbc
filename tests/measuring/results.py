"""Small results of a benchmark, as `bench.report` writes them."""

from typing import Any

from bench.report import Figures, Row


def row(work: str, what: str, unit: str, measured: float, floor: float | None = None, **more: Any) -> dict[str, Any]:
    """A row of three rounds around `measured`, each beside the same floor."""
    samples = tuple(measured * spread for spread in (0.98, 1.0, 1.03))
    beside = Figures(unit, (floor,) * 3) if floor else None
    return Row(work, what, Figures(unit, samples), beside, "the floor" if floor else "", **more).as_json()


def run(*rows: dict[str, Any]) -> dict[str, Any]:
    machine = {"cpu": "a processor", "cores": 2, "python": "3.13.1"}
    return {"date": "2026-11-25T12:00:00Z", "command": "python -m bench", "machine": machine, "rows": list(rows)}
