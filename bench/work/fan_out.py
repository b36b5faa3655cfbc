"""What one delivery costs the server's CPU when a broadcast goes to many streams.

The send itself (parse, append, commit, answer) is measured with no stream open, by the same number of sends
at the same pace, and taken off. The floor is a C program that writes as many bytes to as many sockets at that
pace, measured after each round, and before it, too, where the goal is held against it. One stream alone has no
floor: what it costs is waking up, not writing.

Two paces: one send right after the other, where both find their caches warm, and 40 a second, where both wake
up from idling, which costs more than the work on some machines and brings the ratio nearer to 1.
"""

import time
from dataclasses import dataclass
from statistics import mean

from bench.delivered import SETTLE_SECONDS, settled, until_idle
from bench.machine import process_cpu_ns
from bench.native import CannotMeasureError, Companion
from bench.paced_sends import send_paced
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import AS_SUPERUSER, STREAM_PATH, Admin, ServerProcess, tocsin

NAME = "fan-out"
BUSY, CALM = 0.0, 0.025
WARM_UP_SENDS = 20
FLOOR_IS = "CPU of a C program's write() of as many bytes, per socket, at the same pace"


@dataclass(frozen=True)
class Kind:
    """One way of fanning out."""

    form: str
    streams: int
    interval: float = BUSY
    goal: Goal | None = None

    @property
    def what(self) -> str:
        """How a row names it."""
        form = {"ws": "WebSocket", "sse": "SSE", "ndjson": "NDJSON"}[self.form]
        pace = f"sends {1 / self.interval:.0f}/s" if self.interval else "back to back"
        return f"{form}, {self.streams:,} stream{'s' if self.streams > 1 else ''}, {pace}"

    def sends(self, seconds: float) -> int:
        """How many make a round: fewer with many streams, and never one alone."""
        a_second = 0.5 / self.interval if self.interval else min(400.0, 80_000 / self.streams)
        return max(2, int(seconds * a_second))


def kinds(plan: Plan) -> list[Kind]:
    """The goal is held against a thousand WebSockets, back to back."""
    many = plan.streams
    return [
        Kind("ws", many, goal=Goal(at_most=1.5)),
        Kind("ws", many, CALM),
        *(Kind("ws", streams) for streams in plan.other_streams),
        Kind("sse", many),
        Kind("ndjson", many),
    ]


def measure(plan: Plan) -> list[Row]:
    """CPU per delivery by form and number of streams, ÷ bare write(); and per send with no stream."""
    first, *others = kinds(plan)
    try:
        with tocsin(plan.server_core) as server:
            # One server for all: it is warm after the first round, whose figures are dropped.
            _, _, size = _round(plan, first, server)
            return _kind(plan, first, server, size) + [row for kind in others for row in _kind(plan, kind, server)]
    except CannotMeasureError as problem:
        return [Row(NAME, f"{first.what}: CPU per delivery", problems=[str(problem)])]


def _kind(plan: Plan, kind: Kind, server: ServerProcess, size: int = 0) -> list[Row]:
    """Its rows; with the `size` of a frame, a floor is measured before each round as well."""
    delivery = Row(NAME, f"{kind.what}: CPU per delivery", goal=kind.goal)
    send = Row(NAME, f"{kind.what}: CPU per send with no stream open")
    deliveries, sends, floors, sizes = [], [], [], set()
    try:
        for _ in range(plan.rounds):
            beside = [_floor(plan, kind, size)] if size else []
            per_delivery, per_send, written = _round(plan, kind, server)
            beside += [_floor(plan, kind, written)] if kind.streams > 1 else []
            floors += [mean(beside)] if beside else []
            deliveries.append(per_delivery)
            sends.append(per_send)
            sizes.add(written)
        delivery.measured, send.measured = Figures("µs", tuple(deliveries)), Figures("µs", tuple(sends))
        if floors:
            delivery.floor, delivery.floor_is = Figures("µs", tuple(floors)), FLOOR_IS
        delivery.notes.append(f"{kind.form}: {' or '.join(map(str, sorted(sizes)))} bytes on the wire per delivery")
    except CannotMeasureError as problem:
        delivery.problems.append(f"{kind.what}: {problem}")
    return [delivery, send] if kind.streams == plan.streams and kind.form == "ws" else [delivery]


def _round(plan: Plan, kind: Kind, server: ServerProcess) -> tuple[float, float, int]:
    """Microseconds of server CPU per delivery and per send, and the bytes of one delivery."""
    sends, admin = kind.sends(plan.seconds), Admin(server.port)
    warm_up = min(sends, WARM_UP_SENDS)
    send_paced(admin, WARM_UP_SENDS, kind.interval, 0)
    before = process_cpu_ns(server.pid)
    send_paced(admin, sends, kind.interval, 0)
    alone = process_cpu_ns(server.pid) - before
    with Companion("hold_streams", (kind.form, server.port, kind.streams, STREAM_PATH, AS_SUPERUSER, "")) as readers:
        readers.line()
        time.sleep(0.5)
        send_paced(admin, warm_up, kind.interval, kind.streams)
        counted = settled(readers, warm_up * kind.streams)
        before = process_cpu_ns(server.pid)
        send_paced(admin, sends, kind.interval, kind.streams)
        expected = sends * kind.streams
        counts = settled(readers, counted["notifications"] + expected)
        together = process_cpu_ns(server.pid) - before
    until_idle(lambda: process_cpu_ns(server.pid))
    size = round((counts["bytes"] - counted["bytes"]) / expected)
    return (together - alone) / expected / 1000, alone / sends / 1000, size


def _floor(plan: Plan, kind: Kind, size: int) -> float:
    """Microseconds of CPU per write()."""
    return bare_writes(plan, kind.streams, size, kind.sends(plan.seconds), kind.interval)


def bare_writes(plan: Plan, streams: int, size: int, rounds: int, interval: float) -> float:
    """Microseconds of CPU of a C program per write() of `size` bytes to one of `streams` sockets, on the server's core.

    Raises CannotMeasureError when its readers did not get every byte.
    """
    warm_up = min(rounds, WARM_UP_SENDS)
    with Companion("write_to_sockets", (streams, size, rounds, interval * 1000, warm_up)) as writer:
        port = writer.line()["port"]
        writer.pin_to(plan.server_core)
        with Companion("hold_streams", ("raw", port, streams, "/", "", "")) as readers:
            readers.line()
            cost = writer.line()["cpu_us_per_write"]
            deadline = time.monotonic() + SETTLE_SECONDS
            expected = (rounds + warm_up) * streams * size
            while (got := readers.report()["bytes"]) != expected:
                if time.monotonic() > deadline:
                    raise CannotMeasureError(f"the floor's readers had {got} of {expected} bytes")
                time.sleep(0.01)
    return cost
