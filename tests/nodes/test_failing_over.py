"""A node that is stopped says nothing, and its sockets stay open: who reads there notices, and goes elsewhere (F11)."""

from __future__ import annotations

import logging
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.patience import PATIENCE
from harness.postgresql import Cluster
from harness.tcp_proxy import TcpProxy
from nodes.failing_over import Making, Reader, kinds
from nodes.three import Nodes
from tocsin.client import connection
from web.node_client import CLIENT

pytestmark = pytest.mark.fault

LONGEST_SECONDS = 45.0
"""Two heartbeats, and a little: after so long everybody has what was sent meanwhile."""

FASTER = 20.0
HEARTBEAT_SECONDS = 1.0
"""In the short form, in place of 20: how often a Python client asks for a sign of life."""


@pytest.fixture(scope="module")
def nodes(postgresql: Cluster, soak: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("failing"), postgresql, count=3 if soak else 2)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def way(nodes: Nodes) -> Iterator[TcpProxy]:
    """What stands before the nodes: every new connection goes to the one that it was told of."""
    made = TcpProxy(nodes[0].port)
    yield made
    made.close()


@contextmanager
def readers(nodes: Nodes, way: TcpProxy, makings: Sequence[Making], *, apart: float = 0.0) -> Iterator[list[Reader]]:
    """One by each of these, all on the first node; they begin so many seconds apart."""
    way.to = nodes[0].port
    url, token = f"http://127.0.0.1:{way.port}", nodes.token("user123")
    with ExitStack() as stack:
        made: list[Reader] = []
        for making in makings:
            made.append(making(url, token))
            stack.callback(made[-1].stop)
            time.sleep(apart)
        for reader in made:
            reader.wait_live()
        yield made


@contextmanager
def stopped(nodes: Nodes, way: TcpProxy) -> Iterator[None]:
    """The first node is stopped, and whatever balances connections has found out."""
    nodes[0].signal(signal.SIGSTOP)
    way.to = nodes[1].port
    try:
        yield
    finally:
        nodes[0].signal(signal.SIGCONT)


def send(nodes: Nodes, titles: Sequence[str], n: int) -> None:
    for title in titles:
        assert nodes[n].service().send(title, "m", userId="user123").status == 200


def wait_for(made: Sequence[Reader], titles: Sequence[str], seconds: float = PATIENCE) -> None:
    """Until everybody has all of these, in order, once, and nothing else."""
    ends = time.monotonic() + seconds
    while not all(len(reader.seen) >= len(titles) for reader in made) and time.monotonic() < ends:
        time.sleep(0.02)
    for reader in made:
        assert reader.trouble is None, f"{reader.name}: {reader.trouble}"
        assert reader.titles == list(titles), f"{reader.name}: {reader.titles}"


def test_whoever_reads_on_a_stopped_node_comes_back_on_another_and_is_whole(
    nodes: Nodes,
    way: TcpProxy,
    soak: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if not soak:
        monkeypatch.setattr(connection, "PING_SECONDS", HEARTBEAT_SECONDS)
    makings = kinds(faster=1.0 if soak else FASTER) * (3 if soak else 1)
    with readers(nodes, way, makings, apart=1.7 if soak else 0.0) as made:
        send(nodes, ["before"], 0)
        wait_for(made, ["before"])
        with stopped(nodes, way):
            began = time.monotonic()
            send(nodes, ["meanwhile", "and again"], 1)
            wait_for(made, ["before", "meanwhile", "and again"], PATIENCE + LONGEST_SECONDS)
        # What the woken node still has to say is no news to anybody.
        nodes[0].wait_ready()
        send(nodes, ["after"], 0)
        wait_for(made, ["before", "meanwhile", "and again", "after"])
        took: dict[str, list[float]] = {reader.name: [] for reader in made}
        for reader in made:
            took[reader.name].append(reader.seen[1][1] - began)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING], "it is told, and not written"
    if soak:
        with capsys.disabled():
            for name, seconds in took.items():
                print(f"\n  {name}: back after {', '.join(f'{one:.1f}' for one in sorted(seconds))} s", end="")
        assert max(max(seconds) for seconds in took.values()) <= LONGEST_SECONDS


def test_control_without_a_heartbeat_they_wait_for_as_long_as_it_is_stopped(
    nodes: Nodes, way: TcpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_SECONDS", 3_600.0)
    with readers(nodes, way, kinds(faster=FASTER, client=deaf(tmp_path))) as made:
        with stopped(nodes, way):
            send(nodes, ["meanwhile"], 1)
            time.sleep(2.0 * HEARTBEAT_SECONDS + 1.0)
            assert [reader.titles for reader in made] == [[]] * len(made)
        wait_for(made, ["meanwhile"])


def deaf(folder: Path) -> Path:
    """The JavaScript client, but for noticing silence."""
    shutil.copytree(CLIENT.with_suffix(""), folder / "client")
    for name in ("socket.js", "lines.js"):
        file = folder / "client" / name
        told = file.read_text()
        silence = next(part for part in told.split(", ") if part.startswith("SILENCE = "))
        file.write_text(told.replace(silence.partition(";")[0], "SILENCE = 72_000", 1))
    return Path(shutil.copy(CLIENT, folder))
