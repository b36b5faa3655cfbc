"""All connections for reading are taken: readers are refused soon, only so many wait, and sends go on (F08)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from harness.patience import PATIENCE, SLACK
from harness.postgresql import Cluster
from harness.server import Server
from harness.tcp_proxy import TcpProxy
from store.adapters import Recorder
from tocsin.errors import Unavailable
from tocsin.principal import UserId
from tocsin.store.postgresql import reader
from tocsin.store.postgresql.store import PostgresqlStore

pytestmark = pytest.mark.fault

LONGEST_SECONDS = 3.0 * SLACK
BACK_SECONDS = 5.0 * SLACK

FEW = 100
"""Reads that may wait in the short form, in place of a thousand."""

CONNECTIONS = 4
"""For reading, as `limits.database_connections` has it."""


USER = UserId("user123")

Holding = Callable[[], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Nobody can read what people have done with their notifications, and so no inbox; sends do not touch it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN; LOCK TABLE receipts IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        await connection.close()


@asynccontextmanager
async def swallowed(proxy: TcpProxy) -> AsyncIterator[None]:
    """Nothing comes through to the database, nor back."""
    proxy.stand_still()
    try:
        yield
    finally:
        proxy.move()


# ------------------------------------------------------------ over HTTP


def test_readers_are_refused_in_time_and_sends_go_on(
    shared_postgresql: Cluster, tmp_path: Path, soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    url = shared_postgresql.database_with_tables("reading")
    server = Server(tmp_path / "data", args=["--database", url])
    try:
        server.start()
        service, token = server.service(), server.token("user123")
        assert server.user("user123").get("/api/notifications").status == 200
        assert service.send("before", "m").status == 200
        many = 1_500 if soak else 40
        statuses, slowest, sent = asyncio.run(ask_at_once(server, url, token, many))
        began = time.monotonic()
        while server.user("user123").get("/api/notifications").status != 200:
            assert time.monotonic() - began <= BACK_SECONDS
        back = time.monotonic() - began
    finally:
        server.close()
    server.check_log()
    with capsys.disabled():
        print(
            f"\n  {many} reads, all connections taken: answered {dict(statuses)}, the last after {slowest:.2f} s; ",
            end="",
        )
        print(f"{len(sent)} sends meanwhile, {max(sent):.2f} s at worst; read again {back:.2f} s later")
    assert statuses == {503: many}
    assert slowest <= LONGEST_SECONDS
    assert max(sent) <= LONGEST_SECONDS


async def ask_at_once(server: Server, url: str, token: str, many: int) -> tuple[Counter[int], float, list[float]]:
    """So many ask for their inbox, which nobody can read.

    Returns:
        The statuses, the seconds until the last answer, and those that each send took meanwhile.
    """
    head = f"GET /api/notifications HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    lines = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(many)]

    async def ask(asking: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, float]:
        writer.write(head)
        answer = (await asking.readuntil(b"\r\n\r\n")).lower()
        assert b"\r\nretry-after: " in answer
        return int(answer.split()[1]), time.monotonic() - began

    sent: list[float] = []
    async with locked(url):
        began = time.monotonic()
        asked = asyncio.gather(*(ask(*line) for line in lines))
        while not asked.done():
            of_send = time.monotonic()
            assert (await asyncio.to_thread(server.service().send, "meanwhile", "m")).status == 200
            sent.append(time.monotonic() - of_send)
            await asyncio.sleep(0.05)
        found = await asked
    for _, writer in lines:
        writer.close()
    return Counter(status for status, _ in found), max(took for _, took in found), sent


# ------------------------------------------------------------ the store itself


class Crowd(NamedTuple):
    """What became of more reads at once than may wait.

    Attributes:
        refused: after how many seconds each was; None where that took longer than was waited.
        waiting: how many were, when all had been begun.
        connections: for reading, when the last was refused.
        back: after how many seconds could be read again.
    """

    refused: list[float | None]
    waiting: int
    connections: int
    back: float


@pytest.fixture(params=["locked", "swallowed"])
def hold(shared_postgresql: Cluster, request: pytest.FixtureRequest) -> Iterator[tuple[str, Holding]]:
    """The URL of a database, and what keeps it from answering reads."""
    url = shared_postgresql.database_with_tables("pool")
    if request.param == "locked":
        yield url, lambda: locked(url)
        return
    proxy = TcpProxy(shared_postgresql.port)
    yield url.replace(f":{shared_postgresql.port}/", f":{proxy.port}/"), lambda: swallowed(proxy)
    proxy.close()


async def crowd(url: str, holding: Holding, many: int, seconds: float) -> Crowd:
    """Let many read at once.

    Parameters:
        seconds: how long their refusal is waited for.
    """
    store = await PostgresqlStore.open(url, Recorder(), connections=CONNECTIONS)
    try:
        await asyncio.gather(*(store.unread(USER) for _ in range(2 * CONNECTIONS)))
        async with holding():
            began = time.monotonic()

            async def read() -> float:
                with pytest.raises(Unavailable):
                    await store._reader.rows("SELECT count(*) FROM receipts")
                return time.monotonic() - began

            reads = [asyncio.create_task(read()) for _ in range(many)]
            await asyncio.sleep(0)
            waiting = store._reader._waiting
            done, late = await asyncio.wait(reads, timeout=seconds)
            connections = store._reader._pool.get_size()
            for one in late:
                one.cancel()
        ended = time.monotonic()
        while time.monotonic() - ended <= BACK_SECONDS:
            with suppress(Unavailable):
                await store.unread(USER)
                break
        back = time.monotonic() - ended
        return Crowd([one.result() if one in done else None for one in reads], waiting, connections, back)
    finally:
        await store.close()
        # Connections that were given up while they were made are closed in a later turn of the loop.
        await asyncio.sleep(0.1)


def test_who_reads_is_refused_in_time_and_only_so_many_wait(
    hold: tuple[str, Holding], soak: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reader.MOST_WAITING <= 1_000
    if not soak:
        monkeypatch.setattr(reader, "MOST_WAITING", FEW)
    found = asyncio.run(crowd(*hold, reader.MOST_WAITING + 100, PATIENCE))
    took = [one for one in found.refused if one is not None]
    with capsys.disabled():
        print(
            f"\n  {len(took)} reads refused after {min(took):.2f} to {max(took):.2f} s, {found.waiting} waited, ",
            end="",
        )
        print(f"on {found.connections} connections; read again after {found.back:.2f} s")
    assert len(took) == len(found.refused)
    assert max(took) <= LONGEST_SECONDS
    assert found.waiting == reader.MOST_WAITING
    assert found.connections <= CONNECTIONS
    assert found.back <= BACK_SECONDS


def test_control_without_bounds_all_wait_and_for_long(
    shared_postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_WAITING", 1_000_000)
    monkeypatch.setattr(reader, "LONGEST_SECONDS", 3_600.0)
    url = shared_postgresql.database_with_tables("pool")
    found = asyncio.run(crowd(url, lambda: locked(url), FEW + 100, 3.5))
    assert found.waiting > FEW
    assert None in found.refused, "the database itself gives up a statement after two seconds, a few at a time"
