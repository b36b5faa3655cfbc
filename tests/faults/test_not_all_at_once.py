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
"""Stops the database."""

Trying = Callable[[PostgresqlStore, Gone], Awaitable[Any]]


@pytest.fixture(scope="module")
def place() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


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
    behind: Any = SimpleNamespace(user_id=None, devices=None, cursor=0)
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


async def tries(place: Cluster, trying: Trying, found: Callable[[], bool]) -> None:
    """Let somebody try, whose database goes away, until enough is found."""
    store = await PostgresqlStore.open(place.database_with_tables("lost"), Recorder())
    try:
        task = asyncio.ensure_future(trying(store, lambda: asyncio.to_thread(place.stop)))
        loop = asyncio.get_running_loop()
        ends = loop.time() + PATIENCE
        while not found() and loop.time() < ends and not task.done():
            await asyncio.to_thread(lambda: None)
        task.cancel()
        await asyncio.wait([task])
    finally:
        store._writer._closing = True
        await store.close()


@pytest.mark.parametrize("by_chance", [True, False], ids=["by chance", "control"])
@pytest.mark.parametrize("module", TRYING)
def test_whoever_finds_nobody_tries_again_after_a_while_that_chance_decides(
    place: Cluster, pauses: Pauses, module: str, by_chance: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control has no chance: then the pauses are all alike."""
    if not by_chance:
        monkeypatch.setattr(random, "uniform", lambda least, most: (least + most) / 2)
    its = pauses[module.removesuffix(" of Redis")]
    try:
        asyncio.run(tries(place, TRYING[module], lambda: len(its) >= MANY))
    finally:
        # By this thread: what a thread has started ends with it.
        place.start()
    assert len(its) >= MANY
    later = its[10:]
    assert min(later) > 0
    assert (max(later) >= 1.5 * min(later) and len(set(later)) > 1) is by_chance
