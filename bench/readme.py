"""Writes README's figures and pictures from one result: `python -m bench.readme RESULT.json`.

What stands between the two marks in README is replaced, so no figure there is written by hand.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.pictures import draw, pictures
from bench.svg import short
from bench.work.peers import FIGURES, REFUSED

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- figures: written by `make bench`, not by hand -->", "<!-- end of figures -->"
IMAGES = "docs/images"

# What a line says, and the row it is taken from.
LINES = (
    (
        "fan-out to 1,000 WebSockets: server CPU a delivery",
        "fan-out",
        "WebSocket, 1,000 streams, back to back: CPU per delivery",
    ),
    ("the same to 10,000", "fan-out", "WebSocket, 10,000 streams, back to back: CPU per delivery"),
    ("the same to 1,000 SSE streams", "fan-out", "SSE, 1,000 streams, back to back: CPU per delivery"),
    ("the same to 1,000 NDJSON streams", "fan-out", "NDJSON, 1,000 streams, back to back: CPU per delivery"),
    ("durable sends, 32 connections, to everyone", "single-sends", "broadcast, 32 conn: sends"),
    ("durable sends, 32 connections, to one user", "single-sends", "to one user, 32 conn: sends"),
    ("notifications in durable batch sends, to one user", "batch-sends", "one recipient: notifications"),
    ("the same to 1,000 users", "batch-sends", "1,000 recipients: notifications"),
    ("send → seen, 1,000 sends/s to 1,000 users, median", "latency", "send → seen, p50"),
    ("the same, 99th percentile", "latency", "send → seen, p99"),
    ("the same, 99.9th percentile", "latency", "send → seen, p99.9"),
    ("2,000 WebSockets that connect at once", "connect-storm", "2,000 WebSockets at once: opened"),
    ("1,000 clients that resume, 100 missed each", "resume", "1,000 clients, 100 missed each: resumed"),
    ("memory an idle WebSocket stream, 5,000 of them", "idle-memory", "5,000 WebSocket streams: RSS per stream"),
    ("start to ready, empty store", "cold-start", "start → ready, empty store"),
    ("inbox page of 50 in a store of 1 M", "inbox-reads", "inbox page of 50, 1,000,000 rows"),
    ("unread count in a store of 1 M", "inbox-reads", "unread count, 1,000,000 rows"),
    ("search for a rare word in a store of 1 M", "inbox-reads", "search, 1,000,000 rows"),
    ("mark all read in a store of 1 M", "inbox-reads", "mark all read, 1,000,000 rows"),
    ("search there for a word that all have", "inbox-reads", "search for a word that all have, 1,000,000 rows"),
)
FLOORS = {
    "fan-out": "a C program's bare `write()`",
    "single-sends": "a Starlette route that does nothing",
    "connect-storm": "a Starlette route that only accepts",
    "inbox-reads": "a store of 10 k",
}
# A row that is told in the place of a floor, and how: no ratio to it means anything.
BESIDE = {
    "send → seen, p99": (
        "disk alone: write + fdatasync at the same rate, p99",
        "a bare write and fdatasync: {} (the goal is 5 ms more)",
    ),
}
COLUMNS = {
    "delivery": "CPU a delivery, 1,000 streams",
    "sends": "sends a second",
    "p50": "send → seen, median",
    "p99": "99th percentile",
    "memory": "memory a stream",
}
PICTURES = {
    "fan-out": "Bars: CPU of the server per delivery, for Tocsin, the others and a bare write()",
    "sends": "Bars: sends a second over 32 connections, durable and not",
    "latency": "Dots: 99th percentile of the time from a send to its being seen",
    "memory": "Bars: memory per idle stream",
    "streams": "Curves: CPU per delivery by number of streams, Tocsin's and a bare write()'s",
    "inbox": "Curves: time of an inbox page, the unread count, a resume and a search by size of the store",
}


def section(run: dict[str, Any], name: str) -> str:
    """The text between the marks, for a run that is kept under `name` in bench/results."""
    machine = run["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, one of them for the server; Python {machine['python']}. Medians",
        f"(lowest–highest round) from [{run['date'][:10]}](bench/results/{name}), by `{run['command']}`;",
        "a ratio is the median of the rounds' own, each to the floor of its round:",
        "",
        "| what | measured | floor in the same run | goal, of the ratio where there is a floor |",
        "|---|---|---|---|",
        *_own_lines(run["rows"]),
        "",
    ]
    if beside := list(_peer_lines(run["rows"])):
        lines += [
            "The same work done by others, each on the same core in the same run, at its defaults and, where it has a",
            "setting for it, made as durable:",
            "",
            f"| system | {' | '.join(COLUMNS.values())} |",
            f"|---|{'---|' * len(COLUMNS)}",
            *beside,
            "",
        ]
        for reason in _absent(run["rows"]):
            lines += [f"Not measured: {reason}.", ""]
        for note in _refusing(run["rows"]):
            lines += [f"{note}.", ""]
    for picture in pictures(run):
        lines += [f"![{PICTURES[picture]}]({IMAGES}/bench-{picture}.svg)", ""]
    disturbed = sorted({row["work"].split(",")[0] for row in run["rows"] if row["disturbed"]})
    if disturbed:
        lines += [f"Other programs used more than a tenth of the cores during: {', '.join(disturbed)}."]
    return "\n".join(lines).strip()


def _own_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    by_name = {(row["work"], row["what"]): row for row in rows}
    for says, work, what in LINES:
        row = by_name.get((work, what))
        if row and row["measured"] and not row["problems"]:
            floor = ""
            if row["ratio"]:
                ratio = row["ratio"]["median"]
                floor = f"{FLOORS.get(work, row['floor_is'])}: {_said(row['floor'])} ({ratio:.2f} times)"
            elif what in BESIDE:
                of, text = BESIDE[what]
                floor = text.format(_said(by_name[work, of]["measured"]))
            goal = f"{row['goal']}: {row['verdict']}" if row["goal"] else ""
            yield f"| {says} | {_said(row['measured'], spread=True)} | {floor} | {goal} |"


def _peer_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    figure_of = {FIGURES[figure][0]: figure for figure in COLUMNS}
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["work"] in figure_of:
            cells = found.setdefault(row["what"], {})
            cells[figure_of[row["work"]]] = _said(row["measured"]) if row["measured"] else "–"
    for what, cells in found.items():
        if any(cell != "–" for cell in cells.values()):
            yield f"| {what} | {' | '.join(cells.get(figure, '–') for figure in COLUMNS)} |"


def _absent(rows: Sequence[dict[str, Any]]) -> list[str]:
    missing = (row for row in rows if row["work"].startswith("peers") and not row["measured"])
    return list(dict.fromkeys(note for row in missing for note in row["notes"] if note.startswith(row["what"])))


def _refusing(rows: Sequence[dict[str, Any]]) -> list[str]:
    measured = (row for row in rows if row["work"].startswith("peers") and row["measured"])
    found = ((row["work"].removeprefix("peers, ").split(":")[0], note) for row in measured for note in row["notes"])
    return list(dict.fromkeys(f"{note} ({work})" for work, note in found if REFUSED in note))


def _said(figures: dict[str, Any], *, spread: bool = False) -> str:
    text = short(figures["median"])
    if spread and figures["max"] > figures["min"]:
        text += f" ({short(figures['min'])}–{short(figures['max'])})"
    return f"{text} {figures['unit']}"


def publish(result: Path) -> list[Path]:
    """Replace README's figures by those of a result, and draw its pictures anew. Returns what was written."""
    run = json.loads(result.read_text())
    file = ROOT / "README.md"
    before, _, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    file.write_text(f"{before}{BEGIN}\n{section(run, result.name)}\n{END}{after}")
    return [file, *draw(run, ROOT / IMAGES)]


if __name__ == "__main__":
    for written in publish(Path(sys.argv[1]).resolve()):
        print(written)
