"""Search: finds what holds the words and nothing else, follows the log, and can always be made again."""

import asyncio
import json
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.search_log import LAST, Log, eventually, find, finds, followed, searching
from tocsin.errors import Invalid, Unavailable
from tocsin.principal import UserId
from tocsin.store import sqlite_search
from tocsin.store.search_words import MOST_CHARACTERS, MOST_WORDS
from tocsin.store.sqlite_index import FORMAT
from tocsin.store.sqlite_search import Search

# -- what words mean


TEXTS = {
    "zurich": ("Backup", "Zürich ist gesichert"),
    "disk": ("Disk full", "/dev/sda1 on host-7.example.org: 98% used"),
    "greek": ("Άδεια", "ΜΕΓΆΛΗ ΠΌΡΤΑ"),
    "japanese": ("火災", "東京で火災報知器が作動"),
    "quote": ("Said", 'he said "never mind" AND left'),
    "combined": ("Cafe", "cafe\u0301 on the NEAR side"),
}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("zur", ["zurich"]),
        ("ZÜR", ["zurich"]),
        ("gesich backup", ["zurich"]),
        ("backup full", []),
        ("urich", []),
        ("μεγ", ["greek"]),
        ("άδε πόρτ", ["greek"]),
        ("αδεια", []),
        ("東京", ["japanese"]),
        ("報知", []),
        ("café", ["combined"]),
        ("caf", ["combined"]),
        ("sda1", ["disk"]),
        ("/dev/sda1", ["disk"]),
        ("host-7.exa", ["disk"]),
        ("98% used", ["disk"]),
        ("dev-host", []),
        ('"disk full"', ["disk"]),
        ('"full disk"', []),
        ('"disk ful"', []),
        ('"full /dev"', []),  # from the title into the message
        ('dis"k full', []),
        ('used"98', []),
        ('98"used', ["disk"]),
        ('"disk full" used', ["disk"]),
        ('used"disk full"dev', ["disk"]),
        ('"disk full', ["disk"]),
        ('full disk"', ["disk"]),
        ('""', []),
        ('"', []),
        ("never AND mind", ["quote"]),
        ("never OR nothing", []),
        ("NOT never", []),
        ("NEAR(side on)", ["combined"]),
        ("NEAR(on side)", []),
        ("near side", ["combined"]),
        ("said AND left", ["quote"]),
        ("ever*", []),
        ("neve*", ["quote"]),
        ("^said", ["quote"]),
        ("^never", ["quote"]),
        ("title:disk", []),
        ("title : disk", []),
        ("{title message}: disk", []),
        ("- disk", ["disk"]),
        ("-disk", ["disk"]),
        ("+disk + used", ["disk"]),
        ("(disk)", ["disk"]),
        ("disk \U0001f525", ["disk"]),
        ("disk\0used", ["disk"]),
        ("disk\ud800 used", ["disk"]),
        ("", []),
        (" \t\n", []),
        ("*** - ( ) : ^ { }", []),
        ("\U0001f525", []),
        ("_", []),
        ("'; DROP TABLE words; --", []),
    ],
)
def test_words_are_data_and_never_syntax(folder: Path, words: str, names: list[str]) -> None:
    log = Log(folder)
    numbers = {log.add(message, title=title, user="a"): name for name, (title, message) in TEXTS.items()}

    async def test(search: Search) -> None:
        await followed(search, log)
        assert [numbers[number] for number in await find(search, words)] == names

    searching(log, test)


@pytest.mark.parametrize("words", ["x" * (MOST_CHARACTERS + 1), "x " * (MOST_WORDS + 1), f'"{"x " * 33}"', '"- "' * 40])
def test_too_much_is_refused_by_name(folder: Path, words: str) -> None:
    log = Log(folder)

    async def test(search: Search) -> None:
        with pytest.raises(Invalid, match=r"^q: "):
            await find(search, words)

    searching(log, test)


def test_as_much_as_is_allowed_is_answered(folder: Path) -> None:
    log = Log(folder)
    number = log.add(" ".join(f"w{n}" for n in range(40)) + " " + "a " * 300, user="a")

    async def test(search: Search) -> None:
        await followed(search, log)
        assert await find(search, " ".join(f"w{n}" for n in range(MOST_WORDS))) == [number]
        assert await find(search, '""' * (MOST_CHARACTERS // 2)) == []
        assert await find(search, '"' * (MOST_CHARACTERS - 1)) == []
        assert await find(search, ("a-" * MOST_CHARACTERS)[:MOST_CHARACTERS]) == [number]
        assert await find(search, "é" * MOST_CHARACTERS) == []

    searching(log, test)


def test_whatever_is_asked_is_answered_and_every_text_is_found_by_its_own_words(folder: Path) -> None:
    log, chance = Log(folder), random.Random(3)
    alphabet = "abcdeäöéßñ  -\"'*():^{}+.,/_%&123αβγжщ東京\u0301\U0001f525"
    texts = ["".join(chance.choices(alphabet, k=chance.randint(1, 60))) for _ in range(300)]
    owners = [chance.choice(["a", "b", None]) for _ in texts]
    numbers = log.add_all([("", text, owner, None) for text, owner in zip(texts, owners, strict=True)])
    theirs = {user: {n for n, owner in zip(numbers, owners, strict=True) if owner in (user, None)} for user in "ab"}
    nearly = st.lists(
        st.sampled_from([*'"*()^:{}-+', "AND ", "OR ", " NOT ", "NEAR(", "title", "owner:", "\ue000", "a "])
    )

    def test_in(runner: asyncio.Runner, search: Search) -> None:
        for number, text, owner in zip(numbers, texts, owners, strict=True):
            words = " ".join(text.replace('"', " ").split()[:MOST_WORDS])
            if any(c.isalnum() for c in words):
                for query in (words, f'"{words}"'):
                    assert number in runner.run(find(search, query, owner or "a", limit=1000)), (text, query)

        @settings(max_examples=1000, deadline=None, database=None)
        @given(st.one_of(st.text(max_size=80), nearly.map("".join), st.text(alphabet=alphabet, max_size=20)))
        def answered(words: str) -> None:
            for user in "ab":
                try:
                    found = runner.run(find(search, words, user, limit=1000))
                except Invalid:
                    assert len(words) > MOST_CHARACTERS or len(words.split()) + words.count('"') > MOST_WORDS // 2
                    continue
                assert found == sorted(found, reverse=True)
                assert set(found) <= theirs[user]

        answered()

    with asyncio.Runner() as runner:
        search = Search.open(log.folder, log.path, log.epoch)
        try:
            runner.run(followed(search, log))
            test_in(runner, search)
        finally:
            search.close()


# -- whose they are


STRANGE = ["a", "b", "a b", "A", "ä", "all", '"', 'a" OR owner : "b', "everyone", "\ue000all", "\U0001f600" * 128, "*"]


def test_everybody_finds_their_own_and_what_is_for_everyone(folder: Path) -> None:
    log = Log(folder)
    own = {user: log.add("the same words", user=user) for user in STRANGE}
    everyones = log.add("the same words")

    async def test(search: Search) -> None:
        await followed(search, log)
        for user, number in own.items():
            assert await find(search, "same words", user) == [everyones, number]
        assert await find(search, "same words", "a newcomer") == [everyones]
        for words in (
            "owner",
            "owner:a",
            "all",
            "\ue000",
            "\ue000all",
            b"a".hex(),
            "\ue000" + b"b".hex(),
            "61",
        ):
            assert await find(search, words, "a") == [], words

    searching(log, test)


def test_the_newest_come_first_and_pages_lead_on(folder: Path) -> None:
    log = Log(folder)
    numbers = log.add_all([("", f"word {n}", [None, "a", "b"][n % 3], None) for n in range(1000)])
    expected = [number for n, number in enumerate(numbers) if n % 3 < 2][::-1]

    async def test(search: Search) -> None:
        await followed(search, log)
        found: list[int] = []
        before = LAST
        while page := await find(search, "wor", before=before, limit=37):
            found += page
            before = page[-1]
        assert found == expected

    searching(log, test)


# -- following the log


def test_what_comes_and_goes_is_followed(folder: Path) -> None:
    log = Log(folder)
    gone_before = log.add("word gone before", user="a")
    log.withdraw(gone_before)
    log.add_bodies([('{"title":["word"],"message":7}', "a", None), ('{"title":"word rotten"}', "a", None)])
    log.add("filling " * 1000)
    one, two = log.add("word one", user="a"), log.add("word two")
    log.rot(b'{"title":"word rotten', b'{"title"_"word rotten')

    async def test(search: Search) -> None:
        await finds(search, [one], "word one")
        await finds(search, [], "gone")
        three = log.add("word three", user="a")
        search.wake()
        await finds(search, [three], "word three")
        log.withdraw(one)
        search.wake()
        await finds(search, [], "word one")
        log.withdraw(two)
        four = log.add("word four", user="a")
        search.wake()
        await finds(search, [four], "word four")
        await finds(search, [], "word two")

    searching(log, test)


def test_what_was_purged_is_found_no_more(folder: Path) -> None:
    log = Log(folder)
    rows = [(user, app, n) for n in range(400) for user in ("a", "b", None) for app in ("x", None)]
    numbers = log.add_all([("", f"word {user} {app} n{n}", user, app) for user, app, n in rows])
    left = dict(zip(numbers, rows, strict=True))

    def expected(user: str) -> list[int]:
        return [number for number in sorted(left, reverse=True) if left[number][0] in (user, None)]

    def drop(owner: str | None, app: str, upto: int) -> None:
        for number in [n for n in left if n <= upto]:
            if left[number][0] == owner and app in ("", left[number][1] or " "):
                del left[number]

    async def hold(search: Search) -> None:
        search.wake()
        for user in ("a", "b"):

            async def holds(user: str = user) -> bool:
                return await find(search, "word", user, limit=5000) == expected(user)

            assert await eventually(holds)

    async def test(search: Search) -> None:
        await hold(search)
        for owner, app, upto in [
            ("a", "x", numbers[700]),
            ("a", "x", numbers[900]),
            ("a", "", numbers[500]),
            ("b", " ", numbers[2000]),
            (None, "x", numbers[100]),
            (None, "", numbers[2000]),
            ("b", "", numbers[-1]),
        ]:
            # The floor may come long before the rows go: what it says holds at once.
            log.purge(owner, app, upto, rows=owner is not None)
            drop(owner, app, upto)
            await hold(search)

    searching(log, test)


def test_what_goes_without_a_word_is_found_no_more(folder: Path) -> None:
    log = Log(folder)
    numbers = log.add_all([("", "word", "a", None)] * 1500)
    leaver = log.add("word", user="leaver")

    async def test(search: Search) -> None:
        await followed(search, log)
        log.connection.execute("INSERT INTO leavers VALUES ('leaver', ?)", (leaver,))
        search.wake()
        await finds(search, [], "word", "leaver")
        log.forget(*numbers[3:1400])

        async def holds() -> bool:
            search.wake()
            return await find(search, "word", limit=2000) == [*numbers[1400:][::-1], *numbers[:3][::-1]]

        assert await eventually(holds)

    searching(log, test)


def test_filling_goes_on_where_it_was_cut_off(folder: Path) -> None:
    log = Log(folder)
    numbers = log.add_all([("", f"word n{n}", "a", None) for n in range(20_000)])

    async def cut_off(search: Search) -> None:
        async def something() -> bool:
            return bool(await find(search, "word", limit=1))

        assert await eventually(something)

    async def whole(search: Search) -> None:
        await followed(search, log)
        assert await find(search, "word", limit=30_000) == numbers[::-1]

    searching(log, cut_off)
    searching(log, whole)
    connection = apsw.Connection(str(folder / "search.db"))
    assert connection.execute("SELECT count(*) FROM words_docsize").fetchall() == [(20_001,)]
    connection.close()


# -- an index that is of no use


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


# -- long searches, and those who do not wait for them


HEAVY = '"' + "a-" * 100 + '"'


def slow_log(folder: Path) -> Log:
    """A log in which HEAVY takes long: each of its words is everywhere."""
    log = Log(folder)
    log.add_bodies([(json.dumps({"title": "", "message": "a " * 3000}), "a", None)] * 600)
    return log


@pytest.mark.parametrize("bound", [0.05, 60.0])
def test_a_search_that_takes_too_long_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch, bound: float) -> None:
    log = slow_log(folder)

    async def test(search: Search) -> None:
        await followed(search, log)
        monkeypatch.setattr(sqlite_search, "LONGEST_SECONDS", bound)
        if bound > 1:
            assert len(await find(search, HEAVY, limit=1000)) == 600
        else:
            for _ in range(3):
                with pytest.raises(Unavailable, match="too long"):
                    await find(search, HEAVY, limit=1000)
        assert await find(search, "mark", "nobody else") != []

    searching(log, test)


def test_who_goes_away_takes_nothing_along(folder: Path) -> None:
    log = slow_log(folder)

    async def test(search: Search) -> None:
        await followed(search, log)
        asking = asyncio.create_task(find(search, HEAVY, limit=1000))
        await asyncio.sleep(0.1)
        assert not asking.done()
        asking.cancel()
        for _ in range(10):
            assert await find(search, "mark", "nobody else") != []

    searching(log, test)


def test_closing_does_not_wait_for_a_long_fill(folder: Path) -> None:
    log = Log(folder)
    log.add_all([("", " ".join(f"w{n}x{m}" for m in range(100)), "a", None) for n in range(20_000)])
    began = time.monotonic()

    async def test(search: Search) -> None:
        await asyncio.sleep(0.3)

    searching(log, test)
    took = time.monotonic() - began
    assert took < 20, took


def test_a_closed_search_says_so(folder: Path) -> None:
    log = Log(folder)
    kept: dict[str, Any] = {}

    async def test(search: Search) -> None:
        kept["search"] = search

    async def after() -> None:
        with pytest.raises(Unavailable):
            await kept["search"].find("word", UserId("a"), LAST, 10)

    searching(log, test)
    asyncio.run(after())
