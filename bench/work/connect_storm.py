"""Everybody comes back at once: many streams opened as fast as the server lets them in.

The load opens streams with at most 64 on their way, over WebSocket, each with the same API key. A stream counts as
open when its upgrade is answered; a broadcast sent right after the last one must reach every one of them. The floor
is a WebSocket route of Starlette that accepts and waits, under the same uvicorn and uvloop: no credential, no
position, nothing to resume.
"""

import time

from bench.delivered import settled, until_idle
from bench.machine import process_cpu_ns
from bench.native import CannotMeasureError, Companion
from bench.paced_sends import send_paced
from bench.peers.peer import Running
from bench.peers.starlette_broadcast import started as starlette_started
from bench.peers.tocsin import started
from bench.plan import Plan
from bench.report import Figures, Row
from bench.server_process import Admin

NAME = "connect-storm"
FLOOR_IS = "a Starlette route that accepts WebSockets and does nothing else; same uvicorn and uvloop, same core"


def measure(plan: Plan) -> list[Row]:
    """Streams a second, and the server's CPU for each."""
    rate = Row(NAME, f"{plan.storm_streams:,} WebSockets at once: opened")
    cpu = Row(NAME, f"{plan.storm_streams:,} WebSockets at once: server CPU per stream")
    taken: list[tuple[float, float]] = []
    least: list[tuple[float, float]] = []
    try:
        with started(plan.server_core) as server, starlette_started(plan.server_core) as route:
            for number in plan.rounds_and_warm_up:
                own, floor = _round(plan, server, check=True), _round(plan, route, check=False)
                if number:
                    taken.append(own)
                    least.append(floor)
    except CannotMeasureError as problem:
        rate.problems.append(str(problem))
        return [rate, cpu]
    for row, unit, place in ((rate, "/s", 0), (cpu, "µs", 1)):
        row.measured = Figures(unit, tuple(round_[place] for round_ in taken))
        row.floor = Figures(unit, tuple(round_[place] for round_ in least))
        row.floor_is = FLOOR_IS
    return [rate, cpu]


def _round(plan: Plan, server: Running, *, check: bool) -> tuple[float, float]:
    """Streams a second, and microseconds of CPU each."""
    count, address = plan.storm_streams, server.everyone
    before = process_cpu_ns(server.server.pid)
    arguments = ("ws", server.server.port, count, address.stream_path, address.stream_header, "")
    with Companion("hold_streams", arguments) as readers:
        took = readers.line()["all_open_us"] / 1e6
        time.sleep(0.3)
        spent = process_cpu_ns(server.server.pid) - before
        if check:
            send_paced(Admin(server.server.port), 1, 0.0, count)
            settled(readers, count)
    until_idle(server.cpu_ns)
    return count / took, spent / count / 1000
