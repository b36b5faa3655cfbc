"""What every store promises about reading: what fits a filter, and what changed, whole whatever the pages."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from store.adapters import NOW, Recorder, all_changes, kept, number, outcome, pages, put_app, put_users
from tocsin.app import AppId
from tocsin.device import DeviceId
from tocsin.notification import TYPES
from tocsin.ports import Store, Wanted
from tocsin.principal import UserId
from tocsin.receipt import Item, Receipt

YEARS_MS = 4 * 365 * 86_400_000
A, B = UserId("a"), UserId("b")
ACTS = ["read", "unread", "dismiss", "undismiss", "acknowledge"]


@pytest.mark.parametrize("seed", range(2))
def test_a_filter_gives_what_fits_page_by_page_whatever_their_size(adapter: Any, folder: Path, seed: int) -> None:
    """Also where the clock was years ahead for a while, or as it is where nobody has set it."""
    wrong = dict.fromkeys(range(50, 100), YEARS_MS) | dict.fromkeys(range(120, 130), -NOW) if seed else {}
    chance = random.Random(seed)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await put_app(store, "app", quota=1000)
        about: dict[str, dict[str, Any]] = {}
        for n in range(150):
            facts: dict[str, Any] = {
                "type": chance.choice(TYPES),
                "device": chance.choice([None, "d1", "d2"]),
                "app": chance.choice([None, "app"]),
                "group": chance.choice(["", "g1", "g2"]),
                "at": NOW + n * 10 + wrong.get(n, 0),
            }
            one = await kept(store, f"{n}", user=chance.choice([None, "a", "b"]), **facts)
            about[one.id] = facts
            if chance.random() < 0.5:
                await outcome(store.act(A, one.id, chance.choice(["read", "dismiss"]), NOW))
        await store.mark(A, store.head // 2, "error", None, NOW)
        everything = await pages(store, "a", 200)

        def fits(item: Item, wanted: Wanted) -> bool:
            facts = about[item.notification.id]
            return (
                (wanted.types is None or facts["type"] in wanted.types)
                and (wanted.devices is None or facts["device"] in wanted.devices)
                and (wanted.apps is None or facts["app"] in wanted.apps)
                and (wanted.groups is None or facts["group"] in wanted.groups)
                and (wanted.unread is None or wanted.unread is (item.state.read is None))
                and (wanted.dismissed is None or wanted.dismissed is (item.state.dismissed is not None))
                and (wanted.from_ is None or facts["at"] >= wanted.from_)
                and (wanted.to is None or facts["at"] < wanted.to)
            )

        def maybe(value: Any) -> Any:
            return value if chance.random() < 0.35 else None

        for _ in range(60):
            start = NOW + chance.randrange(1500)
            wanted = Wanted(
                types=maybe(frozenset(chance.sample(TYPES, 2))),
                devices=maybe(frozenset(chance.sample([DeviceId("d1"), DeviceId("d2"), DeviceId("d3")], 2))),
                apps=maybe(frozenset([AppId("app")])),
                groups=maybe(frozenset([chance.choice(["g1", "g2", "g3"])])),
                unread=maybe(chance.choice([True, False])),
                dismissed=maybe(chance.choice([True, False])),
                from_=maybe(start),
                to=maybe(start + chance.randrange(800)),
            )
            found = await pages(store, "a", chance.choice([1, 3, 50, 200]), wanted)
            assert found == [item for item in everything if fits(item, wanted)], wanted

    adapter.run(folder, test)


def test_receipts_marks_and_withdrawals_are_merged_into_what_changed(adapter: Any, folder: Path) -> None:
    chance = random.Random(3)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        start = store.head
        made = [await kept(store, user=user, device="d1") for user in ("a", None, "b", None, "a")]
        for n in range(60):
            user, one = chance.choice([A, B]), chance.choice(made)
            await outcome(store.act(user, one.id, chance.choice(ACTS), NOW + n))  # type: ignore[arg-type]
            if n % 10 == 9:
                await store.mark(user, None, chance.choice(TYPES), None, NOW + n)
                made.append(await kept(store, user=chance.choice([None, "a"]), device="d1"))
        await store.withdraw(made[1].id, NOW, None)
        await store.withdraw(made[2].id, NOW, None)

        for user in (A, B):
            whole = await store.changes(user, None, start, 1000)
            kinds = Counter(type(change).__name__ for change in whole.changes)
            assert kinds["Mark"] >= 2
            assert kinds["Withdrawn"] == (1 if user == A else 2)
            assert all(number(one) < number(next_) for one, next_ in pairwise(whole.changes))
            numbers = [number(change) for change in whole.changes]
            for limit in (1, 2, 3, 7, 50):
                assert await all_changes(store, user, start, limit) == numbers
                assert await all_changes(store, user, start, limit, devices=["d1"]) == numbers
            for since in range(start, store.head, 7):
                assert await all_changes(store, user, since, 5) == [one for one in numbers if one > since]
            latest = {change.id: change.state for change in whole.changes if isinstance(change, Receipt)}
            now = {item.notification.id: item.state for item in await pages(store, user, 50)}
            assert latest.items() <= now.items(), "a receipt says what holds now"
        told = await store.changes(None, None, start, 1000)
        assert {type(change).__name__ for change in told.changes} == {"Item", "Withdrawn"}, "to nobody, broadcasts only"

    adapter.run(folder, test)


def test_pages_of_long_texts_are_cut_by_their_bytes_and_miss_nothing(adapter: Any, folder: Path) -> None:
    """Own ones, broadcasts and receipts, each more than one page; a page may end in the midst of any of them."""
    chance = random.Random(5)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        for user in ["a"] * 30 + [None] * 20 + [chance.choice(["a", None]) for _ in range(30)]:
            one = await kept(store, chance.choice(["🔔", "b"]) * chance.randrange(2_000), user=user)
            if chance.random() < 0.3:
                await outcome(store.act(A, one.id, "read", NOW))
        numbers = await all_changes(store, A, start, 1)
        for limit in (200, 7):
            assert await all_changes(store, A, start, limit) == numbers
        page = await store.changes(A, None, start, 200)
        bodies = [len(one.notification.body) for one in page.changes if isinstance(one, Item)]
        assert page.full
        assert 64 * 1024 < sum(bodies) <= 128 * 1024

    adapter.run(folder, test)
