"""What an open stream that hears nothing costs in memory.

The server is warmed (streams opened and closed, a few sends), measured, then measured again with N streams
open. A new server for each figure, since memory given back to the allocator would hide the next one's cost; so no
round is thrown away.
"""

import time

from bench.machine import memory_kib
from bench.native import CannotMeasureError, Companion
from bench.paced_sends import send_paced
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import AS_SUPERUSER, STREAM_PATH, Admin, tocsin

NAME = "idle-memory"
WARM_UP_STREAMS = 50
SETTLE_SECONDS = 1.0


def measure(plan: Plan) -> list[Row]:
    """RSS and PSS per idle WebSocket stream in KB of 1,000 bytes."""
    rows = []
    for streams in plan.idle_streams:
        resident = Row(NAME, f"{streams:,} WebSocket streams: RSS per stream", goal=Goal(at_most=25.0))
        shared = Row(NAME, f"{streams:,} WebSocket streams: PSS per stream")
        try:
            taken = [_round(plan, streams) for _ in range(plan.rounds)]
            resident.measured = Figures("KB", tuple(rss for rss, _, _ in taken))
            shared.measured = Figures("KB", tuple(pss for _, pss, _ in taken))
            resident.notes.append(f"RSS before any stream: {taken[0][2] / 1024:.0f} MiB")
        except CannotMeasureError as problem:
            resident.problems.append(f"{streams:,} streams: {problem}")
        rows += [resident, shared]
    return rows


def _round(plan: Plan, streams: int) -> tuple[float, float, int]:
    """KB of RSS and PSS per stream, and the RSS in KiB before the first."""
    with tocsin(plan.server_core) as server:
        with Companion("hold_streams", ("ws", server.port, WARM_UP_STREAMS, STREAM_PATH, AS_SUPERUSER, "")) as readers:
            readers.line()
            send_paced(Admin(server.port), 5, 0.05, WARM_UP_STREAMS)
        time.sleep(SETTLE_SECONDS)
        before = memory_kib(server.pid)
        with Companion("hold_streams", ("ws", server.port, streams, STREAM_PATH, AS_SUPERUSER, "")) as readers:
            readers.line()
            time.sleep(SETTLE_SECONDS)
            after = memory_kib(server.pid)
            open_now = readers.report()["open"]
        if open_now != streams:
            raise CannotMeasureError(f"{open_now} of {streams} streams were open when memory was read")
    rss, pss = ((late - early) * 1.024 / streams for late, early in zip(after, before, strict=True))
    return rss, pss, before[0]
