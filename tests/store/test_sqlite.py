"""What is SQLite's own: one process, migrations, the epoch, an audit log nobody rewrites, and a writer that may die."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.patience import PATIENCE
from harness.server import Server
from store.adapters import ADAPTERS, Recorder, audit, draft, put_users
from tocsin.errors import Conflict, StartError, Unavailable
from tocsin.ports import Span, Store
from tocsin.principal import UserId
from tocsin.store.sqlite.index import _FLOORS_SINCE
from tocsin.store.sqlite.store import SqliteStore

ADAPTER = ADAPTERS["sqlite"]


def execute(folder: Path, sql: str) -> list[Any]:
    """Run SQL on the file of a store that is closed."""
    connection = apsw.Connection(str(folder / "tocsin.db"))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def send_some(store: Store, recorder: Recorder) -> None:
    await put_users(store, "a")
    for n in range(5):
        await store.append(draft(f"{n}", user="a"))


def epoch_of(folder: Path) -> str:
    found: list[str] = []

    async def look(store: Store, recorder: Recorder) -> None:
        found.append(store.epoch)

    ADAPTER.run(folder, look)
    return found[0]


# -- one process, safe settings


def test_a_second_store_on_the_same_folder_is_refused(folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        with pytest.raises(StartError, match="another tocsin process"):
            await SqliteStore.open(folder, Recorder())

    ADAPTER.run(folder, test, send_some)


def test_files_are_for_the_owner_only(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.service().send()

    assert server.data.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in server.data.iterdir()} == {0}


# -- the epoch


def test_a_restart_keeps_the_epoch(folder: Path) -> None:
    ADAPTER.run(folder, send_some)

    assert epoch_of(folder) == epoch_of(folder)


def test_a_file_copied_back_from_an_older_day_gets_a_new_epoch(folder: Path, tmp_path: Path) -> None:
    ADAPTER.run(folder, send_some)
    shutil.copy(folder / "tocsin.db", tmp_path / "older.db")
    before = epoch_of(folder)
    ADAPTER.run(folder, send_some)

    shutil.copy(tmp_path / "older.db", folder / "tocsin.db")

    after = epoch_of(folder)
    assert after != before, "its numbers would be used twice"
    assert epoch_of(folder) == after


def test_a_file_copied_back_while_it_ran_gets_a_new_epoch_also_after_a_kill(folder: Path, tmp_path: Path) -> None:
    ADAPTER.run(folder, send_some)
    shutil.copytree(folder, tmp_path / "older")
    before = epoch_of(folder)

    async def test(store: Store, recorder: Recorder) -> None:
        await send_some(store, recorder)
        # A checkpoint notes the head beside the database.
        ends = time.monotonic() + PATIENCE
        while f"{store.epoch} {store.head} " not in (folder / "tocsin.lock").read_text():
            assert time.monotonic() < ends
            await asyncio.sleep(0.02)
        shutil.copytree(folder, tmp_path / "killed")

    ADAPTER.run(folder, test)
    for path in (tmp_path / "killed").glob("tocsin.db*"):
        path.unlink()
    shutil.copy(tmp_path / "older" / "tocsin.db", tmp_path / "killed" / "tocsin.db")

    assert epoch_of(tmp_path / "killed") != before


# -- migrations


def test_each_migration_is_noted_with_its_checksum(folder: Path) -> None:
    ADAPTER.run(folder, send_some)

    rows = execute(folder, "SELECT number, name, sha256 FROM migrations ORDER BY number")
    numbers = [number for number, _, _ in rows]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    assert all(len(digest) == 64 for _, _, digest in rows)


def test_purges_are_found_by_their_number_also_in_a_file_of_before(folder: Path) -> None:
    ADAPTER.run(folder, send_some)
    execute(folder, "DROP INDEX floors_seq")
    # As far as the test goes, those that came later were there before.
    execute(folder, "DELETE FROM migrations WHERE number = 6")
    execute(folder, "INSERT INTO floors VALUES ('a', '', 1, 1), ('b', '', 1, 2)")

    ADAPTER.run(folder, send_some)

    [(*_, plan)] = execute(folder, f"EXPLAIN QUERY PLAN {_FLOORS_SINCE.replace('?', '1')}")
    assert "floors_seq" in plan
    assert execute(folder, "SELECT owner FROM floors ORDER BY seq") == [("a",), ("b",)]


def test_apps_of_a_file_of_before_keep_what_they_have_sent_and_the_step_is_said(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tocsin.store")
    ADAPTER.run(folder, send_some)
    execute(folder, "ALTER TABLE apps DROP COLUMN joined")
    [(newest,)] = execute(folder, "SELECT max(number) FROM migrations")
    execute(folder, "DELETE FROM migrations WHERE number >= 9")
    execute(folder, "INSERT INTO apps VALUES ('old', 'Old', 10, 0)")
    assert "schema brought" not in caplog.text

    ADAPTER.run(folder, send_some)

    assert f"schema brought from 8 to {newest}" in caplog.text

    assert execute(folder, "SELECT id, name, joined FROM apps WHERE id = 'old'") == [("old", "Old", 0)]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("UPDATE migrations SET sha256 = 'another' WHERE number = 1", "not the one that was applied"),
        ("INSERT INTO migrations SELECT max(number) + 1, 'later', 'x', 0 FROM migrations", "newer"),
    ],
)
def test_an_edited_or_a_newer_schema_refuses_to_start_and_changes_nothing(
    folder: Path, sql: str, sentence: str
) -> None:
    ADAPTER.run(folder, send_some)
    execute(folder, sql)
    execute(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    before = (folder / "tocsin.db").read_bytes()

    with pytest.raises(StartError, match=sentence):
        ADAPTER.run(folder, send_some)

    assert (folder / "tocsin.db").read_bytes() == before
    with pytest.raises(StartError, match=sentence):
        ADAPTER.run(folder, send_some)


def test_a_file_that_is_no_database_refuses_to_start(folder: Path) -> None:
    folder.mkdir()
    (folder / "tocsin.db").write_bytes(b"not a database at all, " * 1000)

    with pytest.raises(StartError, match="not a database"):
        ADAPTER.run(folder, send_some)


def test_another_programs_database_refuses_to_start_and_stays_as_it_is(folder: Path) -> None:
    folder.mkdir()
    execute(folder, "CREATE TABLE theirs (what TEXT)")

    with pytest.raises(StartError, match="no database of Tocsin"):
        ADAPTER.run(folder, send_some)

    assert execute(folder, "SELECT name FROM sqlite_schema") == [("theirs",)]


# -- the audit log


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET who = 'somebody else'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE number = 1",
        "REPLACE INTO audit SELECT number, at, 'somebody else', action, what, origin, result FROM audit",
    ],
)
def test_the_audit_log_is_append_only(folder: Path, sql: str) -> None:
    ADAPTER.run(folder, send_some)
    before = execute(folder, "SELECT * FROM audit")
    assert before

    with pytest.raises(apsw.ConstraintError, match="append-only"):
        execute(folder, sql)

    assert execute(folder, "SELECT * FROM audit") == before


# -- those who left


def test_what_a_deleted_user_had_leaves_the_file_also_after_a_restart(folder: Path) -> None:
    async def leave(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await asyncio.gather(*(store.append(draft(f"{n}", user="a")) for n in range(1_500)))
        await store.append(draft("kept", user="b"))
        await store.delete_user(UserId("a"), audit())

    async def wait(store: Store, recorder: Recorder) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while execute(folder, "SELECT count(*) FROM leavers") != [(0,)]:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)

    ADAPTER.run(folder, leave, wait)
    assert execute(folder, "SELECT user_id, count(*) FROM notifications GROUP BY user_id") == [("b", 1)]


# -- the writer


class FailingDisk(apsw.VFS):
    """The default VFS, whose syncs fail when told to."""

    def __init__(self, name: str) -> None:
        self.failing = False
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802  (SQLite's name)
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    """A file of that disk."""

    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802  (SQLite's name)
        if self.disk.failing:
            error = apsw.IOError("the sync failed")
            error.extendedresult = apsw.SQLITE_IOERR_FSYNC
            raise error
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    found = FailingDisk("failing")
    yield found
    found.unregister()


def test_a_writer_that_dies_gives_503_to_all_who_wait_and_says_so(folder: Path, disk: FailingDisk) -> None:
    died: list[str] = []

    async def test() -> None:
        store = await SqliteStore.open(folder, Recorder(), vfs="failing", died=died.append)
        await put_users(store, "a")
        disk.failing = True
        found = await asyncio.wait_for(
            asyncio.gather(*(store.append(draft(f"{n}")) for n in range(1_200)), return_exceptions=True), PATIENCE
        )
        disk.failing = False

        assert {type(one) for one in found} == {Unavailable}
        # One that came after the end was refused before the writer had it: nothing of it can have been kept.
        assert all(one.outcome_unknown or "has ended" in str(one) for one in found if isinstance(one, Unavailable))
        assert len(died) == 1
        with pytest.raises(Unavailable):
            await store.append(draft("later"))
        assert store.troubles()
        await asyncio.wait_for(store.close(), PATIENCE)

    asyncio.run(test())


def test_too_many_waiting_writes_are_refused_before_the_writer(folder: Path) -> None:
    async def test() -> None:
        store = await SqliteStore.open(folder, Recorder(), most_queued=50)
        found = await asyncio.gather(*(store.append(draft(f"{n}")) for n in range(200)), return_exceptions=True)
        refused = [one for one in found if isinstance(one, Unavailable)]

        assert len(refused) >= 100
        assert not any(one.outcome_unknown for one in refused)
        assert store.head == len(found) - len(refused)
        await store.close()

    asyncio.run(test())


def test_closing_commits_what_is_queued(folder: Path) -> None:
    async def test() -> None:
        store = await SqliteStore.open(folder, Recorder())
        waiting = [asyncio.ensure_future(store.append(draft(f"{n}"))) for n in range(700)]
        await asyncio.sleep(0)
        await store.close()
        found = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
        assert [entry.seq for entry in found] == list(range(1, 701))

    asyncio.run(test())


def test_an_announcer_that_fails_leaves_nobody_waiting(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Recorder):
        def announce(self, span: Span) -> None:
            raise RuntimeError("a stream could not be written to")

    async def test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        store = await SqliteStore.open(folder, Failing())
        entry = await asyncio.wait_for(store.append(draft("x")), PATIENCE)
        assert entry.seq == 1, "it is committed: that is what is promised"
        await store.close()

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(test())


# -- copies


def test_a_copy_is_not_begun_in_what_the_one_before_still_tidies_away(folder: Path) -> None:
    """Both are made in the same place: the end of one must not take the beginning of another along."""

    async def test(store: SqliteStore, recorder: Recorder) -> None:
        hands = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(hands)

        async def make_one_and_tidy_late() -> None:
            async with store.snapshot():
                hands.submit(time.sleep, 0.2)

        first = asyncio.create_task(make_one_and_tidy_late())
        await asyncio.sleep(0)
        refused = True
        while refused:
            try:
                async with store.snapshot() as path:
                    copy = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
                    assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]
                    copy.close()
                refused = False
            except Conflict:
                await asyncio.sleep(0.001)
        await first

    ADAPTER.run(folder, test, send_some)
