"""To how many streams something went, on SQLite: noted behind the commit, and gone with what it is said of."""

import asyncio
from pathlib import Path
from typing import Any

import apsw

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, Recorder, audit, draft, put_users
from tocsin.ports import Span, Store
from tocsin.principal import UserId

ADAPTER = ADAPTERS["sqlite"]


class Streaming(Recorder):
    """An announcer for whom everything goes to a stream."""

    def announce(self, span: Span) -> None:
        super().announce(span)
        for entry in span.entries:
            entry.streamed = 1


def execute(folder: Path, sql: str) -> list[Any]:
    """Run SQL on the file of a store, open or not."""
    connection = apsw.Connection(str(folder / "tocsin.db"))
    connection.set_busy_timeout(int(PATIENCE * 1000))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def until(folder: Path, sql: str, *rows: tuple[int, ...]) -> None:
    """Wait until the file has it so."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while (found := execute(folder, sql)) != [*rows]:
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.02)


def test_it_goes_with_what_a_deleted_user_had(folder: Path) -> None:
    async def test() -> None:
        async with ADAPTER.open(folder, Streaming()) as store:
            await put_users(store, "a", "b")
            kept = await store.append(draft("kept", user="b"))
            for n in range(5):
                gone = await store.append(draft(f"{n}", user="a"))
            await until(folder, "SELECT count(*) FROM streamed JOIN notifications USING (first)", (6,))

            await store.delete_user(UserId("a"), audit())
            await until(folder, "SELECT count(*), (SELECT count(*) FROM leavers) FROM notifications", (1, 0))
            # It may be noted only after it went.
            store._ledger.streamed.append((gone.seq, 1))
            await store.append(draft("with which it is noted", user="b"))

            found = execute(folder, "SELECT first FROM streamed WHERE first <= " + str(gone.seq))
            assert found == [(kept.seq,)]

    asyncio.run(test())


def test_what_a_file_of_before_has_kept_of_deleted_users_goes(folder: Path) -> None:
    async def send(store: Store, _recorder: Recorder) -> None:
        entry = await store.append(draft("kept"))
        assert entry.seq == 2_001

    async def only_of_what_is_there(_store: Store, _recorder: Recorder) -> None:
        await until(folder, "SELECT first FROM streamed", (2_001,))

    async def nothing(_store: Store, _recorder: Recorder) -> None:
        await until(folder, "SELECT first FROM streamed")

    ADAPTER.run(folder, only_opened)
    execute(folder, "UPDATE log SET head = 2000")
    ADAPTER.run(folder, send)
    execute(
        folder,
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2001)"
        " INSERT INTO streamed SELECT n, 1 FROM n",
    )

    ADAPTER.run(folder, only_of_what_is_there)
    execute(folder, "DELETE FROM notifications")
    ADAPTER.run(folder, nothing)


async def only_opened(_store: Store, _recorder: Recorder) -> None:
    """Makes the file."""
