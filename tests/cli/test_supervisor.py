"""A supervisor that listens (systemd, Type=notify) is told when requests are answered, and when that ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.server import Server
from tocsin import foundation
from tocsin.errors import StartError


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_is_told_that_it_is_ready_and_that_it_stops(
    start_server: Callable[..., Server], tmp_path: Path, abstract: bool
) -> None:
    address = f"\0{tmp_path}/told" if abstract else str(tmp_path / "told")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(address)
        told.settimeout(60)
        server = start_server(ready=False, env={"NOTIFY_SOCKET": address.replace("\0", "@")})
        server.launch()
        assert [told.recv(100) for _ in server.processes] == [b"READY=1"] * len(server.processes)
        assert server.ready()
        assert server.stop() == 0
        assert [told.recv(100) for _ in server.processes] == [b"STOPPING=1"] * len(server.processes)


def test_a_supervisor_that_is_not_there_keeps_nothing_from_going_on(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert server.stop() == 0


async def _away() -> None:
    try:
        raise ConnectionRefusedError
    except OSError:
        raise StartError("it is away")  # noqa: B904  (as a store does; the context says why)


async def _refuses() -> None:
    raise StartError("there is no such database")


def test_a_supervisor_is_to_try_again_where_a_database_was_away_and_not_where_it_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(foundation, "_START_SECONDS", 0.0)
    for ask, passes in ((_away, True), (_refuses, False)):
        with pytest.raises(StartError) as ended:
            asyncio.run(foundation.patiently(ask))
        assert ended.value.temporary is passes
