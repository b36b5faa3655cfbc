"""Retention on the real store: what goes, what stays, who is told."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from store.adapters import ADAPTERS, NOW, Recorder, put_users
from store.purging import ANNA, BERT, Held, check_counts, inbox, numbers, on_a_store, purge, rows, sent
from tocsin.app import AppId
from tocsin.receipt import Purged, Withdrawn
from tocsin.store import purge as retention
from tocsin.store.purge import NO_APP, Keeping
from tocsin.store.sqlite.store import SqliteStore

# -- by age


def test_what_is_too_old_goes_and_everybody_concerned_is_told(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        old = [await sent(store, user=ANNA) for _ in range(3)]
        old_broadcast = await sent(store)
        young = await sent(store, day=80, user=ANNA)
        young_broadcast = await sent(store, day=80)

        assert await purge(store, day=100) == 4

        assert await numbers(store, ANNA) == [young, young_broadcast]
        told = [entry.change for entry in recorder.entries if isinstance(entry.change, Purged)]
        assert [(one.user_id, one.app_id, one.upto) for one in told] == [
            (ANNA, None, old[-1]),
            (None, None, old_broadcast),
        ]
        await check_counts(store, ANNA, BERT)
        assert await purge(store, day=100) == 0

    on_a_store(either, test)
    assert rows(either, "SELECT count(*) FROM notifications") == [(2,)]


def test_many_go_in_chunks_that_are_each_whole(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA if n % 2 else None) for n in range(1_000)))
        before = store.batches
        assert await purge(store, day=100) == 1_000
        assert await numbers(store, ANNA) == []
        assert store.batches - before >= 6
        await check_counts(store, ANNA)

    on_a_store(either, test)
    for table in ("notifications", "receipts", "streamed", "voids"):
        assert rows(either, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_clock_that_was_set_back_takes_nothing_young_along(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        first = await sent(store, day=99, user=ANNA)
        # A machine without a clock of its own begins in the past.
        behind = await sent(store, day=-3_000, user=ANNA)
        assert await purge(store, day=100) == 0
        assert await numbers(store, ANNA) == [first, behind]

    on_a_store(either, test)


def test_a_clock_that_was_ahead_for_a_while_does_not_hold_the_rest_back(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        for day in (0, 30_000, 1):
            await sent(store, day=day, user=ANNA)
        ahead = await sent(store, day=30_000, user=ANNA)
        young = await sent(store, day=99, user=ANNA)
        assert await purge(store, day=100) == 3
        assert await numbers(store, ANNA) == [ahead, young]

    on_a_store(either, test)


def test_it_may_have_been_ahead_for_more_than_goes_at_a_time(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SPAN", 6)
    monkeypatch.setattr(retention, "_PAGE", 2)
    noise = AppId("noise")

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        for day in (0, *[30_000] * 20, 1, *[30_000] * 3):
            await sent(store, day=day, user=ANNA)
            await sent(store, day=day, user=ANNA, app=noise)
            await sent(store, day=day)
        ahead = await numbers(store, ANNA)
        young = await sent(store, day=99, user=ANNA)
        assert await purge(store, day=80, apps={noise: 60}) == 22
        assert await purge(store, day=100) == 44
        assert await numbers(store, ANNA) == [*ahead[-9:], young]
        await check_counts(store, ANNA)

    on_a_store(either, test)


def test_a_clock_that_is_behind_now_takes_nothing(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await sent(store, user=ANNA)
        assert await purge(store, day=-3_000) == 0
        assert len(await numbers(store, ANNA)) == 1

    on_a_store(either, test)


# -- by app


def test_an_app_can_be_kept_shorter(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        of_app = await sent(store, user=ANNA, app="noise")
        other = await sent(store, user=ANNA)
        app_to_all = await sent(store, app="noise")
        to_all = await sent(store)
        read = await sent(store, app="noise")
        await store.act(BERT, (await inbox(store, BERT))[0].notification.id, "read", NOW)

        assert await purge(store, day=10, apps={AppId("noise"): 5}) == 3

        assert await numbers(store, ANNA) == [other, to_all]
        await check_counts(store, ANNA, BERT)
        told = [entry.change for entry in recorder.entries if isinstance(entry.change, Purged)]
        assert [(one.user_id, one.app_id, one.upto) for one in told] == [
            (ANNA, "noise", of_app),
            (None, "noise", read),
        ]
        assert app_to_all < read
        assert await purge(store, day=10, apps={AppId("noise"): 5}) == 0
        # The rest of them goes with all others, and nothing is counted twice.
        assert await purge(store, day=100, apps={AppId("noise"): 5}) == 5 - 1
        await check_counts(store, ANNA, BERT)
        assert await numbers(store, ANNA) == []

    on_a_store(either, test)
    for table in ("notifications", "voids", "receipts"):
        assert rows(either, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_the_text_of_an_apps_old_broadcast_is_gone_at_once(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await sent(store, app="noise")
        await purge(store, day=10, apps={AppId("noise"): 5})

    on_a_store(either, test)
    [(body,)] = rows(either, "SELECT body FROM notifications")
    assert "text" not in body


def test_nobody_is_said_to_have_taken_back_what_retention_removed(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        start = store.head
        for _ in range(2):
            await sent(store, app="noise")
        taken, gone = (item.notification.id for item in await inbox(store, ANNA))
        await store.withdraw(taken, NOW, None)

        await purge(store, day=10, apps={AppId("noise"): 5})

        told = (await store.changes(ANNA, None, start, 100)).changes
        assert [(type(one), getattr(one, "id", None)) for one in told] == [(Withdrawn, taken), (Purged, None)]
        assert [one.id for one in await store.sent(None, start, 10)] == [taken]
        assert await store.whereabouts(gone, None, 10) is None
        assert (await store.whereabouts(taken, None, 10)).withdrawn == NOW  # type: ignore[union-attr]

    on_a_store(either, test)


def test_an_app_can_be_kept_longer_while_all_else_goes(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        kept = await sent(store, user=ANNA, app="bills")
        none = await sent(store, user=ANNA)
        other = await sent(store, user=ANNA, app="noise")
        assert await purge(store, day=100, apps={AppId("bills"): 3_650}) == 2
        assert await numbers(store, ANNA) == [kept]
        told = {(one.app_id, one.upto) for entry in recorder.entries if isinstance(one := entry.change, Purged)}
        assert told == {(NO_APP, none), ("noise", other)}
        await check_counts(store, ANNA)
        assert await purge(store, day=3_700, apps={AppId("bills"): 3_650}) == 1

    on_a_store(either, test)


def test_a_broadcast_that_is_kept_longer_keeps_those_after_it(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await sent(store)
        kept = [await sent(store, app="bills"), await sent(store)]
        assert await purge(store, day=100, apps={AppId("bills"): 365}) == 1
        assert await numbers(store, ANNA) == kept
        await check_counts(store, ANNA)
        assert await purge(store, day=400, apps={AppId("bills"): 365}) == 3
        assert await numbers(store, ANNA) == []
        await check_counts(store, ANNA)

    on_a_store(either, test)


# -- by number


def test_a_user_keeps_the_newest_of_their_own(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        await sent(store)
        mine = [await sent(store, user=ANNA) for _ in range(300)]
        few = [await sent(store, user=BERT) for _ in range(5)]
        task = store.purge(Keeping(days=90, per_user=10), Held(NOW))
        assert await task.once() == 290
        assert (await numbers(store, ANNA))[1:] == mine[-10:]
        assert (await numbers(store, BERT))[1:] == few
        more = [await sent(store, user=BERT) for _ in range(8)]
        assert await task.once() == 3
        assert (await numbers(store, BERT))[1:] == [*few[3:], *more]
        await check_counts(store, ANNA, BERT)

    on_a_store(either, test)


# -- what is left behind


def test_spent_marks_and_watermarks_go_but_the_newest_of_each(either: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        for _ in range(5):
            number = await sent(store)
            await store.mark(ANNA, number, None, None, NOW)
            await store.confirm(ANNA, 0, number, NOW)
        young = await sent(store, day=99)
        await purge(store, day=100)
        assert await numbers(store, ANNA) == [young]
        await check_counts(store, ANNA)

    on_a_store(either, test)
    assert rows(either, "SELECT count(*) FROM marks") == [(1,)]
    assert rows(either, "SELECT count(*) FROM watermarks") == [(1,)]


def test_the_file_shrinks(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA, text="x" * 2_000) for _ in range(2_000)))
        pages = await store._reader.rows("pages")
        await purge(store, day=100)
        left = await store._reader.rows("pages")
        assert pages[0][0] > 1_000
        assert left[0][0] < pages[0][0] / 2

    ADAPTERS["sqlite"].run(folder, test)


def test_each_kind_of_number_is_told_once(either: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA) for _ in range(500)))
        await purge(store, day=100)
        seqs = Counter(entry.seq for entry in recorder.entries)
        assert max(seqs.values()) == 1
        assert sorted(seqs) == list(range(1, store.head + 1))

    on_a_store(either, test)
