"""`make bench-check` names what got worse against its floor, and nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from bench.check import compared, worse
from bench.report import Figures, Row

from measuring.results import row, run

ROOT = Path(__file__).resolve().parents[2]

EARLIER = run(
    row("fan-out", "CPU per delivery", "µs", 6.0, 5.0),
    row("single-sends", "32 conn: sends", "/s", 15_000.0, 30_000.0),
    row("latency", "send → seen, p99", "ms", 1.0),
)


def test_a_delivery_that_costs_more_of_its_floor_is_named_and_nothing_else_is() -> None:
    now = run(
        row("fan-out", "CPU per delivery", "µs", 7.2, 5.0),
        row("single-sends", "32 conn: sends", "/s", 15_000.0, 30_000.0),
    )
    assert worse(now, EARLIER) == ["fan-out: CPU per delivery: 1.20 → 1.44 of its floor, 20% worse"]


def test_fewer_sends_a_second_are_worse_and_more_are_not() -> None:
    fewer = run(row("single-sends", "32 conn: sends", "/s", 12_000.0, 30_000.0))
    more = run(row("single-sends", "32 conn: sends", "/s", 20_000.0, 30_000.0))
    assert len(worse(fewer, EARLIER)) == 1
    assert worse(more, EARLIER) == []


def test_a_machine_of_half_the_speed_is_no_fault_of_the_server() -> None:
    slower = run(
        row("fan-out", "CPU per delivery", "µs", 12.0, 10.0),
        row("single-sends", "32 conn: sends", "/s", 7_500.0, 15_000.0),
        row("latency", "send → seen, p99", "ms", 2.0),
    )
    assert worse(slower, EARLIER) == []


def test_fifteen_percent_are_tolerated() -> None:
    assert worse(run(row("fan-out", "CPU per delivery", "µs", 6.0 * 1.14, 5.0)), EARLIER) == []
    assert len(worse(run(row("fan-out", "CPU per delivery", "µs", 6.0 * 1.16, 5.0)), EARLIER)) == 1


def test_rounds_that_overlap_are_named_and_said_to() -> None:
    def spread(*samples: float) -> dict[str, object]:
        floor = Figures("µs", (5.0,) * len(samples))
        return Row("fan-out", "CPU per delivery", Figures("µs", samples), floor, "the floor").as_json()

    (named,) = worse(run(spread(5.9, 7.2, 9.0)), run(spread(5.8, 6.0, 6.4)))
    assert named.endswith("20% worse; but the rounds of both overlap: measure again")


def test_rows_that_others_disturbed_are_named_and_said_to_be() -> None:
    quiet, loud = (row("fan-out", "CPU per delivery", "µs", cost, 5.0) for cost in (6.0, 7.2))
    (named,) = worse(run({**loud, "disturbed": True}), run(quiet))
    assert named.endswith("20% worse; other programs were busy meanwhile: measure again")


def test_a_new_result_is_held_against_the_committed_ones_that_are_older(tmp_path: Path) -> None:
    results = tmp_path / "bench" / "results"
    left_out = shutil.ignore_patterns("build", "results", "__pycache__")
    shutil.copytree(ROOT / "bench", tmp_path / "bench", ignore=left_out)
    results.mkdir()

    def check(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "bench.check", *arguments]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    for day in (1, 3):
        (results / f"2026-01-0{day}.json").write_text(json.dumps(EARLIER))
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "results"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    code, said = check()
    assert (code, "no new result" in said) == (2, True), said
    (results / "2026-01-04.json").write_text(json.dumps(EARLIER))
    code, said = check()
    assert (code, "2026-01-04.json against 2026-01-03.json" in said) == (0, True), said
    code, said = check("bench/results/2026-01-03.json")
    assert (code, "2026-01-03.json against 2026-01-01.json" in said) == (0, True), said
    code, said = check("bench/results/2026-01-01.json")
    assert (code, "no earlier committed result" in said) == (2, True), said


def test_what_a_peer_does_is_not_judged_nor_what_was_void() -> None:
    beside = "peers, sends over 32 connections"
    earlier = run(row(beside, "another system", "/s", 900.0, 1_000.0), row("fan-out", "CPU", "µs", 6.0, 5.0))
    now = run(
        row(beside, "another system", "/s", 90.0, 1_000.0), row("fan-out", "CPU", "µs", 60.0, 5.0, problems=["lost"])
    )
    assert worse(now, earlier) == []
    assert compared(now, earlier) == 0


def test_the_command_says_what_got_worse_and_fails(tmp_path: Path) -> None:
    (tmp_path / "earlier.json").write_text(json.dumps(EARLIER))
    (tmp_path / "now.json").write_text(json.dumps(run(row("fan-out", "CPU per delivery", "µs", 7.2, 5.0))))

    def check(name: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "bench.check",
            str(tmp_path / name),
            "--against",
            str(tmp_path / "earlier.json"),
        ]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    failed, passed = check("now.json"), check("earlier.json")
    assert (failed.returncode, passed.returncode) == (1, 0)
    assert "CPU per delivery: 1.20 → 1.44 of its floor, 20% worse" in failed.stdout
    assert "nothing got worse" in passed.stdout
