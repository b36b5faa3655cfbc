"""A thousand clients come back, each having missed a hundred of its own, and resume from where they were.

Every client is a user with an API key and a WebSocket stream; what each missed was sent to it alone, in batches. The
clock runs from the first connect until the last missed notification is in hand. Each must come exactly once: one more
or one less and the figures are void.
"""

import time
from pathlib import Path

from bench.delivered import settled, until_idle
from bench.native import CannotMeasureError, Companion
from bench.peers.peer import MESSAGE, Running
from bench.peers.tocsin import started, users_with_keys
from bench.plan import Plan
from bench.report import Figures, Row
from bench.server_process import Admin

NAME = "resume"
MISSED = 100
BATCH = 1_000


def measure(plan: Plan) -> list[Row]:
    """Seconds until everybody has everything, and the server's CPU for each notification."""
    who = f"{plan.streams:,} clients, {MISSED} missed each"
    took = Row(NAME, f"{who}: first connect → last in hand")
    rate = Row(NAME, f"{who}: resumed")
    cpu = Row(NAME, f"{who}: server CPU per notification")
    taken: list[tuple[float, float]] = []
    total = plan.streams * MISSED
    try:
        with started(plan.server_core) as server:
            streams = _missed(plan, server)
            rounds = [_round(plan, server, streams) for _ in plan.rounds_and_warm_up]
            taken = rounds[1:]
    except CannotMeasureError as problem:
        took.problems.append(str(problem))
        return [took, rate, cpu]
    took.measured = Figures("s", tuple(seconds for seconds, _ in taken))
    rate.measured = Figures("/s", tuple(total / seconds for seconds, _ in taken))
    cpu.measured = Figures("µs", tuple(spent / total / 1000 for _, spent in taken))
    return [took, rate, cpu]


def _missed(plan: Plan, server: Running) -> Path:
    """Send what will have been missed; the file with each stream's path and header."""
    admin = Admin(server.server.port)
    users = users_with_keys(admin, plan.streams)
    since = admin.ask("GET", "/api/changes")["position"]
    sent = 0
    while sent < plan.streams * MISSED:
        count = min(BATCH, plan.streams * MISSED - sent)
        batch = [_notification((sent + place) % plan.streams) for place in range(count)]
        answer = admin.ask("POST", "/api/notifications/batch", batch)
        results = answer["results"]
        if not isinstance(results, list) or not all(result["success"] for result in results):
            raise CannotMeasureError("a batch was not taken whole")
        sent += count
    file = server.server.folder / "streams"
    file.write_text("".join(f"{user.stream_path}?since={since}\t{user.stream_header}\n" for user in users))
    return file


def _notification(user: int) -> dict[str, str]:
    return {"type": "error", "title": "Action Failed", "message": MESSAGE, "userId": f"user-{user:05d}"}


def _round(plan: Plan, server: Running, streams: Path) -> tuple[float, float]:
    """Seconds, and nanoseconds of CPU."""
    before = server.cpu_ns()
    arguments = ("ws", server.server.port, plan.streams, f"@{streams}", "", "")
    with Companion("hold_streams", arguments) as readers:
        readers.line()
        seconds = settled(readers, plan.streams * MISSED)["last_us"] / 1e6
        spent = server.cpu_ns() - before
        time.sleep(0.3)
        settled(readers, plan.streams * MISSED)
    until_idle(server.cpu_ns)
    return seconds, spent
