"""Rows of figures, as a table to read and as JSON to keep."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Figures:
    """One figure as it came out in each round; the warm-up round is not among them."""

    unit: str
    samples: tuple[float, ...]

    def __str__(self) -> str:
        middle, low, high = (_short(value) for value in (median(self.samples), min(self.samples), max(self.samples)))
        spread = "" if len(self.samples) == 1 else f" ({low}–{high})"
        return f"{middle}{spread} {self.unit}".rstrip()

    def as_json(self) -> dict[str, object]:
        """Median, extremes and every sample."""
        return {
            "unit": self.unit,
            "median": median(self.samples),
            "min": min(self.samples),
            "max": max(self.samples),
            "samples": list(self.samples),
        }


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def ratios(measured: Figures, floor: Figures) -> Figures:
    """Each round's figure divided by the same round's floor."""
    pairs = zip(measured.samples, floor.samples, strict=True)
    return Figures("×", tuple(figure / least for figure, least in pairs if least))


@dataclass(frozen=True)
class Goal:
    """What a row is to reach: its ratio where it has a floor, else the figure itself."""

    at_most: float | None = None
    at_least: float | None = None

    def is_reached_by(self, value: float) -> bool:
        """Whether the median `value` is within the goal."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def __str__(self) -> str:
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


@dataclass
class Row:
    """One line of the table. With a problem in it the row is void, whatever its figures say.

    Attributes:
        disturbed: somebody else used the machine meanwhile; its verdict then says so and is not for quoting.
    """

    work: str
    what: str
    measured: Figures | None = None
    floor: Figures | None = None
    floor_is: str = ""
    goal: Goal | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    disturbed: bool = False

    @property
    def ratio(self) -> Figures | None:
        """Measured ÷ floor, round by round."""
        return ratios(self.measured, self.floor) if self.measured and self.floor else None

    @property
    def verdict(self) -> str:
        """invalid, reached, missed, or nothing where there is no goal; and whether it was disturbed."""
        if self.problems:
            return "INVALID"
        judged = self.ratio or self.measured
        if self.goal is None or judged is None:
            return "" if judged else "not run"
        verdict = "reached" if self.goal.is_reached_by(median(judged.samples)) else "missed"
        return f"{verdict}, disturbed" if self.disturbed else verdict

    def as_json(self) -> dict[str, object]:
        """Everything the row knows."""
        return {
            "work": self.work,
            "what": self.what,
            "measured": self.measured.as_json() if self.measured else None,
            "floor": self.floor.as_json() if self.floor else None,
            "floor_is": self.floor_is,
            "ratio": self.ratio.as_json() if self.ratio else None,
            "goal": str(self.goal) if self.goal else None,
            "verdict": self.verdict,
            "disturbed": self.disturbed,
            "problems": self.problems,
            "notes": self.notes,
        }


COLUMNS = ("what", "measured", "floor", "measured ÷ floor", "goal", "verdict")


def table(rows: Sequence[Row]) -> str:
    """The rows by work, each figure as median (min–max), notes and problems below."""
    lines: list[str] = []
    for work in dict.fromkeys(row.work for row in rows):
        own = [row for row in rows if row.work == work]
        cells = [COLUMNS, *(_cells(row) for row in own)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
        lines += ["", work]
        lines += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
        ]
        remarks = dict.fromkeys(remark for row in own for remark in _remarks(row))
        lines += [f"  {remark}" for remark in remarks]
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = str(row.ratio).removesuffix(" ×") if row.ratio else ""
    return (row.what, str(row.measured or ""), str(row.floor or ""), ratio, str(row.goal or ""), row.verdict)


def _remarks(row: Row) -> list[str]:
    floors = [f"floor: {row.floor_is}"] if row.floor_is else []
    return floors + [f"! {problem}" for problem in row.problems] + [f"· {note}" for note in row.notes]


def save(path: Path, machine: dict[str, object], command: str, date: str, rows: Sequence[Row]) -> None:
    """Write the run as JSON, whole or not at all."""
    run = {"date": date, "command": command, "machine": machine, "rows": [row.as_json() for row in rows]}
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    unfinished.replace(path)
