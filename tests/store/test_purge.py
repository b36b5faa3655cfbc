"""Retention on the real store: what goes, what stays, and that counts and changes hold through it all."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from store.adapters import ADAPTERS, NOW, Recorder, draft, put_users
from tocsin.app import AppId
from tocsin.errors import Unavailable
from tocsin.notification import TYPES
from tocsin.ports import EVERYTHING, Entry, Item
from tocsin.principal import UserId
from tocsin.receipt import Mark, Purged, Receipt, Withdrawn
from tocsin.store.sqlite import SqliteStore
from tocsin.store.sqlite_floors import NO_APP
from tocsin.store.sqlite_purge import Keeping
from tocsin.store.sqlite_reader import checksum

DAY = 86_400_000
ANNA, BERT = UserId("anna"), UserId("bert")


class Held:
    """A clock that stands where a test puts it."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return time.monotonic()


def on_a_store(folder: Path, test: Callable[[SqliteStore, Recorder], Awaitable[None]]) -> None:
    ADAPTERS["sqlite"].run(folder, test, seconds=60)  # type: ignore[arg-type]


async def send(store: SqliteStore, *, day: float = 0, kind: str = "info", text: str = "text", **about: Any) -> int:
    """Send something on that day after NOW, and return its number."""
    made = msgspec.structs.replace(draft(text, **about), created_at=NOW + int(day * DAY), type=kind)
    entry = await store.append(made)
    assert isinstance(entry, Entry)
    return entry.seq


async def purge(store: SqliteStore, *, day: float, days: int = 90, **more: Any) -> int:
    return await store.purge(Keeping(days=days, **more), Held(NOW + int(day * DAY))).once()


async def inbox(store: SqliteStore, user: UserId) -> list[Item]:
    found: list[Item] = []
    before: int | None = None
    while True:
        page = await store.inbox(user, EVERYTHING, before, 50)
        found += page.items
        if page.next is None:
            return found
        before = page.next


async def numbers(store: SqliteStore, user: UserId) -> list[int]:
    return sorted(item.notification.first for item in await inbox(store, user))


async def check_counts(store: SqliteStore, *users: UserId) -> None:
    """The count that is kept is what counting gives."""
    for user in users:
        counted = dict.fromkeys(TYPES, 0)
        for item in await inbox(store, user):
            if item.state.read is None:
                counted[types[item.notification.first]] += 1  # type: ignore[index]
        assert (await store.unread(user)).types == counted, user


types: dict[int, str] = {}
"""Of what `sent` has sent; numbers of other tests are overwritten."""


async def sent(store: SqliteStore, **about: Any) -> int:
    number = await send(store, **about)
    types[number] = about.get("kind", "info")
    return number


def rows(folder: Path, sql: str) -> list[Any]:
    connection = apsw.Connection(str(folder / "tocsin.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- by age


def test_what_is_too_old_goes_and_everybody_concerned_is_told(folder: Path) -> None:
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

    on_a_store(folder, test)
    assert rows(folder, "SELECT count(*) FROM notifications") == [(2,)]


def test_many_go_in_chunks_that_are_each_whole(folder: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA if n % 2 else None) for n in range(1_000)))
        before = store.batches
        assert await purge(store, day=100) == 1_000
        assert await numbers(store, ANNA) == []
        assert store.batches - before >= 6
        await check_counts(store, ANNA)

    on_a_store(folder, test)
    for table in ("notifications", "receipts", "streamed", "voids"):
        assert rows(folder, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_clock_that_was_set_back_takes_nothing_young_along(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        first = await sent(store, day=99, user=ANNA)
        # A machine without a clock of its own begins in the past.
        behind = await sent(store, day=-3_000, user=ANNA)
        assert await purge(store, day=100) == 0
        assert await numbers(store, ANNA) == [first, behind]

    on_a_store(folder, test)


def test_a_clock_that_was_ahead_for_a_while_does_not_hold_the_rest_back(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        for day in (0, 30_000, 1):
            await sent(store, day=day, user=ANNA)
        ahead = await sent(store, day=30_000, user=ANNA)
        young = await sent(store, day=99, user=ANNA)
        assert await purge(store, day=100) == 3
        assert await numbers(store, ANNA) == [ahead, young]

    on_a_store(folder, test)


def test_a_clock_that_is_behind_now_takes_nothing(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await sent(store, user=ANNA)
        assert await purge(store, day=-3_000) == 0
        assert len(await numbers(store, ANNA)) == 1

    on_a_store(folder, test)


# -- by app


def test_an_app_can_be_kept_shorter(folder: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA, BERT)
        of_app = await sent(store, user=ANNA, app="noise")
        other = await sent(store, user=ANNA)
        app_to_all = await sent(store, app="noise")
        to_all = await sent(store)
        read = await sent(store, app="noise")
        await store.act(BERT, (await store.inbox(BERT, EVERYTHING, None, 1)).items[0].notification.id, "read", NOW)

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

    on_a_store(folder, test)
    for table in ("notifications", "voids", "receipts"):
        assert rows(folder, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_the_text_of_an_apps_old_broadcast_is_gone_at_once(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await sent(store, app="noise")
        await purge(store, day=10, apps={AppId("noise"): 5})

    on_a_store(folder, test)
    [(first, id_, body, crc)] = rows(folder, "SELECT first, id, body, crc FROM notifications")
    assert "text" not in body
    assert crc == checksum(first, id_, None, None, body.encode())


def test_an_app_can_be_kept_longer_while_all_else_goes(folder: Path) -> None:
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

    on_a_store(folder, test)


def test_a_broadcast_that_is_kept_longer_keeps_those_after_it(folder: Path) -> None:
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

    on_a_store(folder, test)


# -- by number


def test_a_user_keeps_the_newest_of_their_own(folder: Path) -> None:
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

    on_a_store(folder, test)


# -- through it all


class Follower:
    """A client that applies every change, in order."""

    def __init__(self, user: UserId, apps: dict[int, str | None]) -> None:
        self.user = user
        self.held: dict[int, Item] = {}
        self._apps = apps
        self._at = 0

    async def follow(self, store: SqliteStore) -> None:
        while True:
            page = await store.changes(self.user, None, self._at, 7)
            for change in page.changes:
                self._apply(change)
            self._at = page.upto
            if not page.full:
                return

    def _apply(self, change: Item | Receipt | Mark | Purged | Withdrawn) -> None:
        match change:
            case Item(notification=notification):
                self.held[notification.first] = change
            case Withdrawn(first=first):
                self.held.pop(first, None)
            case Receipt(first=first, state=state):
                if first in self.held:
                    self.held[first] = Item(self.held[first].notification, state)
            case Mark():
                for first, item in self.held.items():
                    if self._covers(change, item):
                        state = msgspec.structs.replace(item.state, read=change.at)
                        self.held[first] = Item(item.notification, state)
            case Purged(upto=upto, user_id=owner, app_id=app):
                gone = [
                    first
                    for first, item in self.held.items()
                    if first <= upto
                    and (item.notification.user_id is None) == (owner is None)
                    and (app is None or app == (self._apps[first] or NO_APP))
                ]
                for first in gone:
                    del self.held[first]

    def _covers(self, mark: Mark, item: Item) -> bool:
        notification = item.notification
        return (
            item.state.read is None
            and notification.since <= mark.upto
            and mark.type in (None, types[notification.first])
            and mark.device_id in (None, notification.device_id)
        )


RULES: list[dict[str, Any]] = [
    {},
    {"per_user": 6},
    {"apps": {AppId("noise"): 20}},
    {"apps": {AppId("bills"): 300}},
    {"apps": {AppId("bills"): 300, AppId("noise"): 20}, "per_user": 12},
]


@pytest.mark.parametrize("rules", RULES, ids=["days", "per user", "shorter", "longer", "all"])
@pytest.mark.parametrize("seed", range(4))
def test_whoever_applies_all_changes_has_what_a_fresh_read_gives(folder: Path, seed: int, rules: Any) -> None:
    chance = random.Random(f"{seed} {rules}")
    users = [ANNA, BERT]
    apps: dict[int, str | None] = {}

    async def act(store: SqliteStore, day: float) -> None:
        user = chance.choice(users if day >= 20 else [ANNA])
        held = await inbox(store, user)
        now = NOW + int(day * DAY)
        match chance.choice(["own", "own", "all", "all", "read", "read", "unread", "mark", "withdraw"]):
            case "own" | "all" as whom:
                app = chance.choice([None, None, "noise", "bills"])
                number = await sent(
                    store,
                    day=day,
                    kind=chance.choice(TYPES),
                    user=user if whom == "own" else None,
                    device=chance.choice([None, "cam"]),
                    app=app,
                )
                apps[number] = app
            case "read" | "unread" as what if held:
                await store.act(user, chance.choice(held).notification.id, what, now)
            case "mark" if held:
                upto = chance.choice([None, chance.choice(held).notification.first])
                device: Any = chance.choice([None, None, "cam"])
                await store.mark(user, upto, chance.choice([None, "info"]), device, now)
            case "withdraw" if held:
                await store.withdraw(chance.choice(held).notification.id, now, None)

    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        followers = [Follower(user, apps) for user in users]
        for day in range(150):
            if day == 20:
                await put_users(store, BERT)
            await act(store, day)
            if chance.random() < 0.1:
                await followers[day % 2].follow(store)
            if chance.random() < 0.1:
                await purge(store, day=day, days=40, **rules)
                await check_counts(store, *users)
        await purge(store, day=150, days=40, **rules)
        for follower in followers:
            await follower.follow(store)
            fresh = {item.notification.first: item for item in await inbox(store, follower.user)}
            assert {first: item.state for first, item in follower.held.items()} == {
                first: item.state for first, item in fresh.items()
            }
        await check_counts(store, *users)

    on_a_store(folder, test)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 7, 9, 12])
def test_wherever_it_is_cut_off_the_rest_holds_and_the_next_run_goes_on(folder: Path, cut: int) -> None:
    async def before(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, *(f"u{n}" for n in range(60)), ANNA)
        await asyncio.gather(*(sent(store, user=ANNA if n % 3 == 0 else None) for n in range(500)))
        items = await inbox(store, ANNA)
        for n in range(60):
            item = items[n * 3]
            user = ANNA if item.notification.user_id else UserId(f"u{n}")
            await store.act(user, item.notification.id, "read", NOW)
        await store.mark(ANNA, items[200].notification.first, None, None, NOW)

    async def cut_off(store: SqliteStore, _recorder: Recorder) -> None:
        submit, left = store._writer.submit, [cut]

        def some(command: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Unavailable
            return submit(command)

        store._writer.submit = some  # type: ignore[method-assign]
        try:
            await purge(store, day=100)
        except Unavailable:
            pass
        finally:
            store._writer.submit = submit  # type: ignore[method-assign]
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(60)))

    async def after(store: SqliteStore, _recorder: Recorder) -> None:
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(60)))
        await purge(store, day=100)
        await check_counts(store, ANNA, *(UserId(f"u{n}") for n in range(60)))
        assert (await store.unread(ANNA)).total == 0

    for test in (before, cut_off, after):
        on_a_store(folder, test)
    for table in ("notifications", "receipts"):
        assert rows(folder, f"SELECT count(*) FROM {table}") == [(0,)], table


# -- what is left behind


def test_spent_marks_and_watermarks_go_but_the_newest_of_each(folder: Path) -> None:
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

    on_a_store(folder, test)
    assert rows(folder, "SELECT count(*) FROM marks") == [(1,)]
    assert rows(folder, "SELECT count(*) FROM watermarks") == [(1,)]


def test_the_file_shrinks(folder: Path) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA, text="x" * 2_000) for _ in range(2_000)))
        pages = await store._reader.rows("pages")
        await purge(store, day=100)
        left = await store._reader.rows("pages")
        assert pages[0][0] > 1_000
        assert left[0][0] < pages[0][0] / 2

    on_a_store(folder, test)


def test_each_kind_of_number_is_told_once(folder: Path) -> None:
    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await asyncio.gather(*(sent(store, user=ANNA) for _ in range(500)))
        await purge(store, day=100)
        seqs = Counter(entry.seq for entry in recorder.entries)
        assert max(seqs.values()) == 1
        assert sorted(seqs) == list(range(1, store.head + 1))

    on_a_store(folder, test)
