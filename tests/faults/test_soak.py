"""For hours the same: readers come and go under a steady load, and nothing grows, nothing is lost.

TOCSIN_SOAK_MINUTES sets how long (20). The first quarter is the warm-up: in it everybody leaves and comes back a few
times, for a thousand who came together lie closer in memory, and have more in common, than a thousand who came one by
one. What grows for a while by design is kept small: `settled/`.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from faults.crowd import Crowd
from faults.growth import MIB, Watch, slope
from faults.listening import EVERYONE
from faults.load import Damage
from harness.http import inbox
from harness.patience import PATIENCE
from harness.server import Server

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")

ALLOWED = MIB
"""Bytes of resident memory that a server may grow in an hour."""

WARM_UP_ROUNDS = 5
"""How often each reader has left and come back, on average, before memory is watched."""


@pytest.mark.soak
def test_a_thousand_readers_come_and_go_and_nothing_grows(
    start_server: Callable[..., Server], capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = float(os.environ.get("TOCSIN_SOAK_MINUTES", "20"))
    path = os.pathsep.join([str(Path(__file__).parent / "settled"), *filter(None, [os.environ.get("PYTHONPATH")])])
    server = start_server(env={"PYTHONPATH": path})
    with Crowd(server, users=100, each=10) as crowd:
        empty = server.at_rest(server.descriptors)
        crowd.come(over=5.0)
        crowd.all_in(60)
        load = crowd.load(rate=300, broadcasts=5)
        crowd.churn(per_minute=4 * WARM_UP_ROUNDS / minutes)
        go_on(crowd, minutes * 60 / 4)
        crowd.churn(per_minute=0.1)
        watch = Watch(server)
        go_on(crowd, minutes * 60 * 3 / 4)
        watch.stop()
        crowd.stop(load)
        crowd.settle(60)
        judge_lists(crowd, server)
        sent, reads = sum(load.serials.values()), crowd.findings.received
        crowd.leave()
        left = server.at_rest(server.descriptors)

    found = slope(watch.at, watch.rss)
    short = "" if 2 * found.spread < ALLOWED else "; too short, or too restless, to tell 1 MiB/h"
    with capsys.disabled():
        print(
            f"\n  soak: {minutes:g} min, {sent} sent ({sent / minutes / 60:.0f}/s), {reads} read, "
            f"{crowd.findings.opened} connections, {load.cut_off} cut off, statuses {dict(load.statuses)}\n"
            f"  memory: {watch.rss[0] / MIB:.1f} MiB when warm, {watch.rss[-1] / MIB:.1f} at last: "
            f"{found.per_hour / MIB:+.2f} MiB/h ± {2 * found.spread / MIB:.2f}{short}\n"
            f"  descriptors {spread(watch.descriptors)}, threads {spread(watch.threads)}, "
            f"tasks {spread(watch.tasks)}; empty before {empty}, after {left}"
        )
    assert sent >= 0.9 * 300 * minutes * 60, "the load was not carried"
    assert left <= empty + 3, f"{left - empty} descriptors are left over"
    for counted in (watch.descriptors, watch.threads, watch.tasks):
        assert_flat(counted)
    assert not found.surely_above(ALLOWED), f"memory grows by {found.per_hour / MIB:.2f} MiB an hour"


def go_on(crowd: Crowd, seconds: float) -> None:
    """Let it run, and end at once when something is wrong."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(1.0)
        crowd.check()


def test_readers_come_and_go_and_leave_nothing_behind(start_server: Callable[..., Server]) -> None:
    """What ten seconds can say: nothing is lost when readers are cut off and resume, and descriptors come back."""
    server = start_server()
    with Crowd(server, users=10, each=10) as crowd:
        empty = server.at_rest(server.descriptors)
        crowd.come()
        crowd.all_in(PATIENCE)
        load = crowd.load(rate=100, broadcasts=10)
        for _ in range(20):
            crowd.cut_some(20)
            time.sleep(0.25)
        crowd.stop(load)
        crowd.settle(PATIENCE)
        judge_lists(crowd, server)
        assert crowd.findings.opened > 300
        crowd.leave()
        left = server.at_rest(server.descriptors)
    assert left <= empty + 3, f"{left - empty} descriptors are left over"


def test_control_a_reader_that_skips_or_repeats_is_found_out(start_server: Callable[..., Server]) -> None:
    """A reader that resumes a little too far on, and one that resumes a little too far back."""
    for wrong in (+3, -3):
        server = start_server()
        with Crowd(server, users=1, each=2) as crowd:
            crowd.come()
            crowd.all_in(PATIENCE)
            load = crowd.load(rate=50, broadcasts=25)
            time.sleep(1.0)
            reader = crowd.readers[0]
            epoch, _, number = (reader.position or "").rpartition("-")
            reader.leave()
            time.sleep(0.5)
            crowd.stop(load)
            reader.position = f"{epoch}-{int(number) + wrong}"
            crowd.come([reader])
            with pytest.raises(Damage, match="lost" if wrong > 0 else "doubled"):
                crowd.settle(10)


def test_control_growth_is_told_from_scatter() -> None:
    """Twenty minutes in samples of 5 s: 10 MiB/h is seen through a scatter of 100 KiB, and scatter is no growth."""
    dice = random.Random(7)
    times = [5.0 * n for n in range(180)]
    scatter = [dice.gauss(0, 0.1 * MIB) for _ in times]
    grown = [s + 10 * MIB * t / 3600 for s, t in zip(scatter, times, strict=True)]
    assert slope(times, grown).surely_above(ALLOWED)
    assert not slope(times, scatter).surely_above(ALLOWED)
    assert math.isclose(slope(times, [t / 3600 for t in times]).per_hour, 1.0)


def judge_lists(crowd: Crowd, server: Server) -> None:
    """What one reader was told is what its user's inbox lists."""
    reader = crowd.readers[0]
    listed = [row["title"] for row in inbox(server.http(key=reader.key))]
    due = {f"{audience} {n + 1}" for audience in (EVERYONE, reader.user) for n in range(reader.last[audience])}
    if len(listed) != len(due) or set(listed) != due:
        raise Damage(f"{len(listed)} listed, {len(due)} streamed; differ in {sorted(set(listed) ^ due)[:5]}")


def assert_flat(counts: list[int]) -> None:
    """What is counted at the end is what was counted at the beginning, but for what is under way."""
    third = len(counts) // 3
    if third:
        before, after = median(counts[:third]), median(counts[-third:])
        assert after <= before + 3, f"grew from {before} to {after}"


def spread(counts: list[int]) -> str:
    return f"{min(counts)}-{max(counts)}" if counts else "not told"
