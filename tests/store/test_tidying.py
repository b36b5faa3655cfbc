"""On PostgreSQL, what nobody needs any more is removed by one node at a time, and nothing of it stands about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, audit, draft, kept, put_users
from store.test_postgresql import admin, node, run
from tocsin.idempotency import Once
from tocsin.principal import UserId
from tocsin.store.postgresql import tidying

ANNA = UserId("anna")
HOLDER = "SELECT node FROM leases WHERE name = 'tidying' AND until > clock_timestamp()"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(ADAPTERS["postgresql"].url(tmp_path))


async def until(ask: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while (found := await ask()) != wanted:
        assert time.monotonic() < ends, found
        await asyncio.sleep(0.02)


def test_what_a_user_had_who_was_deleted_on_one_node_is_removed_by_the_one_that_tidies(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "LOOK_SECONDS", 0.05)

    async def test() -> None:
        database = await admin(url)
        try:
            async with node(url, "a") as a:
                await until(lambda: database.fetchval(HOLDER), "a")
                async with node(url, "b") as b:
                    await put_users(b, ANNA)
                    for number in range(3):
                        await kept(b, f"{number}", user=ANNA)
                    before = a.batches
                    await b.delete_user(ANNA, audit())
                    await until(lambda: database.fetchval("SELECT count(*) FROM notifications"), 0)
                    await until(lambda: database.fetchval("SELECT count(*) FROM leavers"), 0)
                    assert a.batches > before
                    assert await database.fetchval(HOLDER) == "a"
                    await a.close()
                    await until(lambda: database.fetchval(HOLDER), "b")
        finally:
            await database.close()

    run(test())


def test_expired_keys_are_forgotten_and_others_are_not(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(tidying, "FORGET_SECONDS", 0.1)

    async def test() -> None:
        database = await admin(url)
        now = int(time.time() * 1000)
        try:
            async with node(url, "a") as a, node(url, "b"):
                # The first has expired a second ago: a key holds for a day.
                for key, at in (("old", now - 86_401_000), ("new", now)):
                    once = Once(scope="service:s send", key=key, fingerprint=key.encode())
                    await a.append(msgspec.structs.replace(draft(key), once=once, created_at=at))
                await until(lambda: database.fetchval("SELECT string_agg(key, ' ') FROM idempotency"), "new")
        finally:
            await database.close()

    run(test())


def test_what_a_batch_has_answered_does_not_outlive_its_use(url: str) -> None:
    async def test() -> None:
        database = await admin(url)
        try:
            async with node(url, "a") as a:
                await put_users(a, ANNA)
                await a.delete_user(ANNA, audit())
                await until(lambda: database.fetchval("SELECT answer FROM nodes WHERE id = 'a'"), "")
                # It goes on from there as if nothing had been.
                await kept(a, "later")
        finally:
            await database.close()

    run(test())
