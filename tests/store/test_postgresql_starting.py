"""A node that starts on PostgreSQL: its name is its own while it lives, and what it does to the schema is said."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import pytest

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, Recorder, draft
from tocsin.errors import StartError
from tocsin.store.postgresql import naming, schema
from tocsin.store.postgresql.store import PostgresqlStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(ADAPTERS["postgresql"].url(tmp_path))


def run(test: Awaitable[None]) -> None:
    asyncio.run(asyncio.wait_for(test, 2 * PATIENCE))


async def opened(url: str, name: str = "a") -> PostgresqlStore:
    return await PostgresqlStore.open(url, Recorder(), node=name)


async def go_on_living(store: PostgresqlStore) -> None:
    """What presence does, more often."""
    while True:
        await store.note_presence("a", [], [])
        await asyncio.sleep(0.1)


def test_a_second_node_of_a_name_is_refused_and_the_first_goes_on(url: str) -> None:
    async def test() -> None:
        first = await opened(url)
        living = asyncio.create_task(go_on_living(first))
        try:
            with pytest.raises(StartError, match=r"another process runs as node a .*TOCSIN_NODE"):
                await opened(url)
            for n in range(5):
                assert (await first.append(draft(f"{n}"))).seq == n + 1  # type: ignore[union-attr]
            other = await opened(url, "b")
            await other.close()
        finally:
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
            await first.close()

    run(test())


def test_the_name_of_a_node_that_was_killed_is_taken_at_once_though_it_was_seen_just_now(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever waits to see it silent waits for longer than the test may take.
    monkeypatch.setattr(naming, "WATCH_SECONDS", 10 * PATIENCE)

    async def test() -> None:
        killed = await opened(url)
        await killed.append(draft("1"))
        killed._writer._work.cancel()
        await asyncio.wait([killed._writer._work])
        await killed._writer._hang_up()
        assert killed._starting is not None
        killed._starting.terminate()
        assert (await killed.nodes())[0][1] < 15.0
        again = await opened(url)
        assert (await again.append(draft("2"))).seq == 2  # type: ignore[union-attr]
        await again.close()
        await killed.close()

    run(test())


def test_the_name_of_a_node_that_gives_no_sign_of_life_is_taken_though_its_connection_is_there(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(naming, "WATCH_SECONDS", 0.5)

    async def test() -> None:
        stopped = await opened(url)
        await stopped.append(draft("1"))
        stopped._writer._work.cancel()
        await asyncio.wait([stopped._writer._work])
        again = await opened(url)
        assert (await again.append(draft("2"))).seq == 2  # type: ignore[union-attr]
        await again.close()
        await stopped.close()

    run(test())
    assert "gives no sign of life" in caplog.text


def test_what_a_start_does_to_the_schema_is_said(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tocsin.store")
    newest = max(one.number for one in schema.migrations())

    async def test() -> None:
        await (await opened(url)).close()
        assert "schema" not in caplog.text
        later = schema.Migration(99, "before", "ALTER TABLE devices ADD COLUMN later integer")
        known = [*schema.migrations(), later]
        monkeypatch.setattr(schema, "migrations", lambda: known)
        await (await opened(url)).close()

    run(test())
    assert f"schema brought from {newest} to 99" in caplog.text
