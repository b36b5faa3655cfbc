"""README's figures are those of a result that is in the repository, to the letter."""

import json
import re
from pathlib import Path

from bench.readme import BEGIN, END, section
from bench.report import Goal
from bench.work.peers import FIGURES, REFUSED

from measuring.results import row, run

ROOT = Path(__file__).resolve().parents[2]


def test_the_figures_in_readme_are_what_their_result_says() -> None:
    text = (ROOT / "README.md").read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    named = re.search(r"\(bench/results/([\w.-]+\.json)\)", shown)
    assert named
    assert shown == section(json.loads((ROOT / "bench" / "results" / named[1]).read_text()), named[1])


def test_what_missed_its_goal_is_said_to_have_missed_it() -> None:
    what = "WebSocket, 1,000 streams, back to back: CPU per delivery"
    said = section(run(row("fan-out", what, "µs", 8.0, 4.0, goal=Goal(at_most=1.5))), "run.json")
    assert "| 8 (7.84–8.24) µs | a C program's bare `write()`: 4 µs (2.00 times) | ≤ 1.5: missed |" in said


def test_systems_that_were_faster_or_refused_or_were_not_there_are_shown_as_such() -> None:
    sends, delivery = FIGURES["sends"][0], FIGURES["delivery"][0]
    refusing = {**row(sends, "Refusing", "/s", 90.0), "notes": [f"Refusing: 3 of 90 {REFUSED}"]}
    absent = {
        **row(sends, "Absent, in memory", "/s", 1.0),
        "measured": None,
        "notes": ["Absent, in memory: go not found"],
    }
    said = section(
        run(
            row(sends, "Tocsin", "/s", 14_000.0),
            row(delivery, "Tocsin", "µs", 7.0, 5.0),
            row(sends, "Faster", "/s", 50_000.0, 14_000.0),
            row(delivery, "Faster", "µs", 3.0, 5.0),
            absent,
            refusing,
        ),
        "run.json",
    )
    assert "| Tocsin | 7 µs | 14,000 /s | – | – | – |" in said
    assert "| Faster | 3 µs | 50,000 /s | – | – | – |" in said
    assert f"Refusing: 3 of 90 {REFUSED} (sends over 32 connections)." in said
    assert "Not measured: Absent, in memory: go not found." in said
