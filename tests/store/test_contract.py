"""What every store promises: one order, nothing half done, nothing told before it is kept, nobody's seen by others."""

import asyncio
import random
from pathlib import Path
from typing import Any

from store.adapters import (
    NOW,
    Recorder,
    all_changes,
    audit,
    draft,
    number,
    outcome,
    pages,
    put_app,
    put_users,
    untouched,
)
from tocsin.app import HOUR_MS, App, AppId, Quota
from tocsin.errors import NotFound, TooMany
from tocsin.notification import NotificationId
from tocsin.ports import Store
from tocsin.principal import User, UserId

# -- appending


def test_concurrent_appends_take_contiguous_numbers_in_the_order_they_came(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        entries = await asyncio.gather(*(store.append(draft(f"{n}", user="a" if n % 2 else None)) for n in range(1200)))

        assert [entry.seq for entry in entries] == list(range(start + 1, start + 1201))
        assert store.head == start + 1200
        place = start
        for span in recorder.spans[1:]:
            assert (span.first, span.epoch) == (place + 1, store.epoch)
            assert [entry.seq for entry in span.entries] == list(range(span.first, span.last + 1))
            place = span.last
        assert place == store.head
        assert len(recorder.spans) < 1200, "what waits together is committed together"

    adapter.run(folder, test)


def test_nothing_is_answered_before_it_is_announced_nor_announced_before_it_can_be_read(
    adapter: Any, folder: Path
) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        entry = await store.append(draft("x", user="a"))
        assert recorder.entries[-1] is entry
        assert entry.notification is not None
        assert await store.notification(UserId("a"), entry.notification.id) == untouched(entry.notification)

    adapter.run(folder, test)


def test_an_unknown_audience_takes_no_number_and_does_not_spoil_its_batch(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        names = ["a", "nobody", "a", None, "nobody", "a"]
        found = await asyncio.gather(*(outcome(store.append(draft("x", user=name))) for name in names))

        assert [type(one) is NotFound for one in found] == [name == "nobody" for name in names]
        assert [one.seq for one in found if not isinstance(one, Exception)] == list(range(start + 1, start + 5))
        assert await all_changes(store, "a", start, 100) == list(range(start + 1, start + 5))

    adapter.run(folder, test)


def test_a_command_that_fails_unexpectedly_does_not_spoil_its_batch(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        too_much = App(id=AppId("x"), name="x", quota_per_hour=1 << 70)
        lone = User(id=UserId("\ud800"), name="x")
        writes = [store.append(draft("1", user="a")), store.put_app(too_much, audit()), store.append(draft("2"))]
        writes += [store.put_user(lone, audit()), store.append(draft("3", user="a"))]
        found = await asyncio.gather(*(outcome(write) for write in writes))

        assert [isinstance(one, Exception) for one in found] == [False, True, False, True, False]
        assert [found[0].seq, found[2].seq, found[4].seq] == [start + 1, start + 2, start + 3]
        assert [entry.seq for entry in recorder.entries][-3:] == [start + 1, start + 2, start + 3]
        assert await store.app(AppId("x")) is None
        assert (await store.append(draft("4"))).seq == start + 4, "the writer goes on"
        assert store.troubles() == []

    adapter.run(folder, test)


def test_what_was_kept_is_there_after_opening_again(adapter: Any, folder: Path) -> None:
    kept: dict[str, Any] = {}

    async def before(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        entry = await store.append(draft("ä \U0001f389 x", user="a", device="d"))
        kept.update(entry=entry, head=store.head, epoch=store.epoch)

    async def after(store: Store, recorder: Recorder) -> None:
        assert (store.head, store.epoch) == (kept["head"], kept["epoch"])
        found = await store.notification(UserId("a"), kept["entry"].notification.id)
        assert found == untouched(kept["entry"].notification)
        assert (await store.append(draft("next"))).seq == kept["head"] + 1

    adapter.run(folder, before, after)


# -- quota


def test_a_quota_is_exact_however_many_ask_at_once_and_a_refusal_costs_nothing(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await put_app(store, "app")
        start = store.head
        drafts = [draft(f"{n}", user="a", app="app", quota=10) for n in range(40)]
        found = await asyncio.gather(*(outcome(store.append(one)) for one in drafts))

        good = [one for one in found if not isinstance(one, Exception)]
        assert [one.quota.remaining for one in good] == list(range(9, -1, -1))
        assert [type(one) for one in found if isinstance(one, Exception)] == [TooMany] * 30
        assert store.head == start + 10
        refused = next(one for one in found if isinstance(one, TooMany))
        assert refused.limit == 10
        assert refused.retry_after == (HOUR_MS - NOW % HOUR_MS) // 1000
        other = await store.append(draft("x", user="b", app="app", quota=10))
        assert other.quota is not None
        assert other.quota.remaining == 9
        assert type(await outcome(store.append(draft("x", user="nobody", app="app", quota=10)))) is NotFound

    async def after(store: Store, recorder: Recorder) -> None:
        assert type(await outcome(store.append(draft("x", user="a", app="app", quota=10)))) is TooMany
        raised = await store.append(draft("x", user="a", app="app", quota=11))
        assert raised.quota is not None
        assert raised.quota.remaining == 0
        app = await store.app(AppId("app"))
        assert app is not None
        assert await store.quota(app, UserId("a"), NOW) == Quota.after(11, app.quota_per_hour, NOW)
        assert await store.quota(app, UserId("b"), NOW) == Quota.after(1, app.quota_per_hour, NOW)
        for later in (NOW + HOUR_MS, NOW - 2 * HOUR_MS):
            assert (await store.quota(app, UserId("a"), later)).remaining == app.quota_per_hour

    adapter.run(folder, test, after)


# -- what changed, and the inbox


def test_pages_of_changes_merge_own_and_broadcasts_without_a_gap_whatever_their_size(
    adapter: Any, folder: Path
) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        start, chance = store.head, random.Random(7)
        devices = [None, "d1", "d2"]
        made = [
            await store.append(draft("x" * chance.choice([1, 9000]), user=user, device=device))
            for user, device in (
                (chance.choice(["a", "a", "b", None]) if n > 40 else "a" if n < 20 else None, chance.choice(devices))
                for n in range(160)
            )
        ]
        rows = [entry.notification for entry in made if entry.notification is not None]

        def expected(user: str | None, since: int, scope: list[str] | None) -> list[int]:
            return [
                row.seq
                for row in rows
                if row.user_id in (None, user) and row.seq > since and (scope is None or row.device_id in scope)
            ]

        for user in ("a", "b", None):
            for limit in (1, 2, 3, 7, 50, 1000):
                assert await all_changes(store, user, start, limit) == expected(user, start, None)
                assert await all_changes(store, user, start, limit, devices=["d1"]) == expected(user, start, ["d1"])
            for since in range(start, store.head + 1, 17):
                assert await all_changes(store, user, since, 5) == expected(user, since, None)
            assert await all_changes(store, user, start, 3, devices=["d1", "d2"]) == expected(user, start, ["d1", "d2"])
            assert await all_changes(store, user, start, 3, devices=["none"]) == []

    adapter.run(folder, test)


def test_a_page_is_of_one_moment_while_others_write(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start, done = store.head, asyncio.Event()

        async def write() -> None:
            for n in range(60):
                await asyncio.gather(*(store.append(draft(f"{n}", user="a" if m % 2 else None)) for m in range(5)))
            done.set()

        writing = asyncio.create_task(write())
        found: list[int] = []
        since = start
        while not done.is_set() or since < store.head:
            page = await store.changes(UserId("a"), None, since, 7)
            found += [number(change) for change in page.changes]
            since = page.upto
        await writing
        assert found == list(range(start + 1, start + 301))

    adapter.run(folder, test)


def test_the_inbox_is_own_and_broadcasts_newest_first_page_by_page(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await store.append(draft("before anybody came"))
        await put_users(store, "a", "b")
        made = [await store.append(draft(f"{n}", user=["a", "b", None][n % 3])) for n in range(31)]
        rows = [entry.notification for entry in made if entry.notification is not None]

        for user in ("a", "b"):
            expected = [untouched(row) for row in reversed(rows) if row.user_id in (None, user)]
            for limit in (1, 2, 5, 20, 21, 22, 200):
                assert await pages(store, user, limit) == expected
        assert await pages(store, "nobody", 10) == []

    adapter.run(folder, test)


def test_somebody_elses_notification_is_not_there(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        old = await store.append(draft("before they came"))
        await put_users(store, "a", "b")
        own, everyones = await store.append(draft("x", user="a")), await store.append(draft("y"))

        async def sees(user: str, entry: Any) -> bool:
            return await store.notification(UserId(user), entry.notification.id) is not None

        assert [await sees("a", entry) for entry in (old, own, everyones)] == [False, True, True]
        assert [await sees("b", entry) for entry in (old, own, everyones)] == [False, False, True]
        assert [await sees("nobody", entry) for entry in (old, own, everyones)] == [False, False, False]
        assert await store.notification(UserId("a"), NotificationId("notif_none")) is None

    adapter.run(folder, test)
