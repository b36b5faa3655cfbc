"""Tocsin and what people would use instead, side by side on the same work.

One round starts one system after the other, each on a new store, alone on the server's core, and takes of each: the
memory of an idle stream; the CPU of a delivery to a thousand streams; how many sends it answers over 32 connections;
and, at a thousand sends a second to a thousand recipients with a stream each, how long until a send is seen. All are
measured by the same programs; `bench/peers/` says how each is started, what an answer promises, and what it is sent.

A system that cannot be had is a row that says why.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.delivered import settled, until_idle
from bench.durability import syncs_of
from bench.native import CannotMeasureError, Companion, run
from bench.paced_sends import send_to_peer
from bench.peers import ALL
from bench.peers.peer import Peer, Running
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.work.fan_out import BUSY, FLOOR_IS, bare_writes
from bench.work.latency import COUNTED_AS_FAILURE, seen_at_rate

NAME = "peers"
CONNECTIONS = 32
RATE = 1_000
WARM_UP_STREAMS, WARM_UP_SENDS = 50, 20
SENDS_A_SECOND = 30
ALIKE_BYTES = 32
SETTLE_SECONDS = 0.8
WARM_UP_SECONDS = 0.4
REFUSED = "sends of a round were answered with an error"
BESIDE_TOCSIN = "Tocsin in the same round"
# The heading of each figure's rows, its unit, and what takes it.
FIGURES = {
    "delivery": ("peers, fan-out to 1,000 streams: CPU per delivery", "µs", "_streams"),
    "sends": ("peers, sends over 32 connections", "/s", "_sends"),
    "send_cpu": ("peers, sends over 32 connections: CPU per send", "µs", "_sends"),
    "p50": ("peers, 1,000 sends/s to 1,000 recipients: send → seen, p50", "ms", "_seen"),
    "p99": ("peers, 1,000 sends/s to 1,000 recipients: send → seen, p99", "ms", "_seen"),
    "memory": ("peers, memory per idle stream (RSS)", "KB", "_streams"),
}


@dataclass
class Measured:
    """What the rounds of one peer gave, and why the rest is missing."""

    peer: Peer
    figures: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in (*FIGURES, "floor")})
    missing: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    synced: str = ""
    refused: dict[str, str] = field(default_factory=dict)


def build() -> None:
    """Bring and build all that can be had; what cannot says so when it is measured."""
    for peer in ALL:
        try:
            peer.build()
        except CannotMeasureError:
            continue


def measure(plan: Plan) -> list[Row]:
    """Five figures for each system; ÷ the C floor for deliveries, ÷ Tocsin for the rest."""
    taken = [Measured(peer) for peer in ALL]
    for _ in range(plan.rounds):
        for measured in taken:
            if "start" not in measured.missing:
                _round(plan, measured)
        _floors(plan, taken)
    return [_row(name, measured, taken) for name in FIGURES for measured in taken]


def _round(plan: Plan, measured: Measured) -> None:
    """A work that fails is missing from then on; the others go on."""
    try:
        measured.peer.build()
        with measured.peer.start(plan.server_core) as running:
            for work in (_streams, _sends, _seen):
                try:
                    work(plan, running, measured)
                except CannotMeasureError as problem:
                    measured.missing[work.__name__] = str(problem)
    except CannotMeasureError as problem:
        measured.missing["start"] = str(problem)


def _floors(plan: Plan, taken: Sequence[Measured]) -> None:
    """The bare write of each that was measured in this round; those of about the same length share one."""
    floors: dict[int, float] = {}
    for measured in taken:
        if len(measured.figures["delivery"]) > len(measured.figures["floor"]):
            length = round(measured.bytes / ALIKE_BYTES)
            try:
                if length not in floors:
                    floors[length] = bare_writes(plan, plan.streams, measured.bytes, _sends_of(plan), BUSY)
            except CannotMeasureError as problem:
                measured.missing["_streams"] = str(problem)
            else:
                measured.figures["floor"].append(floors[length])


def _sends_of(plan: Plan) -> int:
    return int(plan.seconds * SENDS_A_SECOND)


def _held(peer: Running, count: int) -> Companion:
    at = peer.everyone
    return Companion(
        "hold_streams", (peer.stream_kind, peer.server.port, count, at.stream_path, at.stream_header, at.greeting)
    )


def _streams(plan: Plan, peer: Running, measured: Measured) -> None:
    """Memory of idle streams, then what it costs to send to them."""
    count, sends = plan.streams, _sends_of(plan)
    with _held(peer, WARM_UP_STREAMS) as readers:
        readers.line()
        time.sleep(0.2)
        send_to_peer(peer, WARM_UP_SENDS, 0.01)
        settled(readers, WARM_UP_STREAMS * WARM_UP_SENDS)
    time.sleep(SETTLE_SECONDS)
    empty = peer.resident_kib()
    with _held(peer, count) as readers:
        readers.line()
        time.sleep(SETTLE_SECONDS)
        full = peer.resident_kib()
        send_to_peer(peer, WARM_UP_SENDS, BUSY)
        before = settled(readers, WARM_UP_SENDS * count)
        spent = peer.cpu_ns()
        send_to_peer(peer, sends, BUSY)
        after = settled(readers, (WARM_UP_SENDS + sends) * count)
        together = peer.cpu_ns() - spent
    until_idle(peer.cpu_ns)
    spent = peer.cpu_ns()
    send_to_peer(peer, sends, BUSY)
    alone = peer.cpu_ns() - spent
    measured.bytes = round((after["bytes"] - before["bytes"]) / (sends * count))
    measured.figures["memory"].append((full - empty) * 1.024 / count)
    measured.figures["delivery"].append((together - alone) / (sends * count) / 1000)


def _sends(plan: Plan, peer: Running, measured: Measured) -> None:
    to, spent = peer.everyone, peer.cpu_ns()
    arguments = (
        peer.server.port,
        to.send_path,
        peer.content_type,
        CONNECTIONS,
        WARM_UP_SECONDS,
        plan.seconds,
        to.send_header,
        to.body,
    )
    sent = run("send_steadily", arguments, plan.seconds + 60)
    spent = peer.cpu_ns() - spent
    if sent["closed"] or not sent["answered"]:
        raise CannotMeasureError(f"{sent['answered']:.0f} sends answered, {sent['closed']:.0f} connections closed")
    _refused(measured, "_sends", sent["refused"], sent["accepted"] + sent["refused"])
    if measured.peer.durable and not measured.synced:
        measured.synced = syncs_of(peer.pids, lambda: send_to_peer(peer, 1, BUSY))
    measured.figures["sends"].append(sent["per_second"])
    measured.figures["send_cpu"].append(spent / sent["accepted"] / 1000)


def _seen(plan: Plan, peer: Running, measured: Measured) -> None:
    targets = "".join(address.as_line() for address in peer.each(plan.streams))
    void = [kind for kind in COUNTED_AS_FAILURE if kind != "refused"]
    seen = seen_at_rate(peer, targets, RATE, WARM_UP_SECONDS, plan.seconds, void)
    _refused(measured, "_seen", seen["refused"], seen["sends"])
    measured.figures["p50"].append(seen["p50_us"] / 1000)
    measured.figures["p99"].append(seen["p99_us"] / 1000)


def _refused(measured: Measured, source: str, refused: float, sends: float) -> None:
    """A peer that refuses some of its sends is still measured, and it is said; Tocsin's figure is void."""
    if refused and measured.peer is ALL[0]:
        raise CannotMeasureError(f"{refused:.0f} of {sends:.0f} sends were refused")
    if refused:
        measured.refused[source] = f"{refused:.0f} of {sends:.0f} {REFUSED}"


def _row(name: str, measured: Measured, taken: Sequence[Measured]) -> Row:
    work, unit, source = FIGURES[name]
    tocsin, samples = taken[0], measured.figures[name]
    row = Row(work, measured.peer.what, _figures(unit, samples))
    if name == "delivery":
        row.floor, row.floor_is = _figures(unit, measured.figures["floor"]), FLOOR_IS
        row.notes += [f"{measured.peer.what}: {measured.bytes} bytes on the wire per delivery"] if samples else []
        row.goal = Goal(at_most=1.5) if measured is tocsin else None
    elif measured is not tocsin and samples and len(samples) == len(tocsin.figures[name]):
        row.floor, row.floor_is = _figures(unit, tocsin.figures[name]), BESIDE_TOCSIN
    elif measured is tocsin and name == "sends":
        others = [median(other.figures[name]) for other in taken[1:] if other.peer.durable and other.figures[name]]
        row.goal = Goal(at_least=round(max(others))) if others else None
    if name == "sends" and measured.synced:
        row.notes.append(f"{measured.peer.what}: {measured.synced}")
    if source in measured.refused:
        row.notes.append(f"{measured.peer.what}: {measured.refused[source]}")
    reason = measured.missing.get("start") or measured.missing.get(source)
    if reason and measured is tocsin:
        row.problems.append(reason)
    elif reason:
        row.notes.append(f"{measured.peer.what}: {reason}")
    return row


def _figures(unit: str, samples: Sequence[float]) -> Figures | None:
    return Figures(unit, tuple(samples)) if samples else None
