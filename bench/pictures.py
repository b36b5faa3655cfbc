"""The pictures of a run, drawn from its JSON: `python -m bench.pictures RESULT.json FOLDER`."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.peers import ALL
from bench.svg import DURABLE, OTHERS, OURS, Bar, Series, bars, curves, dots
from bench.work.peers import FIGURES

Rows = Sequence[dict[str, Any]]
OURS_IS = "Tocsin"
SMALL = "grey: not kept on a disk; whiskers: lowest and highest round"


def draw(run: dict[str, Any], folder: Path) -> list[Path]:
    """Write every picture whose rows the run has; what it has not is not drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pictures(run).items():
        file = folder / f"bench-{name}.svg"
        file.write_text(text)
        written.append(file)
    return written


def pictures(run: dict[str, Any]) -> dict[str, str]:
    """The text of each picture whose rows the run has."""
    rows = [row for row in run["rows"] if row["measured"] and not row["problems"]]
    texts = {name: picture(rows) for name, picture in _PICTURES.items()}
    return {name: text for name, text in texts.items() if text}


def _bar(row: dict[str, Any], label: str, colour: str, figures: str = "measured") -> Bar:
    taken = row[figures]
    return Bar(label, taken["median"], taken["min"], taken["max"], colour)


def _of_peers(rows: Rows, figure: str) -> list[Bar]:
    durable = {peer.what for peer in ALL if peer.durable}
    own = [row for row in rows if row["work"] == FIGURES[figure][0]]
    colours = {row["what"]: DURABLE if row["what"] in durable else OTHERS for row in own}
    return [_bar(row, row["what"], OURS if row["what"].startswith(OURS_IS) else colours[row["what"]]) for row in own]


def _deliveries(rows: Rows) -> str:
    own = [row for row in rows if row["work"] == FIGURES["delivery"][0]]
    if len(own) < 2:
        return ""
    floor = _bar(own[0], "a C program's bare write()", "#111827", "floor")
    lines = sorted([floor, *_of_peers(rows, "delivery")], key=lambda line: line.value)
    return bars(
        "CPU of the server per delivery", f"one send to 1,000 streams, the send taken off; {SMALL}", "µs", lines
    )


def _sends(rows: Rows) -> str:
    lines = sorted(_of_peers(rows, "sends"), key=lambda line: -line.value)
    about = f"over 32 connections; {SMALL}"
    return bars("Sends a second", about, "/s", lines) if len(lines) > 1 else ""


def _latency(rows: Rows) -> str:
    lines = sorted(_of_peers(rows, "p99"), key=lambda line: line.value)
    about = f"1,000 sends/s to 1,000 recipients, from when each was due; {SMALL}"
    return dots("Send → seen, 99th percentile", about, "ms", lines) if len(lines) > 1 else ""


def _memory(rows: Rows) -> str:
    lines = sorted(_of_peers(rows, "memory"), key=lambda line: line.value)
    return bars("Memory per idle stream", f"resident, of 1,000 streams; {SMALL}", "KB", lines) if len(lines) > 1 else ""


def _streams(rows: Rows) -> str:
    found = []
    for row in rows:
        match = re.match(r"WebSocket, ([\d,]+) streams?, back to back: CPU per delivery", row["what"])
        if row["work"] == "fan-out" and match:
            found.append((int(match[1].replace(",", "")), row))
    points = [(float(count), row) for count, row in sorted(found, key=lambda pair: pair[0]) if count > 1]
    if len(points) < 2:
        return ""
    series = [
        Series("Tocsin, WebSocket", [(count, row["measured"]["median"]) for count, row in points]),
        Series("bare write()", [(count, row["floor"]["median"]) for count, row in points]),
    ]
    return curves("CPU per delivery, by number of streams", "one send to all, back to back", "µs", "streams", series)


def _inbox(rows: Rows) -> str:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        match = re.match(r"(.+), ([\d,]+) rows$", row["what"])
        if row["work"] == "inbox-reads" and match:
            found.setdefault(match[1], []).append((float(match[2].replace(",", "")), row["measured"]["median"]))
    series = [Series(label, points) for label, points in found.items() if len(points) > 1]
    about = "for a user with 1,000, as the store around them grows"
    return curves("Reading an inbox", about, "ms a request", "notifications in the store", series) if series else ""


_PICTURES: dict[str, Callable[[Rows], str]] = {
    "fan-out": _deliveries,
    "sends": _sends,
    "latency": _latency,
    "memory": _memory,
    "streams": _streams,
    "inbox": _inbox,
}

if __name__ == "__main__":
    for file in draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])):
        print(file)
