"""What has lost its database or its broker comes back to it after a while that chance decides: not all at once."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from harness.patience import PATIENCE
from harness.ports import free_port
from harness.postgresql import Cluster
from harness.tcp_proxy import TcpProxy
from store.adapters import Recorder, draft
from tocsin.broker.postgresql import PostgresqlBroker
from tocsin.broker.redis import RedisBroker
from tocsin.clock import SystemClock
from tocsin.cluster.following import Following
from tocsin.cluster.presence import Presence
from tocsin.errors import Unavailable
from tocsin.live.hub import Hub
from tocsin.position import Epoch
from tocsin.store.postgresql.store import PostgresqlStore

pytestmark = pytest.mark.fault

MANY = 40
"""Pauses that are looked at; of a broker's the first ones grow."""

Pauses = dict[str, list[float]]
Gone = Callable[[], Awaitable[None]]
"""Has nobody get through to the database any more."""

Trying = Callable[[PostgresqlStore, Gone], Awaitable[Any]]


@pytest.fixture(scope="module")
def way(shared_postgresql: Cluster) -> Iterator[TcpProxy]:
    made = TcpProxy(shared_postgresql.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(shared_postgresql: Cluster, way: TcpProxy) -> str:
    """Of a database, by that way."""
    return shared_postgresql.database_with_tables("lost").replace(f":{shared_postgresql.port}/", f":{way.port}/")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """How long each module wanted to sleep; nobody really does."""
    asked: Pauses = defaultdict(list)
    really = asyncio.sleep

    async def sleep(seconds: float, result: Any = None) -> Any:
        asked[sys._getframe(1).f_globals["__name__"]].append(seconds)
        return await really(0, result)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked


async def write(store: PostgresqlStore, gone: Gone) -> None:
    await gone()
    while True:
        with suppress(Unavailable):
            await store.append(draft("t"))


async def follow(store: PostgresqlStore, gone: Gone) -> None:
    following = Following(
        "a", SystemClock(), RedisBroker("redis://127.0.0.1:1", "a"), lambda _: True, announces=False, most=7_900
    )
    await following.locate(store)
    await gone()
    await following.run()


async def be_present(store: PostgresqlStore, gone: Gone) -> None:
    presence = Presence(store, "a", SystemClock(), lambda: (), lambda _: False)
    presence._arriving["somebody"] = asyncio.get_running_loop().create_future()
    await gone()
    await presence.run()


async def catch_up(store: PostgresqlStore, gone: Gone) -> None:
    hub = Hub(Epoch("0a1b2c3d"), 0, store, SystemClock(), per_user=1, per_address=1)
    behind: Any = SimpleNamespace(user_id=None, devices=None, upto=0)
    await gone()
    while await hub._page(behind) is None:
        pass


async def listen(_store: PostgresqlStore, gone: Gone) -> None:
    await gone()
    await PostgresqlBroker(f"postgresql://tocsin:x@127.0.0.1:{free_port()}/none", "a").run()


async def subscribe(_store: PostgresqlStore, gone: Gone) -> None:
    await gone()
    await RedisBroker(f"redis://127.0.0.1:{free_port()}", "a").run()


TRYING: dict[str, Trying] = {
    "tocsin.store.postgresql.writer": write,
    "tocsin.cluster.following": follow,
    "tocsin.cluster.presence": be_present,
    "tocsin.live.hub": catch_up,
    "tocsin.broker.outbox": listen,
    "tocsin.broker.outbox of Redis": subscribe,
}


async def tries(url: str, way: TcpProxy, trying: Trying, found: Callable[[], bool]) -> None:
    """Let somebody try, who no longer gets through to the database, until enough is found."""
    store = await PostgresqlStore.open(url, Recorder())
    try:
        task = asyncio.ensure_future(trying(store, lambda: asyncio.to_thread(way.refuse)))
        loop = asyncio.get_running_loop()
        ends = loop.time() + PATIENCE
        while not found() and loop.time() < ends and not task.done():
            await asyncio.to_thread(lambda: None)
        task.cancel()
        await asyncio.wait([task])
    finally:
        way.move()
        await store.close()


@pytest.mark.parametrize("module", TRYING)
def test_whoever_finds_nobody_tries_again_after_a_while_that_chance_decides(
    url: str, way: TcpProxy, pauses: Pauses, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the control, which has no chance: then the pauses are all alike."""
    its = pauses[module.removesuffix(" of Redis")]

    def tried() -> list[float]:
        its.clear()
        asyncio.run(tries(url, way, TRYING[module], lambda: len(its) >= MANY))
        assert len(its) >= MANY
        assert min(its) > 0
        return its[10:MANY]

    assert is_spread(tried())
    monkeypatch.setattr(random, "uniform", lambda least, most: (least + most) / 2)
    assert not is_spread(tried())


def is_spread(seconds: list[float]) -> bool:
    return max(seconds) >= 1.5 * min(seconds) and len(set(seconds)) > len(seconds) / 2
