"""Names what got worse: `python -m bench.check [RUN.json] [--against EARLIER.json]`.

Compared are ratios to the floor of the same run, so that another machine, or a busier one, does not count. Without a
RUN it is the newest result, which must not be committed yet; it is held against the newest one that is committed and
older.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
TOLERATED = 0.15
MORE_IS_BETTER = {"/s", "rows"}


def worse(run: dict[str, Any], earlier: dict[str, Any], tolerated: float = TOLERATED) -> list[str]:
    """A sentence for each row whose ratio to its floor got worse by more than the `tolerated` share.

    Rows of the peers are left out: they are held against Tocsin, and nobody here can mend them.
    """
    before = {(row["work"], row["what"]): row for row in earlier["rows"]}
    found = []
    for row in run["rows"]:
        other = before.get((row["work"], row["what"]))
        if row["work"].startswith("peers") or not other or not _ratio(row) or not _ratio(other):
            continue
        now, then = _ratio(row), _ratio(other)
        change = then / now - 1 if row["measured"]["unit"] in MORE_IS_BETTER else now / then - 1
        if change > tolerated:
            overlap = row["ratio"]["min"] <= other["ratio"]["max"] and other["ratio"]["min"] <= row["ratio"]["max"]
            doubt = "; but the rounds of both overlap: measure again" if overlap else ""
            if row["disturbed"] or other["disturbed"]:
                doubt += "; other programs were busy meanwhile: measure again"
            found.append(
                f"{row['work']}: {row['what']}: {then:.2f} → {now:.2f} of its floor, {change:.0%} worse{doubt}"
            )
    return found


def compared(run: dict[str, Any], earlier: dict[str, Any]) -> int:
    """How many rows both have with a ratio."""
    before = {(row["work"], row["what"]) for row in earlier["rows"] if _ratio(row)}
    own = [row for row in run["rows"] if not row["work"].startswith("peers")]
    return sum((row["work"], row["what"]) in before and bool(_ratio(row)) for row in own)


def _ratio(row: dict[str, Any]) -> float:
    """0.0 where there is none, or where the row is void."""
    return float(row["ratio"]["median"]) if row["ratio"] and not row["problems"] else 0.0


def main() -> int:
    """Print the comparison. Exit 1 when something got worse, 2 when there is nothing to compare."""
    options = argparse.ArgumentParser(prog="python -m bench.check", description="What got worse since the last result?")
    options.add_argument("run", nargs="?", type=Path, help="a result (default: the newest)")
    options.add_argument("--against", type=Path, help="an earlier result (default: the newest committed one)")
    given = options.parse_args()
    path = given.run or max(RESULTS.glob("*.json"), default=None)
    if path is None or (not given.run and not given.against and path.name in _committed()):
        print("no new result: make bench makes one; or name two, RUN.json --against EARLIER.json", file=sys.stderr)
        return 2
    run = json.loads(path.read_text())
    earlier_ones = [RESULTS / name for name in _committed() if name < path.name]
    for other in [given.against] if given.against else earlier_ones:
        earlier = json.loads(other.read_text())
        if rows := compared(run, earlier):
            break
    else:
        print(f"no earlier committed result has a row of {path.name} that has a floor", file=sys.stderr)
        return 2
    print(f"{path.name} against {other.name}: {rows} rows with a floor in both")
    found = worse(run, earlier)
    for sentence in found:
        print(f"  {sentence}")
    if not found:
        print(f"  nothing got worse by more than {TOLERATED:.0%}")
    return 1 if found else 0


def _committed() -> list[str]:
    """Names of the results that are committed, newest first."""
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD", "./"], cwd=RESULTS, capture_output=True, text=True, check=True
    )
    return sorted((name for name in listed.stdout.split() if name.endswith(".json")), reverse=True)


if __name__ == "__main__":
    sys.exit(main())
