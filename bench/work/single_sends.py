"""How many single durable sends one core answers, beside a route that does nothing.

Every send is its own HTTP request, answered after its commit is on disk. Both servers run in turn, round by
round, on the same core, under the same load program and with the same body.
"""

import contextlib
from collections.abc import Sequence

from bench.durability import rows_stored, syncs_are_made
from bench.machine import process_cpu_ns
from bench.native import CannotMeasureError, run
from bench.paced_sends import BROADCAST_TEXT
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import AS_SUPERUSER, SEND_PATH, ServerProcess, do_nothing_route, new_folder, tocsin

NAME = "single-sends"
CONNECTIONS = (1, 32, 256)
GROUPS = (1, 32, 256)
WARM_UP_SECONDS = 0.5
DISK_SECONDS = 1.0
TO_ONE_USER = BROADCAST_TEXT[:-1] + ',"userId":"user456"}'


class Measured:
    """What the rounds of one kind of load gave, Tocsin and the route side by side."""

    def __init__(self, what: str, body: str, connections: int) -> None:
        self.what, self.body, self.connections = what, body, connections
        self.rate: list[float] = []
        self.cpu: list[float] = []
        self.p99: list[float] = []
        self.floor_rate: list[float] = []
        self.floor_cpu: list[float] = []

    def take(self, plan: Plan, server: ServerProcess, route: ServerProcess, *, keep: bool) -> int:
        """One round of both; returns how many sends Tocsin accepted in it."""
        sent, cpu = _load(plan, server, SEND_PATH, self)
        floor, floor_cpu = _load(plan, route, "/x", self)
        if keep:
            self.rate.append(sent["per_second"])
            self.cpu.append(cpu)
            self.p99.append(sent["p99_us"])
            self.floor_rate.append(floor["per_second"])
            self.floor_cpu.append(floor_cpu)
        return int(sent["accepted"])

    def rows(self) -> list[Row]:
        """Rate, its CPU per send, and the answer's p99."""
        rate = Row(NAME, f"{self.what}: sends", Figures("/s", tuple(self.rate)))
        rate.floor = Figures("/s", tuple(self.floor_rate))
        rate.floor_is = "a Starlette route that reads the same body and answers; same core, uvicorn, uvloop, httptools"
        rate.goal = Goal(at_least=0.5) if self.connections == 32 else None
        cpu = Row(NAME, f"{self.what}: server CPU per send", Figures("µs", tuple(self.cpu)))
        cpu.floor = Figures("µs", tuple(self.floor_cpu))
        return [rate, cpu, Row(NAME, f"{self.what}: answered, p99", Figures("µs", tuple(self.p99)))]


def measure(plan: Plan) -> list[Row]:
    """Broadcasts at 1, 32 and 256 connections, sends to one user, no stream open; the disk for context."""
    kinds = [Measured(f"broadcast, {count} conn", BROADCAST_TEXT, count) for count in CONNECTIONS]
    kinds.append(Measured("to one user, 32 conn", TO_ONE_USER, 32))
    disk = Row(NAME, "durability of what was answered")
    try:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(tocsin(plan.server_core))
            route = stack.enter_context(do_nothing_route(plan.server_core))
            accepted = sum(
                kind.take(plan, server, route, keep=number > 0) for number in plan.rounds_and_warm_up for kind in kinds
            )
            disk.notes.append(syncs_are_made(server))
            server.stop()
            _compare(disk, accepted, rows_stored(server.folder / "data"))
        rows = [row for kind in kinds for row in kind.rows()]
    except CannotMeasureError as problem:
        return [Row(NAME, kind.what, problems=[str(problem)]) for kind in kinds]
    for row in rows:
        row.problems += disk.problems
    return [*rows, *_bare_writes(plan), disk]


def _load(plan: Plan, server: ServerProcess, path: str, kind: Measured) -> tuple[dict[str, float], float]:
    """The load program's answer, and the server's CPU per request in microseconds.

    Raises CannotMeasureError when any request was not answered 2xx.
    """
    before = process_cpu_ns(server.pid)
    arguments = (
        server.port,
        path,
        "application/json",
        kind.connections,
        WARM_UP_SECONDS,
        plan.seconds,
        AS_SUPERUSER,
        kind.body,
    )
    sent = run("send_steadily", arguments, plan.seconds + 30)
    spent = process_cpu_ns(server.pid) - before
    if sent["refused"] or sent["closed"]:
        refused = f"{sent['refused']:.0f} refused (first {sent['first_refusal']:.0f})"
        raise CannotMeasureError(f"{kind.what}: {refused}, {sent['closed']:.0f} closed")
    return sent, spent / max(1.0, sent["accepted"]) / 1000


def _compare(disk: Row, accepted: int, stored: int) -> None:
    disk.measured = Figures("rows", (float(stored),))
    if stored < accepted:
        disk.problems.append(f"{accepted} sends were answered 2xx, {stored} are in the store")
    disk.notes.append(f"{accepted} sends were answered 2xx, warm-up included; the store holds {stored} notifications")


def _bare_writes(plan: Plan) -> Sequence[Row]:
    """The disk alone: what a log that only appends the bodies would reach, one record or a group a sync."""
    folder, rows = new_folder(), []
    size = len(BROADCAST_TEXT)
    for group in GROUPS:
        figures = [
            run("write_fdatasync", (folder / "ring", size, group, DISK_SECONDS, 0), 60)["records_per_second"]
            for _ in plan.rounds_and_warm_up
        ]
        rows.append(Row(NAME, f"disk alone: write + fdatasync, {group} a group", Figures("/s", tuple(figures[1:]))))
    (folder / "ring").unlink()
    folder.rmdir()
    return rows
