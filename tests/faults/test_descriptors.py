"""Too few file descriptors: new connections wait or are refused, old ones go on, and it passes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads CPU time from /proc")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_thousand_connections_with_256_descriptors(start_server: Callable[..., Server]) -> None:
    server = start_server(wrap=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
    witness = WebSocket(server.url, token=server.token("user123"))
    keeper = server.service()
    keeper.keep = True
    assert keeper.send("before", userId="user123").status == 200
    assert witness.recv_json()["title"] == "before"
    crowd: list[socket.socket] = []
    for _ in range(1_000):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", server.port))
        crowd.append(connection)
    time.sleep(0.5)
    assert server.descriptors() <= 256
    began, used = time.monotonic(), cpu_seconds(server.pid)
    time.sleep(2)
    share = (cpu_seconds(server.pid) - used) / (time.monotonic() - began)
    assert server.running
    assert keeper.send("in the crowd", userId="user123").status == 200
    assert witness.recv_json()["title"] == "in the crowd"
    for connection in crowd:
        connection.close()
    deadline = time.monotonic() + PATIENCE
    while not server.ready():
        assert time.monotonic() < deadline, "not served after the crowd has gone"
        time.sleep(0.02)
    assert share < 0.2, f"{share:.0%} of a core is spent on connections that cannot be taken"
    lines = [line for line in server.log().splitlines() if "descriptors" in line or "Too many open files" in line]
    assert 1 <= len(lines) <= 20, f"{len(lines)} log lines about it"
    assert "the limit is 256" in lines[0]
    witness.close()
    keeper.close()


def test_control_the_same_crowd_is_served_with_enough_descriptors(dev: Server) -> None:
    crowd = [socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) for _ in range(400)]
    assert dev.ready()
    assert dev.descriptors() > 400
    for connection in crowd:
        connection.close()
