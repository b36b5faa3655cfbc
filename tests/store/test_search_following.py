"""The search index follows the log; a search is bounded, and takes nothing along when it is left alone."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from store.search_log import LAST, Log, eventually, filled_to, find, finds, followed, searching
from tocsin.errors import Unavailable
from tocsin.principal import UserId
from tocsin.store.sqlite import indexer
from tocsin.store.sqlite import search as sqlite_search
from tocsin.store.sqlite.search import Search

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


BEGUN = "aaaaa " * 31 + "ccccc"


def log_of_beginnings(folder: Path) -> Log:
    """A log in which BEGUN takes long at every step: texts have hundreds of words that begin so, few have the last."""
    log, chance = Log(folder), random.Random(9)
    texts = (" ".join(f"aaaaa{chance.randrange(1 << 12):03x}" for _ in range(900)) for _ in range(1_000))
    log.add_all([("", f"{text} {'cccc' if n < 700 else 'ccccc'}", "a", None) for n, text in enumerate(texts)])
    return log


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_a_search_in_several_steps_is_given_up_in_each(
    folder: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    log = log_of_beginnings(folder)
    monkeypatch.setattr(sqlite_search, "LOOKING_SECONDS", patience)

    async def test(search: Search) -> None:
        await followed(search, log)
        monkeypatch.setattr(sqlite_search, "LONGEST_SECONDS", 60.0)
        took = 60.0
        for _ in range(2):
            began = time.monotonic()
            assert len(await find(search, BEGUN, limit=1000)) == 300
            took = min(took, time.monotonic() - began)
        for part in (50, 10, 5, 3):
            monkeypatch.setattr(sqlite_search, "LONGEST_SECONDS", took / part)
            with pytest.raises(Unavailable, match="too long"):
                await find(search, BEGUN, limit=1000)
        monkeypatch.setattr(sqlite_search, "LONGEST_SECONDS", 60.0)
        for _ in range(2):
            assert len(await find(search, "ccccc", limit=1000)) == 300
            assert await find(search, "mark", "nobody else") != []

    searching(log, test)


def test_closing_does_not_wait_for_a_long_search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of_beginnings(folder)
    monkeypatch.setattr(sqlite_search, "LONGEST_SECONDS", 60.0)

    async def test(search: Search) -> None:
        await followed(search, log)
        asking = asyncio.create_task(find(search, BEGUN, limit=1000))
        await asyncio.sleep(0.05)
        assert not asking.done()
        await asyncio.to_thread(search.close)
        # Had it been waited for, it would have found something.
        with pytest.raises(Unavailable):
            await asking

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

    async def test(search: Search) -> None:
        await eventually(lambda: _is(filled_to(folder) > 0))

    searching(log, test)
    assert 0 < filled_to(folder) < log.head, "closing waited until everything was in"


async def _is(fact: bool) -> bool:
    return fact


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


@pytest.mark.parametrize("sending", [False, True])
def test_what_was_there_before_is_taken_in_with_less_rest_while_nothing_is_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sending: bool
) -> None:
    log = Log(folder)
    log.add_all([("", f"word {n}", None, None) for n in range(4_000)])
    asked: list[bool] = []
    assert indexer.rest_of(behind=True, alone=True) < indexer.rest_of(behind=True, alone=False)

    def rest_of(*, behind: bool, alone: bool) -> float:
        if behind:
            asked.append(alone)
        return 0.0

    monkeypatch.setattr(indexer, "rest_of", rest_of)

    async def test(search: Search) -> None:
        while not await found_all(search):
            if sending:
                search.wake()
            await asyncio.sleep(0)

    async def found_all(search: Search) -> bool:
        try:
            return bool(await find(search, "3999"))
        except Unavailable:
            return False

    searching(log, test)
    assert len(asked) > 3
    assert all(asked) is not sending
