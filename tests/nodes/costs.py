"""What a send costs the nodes and the database, for the sizing in docs/howto/run-many-nodes.md.

    python tests/nodes/costs.py          # announced by PostgreSQL
    python tests/nodes/costs.py redis    # announced by Redis

Three nodes and PostgreSQL on this machine, 32 keep-alive connections, 4,000 sends to one user without streams: first
all to one node, then to all three. The load is a Python program on the same cores, so the rate is not what a node can
do; processor time for each send is what is told. Then from the start of a send until a stream of the same node, and of
another one, has it: 200 sends, one at a time.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.http import DEV_KEY, Http
from harness.postgresql import DURABLE, Cluster
from harness.redis import Redis
from harness.server import Server
from harness.websocket import WebSocket
from nodes.three import Nodes

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Processor seconds of a process and its children that are there."""
    found = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            found += (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def send(targets: Sequence[Server], many: int) -> float:
    """Send so many, and the seconds that took."""
    turn = itertools.count()

    def work(n: int) -> None:
        client = Http(targets[n % len(targets)].url, key=DEV_KEY, keep=True)
        while next(turn) < many:
            assert client.send("t" * 20, "m" * 120, userId="user456").status == 200
        client.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def delays(nodes: Nodes, n: int) -> list[float]:
    """Milliseconds from the start of each send on node 0 until a stream of node n has it, least first."""
    came: list[float] = []
    began: list[float] = []
    client = Http(nodes[0].url, key=DEV_KEY, keep=True)
    with WebSocket(nodes[n].url, token=nodes.token("user123")) as stream:
        time.sleep(0.3)

        def read() -> None:
            for _ in range(200):
                stream.recv_json()
                came.append(time.perf_counter())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(200):
            began.append(time.perf_counter())
            client.send("x", "y", userId="user123")
            time.sleep(0.005)
        reader.join()
    client.close()
    return sorted((there - then) * 1000 for then, there in zip(began, came, strict=True))


def main(broker: str) -> None:
    postgresql = Cluster(DURABLE)
    redis = Redis() if broker else None
    nodes = Nodes(Path(tempfile.mkdtemp()), postgresql, broker=redis.url if redis else "")
    try:
        nodes.start()
        nodes.token("user123")
        pids = [*(node.pid for node in nodes.all), postgresql.pid]
        time.sleep(2)
        before = [cpu(pid) for pid in pids]
        time.sleep(5)
        idle = [(cpu(pid) - was) / 5 for pid, was in zip(pids, before, strict=True)]
        print("idle, ms of processor a second:", [round(one * 1000, 1) for one in idle])
        for label, targets in (("one node", nodes.all[:1]), ("three nodes", nodes.all)):
            before = [cpu(pid) for pid in pids]
            took = send(targets, 4_000)
            spent = [
                round((cpu(pid) - was - rest * took) / 4_000 * 1e6)
                for pid, was, rest in zip(pids, before, idle, strict=True)
            ]
            print(f"{label}: {4_000 / took:.0f}/s; µs of processor a send: nodes {spent[:3]}, PostgreSQL {spent[3]}")
        for n in (0, 1):
            found = delays(nodes, n)
            print(f"a stream of node {n} has it after p50 {found[100]:.1f} ms, p99 {found[197]:.1f} ms")
    finally:
        nodes.close()
        postgresql.remove()
        if redis is not None:
            redis.remove()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
