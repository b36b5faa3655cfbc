"""Every store finds the same by the same words, whatever they are, and nobody else's."""

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec

from harness.patience import PATIENCE
from store.adapters import NOW, Recorder, draft, outcome, put_users
from store.search_texts import CASES, SIGNS, TEXTS, WITH_SIGNS
from tocsin.errors import Invalid, Unavailable
from tocsin.ports import Entry, Store, Wanted
from tocsin.principal import UserId
from tocsin.store.search_words import MOST_CHARACTERS

ANNA, BERT = UserId("anna"), UserId("bert")


async def sent(store: Store, title: str, message: str, user: str | None) -> int:
    body = msgspec.json.encode({"type": "info", "title": title, "message": message})
    entry = await store.append(msgspec.structs.replace(draft("x", user=user), body=body))
    assert isinstance(entry, Entry)
    return entry.seq


async def found(store: Store, words: str, user: UserId = ANNA, limit: int = 50) -> list[int]:
    page = await store.inbox(user, Wanted(words=words), None, limit)
    return [item.notification.first for item in page.items]


async def followed(store: Store) -> None:
    """All that was sent can be found."""
    last = await sent(store, "thelastofall", "", None)
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if await found(store, "thelastofall") == [last]:
                return
        except Unavailable:
            pass
        await asyncio.sleep(0.02)
    raise AssertionError("what was sent is not found")


def test_words_find_what_holds_them_folded_alike(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        numbers = {await sent(store, *text, "anna"): name for name, text in TEXTS.items()}
        await followed(store)
        for words, names in [*CASES, ("Zurich", ["zurich"]), ("zürich", ["zurich"]), ("GESICHERT", ["zurich"])]:
            assert [numbers[number] for number in await found(store, words)] == names, words

    adapter.run(folder, test)


def test_signs_that_are_no_words_find_what_holds_them(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        numbers = {await sent(store, *text, "anna"): name for name, text in {**TEXTS, **WITH_SIGNS}.items()}
        body = msgspec.json.encode({"title": "t", "message": "m", "metadata": {"\U0001f525": "\U0001f680"}})
        await store.append(msgspec.structs.replace(draft("x", user="anna"), body=body))
        await sent(store, "\U0001f525", "not theirs", "bert")
        await followed(store)
        for words, names in SIGNS:
            assert [numbers[number] for number in await found(store, words)] == names, words
        page = await store.inbox(ANNA, Wanted(words="\U0001f525", unread=True), None, 1)
        assert [numbers[item.notification.first] for item in page.items] == ["party"]
        assert page.next is not None
        for many in ("\U0001f525 " * 33, "".join(map(chr, range(0x1F300, 0x1F300 + 33)))):
            assert isinstance(await outcome(found(store, many)), Invalid)

    adapter.run(folder, test)


def test_whoever_searches_much_waits_for_themself_and_nobody_for_them(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        hers = {await sent(store, "", f"a{n}", "anna") for n in range(3)}
        his = await sent(store, "", "theirs", "bert")
        await followed(store)
        many = [asyncio.create_task(found(store, "a")) for _ in range(100)]
        await asyncio.sleep(0)
        assert await found(store, "theirs", BERT) == [his]
        first = sum(one.done() for one in many)
        assert first < 50, f"{first} searches of another one came first"
        assert [set(one) for one in await asyncio.gather(*many)] == [hers] * 100
        # Whoever goes away while they wait, or search, leaves the turn to others.
        many = [asyncio.create_task(found(store, "a")) for _ in range(10)]
        await asyncio.sleep(0.002)
        for one in many:
            one.cancel()
        await asyncio.gather(*many, return_exceptions=True)
        assert set(await found(store, "a")) == hers
        assert await found(store, "theirs", BERT) == [his]

    adapter.run(folder, test)


def test_a_page_of_a_search_is_whole_and_nobody_elses(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        owners = ["anna", "bert", None]
        numbers = [await sent(store, "", f"word {n}", owners[n % 3]) for n in range(90)]
        await followed(store)
        expected = [number for n, number in enumerate(numbers) if n % 3 != 1][::-1]
        assert await found(store, "wor", limit=200) == expected
        pages: list[int] = []
        before: int | None = None
        while True:
            page = await store.inbox(ANNA, Wanted(words="word"), before, 7)
            pages += [item.notification.first for item in page.items]
            before = page.next
            if before is None:
                break
        assert pages == expected

    adapter.run(folder, test)


def test_what_was_taken_back_is_found_no_more_and_too_much_is_refused(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        number = await sent(store, "Secret", "never mind", "anna")
        await followed(store)
        assert await found(store, "secret") == [number]
        entry = next(e for e in recorder.entries if e.seq == number)
        await store.withdraw(entry.id, NOW, None)
        assert await found(store, "secret") == []
        for words in ("x" * (MOST_CHARACTERS + 1), "x " * 33):
            refusal = await outcome(found(store, words))
            assert isinstance(refusal, Invalid)
            assert refusal.where == "q"

    adapter.run(folder, test)
