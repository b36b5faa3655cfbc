"""From send to seen: a thousand sends a second, each to one of a thousand users with one stream each.

A send's time counts from when it was due by the schedule. Beside each round one write and fdatasync of as many
bytes at the same rate is measured: the 99th percentile may have its own on top.
"""

from collections.abc import Sequence
from statistics import median

from bench.native import CannotMeasureError, run
from bench.peers.peer import Running
from bench.peers.tocsin import started
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import new_folder

NAME = "latency"
RATE = 1000
CONNECTIONS = 32
WARM_UP_SECONDS = 1.0
RECORD_BYTES = 330
COUNTED_AS_FAILURE = ("refused", "lost", "duplicates", "misdirected", "closed")
PARTS = {
    "p50_us": "send → seen, p50",
    "p99_us": "send → seen, p99",
    "p999_us": "send → seen, p99.9",
    "answer_p50_us": "send → answered, p50",
    "answer_p99_us": "send → answered, p99",
    "late_p99_us": "the load's own lateness, p99 (is part of the above)",
}
P50 = Goal(at_most=1.0)
ABOVE_THE_DISK = 5.0
"""Milliseconds that the p99 may be above the disk's own."""


def measure(plan: Plan) -> list[Row]:
    """Percentiles in milliseconds, and the disk's p99 at the same rate."""
    samples: dict[str, list[float]] = {part: [] for part in PARTS}
    disk: list[float] = []
    try:
        with started(plan.server_core) as server:
            targets = "".join(address.as_line() for address in server.each(plan.streams))
            for number in plan.rounds_and_warm_up:
                seen = seen_at_rate(server, targets, RATE, WARM_UP_SECONDS, plan.latency_seconds)
                sync = _bare_sync(plan)
                if number:
                    disk.append(sync / 1000)
                    for part, values in samples.items():
                        values.append(seen[part] / 1000)
    except CannotMeasureError as problem:
        return [Row(NAME, what, problems=[str(problem)]) for what in PARTS.values()]
    goals = {"p50_us": P50, "p99_us": Goal(at_most=round(ABOVE_THE_DISK + median(disk), 2))}
    rows = [Row(NAME, what, Figures("ms", tuple(samples[part])), goal=goals.get(part)) for part, what in PARTS.items()]
    rows[0].notes.append(f"{RATE} sends/s to {plan.streams} users in turn, over {CONNECTIONS} connections")
    rows[0].notes.append(f"the goal of the p99 is {ABOVE_THE_DISK:g} ms more than the disk's own")
    return [
        *rows,
        Row(NAME, "disk alone: write + fdatasync at the same rate, p99", Figures("ms", tuple(disk))),
    ]


def seen_at_rate(
    server: Running, targets: str, rate: int, warm_up: float, seconds: float, void: Sequence[str] = COUNTED_AS_FAILURE
) -> dict[str, float]:
    """What `load/send_to_seen.c` found: percentiles in microseconds from when each send was due.

    Raises CannotMeasureError when something happened that makes it `void`: a send refused, a delivery lost, doubled or
    given to somebody else, a stream closed.
    """
    arguments = (server.stream_kind, server.server.port, server.content_type, CONNECTIONS, rate, warm_up, seconds)
    seen = run("send_to_seen", arguments, warm_up + seconds + 60, targets)
    failures = [f"{seen[kind]:.0f} {kind}" for kind in void if seen[kind]]
    if failures or seen["answered"] != seen["sends"]:
        raise CannotMeasureError(f"of {seen['sends']:.0f} sends {seen['answered']:.0f} answered, {', '.join(failures)}")
    return seen


def _bare_sync(plan: Plan) -> float:
    """p99 in microseconds."""
    folder = new_folder()
    try:
        return run("write_fdatasync", (folder / "ring", RECORD_BYTES, 1, plan.seconds, RATE), plan.seconds + 30)[
            "p99_us"
        ]
    finally:
        (folder / "ring").unlink(missing_ok=True)
        folder.rmdir()
