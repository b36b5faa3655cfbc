"""What one delivery costs the server's CPU when a broadcast goes to a thousand streams.

The send itself (parse, append, commit, answer) is measured with no stream open, by the same number of sends
at the same pace, and taken off. The floor is a C program that writes as many bytes to as many sockets at that
pace, measured before and after each round.

Two paces: one send right after the other, where both find their caches warm, and 40 a second, where both wake
up from idling, which costs more than the work on some machines and brings the ratio nearer to 1.
"""

import time

from bench.machine import process_cpu_ns
from bench.native import CannotMeasureError, Companion
from bench.paced_sends import BROADCAST_TEXT, send_paced
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import AS_SUPERUSER, STREAM_PATH, Admin, ServerProcess, tocsin

NAME = "fan-out"
BUSY, CALM = 0.0, 0.025
SENDS_A_SECOND = {BUSY: 80, CALM: 40}
WARM_UP_SENDS = 20
DELIVERY_SECONDS = 5.0


def measure(plan: Plan) -> list[Row]:
    """CPU per delivery over WebSocket and SSE, ÷ bare write(); and per send with no stream."""
    kinds = (("ws", BUSY, Goal(at_most=1.5)), ("ws", CALM, None), ("sse", BUSY, None))
    return [row for kind, interval, goal in kinds for row in _kind(plan, kind, interval, goal)]


def _kind(plan: Plan, kind: str, interval: float, goal: Goal | None) -> list[Row]:
    name = {"ws": "WebSocket", "sse": "SSE"}[kind]
    pace = f"sends {1 / interval:.0f}/s" if interval else "back to back"
    delivery = Row(NAME, f"{name}, {plan.streams:,} streams, {pace}: CPU per delivery", goal=goal)
    send = Row(NAME, f"the same with no stream, {pace}: CPU per send")
    deliveries, sends, floors, sizes = [], [], [], set()
    try:
        with tocsin(plan.server_core) as server:
            size = len(BROADCAST_TEXT)
            for number in plan.rounds_and_warm_up:
                before = _floor(plan, size, interval)
                per_delivery, per_send, size = _round(plan, kind, server, interval)
                after = _floor(plan, size, interval)
                if number:
                    deliveries.append(per_delivery)
                    sends.append(per_send)
                    floors.append((before + after) / 2)
                    sizes.add(size)
        delivery.measured, send.measured = Figures("µs", tuple(deliveries)), Figures("µs", tuple(sends))
        delivery.floor = Figures("µs", tuple(floors))
        delivery.floor_is = "CPU of a C program's write() of as many bytes, per socket, at the same pace"
        delivery.notes.append(f"{name}: {' or '.join(map(str, sorted(sizes)))} bytes on the wire per delivery")
    except CannotMeasureError as problem:
        delivery.problems.append(f"{name}, {pace}: {problem}")
    return [delivery, send]


def _sends_per_round(plan: Plan, interval: float) -> int:
    return int(plan.seconds * SENDS_A_SECOND[interval])


def _round(plan: Plan, kind: str, server: ServerProcess, interval: float) -> tuple[float, float, int]:
    """Microseconds of server CPU per delivery and per send, and the bytes of one delivery."""
    sends, admin = _sends_per_round(plan, interval), Admin(server.port)
    send_paced(admin, WARM_UP_SENDS, interval, 0)
    before = process_cpu_ns(server.pid)
    send_paced(admin, sends, interval, 0)
    alone = process_cpu_ns(server.pid) - before
    with Companion("hold_streams", (kind, server.port, plan.streams, STREAM_PATH, AS_SUPERUSER)) as readers:
        readers.line()
        time.sleep(0.5)
        send_paced(admin, WARM_UP_SENDS, interval, plan.streams)
        counted = _settled(readers, WARM_UP_SENDS * plan.streams)
        before = process_cpu_ns(server.pid)
        send_paced(admin, sends, interval, plan.streams)
        expected = sends * plan.streams
        settled = _settled(readers, counted["notifications"] + expected)
        together = process_cpu_ns(server.pid) - before
    _until_idle(server)
    size = round((settled["bytes"] - counted["bytes"]) / expected)
    return (together - alone) / expected / 1000, alone / sends / 1000, size


def _settled(readers: Companion, notifications: int) -> dict[str, int]:
    """The readers' counts once they have `notifications`; CannotMeasureError for one less or one more."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while True:
        counts = readers.report()
        if counts["closed"]:
            raise CannotMeasureError(f"{counts['closed']} streams were closed ({counts['last_close_code']})")
        if counts["notifications"] >= notifications or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if counts["notifications"] != notifications:
        raise CannotMeasureError(f"{counts['notifications']} deliveries instead of {notifications}")
    return counts


def _until_idle(server: ServerProcess) -> None:
    """Wait until the server has let its streams go: the next round begins with none."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    idle_ns = 2_000_000
    while time.monotonic() < deadline:
        before = process_cpu_ns(server.pid)
        time.sleep(0.1)
        if process_cpu_ns(server.pid) - before < idle_ns:
            return


def _floor(plan: Plan, size: int, interval: float) -> float:
    """Microseconds of CPU per write()."""
    rounds = _sends_per_round(plan, interval)
    arguments = (plan.streams, size, rounds, interval * 1000, WARM_UP_SENDS)
    with Companion("write_to_sockets", arguments) as writer:
        port = writer.line()["port"]
        writer.pin_to(plan.server_core)
        with Companion("hold_streams", ("raw", port, plan.streams, "/", "")) as readers:
            readers.line()
            cost = writer.line()["cpu_us_per_write"]
            deadline = time.monotonic() + DELIVERY_SECONDS
            expected = (rounds + WARM_UP_SENDS) * plan.streams * size
            while (got := readers.report()["bytes"]) != expected:
                if time.monotonic() > deadline:
                    raise CannotMeasureError(f"the floor's readers had {got} of {expected} bytes")
                time.sleep(0.01)
    return cost
