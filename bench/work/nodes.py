"""What many nodes cost: one and three of them on a PostgreSQL of their own, side by side, with durability on.

The nodes share the server's core, so that three of them have no more processor than one; PostgreSQL runs on the load's
core. Rates are of single sends over 32 connections; a delivery's CPU is that of all nodes, taken as in `fan-out`; a
send's way is timed from before it is written until its frame can be read, on the node that took it and on another.
"""

import contextlib
import http.client
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

from bench.machine import process_cpu_ns
from bench.native import CannotMeasureError, Companion, run
from bench.paced_sends import BROADCAST_TEXT, send_paced
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import AS_SUPERUSER, SEND_PATH, STREAM_PATH, Admin, ServerProcess, free_port, new_folder

NAME = "nodes"
MANY = 3
CONNECTIONS = 32
WARM_UP_SECONDS = 0.5
WARM_UP_SENDS = 20
TIMED_SENDS_A_SECOND = 100
CPU_MAY_RISE = 1.15
DELIVERY_SECONDS = 5.0
PAIRS_A_ROUND = 10
"""Turns of each cluster at delivering, for each round of the plan."""
SENDS_A_TURN = 5
FRAME_SECONDS = 5.0

RATES = ("one node: durable sends", "three nodes: durable sends")
SPENT = (
    "one node: its CPU per send",
    "three nodes: their CPU per send",
    "one node: PostgreSQL's CPU per send",
    "three nodes: PostgreSQL's CPU per send",
)
DELIVERY = "CPU per delivery of 999 streams on three nodes ÷ on one"
WAYS = ("alone", "same", "other")
TOLD = {
    "alone": "one node, send → seen",
    "same": "three nodes, → seen on that one",
    "other": "three nodes, → on another",
}
"""What it is called where a stream is: on the only node, on the one that took the send, on another."""


def measure(plan: Plan) -> list[Row]:
    """Sends a second, CPU per send and per delivery, and what another node adds to a send's way."""
    rates: dict[str, list[float]] = {what: [] for what in (*RATES, *SPENT)}
    ways: dict[str, list[float]] = {f"{TOLD[way]}, {part}": [] for way in WAYS for part in ("p50", "p99")}
    try:
        with _postgresql() as postgresql, contextlib.ExitStack() as stack:
            one, three = (
                [stack.enter_context(_node(plan, postgresql.database(f"bench{many}"))) for _ in range(many)]
                for many in (1, MANY)
            )
            _until_known(three)
            for number in plan.rounds_and_warm_up:
                found = _rates(plan, postgresql.pid, one, three)
                times = _ways(plan, one, three)
                if number:
                    for kept, new in ((rates, found), (ways, times)):
                        for what, value in new.items():
                            kept[what].append(value)
            delivered = _deliveries(plan, (one, three))
            stored = sum(int(postgresql.sql("SELECT count(*) FROM notifications", f"bench{m}")) for m in (1, MANY))
    except CannotMeasureError as problem:
        return [Row(NAME, what, problems=[str(problem)]) for what in (*RATES, DELIVERY)]
    rows = [Row(NAME, what, Figures("/s", tuple(rates[what]))) for what in RATES]
    rows += [Row(NAME, what, Figures("µs", tuple(rates[what]))) for what in SPENT]
    delivery = Row(NAME, DELIVERY, Figures("µs", tuple(delivered[1])), Figures("µs", tuple(delivered[0])))
    delivery.floor_is = f"{SENDS_A_TURN} broadcasts to as many streams of one node, in the turn before or after"
    delivery.goal = Goal(at_most=CPU_MAY_RISE)
    if delivery.ratio and len(delivery.ratio.samples) > 1:
        low, _, high = quantiles(delivery.ratio.samples)
        delivery.notes.append(f"{len(delivery.ratio.samples)} pairs, the middle half of them {low:.2f} to {high:.2f} ×")
    rows += [delivery, *(Row(NAME, what, Figures("ms", tuple(values))) for what, values in ways.items())]
    rows[0].notes.append(f"{CONNECTIONS} connections; fsync on; PostgreSQL holds {stored} notifications at the end")
    return rows


@contextlib.contextmanager
def _postgresql() -> Iterator:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    try:
        from harness.postgresql import DURABLE, Cluster
    finally:
        sys.path.pop(0)
    try:
        cluster = Cluster(DURABLE)
    except (RuntimeError, OSError, KeyError, subprocess.CalledProcessError) as problem:
        raise CannotMeasureError(f"PostgreSQL could not be started: {problem}") from None
    try:
        yield cluster
    finally:
        cluster.remove()


def _node(plan: Plan, database: str) -> ServerProcess:
    folder, port = new_folder(), free_port()
    command = [
        str(Path(sys.executable).with_name("tocsin")),
        "serve",
        "--dev",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    return ServerProcess(
        [*command, "--data", str(folder / "data"), "--database", database], plan.server_core, "/readyz", folder, port
    )


def _until_known(nodes: list[ServerProcess]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pages = [_metrics(node) for node in nodes]
        if all(f"tocsin_nodes {len(nodes)}.0" in page and "tocsin_broker_up 1.0" in page for page in pages):
            return
        time.sleep(0.1)
    raise CannotMeasureError("the nodes do not know of each other")


def _metrics(node: ServerProcess) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    return page


def _cpu(nodes: list[ServerProcess]) -> int:
    return sum(process_cpu_ns(node.pid) for node in nodes)


def _family_cpu(pid: int) -> int:
    """Nanoseconds of a process and its children that live."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    spent = process_cpu_ns(pid)
    for child in children:
        with contextlib.suppress(OSError):
            spent += process_cpu_ns(child)
    return spent


# ------------------------------------------------------------ sends


def _rates(plan: Plan, postgresql: int, one: list[ServerProcess], three: list[ServerProcess]) -> dict[str, float]:
    found: dict[str, float] = {}
    for at, nodes in enumerate((one, three)):
        before, there_before = _cpu(nodes), _family_cpu(postgresql)
        with ThreadPoolExecutor(len(nodes)) as pool:
            told = list(pool.map(lambda n, of=nodes: _send(plan, of[n].port, _share(n, len(of))), range(len(nodes))))
        accepted = sum(one_of["accepted"] for one_of in told)
        found[RATES[at]] = sum(one_of["per_second"] for one_of in told)
        found[SPENT[at]] = (_cpu(nodes) - before) / accepted / 1000
        found[SPENT[at + 2]] = (_family_cpu(postgresql) - there_before) / accepted / 1000
    return found


def _share(n: int, nodes: int) -> int:
    return CONNECTIONS // nodes + (n < CONNECTIONS % nodes)


def _send(plan: Plan, port: int, connections: int) -> dict[str, float]:
    body = BROADCAST_TEXT[:-1] + ',"userId":"user456"}'
    arguments = (port, SEND_PATH, "application/json", connections, WARM_UP_SECONDS, plan.seconds, AS_SUPERUSER, body)
    sent = run("send_steadily", arguments, plan.seconds + 30)
    if sent["refused"] or sent["closed"]:
        raise CannotMeasureError(f"{sent['refused']:.0f} refused, {sent['closed']:.0f} closed")
    return sent


# ------------------------------------------------------------ deliveries


def _deliveries(plan: Plan, clusters: tuple[list[ServerProcess], ...]) -> list[list[float]]:
    """Microseconds of CPU of all nodes per delivery, of each cluster in each of many short turns.

    Turns of the clusters follow one another, each first every other time: what slows the machine for a while slows
    both. What the sends take with no stream open is taken off.
    """
    turns, streams = PAIRS_A_ROUND * plan.rounds, plan.streams // MANY * MANY
    order = [(0, 1) if turn % 2 else (1, 0) for turn in range(turns)]
    alone: list[list[int]] = [[], []]
    delivered: list[list[float]] = [[], []]
    admins = [Admin(nodes[0].port) for nodes in clusters]
    for admin in admins:
        send_paced(admin, WARM_UP_SENDS, 0, 0)
    for pair in order:
        for at in pair:
            alone[at].append(_spent(clusters[at], admins[at], 0, []))
    with contextlib.ExitStack() as stack:
        readers = []
        for nodes in clusters:
            arguments = [("ws", node.port, streams // len(nodes), STREAM_PATH, AS_SUPERUSER, "") for node in nodes]
            readers.append([stack.enter_context(Companion("hold_streams", of)) for of in arguments])
            for reader in readers[-1]:
                reader.line()
        time.sleep(0.5)
        for admin in admins:
            send_paced(admin, WARM_UP_SENDS, 0, streams)
        for turn, pair in enumerate(order):
            for at in pair:
                due = (WARM_UP_SENDS + SENDS_A_TURN * (turn + 1)) * (streams // len(clusters[at]))
                spent = _spent(clusters[at], admins[at], streams, [(reader, due) for reader in readers[at]])
                delivered[at].append((spent - median(alone[at])) / (SENDS_A_TURN * streams) / 1000)
    return delivered


def _spent(nodes: list[ServerProcess], admin: Admin, streams: int, readers: list[tuple[Companion, int]]) -> int:
    """Nanoseconds of CPU of one turn: until each reader has so many notifications in all."""
    before = _cpu(nodes)
    send_paced(admin, SENDS_A_TURN, 0, streams)
    for reader, due in readers:
        _until_read(reader, due)
    return _cpu(nodes) - before


def _until_read(reader: Companion, notifications: int) -> None:
    deadline = time.monotonic() + DELIVERY_SECONDS
    while (counts := reader.report())["notifications"] < notifications and time.monotonic() < deadline:
        time.sleep(0.01)
    if counts["notifications"] != notifications or counts["closed"]:
        raise CannotMeasureError(f"{counts['notifications']} of {notifications} deliveries, {counts['closed']} closed")


# ------------------------------------------------------------ a send's way


def _ways(plan: Plan, one: list[ServerProcess], three: list[ServerProcess]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    many = int(plan.seconds * TIMED_SENDS_A_SECOND)
    alone = _timed(one[0].port, [one[0].port], many)
    among = _timed(three[0].port, [three[0].port, three[1].port], many)
    times = {"alone": alone[0], "same": among[0], "other": among[1]}
    found = {}
    for way, seen in times.items():
        seen.sort()
        found[f"{TOLD[way]}, p50"] = seen[len(seen) // 2]
        found[f"{TOLD[way]}, p99"] = seen[int(len(seen) * 0.99)]
    return found


def _timed(port: int, stream_ports: list[int], many: int) -> list[list[float]]:
    """For each stream, milliseconds from before a send is written until its frame is there; one send at a time."""
    streams = [_stream(at) for at in stream_ports]
    sender = socket.create_connection(("127.0.0.1", port))
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times: list[list[float]] = [[] for _ in streams]
    try:
        with selectors.DefaultSelector() as selector:
            for at, sock in enumerate((*streams, sender)):
                selector.register(sock, selectors.EVENT_READ, at)
            for number in range(many):
                mark = f"way {number:06d} of a send"
                began = time.perf_counter()
                sender.sendall(_request(mark))
                waiting = set(range(len(streams) + 1))
                while waiting:
                    ready = selector.select(FRAME_SECONDS)
                    now = time.perf_counter()
                    if not ready:
                        raise CannotMeasureError(f"a frame did not come in {FRAME_SECONDS:.0f} s")
                    for key, _ in ready:
                        got = key.fileobj.recv(65536)
                        if key.data == len(streams):
                            if not got.startswith(b"HTTP/1.1 200"):
                                raise CannotMeasureError(f"a send was answered {got[:80]!r}")
                            waiting.discard(key.data)
                        elif mark.encode() in got:
                            times[key.data].append((now - began) * 1000)
                            waiting.discard(key.data)
                        elif not got:
                            raise CannotMeasureError("a stream was closed")
                time.sleep(0.002)
    finally:
        for sock in (*streams, sender):
            sock.close()
    return times


def _request(mark: str) -> bytes:
    body = json.dumps({"type": "info", "title": "Way", "message": mark, "userId": "user123"}).encode()
    head = f"POST {SEND_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{AS_SUPERUSER}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _stream(port: int) -> socket.socket:
    """A WebSocket of user123."""
    made = Admin(port).ask("POST", "/api/keys", {"userId": "user123", "name": "bench"})["key"]
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines = (
        f"GET {STREAM_PATH} HTTP/1.1", "Host: x", f"X-API-Key: {made}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", "",
    )  # fmt: skip
    sock.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = sock.recv(4096)
        if not part:
            break
        answer += part
    if b" 101 " not in answer:
        raise CannotMeasureError(f"a stream was refused: {answer[:80]!r}")
    return sock
