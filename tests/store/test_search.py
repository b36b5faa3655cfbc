"""Search: finds what holds the words, whatever they are, and nobody else's."""

import asyncio
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.search_log import LAST, Log, find, followed, searching
from store.search_texts import CASES, OF_AN_INDEX, TEXTS
from tocsin.errors import Invalid
from tocsin.store.search_words import MOST_CHARACTERS, MOST_WORDS
from tocsin.store.sqlite import search
from tocsin.store.sqlite.search import Search

# -- what words mean


@pytest.mark.parametrize(
    ("words", "names"),
    CASES + OF_AN_INDEX,
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


def test_whatever_is_asked_is_answered_and_every_text_is_found_by_its_own_words(folder: Path, soak: bool) -> None:
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

        @settings(max_examples=5_000 if soak else 200, deadline=None, database=None)
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


def test_every_beginning_of_a_word_finds_it_and_its_like_alone(folder: Path) -> None:
    log = Log(folder)
    words = [
        "temper",
        "temperament",
        "temperate",
        "temperature",
        "temperatures",
        "Témpérâtüre",
        "tempéra\u0301ture",
        "t",
    ]
    numbers = {log.add(f"the disk-{word}, again", user="a"): word for word in words}
    folded = {number: ["the", "disk", _plain(word), "again"] for number, word in numbers.items()}

    async def test(search: Search) -> None:
        await followed(search, log)
        for word in [*words, "temperaturen", "tempest", "tempera ture"]:
            for length in range(1, len(word) + 1):
                begun = _plain(word[:length]).split()
                one = [n for n in numbers if all(any(w.startswith(b) for w in folded[n]) for b in begun)]
                assert await find(search, word[:length]) == one[::-1], word[:length]
                if len(begun) == 1:
                    behind = [n for n in numbers if folded[n][2].startswith(begun[0])]
                    assert await find(search, f"disk-{word[:length]}") == behind[::-1], word[:length]
                    assert await find(search, f'"{word[:length]}"') == [n for n in one if begun[0] in folded[n]][::-1]

    searching(log, test)


@pytest.mark.parametrize("patience", [0.0, 60.0])
@pytest.mark.parametrize("among", [1, 3, 50, 1_000])
def test_a_beginning_finds_all_that_go_on_so_among_many_that_begin_nearly_so(
    folder: Path, among: int, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is looked closer at all of them, or at a few and the index is asked for the others."""
    monkeypatch.setattr(search, "LOOKING_SECONDS", patience)
    log = Log(folder)
    texts = ["temperature" if n % among == 0 else "temperate" for n in range(2_000)]
    numbers = log.add_all([("", text, "a", None) for text in texts])
    meant = [number for number, text in zip(numbers, texts, strict=True) if text == "temperature"][::-1]

    async def test(search: Search) -> None:
        await followed(search, log)
        for limit in (1, 250, 500, 5_000):
            assert await find(search, "temperatu", limit=limit) == meant[:limit]
        assert await find(search, "temperatu", before=numbers[1_200]) == [n for n in meant if n < numbers[1_200]][:100]
        assert await find(search, "temperatx") == []

    searching(log, test)


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).lower()


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
