"""A search index that is lost, damaged, of another log or out of reach: it is made again, and nothing fails for it."""

import asyncio
import gc
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from store.search_log import Log, eventually, filled_to, find, finds, followed, searching
from tocsin.errors import Unavailable
from tocsin.store.sqlite.index import FORMAT
from tocsin.store.sqlite.search import Search


def missing(path: Path, log: Log) -> None:
    path.unlink()


def garbage(path: Path, log: Log) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def text(path: Path, log: Log) -> None:
    path.write_text("this is not a database")


def truncated(path: Path, log: Log) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def wrong_pages(path: Path, log: Log) -> None:
    pages = [path.read_bytes()[at : at + 4096] for at in range(0, path.stat().st_size, 4096)]
    path.write_bytes(b"".join([pages[0], *random.Random(2).sample(pages[1:], len(pages) - 1)]))


def garbage_inside(path: Path, log: Log) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = random.Random(4).randbytes(len(data) - 4096)
    path.write_bytes(data)


def another_format(path: Path, log: Log) -> None:
    change(path, "PRAGMA user_version = 99")


def another_database(path: Path, log: Log) -> None:
    path.unlink()
    change(path, "CREATE TABLE words (title); PRAGMA user_version = 1")


def another_epoch(path: Path, log: Log) -> None:
    change(path, "UPDATE followed SET epoch = 'ffffffff'")


def ahead(path: Path, log: Log) -> None:
    change(path, "UPDATE followed SET first = first + 1000000")


def change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


DAMAGES = [missing, garbage, text, truncated, wrong_pages, garbage_inside]
DAMAGES += [another_format, another_database, another_epoch, ahead]


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_index_of_no_use_is_made_again(folder: Path, damage: Callable[[Path, Log], None]) -> None:
    log = Log(folder)
    numbers = log.add_all([("", f"word n{n} " + "filling " * 20, "a", None) for n in range(2000)])

    async def whole(search: Search) -> None:
        await finds(search, [numbers[7]], '"n7" word')
        await followed(search, log)
        assert await find(search, "word", limit=3000) == numbers[::-1]

    searching(log, whole)
    damage(folder / "search.db", log)
    searching(log, whole)
    connection = apsw.Connection(str(folder / "search.db"))
    assert connection.pragma("user_version") == FORMAT
    assert connection.execute("SELECT epoch FROM followed").fetchall() == [(log.epoch,)]
    connection.close()


def test_an_index_that_is_damaged_while_it_is_used_is_made_again(folder: Path) -> None:
    log = Log(folder)
    numbers = log.add_all([("", f"word n{n} " + "filling " * 20, "a", None) for n in range(2000)])

    async def test(search: Search) -> None:
        await followed(search, log)
        await asyncio.sleep(1.0)  # the indexer has nothing left to do: it does not come upon the damage itself
        # Into the file itself, past what SQLite holds of it in memory.
        change(folder / "search.db", "PRAGMA wal_checkpoint(truncate)")
        with (folder / "search.db").open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(4096)
            file.write(random.Random(5).randbytes(size - 4096))

        noticed = False

        async def whole() -> bool:
            nonlocal noticed
            try:
                found = [await find(search, f'"n{n}" filling') for n in range(0, 2000, 97)]
            except Unavailable:
                noticed = True
                return False
            return found == [[numbers[n]] for n in range(0, 2000, 97)]

        assert await eventually(whole)
        assert noticed

    searching(log, test)


def test_an_index_that_cannot_be_made_is_tried_again_and_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log(folder)
    number = log.add("word", user="a")
    in_the_way = folder / "search.db"
    in_the_way.mkdir()

    async def test(search: Search) -> None:
        with pytest.raises(Unavailable):
            await find(search, "word")
        await asyncio.sleep(1.2)  # long enough for a second attempt
        assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
        in_the_way.rmdir()
        await finds(search, [number], "word")

    searching(log, test)


def test_a_log_that_cannot_be_read_is_not_held_against_the_index(folder: Path) -> None:
    log, away = Log(folder), folder / "away"
    number = log.add("temperatures", user="a")

    async def filled() -> bool:
        return filled_to(folder) == number

    async def test(search: Search) -> None:
        # Without a search, which opens the log.
        assert await eventually(filled)
        change(folder / "search.db", "PRAGMA application_id = 7")
        log.path.rename(away)
        for _ in range(4):
            with pytest.raises(Unavailable):
                await find(search, "temperatu")
        away.rename(log.path)
        for _ in range(4):
            assert await find(search, "temperatu") == [number]
        await followed(search, log)
        assert apsw.Connection(str(folder / "search.db")).pragma("application_id") == 7, "it was made again"

    searching(log, test)


def test_a_search_that_fails_when_nobody_waits_for_it_any_more_says_nothing(folder: Path) -> None:
    log = Log(folder)
    number = log.add("temperatures", user="a")

    async def filled() -> bool:
        return filled_to(folder) == number

    async def test(search: Search) -> None:
        assert await eventually(filled)
        said: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: said.append(about))
        log.path.rename(folder / "away")
        left = 0
        for _ in range(20):
            asking = asyncio.create_task(find(search, "temperatu"))
            # It has its turn, and a thread.
            await asyncio.sleep(0)
            asking.cancel()
            left += isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
            # Each has ended before this one begins.
            with pytest.raises(Unavailable):
                await find(search, "temperatu")
        gc.collect()
        assert (left, said) == (20, [])

    searching(log, test)


def test_a_full_disk_stops_the_index_and_nothing_else(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Log(folder)
    log.add_all([("", " ".join(f"w{n}x{m}" for m in range(60)), "a", None) for n in range(3000)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def test(search: Search) -> None:
        async def refused() -> bool:
            return any("cannot be filled" in record.message for record in caplog.records)

        assert await eventually(refused)
        found = await find(search, "w2999x59")
        assert found in ([], [3000])
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await finds(search, [3000], "w2999x59")
        await followed(search, log)
        assert len(await find(search, "w", limit=5000)) == 3000

    # No file of this process grows beyond this, as if there were no more space.
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        searching(log, test)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
