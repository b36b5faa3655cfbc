"""Pages for those who come back: a few at once, the same one once, and never one from before it was asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from tocsin.ports import Page
from tocsin.store.postgresql.pages import AT_ONCE, Pages


class Reading:
    """Reads that end when they are told to, and tell the head as it was when they began."""

    def __init__(self) -> None:
        self.head = self.now = self.most = self.began = 0
        self.go_on = asyncio.Event()

    async def __call__(self, *_asked: Any) -> Page:
        head = self.head
        self.began += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await self.go_on.wait()
        self.now -= 1
        return Page([], head, head, full=False, floor=0)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_few_are_read_at_once_and_all_are_answered() -> None:
    async def test() -> None:
        reading = Reading()
        pages = Pages(reading)
        asked = [asyncio.ensure_future(pages.changes(None, None, since, 10)) for since in range(20)]
        await turns()
        assert reading.began == AT_ONCE
        reading.go_on.set()
        assert len(await asyncio.gather(*asked)) == reading.began == 20
        assert reading.most == AT_ONCE

    asyncio.run(test())


def test_who_asks_the_same_shares_what_has_not_begun_and_nothing_else() -> None:
    async def test() -> None:
        reading = Reading()
        pages = Pages(reading)
        first = [asyncio.ensure_future(pages.changes(None, None, 0, 10)) for _ in range(5)]
        await turns()
        assert reading.began == 1
        # It is being read: what is committed from here on may not be in it.
        reading.head = 7
        later = asyncio.ensure_future(pages.changes(None, None, 0, 10))
        await turns()
        reading.go_on.set()
        assert {page.head for page in await asyncio.gather(*first)} == {0}
        assert (await later).head == 7
        assert reading.began == 2

    asyncio.run(test())


def test_one_who_goes_away_takes_it_from_nobody() -> None:
    async def test() -> None:
        reading = Reading()
        pages = Pages(reading)
        gone, stays = (asyncio.ensure_future(pages.changes(None, None, 0, 10)) for _ in range(2))
        await turns()
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        reading.go_on.set()
        assert (await stays).full is False

    asyncio.run(test())
